"""Makes optimizers.pt: every optimizer of PyTorch after 3 steps, and after 3 more.

/usr/bin/python3 make_optimizers.py ../handover/optimizers.pt
"""
import copy
import sys
from collections import OrderedDict

import torch
from torch import nn, optim

torch.manual_seed(17)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

x = torch.randn(6, 4)
y = torch.tensor([0, 1, 2, 0, 1, 2])
cases = OrderedDict()


def case(name, make):
    torch.manual_seed(19)
    model = nn.Sequential(OrderedDict(fc=nn.Linear(4, 3)))
    optimizer = make(model.parameters())
    saved = []
    for step in range(6):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        if step in (2, 5):
            saved.append(copy.deepcopy({"epoch": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}))
    cases[name] = {"before": saved[0], "after": saved[1]}


case("sgd", lambda p: optim.SGD(p, 0.1))
case("sgd_momentum", lambda p: optim.SGD(p, 0.1, momentum=0.9, weight_decay=1e-2))
case("sgd_dampening", lambda p: optim.SGD(p, 0.1, momentum=0.9, dampening=0.2))
case("sgd_nesterov", lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True))
case("adam", lambda p: optim.Adam(p, 0.1, betas=(0.8, 0.99), eps=1e-7))
case("amsgrad", lambda p: optim.Adam(p, 0.1, amsgrad=True))
case("adamw", lambda p: optim.AdamW(p, 0.1, weight_decay=0.1))
case("rmsprop", lambda p: optim.RMSprop(p, 0.1))
case("rmsprop_centered", lambda p: optim.RMSprop(p, 0.1, alpha=0.9, momentum=0.5, centered=True))
case("adagrad", lambda p: optim.Adagrad(p, 0.1, lr_decay=0.1, initial_accumulator_value=0.2))
# Without foreach that of 1.13 multiplies by a mu too many, which later versions do not.
case("nadam", lambda p: optim.NAdam(p, 0.1, foreach=True))
case("radam", lambda p: optim.RAdam(p, 0.1))
case("adamax", lambda p: optim.Adamax(p, 0.1))
case("adadelta", lambda p: optim.Adadelta(p, 0.5))
case("asgd", lambda p: optim.ASGD(p, 0.1, lambd=0.1, t0=1, weight_decay=1e-2))
case("rprop", lambda p: optim.Rprop(p, 0.1, etas=(0.4, 1.3), step_sizes=(1e-3, 2)))
case("adam_maximize", lambda p: optim.Adam(p, 0.1, maximize=True, weight_decay=1e-2))

torch.save({"x": x, "y": y, "cases": cases}, sys.argv[1])
