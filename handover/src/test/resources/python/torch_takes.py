"""Has PyTorch take trainings that were written here, and writes what it then has.

Usage: torch_takes.py [NAME WRITTEN MODEL PYTORCHS_OWN TAKEN]..., with the name of a recorded training, the
file that was written, one of its model alone, final.pt as PyTorch wrote it, and where to write.

A file is loaded with weights_only=True wherever this PyTorch loads its own of that kind so; the model alone
always is, unless this PyTorch is too old to know the word. Prints for each training whether the first was so.
"""
import inspect
import pickle
import sys
from collections import OrderedDict

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

torch.set_default_dtype(torch.float64)


def cnn():
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 8, 3, padding=1),
            bn1=nn.BatchNorm2d(8),
            conv2=nn.Conv2d(8, 16, 3, padding=1, bias=False),
            bn2=nn.BatchNorm2d(16),
            fc=nn.Linear(64, 10),
        )
    )


def conv(size_in, size_out, kernel=3):
    return nn.Conv2d(size_in, size_out, kernel, padding=kernel // 2, bias=False)


def block(size_in, size_out):
    layers = OrderedDict(
        conv1=conv(size_in, size_out),
        bn1=nn.BatchNorm2d(size_out),
        conv2=conv(size_out, size_out),
        bn2=nn.BatchNorm2d(size_out),
    )
    if size_in != size_out:
        layers["downsample"] = nn.Sequential(conv(size_in, size_out, 1), nn.BatchNorm2d(size_out))
    return nn.Sequential(OrderedDict({"0": nn.Sequential(layers)}))


def resnet():
    return nn.Sequential(
        OrderedDict(
            conv1=conv(1, 8),
            bn1=nn.BatchNorm2d(8),
            layer1=block(8, 8),
            layer2=block(8, 16),
            fc=nn.Linear(16, 10),
        )
    )


def lstm():
    return nn.Sequential(OrderedDict(lstm=nn.LSTM(8, 16), fc=nn.Linear(16, 10)))


def two_groups(model):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    return torch.optim.AdamW([{"params": matrices}, {"params": [p for p in model.parameters() if p.dim() < 2]}])


# The settings are those of the file.
TRAININGS = {
    "cnn_onecycle": (cnn, lambda model: torch.optim.SGD(model.parameters(), 1)),
    "cnn_finetune": (cnn, two_groups),
    "resnet_swa": (resnet, lambda model: torch.optim.SGD(model.parameters(), 1)),
    "lstm_plateau": (lstm, lambda model: torch.optim.Adam(model.parameters())),
}
KNOWS_WEIGHTS_ONLY = "weights_only" in inspect.signature(torch.load).parameters


def loads_weights_only(file):
    try:
        torch.load(file, weights_only=True)
        return True
    except (TypeError, pickle.UnpicklingError):
        return False


for name, written, alone, own, taken in zip(*[iter(sys.argv[1:])] * 5):
    if KNOWS_WEIGHTS_ONLY:
        options = {"weights_only": loads_weights_only(own)}
        model_alone = torch.load(alone, weights_only=True)
    else:
        options = {}
        model_alone = torch.load(alone)
    training = torch.load(written, **options)
    make, optimizing = TRAININGS[name]
    model = make()
    averaged = AveragedModel(model)
    optimizer = optimizing(model)
    model.load_state_dict(model_alone)
    optimizer.load_state_dict(training["optimizer"])
    has = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    for key, tensor in training["model"].items():
        assert torch.equal(tensor, has["model"][key]), key
    if "averaged_model" in training:
        averaged.load_state_dict(training["averaged_model"])
        has["averaged_model"] = averaged.state_dict()
    torch.save(has, taken)
    print(name, "weights only" if options.get("weights_only") else "whole")
