"""Takes arguments by threes, and says "same" or what is not, a line for each three.

all FILE COPY: whether a copy holds what the file does.
weights_only FILE COPY: the same, read with weights_only=True.
numbers FILE -: whether each tensor, made float64 by PyTorch, is what we made of it.
"""
import sys
import types

import torch


class Different(Exception):
    pass


def require(condition, at):
    if not condition:
        raise Different("another value at " + at)


class Comparison:
    def __init__(self):
        self.counterparts = {}

    def met(self, a, b, at):
        """Whether the two have been compared; what is one object must be one object."""
        if id(a) in self.counterparts:
            require(self.counterparts[id(a)][1] is b, at)
            return True
        self.counterparts[id(a)] = (a, b)
        return False

    def compare(self, a, b, at):
        require(type(a) is type(b), at)
        if isinstance(a, torch.Tensor):
            if not self.met(a, b, at):
                self.compare_tensors(a, b, at)
        elif isinstance(a, dict):
            if not self.met(a, b, at):
                require(len(a) == len(b), at)
                for (ka, va), (kb, vb) in zip(a.items(), b.items()):
                    self.compare(ka, kb, at + ".key")
                    self.compare(va, vb, at + "." + str(ka)[:40])
                self.compare(getattr(a, "__dict__", None), getattr(b, "__dict__", None), at)
        elif isinstance(a, (list, tuple)):
            if isinstance(a, tuple) or not self.met(a, b, at):
                require(len(a) == len(b), at)
                for i, (va, vb) in enumerate(zip(a, b)):
                    self.compare(va, vb, at + "." + str(i))
        elif isinstance(a, types.MethodType):
            require(a.__func__ is b.__func__, at)
            self.compare(a.__self__, b.__self__, at + ".self")
        elif isinstance(a, (torch.optim.Optimizer, torch.optim.lr_scheduler._LRScheduler)):
            if not self.met(a, b, at):
                self.compare(a.__dict__, b.__dict__, at)
        else:
            require(a == b or repr(a) == repr(b), at)

    def compare_tensors(self, a, b, at):
        require(a.dtype == b.dtype and a.shape == b.shape, at)
        require(a.stride() == b.stride() and a.storage_offset() == b.storage_offset(), at)
        require(a.requires_grad == b.requires_grad, at)
        require(len(a.storage()) == len(b.storage()), at)
        if a.numel():
            pointer = "storage", a.storage().data_ptr()
            other = self.counterparts.setdefault(pointer, b.storage().data_ptr())
            require(other == b.storage().data_ptr(), at)
            require(bytes(a.storage()._storage) == bytes(b.storage()._storage), at)


def compare_numbers(file):
    for name, (tensor, ours) in torch.load(file).items():
        theirs = tensor.double()
        require(torch.equal(torch.isnan(ours), torch.isnan(theirs)), name)
        same = torch.equal(torch.nan_to_num(ours, nan=0.0), torch.nan_to_num(theirs, nan=0.0))
        require(same, name)


def run(mode, file, copy):
    if mode == "numbers":
        compare_numbers(file)
    else:
        weights_only = mode == "weights_only"
        Comparison().compare(
            torch.load(file, weights_only=weights_only),
            torch.load(copy, weights_only=weights_only),
            "value")


for first in range(1, len(sys.argv), 3):
    try:
        run(*sys.argv[first:first + 3])
        print("same")
    except Exception as different:
        print(type(different).__name__, different)
