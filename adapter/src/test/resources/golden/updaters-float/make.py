"""Writes updates.json: what PyTorch's optimizers subtract in single precision.

Run with PyTorch 1.13 and no arguments. The parameters are set to 0 before each step, so that they are
minus the update afterwards, to the bit. NAdam is computed here, since that of 1.13 multiplies by a mu
too many, which later versions do not.
"""

import json
import math
import pathlib
import random

import torch

STEPS = 10
LENGTH = 4

BETAS = [(0.9, 0.999), (0.9, 0.99999), (0.9, 0.999999), (0.9995, 0.9)]
ALPHAS = [0.9, 0.999, 0.99999, 0.999999]


class NAdam:
    """The root is taken before the bias is corrected, so that it does not overflow."""

    def __init__(self, parameters, lr, betas=(0.9, 0.999), eps=1e-8, momentum_decay=4e-3):
        self.parameter = parameters[0]
        self.lr, self.betas, self.eps, self.momentum_decay = lr, betas, eps, momentum_decay
        self.average = torch.zeros_like(self.parameter, requires_grad=False)
        self.squares = torch.zeros_like(self.average)
        self.steps, self.product = 0, 1.0

    def mu(self, step):
        return self.betas[0] * (1 - 0.5 * 0.96 ** (step * self.momentum_decay))

    @torch.no_grad()
    def step(self):
        gradient = self.parameter.grad
        beta1, beta2 = self.betas
        self.steps += 1
        mu, following = self.mu(self.steps), self.mu(self.steps + 1)
        self.product *= mu
        self.average.mul_(beta1).add_(gradient, alpha=1 - beta1)
        self.squares.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        divisor = self.squares.sqrt().div_(math.sqrt(1 - beta2**self.steps)).add_(self.eps)
        self.parameter.addcdiv_(gradient, divisor, value=-self.lr * (1 - mu) / (1 - self.product))
        self.parameter.addcdiv_(
            self.average, divisor, value=-self.lr * following / (1 - self.product * following)
        )


def usual(rng):
    return [[rng.choice((0.1, 1, 7)) * rng.uniform(0.5, 1.5) for _ in range(LENGTH)] for _ in range(STEPS)]


def huge(rng):
    """Squares overflow, but not a hundredth of them."""
    return [[size * rng.uniform(0.5, 1) for size in (1e18, 2e19, 6e19, 1.5e20)] for _ in range(STEPS)]


def tiny(rng):
    return [[size * rng.uniform(0.5, 1) for size in (1e-19, 1e-15, 1e-12, 1e-9)] for _ in range(STEPS)]


def cases():
    for betas in BETAS:
        yield "Adam", {"lr": 0.01, "betas": betas}, usual
        yield "Adam", {"lr": 0.01, "betas": betas, "eps": 1e-2, "amsgrad": True}, usual
        yield "NAdam", {"lr": 0.01, "betas": betas}, usual
        yield "RAdam", {"lr": 0.01, "betas": betas, "eps": 1e-3}, usual
        yield "Adamax", {"lr": 0.01, "betas": betas}, usual
    for alpha in ALPHAS:
        yield "RMSprop", {"lr": 0.01, "alpha": alpha, "eps": 1e-3}, usual
        yield "RMSprop", {"lr": 0.01, "alpha": alpha, "momentum": 0.9}, usual
        yield "RMSprop", {"lr": 0.01, "alpha": alpha, "centered": True}, usual
        yield "Adadelta", {"lr": 1.0, "rho": alpha, "eps": 1e-3}, usual
    yield "Adam", {"lr": 0.01, "betas": (0.9, 1 - 1e-9)}, usual
    yield "RMSprop", {"lr": 0.01, "alpha": 1 - 1e-9}, usual
    for gradients in (huge, tiny):
        yield "NAdam", {"lr": 0.01}, gradients
        yield "NAdam", {"lr": 0.01, "eps": 0.0}, gradients
        yield "RMSprop", {"lr": 0.01, "centered": True}, gradients
        yield "RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9}, gradients


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.tolist()]


def run(index, name, arguments, gradients):
    rng = random.Random(index)
    parameters = torch.zeros(LENGTH, dtype=torch.float32, requires_grad=True)
    kind = NAdam if name == "NAdam" else getattr(torch.optim, name)
    optimizer = kind([parameters], **arguments)
    steps = []
    for gradient in gradients(rng):
        with torch.no_grad():
            parameters.zero_()
        parameters.grad = torch.tensor(gradient, dtype=torch.float32)
        optimizer.step()
        steps.append({"gradient": numbers(parameters.grad), "update": numbers(-parameters.detach())})
    return {
        "id": f"{name}-{index:03d}-{gradients.__name__}",
        "optimizer": {"type": name, **arguments},
        "steps": steps,
    }


def main():
    lines = [json.dumps(run(index, *case)) for index, case in enumerate(cases())]
    path = pathlib.Path(__file__).with_name("updates.json")
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


main()
