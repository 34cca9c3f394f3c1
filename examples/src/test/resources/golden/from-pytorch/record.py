"""Runs the Python of docs/from-pytorch.md and writes what it did: NAME.json and NAME.pt.

Run with PyTorch 1.13 and no arguments. Each section's block is executed as it stands on the page, in
surroundings that are made here: a small model in double precision, its data, and the functions that such
scripts have elsewhere. NAME.json has the block's SHA-256 and, for every update of every optimizer, the rate
and momentum (or beta1) of each parameter, and the losses of its batches; NAME.pt has the data, the weights at
the start, and all weights at the end, those of the best model and of an average included.
"""

import collections
import copy
import hashlib
import itertools
import json
import math
import pathlib
import re
import shutil
import tempfile

import numpy as np
import torch
from torch import cat, nn, ones_like, zeros_like
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import l1_loss as l1
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import (
    CosineAnnealingLR, LambdaLR, LinearLR, ReduceLROnPlateau, SequentialLR, StepLR)
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[5] / "docs" / "from-pytorch.md"
BATCHES, SIZE, CLASSES = 6, 8, 3

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def blocks():
    """Returns the first block of Python in each section of the page that has one of Java too."""
    found = {}
    for section in re.split(r"(?m)^## ", PAGE.read_text(encoding="utf-8"))[1:]:
        python = re.search(r"```python\n(.*?)```", section, re.DOTALL)
        if python and "```java\n" in section:
            found[section.splitlines()[0]] = python.group(1)
    return found


