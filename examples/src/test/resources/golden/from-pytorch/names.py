"""Writes names-1.13.txt: the public names that the guide's tables are to have, as PyTorch 1.13 has them.

Run with PyTorch 1.13 and no arguments. What newer versions added is written by hand in names-newer.txt.
"""

import inspect
import pathlib

import torch
from torch.optim import lr_scheduler, swa_utils


def own(module, prefix):
    """Returns the classes and functions that a module or its parts define, whatever it imports."""
    return [name for name, value in vars(module).items()
            if not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))
            and value.__module__.startswith(prefix)]


def methods(kind):
    return [name for name, value in vars(kind).items() if not name.startswith("_") and inspect.isfunction(value)]


optimizers = [name for name in own(torch.optim, "torch.optim") if name != "Optimizer"]
schedulers = [name for name in own(lr_scheduler, "torch.optim.lr_scheduler")]
names = [f"torch.optim.{name}" for name in optimizers]
names += [f"torch.optim.Optimizer.{name}" for name in methods(torch.optim.Optimizer)]
names += [f"torch.optim.lr_scheduler.{name}" for name in schedulers]
names += [f"torch.optim.lr_scheduler.LRScheduler.{name}" for name in methods(lr_scheduler._LRScheduler)]
names += [f"torch.optim.swa_utils.{name}" for name in own(swa_utils, "torch.optim.swa_utils")]
names += [f"torch.optim.swa_utils.AveragedModel.{name}" for name in methods(swa_utils.AveragedModel)]
names += [f"torch.nn.utils.{name}" for name in own(torch.nn.utils, "torch.nn.utils.clip_grad")]
pathlib.Path(__file__).with_name("names-1.13.txt").write_text("\n".join(sorted(names)) + "\n")
