"""Prints how many nanoseconds PyTorch takes for one operation, named as in Row.java.

    python3 torch_times.py step-COSINE-1

The least of several repetitions is printed, each long enough for the clock.
"""
import sys
import time
import warnings

import torch
from torch.optim import lr_scheduler

from updaters import OPTIMIZERS

warnings.filterwarnings("ignore")

REPETITIONS = 5
SECONDS = 0.3
PARAMETERS = 25_000_000


def least(operation):
    operation()
    calls = 1
    while True:
        begin = time.perf_counter()
        for _ in range(calls):
            operation()
        taken = time.perf_counter() - begin
        if taken >= SECONDS / 4:
            break
        calls *= 2
    best = taken / calls
    for _ in range(REPETITIONS - 1):
        begin = time.perf_counter()
        for _ in range(calls):
            operation()
        best = min(best, (time.perf_counter() - begin) / calls)
    return best * 1e9


def scheduler(kind, groups):
    parameters = [
        {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.1 + group}
        for group in range(groups)
    ]
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    optimizer.step()
    return {
        "STEP": lambda: lr_scheduler.StepLR(optimizer, 30),
        "COSINE": lambda: lr_scheduler.CosineAnnealingLR(optimizer, 1_000_000),
        "CYCLIC": lambda: lr_scheduler.CyclicLR(optimizer, 0.001, 0.1),
        "SEQUENTIAL": lambda: lr_scheduler.SequentialLR(
            optimizer,
            [
                lr_scheduler.LinearLR(optimizer, 0.01, 1, 5),
                lr_scheduler.CosineAnnealingLR(optimizer, 1_000_000),
            ],
            [5],
        ),
        "CHAINED": lambda: lr_scheduler.ChainedScheduler(
            [
                lr_scheduler.ConstantLR(optimizer, 0.1, 20),
                lr_scheduler.ExponentialLR(optimizer, 0.9999999),
            ]
        ),
    }[kind]()


def average(size):
    # As PyTorch 2 averages exponentially, one lerp an array. AveragedModel of 1.13 makes
    # arrays of the model's size at each update, and is slower by far.
    model = [torch.rand(size // 25) for _ in range(25)]
    averaged = [parameter.clone() for parameter in model]

    def update():
        for average, parameter in zip(averaged, model):
            average.lerp_(parameter, 0.001)

    return update


def updater(kind):
    parameter = torch.nn.Parameter(torch.rand(PARAMETERS) - 0.5)
    parameter.grad = torch.rand(PARAMETERS) - 0.5
    return OPTIMIZERS[kind]([parameter]).step


def operation(name):
    what, *arguments = name.split("-")
    if what == "step":
        return scheduler(arguments[0], int(arguments[1])).step
    if what == "average":
        return average(int(arguments[0]))
    if what == "update":
        return updater(arguments[0])
    raise SystemExit(f"there is no {name}")


if __name__ == "__main__":
    print(f"{least(operation(sys.argv[1])):.1f}")