class LastStep(nn.Module):
    """PyTorch's LSTM, of which the output after the last step goes on."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 5, batch_first=True)
        self.head = nn.Linear(5, CLASSES)
        # Deeplearning4j has one bias where this has two with the same gradient: one stands still.
        self.lstm.bias_hh_l0.data.zero_()
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def layers(*named):
    return nn.Sequential(collections.OrderedDict(named))


def mlp():
    return layers(("fc1", nn.Linear(4, 8, bias=False)), ("norm", nn.BatchNorm1d(8)), ("act", nn.ReLU()),
                  ("fc2", nn.Linear(8, CLASSES)))


def labelled(x):
    """Makes data of three overlapping classes, so that no training comes to a loss of 0."""
    y = torch.randint(0, CLASSES, x.shape[:2])
    return [(a + b.reshape(-1, *[1] * (a.dim() - 1)) * 0.7, b) for a, b in zip(x, y)]


def evaluate(model, data):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in data:
            right += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return right / total


def validate(model, data):
    model.eval()
    with torch.no_grad():
        loss = sum(nn.functional.cross_entropy(model(x), y, reduction="sum").item() for x, y in data)
    model.train()
    return loss / sum(len(y) for _, y in data)


def get_scheduler(name, optimizer, num_warmup_steps, num_training_steps):
    """The one of transformers that the page uses, by its formula."""
    assert name == "linear"

    def factor(step):
        if step < num_warmup_steps:
            return float(step) / float(max(1, num_warmup_steps))
        return max(0.0, float(num_training_steps - step) / float(max(1, num_training_steps - num_warmup_steps)))

    return LambdaLR(optimizer, factor)


class Recording:
    """Notes what every update uses, and the losses between two of them."""

    def __init__(self, models):
        self.names = {id(p): name for model in models for name, p in model.named_parameters()}
        self.updates = []
        self.losses = []  # of the batches of each update
        self.pending = []
        self.kinds = (SGD, Adam, AdamW)

    def __enter__(self):
        self.steps = {kind: kind.step for kind in self.kinds}
        self.backward = torch.Tensor.backward
        recording = self

        def noting(step):
            def noted(optimizer, *arguments):
                update = {}
                for group in optimizer.param_groups:
                    momentum = group["momentum"] if "momentum" in group else group["betas"][0]
                    for parameter in group["params"]:
                        if parameter.requires_grad:
                            update[recording.names[id(parameter)]] = [float(group["lr"]), float(momentum)]
                recording.updates.append(update)
                recording.losses.append(recording.pending)
                recording.pending = []
                return step(optimizer, *arguments)
            return noted

        def backward(loss, *arguments, **keywords):
            recording.pending.append(loss.item())
            return recording.backward(loss, *arguments, **keywords)

        for kind in self.kinds:
            kind.step = noting(kind.step)
        torch.Tensor.backward = backward
        return self

    def __exit__(self, *_):
        for kind, step in self.steps.items():
            kind.step = step
        torch.Tensor.backward = self.backward

    def series(self):
        """Joins what every parameter of the same past had."""
        series = collections.OrderedDict()
        for name in dict.fromkeys(name for update in self.updates for name in update):
            values = [update[name] for update in self.updates if name in update]
            key = json.dumps(values)
            series.setdefault(key, {"params": [], "lr": [v[0] for v in values],
                                    "momentum": [v[1] for v in values]})["params"].append(name)
        return list(series.values())


def record(name, block, surroundings, models, results):
    torch.manual_seed(7)
    start = {key: copy.deepcopy(model.state_dict()) for key, model in models.items()}
    with tempfile.TemporaryDirectory() as folder, Recording(models.values()) as recording:
        scope = {**globals(), **surroundings, **models, "folder": pathlib.Path(folder)}
        exec(compile(block, name, "exec"), scope)
        saved = [torch.load(file) for file in pathlib.Path(folder).glob("best.pt")]
    end = {key: model.state_dict() for key, model in models.items()}
    for result in results:
        kept = scope[result]
        end[result] = (kept.module if isinstance(kept, AveragedModel) else kept).state_dict()
    for best in saved:
        end["best"] = best.get("model", best)
    data = {key: [[x, y] for x, y in surroundings[key]] for key in ("training", "validation")}
    torch.save({"data": data, "start": start, "end": end}, HERE / f"{name}.pt")
    written = {"python_sha256": hashlib.sha256(block.encode()).hexdigest(), "torch": torch.__version__,
               "updates": recording.series(), "losses": recording.losses}
    if "best" in scope:
        written["best"] = scope["best"]
    (HERE / f"{name}.json").write_text(json.dumps(written, separators=(",", ":")) + "\n")
    rates = sorted({rate for series in recording.series() for rate in series["lr"]})
    print(f"{name}: {len(recording.updates)} updates, {len(rates)} rates from {rates[0]} to {rates[-1]},"
          f" loss from {recording.losses[0][0]:.4f} to {recording.losses[-1][0]:.4f}")


def main():
    torch.manual_seed(5)
    training, validation = labelled(torch.randn(BATCHES, SIZE, 4)), labelled(torch.randn(2, SIZE, 4))
    sequences = {"training": labelled(torch.randn(3, SIZE, 7, 3)),
                 "validation": labelled(torch.randn(2, SIZE, 7, 3))}
    mixing = torch.randn(4, 4)
    pairs = [(x, torch.tanh(x @ mixing)) for x, _ in training]
    page = blocks()
    expected = {
        "ImageNet example": ("imagenet", "model", []),
        "torchvision's references": ("torchvision", "model", ["average"]),
        "Hugging Face's Trainer": ("huggingface", "model", []),
        "nanoGPT": ("nanogpt", "model", []),
        "YOLOv5": ("yolov5", "model", ["average"]),
        "pix2pix": ("pix2pix", "generator discriminator", []),
        "Stochastic weight averaging": ("swa", "model", ["average"]),
        "An LSTM with a plateau": ("lstm", "model", []),
    }
    assert list(page) == list(expected), list(page)
    for title, (name, models, results) in expected.items():
        torch.manual_seed(11)
        surroundings = {"training": training, "validation": validation,
                        "criterion": nn.CrossEntropyLoss(), "batches": itertools.cycle(training)}
        if name not in ("huggingface", "nanogpt", "yolov5"):
            surroundings["training"] = training[:2]
        if name == "pix2pix":
            made = {"generator": layers(("g1", nn.Linear(4, 8)), ("act", nn.Tanh()), ("fake", nn.Linear(8, 4))),
                    "discriminator": layers(("d1", nn.Linear(8, 8)), ("act", nn.Tanh()),
                                            ("d2", nn.Linear(8, 1)))}
            surroundings.update(training=pairs[:2], validation=pairs[2:3])
        elif name == "lstm":
            made = {"model": LastStep()}
            surroundings.update(sequences)
        else:
            made = {"model": mlp()}
        record(name, page[title], surroundings, made, results)


if __name__ == "__main__":
    main()
