"""Takes a training back into PyTorch, and makes the epoch that is left of cnn_onecycle.

Prints the largest relative deviation of a loss from the recording.
"""
import gzip
import json
import sys
from collections import OrderedDict

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

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
optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=96)

file, recipe, trace, digits = sys.argv[1:]
checkpoint = torch.load(file)
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
scheduler.load_state_dict(checkpoint["scheduler"])

recipe = json.load(open(recipe))
losses = json.load(open(trace))["loss"]
rows = torch.tensor([[float(n) for n in line.split(",")] for line in gzip.open(digits, "rt")])
order = recipe["train_order"]
first = 24 * (checkpoint["epoch"] + 1)
worst = 0
model.train()
for step in range(first, 96):
    start = step % 24 * 64
    batch = rows[order[start : start + 64]]
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch[:, :64].reshape(-1, 1, 8, 8) / 16), batch[:, 64].long())
    loss.backward()
    optimizer.step()
    if step < 95:
        scheduler.step()
    worst = max(worst, abs(loss.item() - losses[step]) / losses[step])
print(96 - first, worst)
