"""Prints what one update of 25 million parameters costs in PyTorch, as UpdaterBenchmark does for this project.

/usr/bin/python3 updaters.py [millions of parameters] [updates]

In single precision, by PyTorch's defaults (the loop over tensors), all parameters in one tensor. Besides the
wall's, the time of the processor that one thread takes, which other work on the machine leaves alone.
"""

import sys
import time

import torch


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, 0.01),
    "SGD_MOMENTUM": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
    "SGD_DAMPENING": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, dampening=0.1),
    "SGD_NESTEROV": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, nesterov=True),
    "ADAM": lambda p: torch.optim.Adam(p, 0.001),
    "ADAMW": lambda p: torch.optim.AdamW(p, 0.001),
    "AMSGRAD": lambda p: torch.optim.Adam(p, 0.001, amsgrad=True),
    "RADAM": lambda p: torch.optim.RAdam(p, 0.001),
    "ADAGRAD": lambda p: torch.optim.Adagrad(p, 0.01),
    "ADADELTA": lambda p: torch.optim.Adadelta(p, 1.0),
    "ADAM_MAXIMIZE": lambda p: torch.optim.Adam(p, 0.001, maximize=True),
    "RMSPROP": lambda p: torch.optim.RMSprop(p, 0.01),
    "RMSPROP_MOMENTUM": lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.9),
    "RMSPROP_CENTERED": lambda p: torch.optim.RMSprop(p, 0.01, centered=True),
    "ADAMAX": lambda p: torch.optim.Adamax(p, 0.002),
    "NADAM": lambda p: torch.optim.NAdam(p, 0.002),
    "ASGD": lambda p: torch.optim.ASGD(p, 0.01),
    "ASGD_AVERAGING": lambda p: torch.optim.ASGD(p, 0.01, t0=0),
    "RPROP": lambda p: torch.optim.Rprop(p, 0.01),
}


def newton_schulz(matrix, dtype):
    """The iteration alone, which is nearly all of Muon, as torch 2.9 writes it."""
    x = matrix.to(dtype)
    x = x / x.norm()
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x


def least(update):
    wall = own = float("inf")
    for _ in range(UPDATES):
        before, cpu = time.perf_counter(), time.process_time()
        update()
        wall, own = min(wall, time.perf_counter() - before), min(own, time.process_time() - cpu)
    return wall * 1000, own * 1000


if __name__ == "__main__":
    SIZE = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 25_000_000
    UPDATES = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    for name, make in OPTIMIZERS.items():
        parameters = torch.rand(SIZE)
        parameters.grad = torch.rand(SIZE) - 0.5
        optimizer = make([parameters])
        optimizer.step()
        print("%-18s %8.1f ms %8.1f ms of the processor" % (name, *least(optimizer.step)), flush=True)
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.rand(1000, 1000) - 0.5
        count = SIZE / matrix.numel()
        wall, own = least(lambda: newton_schulz(matrix, dtype))
        print("%-18s %8.1f ms %8.1f ms of the processor" % (f"MUON {dtype}", wall * count, own * count), flush=True)
