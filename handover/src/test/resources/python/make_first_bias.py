"""Makes the training cnn_finetune again, and writes what its first bias was.

Batch normalization takes that bias out again, so it has no gradient but rounding, which AdamW makes
steps of. What PyTorch's own rounding made of it is in no recording, and has to be known to compare
what follows from it. Every loss must be that of the recording to the bit, or nothing is written.

Usage: /usr/bin/python3 make_first_bias.py RECORDING_FOLDER DIGITS_CSV_GZ OUTPUT.json, with a folder that
has initial.pt, final.pt, recipe.json and trace.json. Needs Debian's python3-torch.
"""
import gzip
import json
import pathlib
import sys
from collections import OrderedDict

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

folder = pathlib.Path(sys.argv[1])
recipe = json.loads((folder / "recipe.json").read_text())
trace = json.loads((folder / "trace.json").read_text())
rows = torch.tensor([[float(n) for n in line.split(",")] for line in gzip.open(sys.argv[2], "rt")])
images = (rows[:, :64] / 16).reshape(-1, 1, 8, 8)
digits = rows[:, 64].long()

model = nn.Sequential(
    OrderedDict(
        conv1=nn.Conv2d(1, 8, 3, padding=1),
        bn1=nn.BatchNorm2d(8),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(8, 16, 3, padding=1, bias=False),
        bn2=nn.BatchNorm2d(16),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        fc=nn.Linear(64, 10),
    )
)
model.load_state_dict(torch.load(folder / "initial.pt"))
groups = [
    {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.05},
    {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.999))
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: s / 14 if s < 14 else (144 - s) / 130
)

# Before each step, and after the last.
biases = [model.conv1.bias.tolist()]
model.train()
for step in range(144):
    optimizer.zero_grad()
    for micro in (0, 1):
        start = step % 24 * 64 + micro * 32
        batch = recipe["train_order"][start : start + 32]
        loss = nn.functional.cross_entropy(model(images[batch]), digits[batch], label_smoothing=0.1)
        (loss / 2).backward()
        if loss.item() != trace["loss"][2 * step + micro]:
            sys.exit(f"the loss of micro-batch {2 * step + micro} is not the recorded one")
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    biases.append(model.conv1.bias.tolist())

for name, tensor in torch.load(folder / "final.pt")["model"].items():
    if not torch.equal(tensor, model.state_dict()[name]):
        sys.exit(f"{name} is not that of final.pt")
pathlib.Path(sys.argv[3]).write_text(json.dumps(biases) + "\n")
