"""Writes training.json: a training with the moving average of torchvision's references.

Run with PyTorch 1.13 and no arguments. As there, the batches between two updates are counted anew in
each epoch, the count of models is set back to 0 after each update of the warm-up, and buffers are
averaged along.
"""

import json
import pathlib

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.optim.swa_utils import AveragedModel

EPOCHS, WARMUP = 6, 2
BATCHES, BATCH_SIZE = 5, 4
STEPS, DECAY = 3, 0.9

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)


def values(module):
    return {
        name: value.tolist()
        for name, value in module.state_dict().items()
        if value.dtype == torch.float64
    }


features = torch.randn(BATCHES, BATCH_SIZE, 3)
labels = torch.randint(0, 2, (BATCHES, BATCH_SIZE))
model = torch.nn.Sequential(
    torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 2)
)
initial = values(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
scheduler = SequentialLR(
    optimizer,
    [LinearLR(optimizer, 0.01, 1, WARMUP), CosineAnnealingLR(optimizer, EPOCHS - WARMUP)],
    [WARMUP],
)
share = min(1.0, (1.0 - DECAY) * (BATCH_SIZE * STEPS / EPOCHS))
keep = 1.0 - share
average = AveragedModel(
    model, avg_fn=lambda mean, new, count: keep * mean + (1 - keep) * new, use_buffers=True
)
epochs = []
for epoch in range(EPOCHS):
    model.train()
    rate = optimizer.param_groups[0]["lr"]
    iterations = []
    for batch in range(BATCHES):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(features[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        if batch % STEPS == 0:
            average.update_parameters(model)
            if epoch < WARMUP:
                average.n_averaged.fill_(0)
        iterations.append({"n_averaged": int(average.n_averaged), "average": values(average.module)})
    scheduler.step()
    epochs.append({"lr": rate, "iterations": iterations, "model": values(model)})

pathlib.Path(__file__).with_name("training.json").write_text(
    json.dumps(
        {
            "torch": torch.__version__,
            "epochs": EPOCHS,
            "warmup": WARMUP,
            "batch_size": BATCH_SIZE,
            "steps": STEPS,
            "decay": DECAY,
            "features": features.tolist(),
            "labels": labels.tolist(),
            "initial": initial,
            "trace": epochs,
        }
    )
    + "\n"
)
