"""Writes the defaults of PyTorch's optimizers and layers that docs/updaters.md tells of.

Run with PyTorch 1.13: python3 record.py > torch.json
"""
import inspect
import json
import sys
import torch

CLASSES = [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam, torch.optim.RAdam,
           torch.optim.Adamax, torch.optim.Adadelta, torch.optim.Adagrad, torch.optim.RMSprop,
           torch.optim.ASGD, torch.optim.Rprop,
           torch.nn.BatchNorm2d, torch.nn.LayerNorm, torch.nn.Dropout, torch.nn.CrossEntropyLoss, torch.nn.Conv2d]


def defaults(kind):
    arguments = {name: parameter.default
                 for name, parameter in inspect.signature(kind.__init__).parameters.items()
                 if isinstance(parameter.default, (bool, int, float, str, tuple))}
    if "betas" in arguments:
        arguments["beta1"], arguments["beta2"] = arguments.pop("betas")
    return arguments


json.dump({"torch": torch.__version__, **{kind.__name__: defaults(kind) for kind in CLASSES}}, sys.stdout, indent=1)
print()
