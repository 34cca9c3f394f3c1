"""Writes Lion.json, Lamb.json, SGDScheduleFree.json, AdamWScheduleFree.json and Lookahead.json.

Run with PyTorch 1.13 and no arguments. torch.optim has none of these, so they are written here from the
formulas of the papers, with torch for the arrays and, in Lookahead, for the optimizer inside. Schedule-Free
is written with its three sequences x, y and z, each kept as it is defined; AdamW's bias is corrected as in
the authors' package since version 1.3, which the paper has in the rate.

The format is that of the files beside these. Besides, `tensors` says which stretches of the parameters are
an array of their own, each with its weight decay; `evaluation` has the weights for evaluation, x, after a
step, or the slow weights; where `lr` is 0 a step is one in which the parameters stand.
"""

import json
import math
import pathlib
import random

import torch

STEPS = 14
LENGTHS = (4, 1, 3)


def cut(values):
    flat = torch.tensor(values, dtype=torch.float64)
    return [part.clone() for part in flat.split(LENGTHS)]


def flat(parts):
    return torch.cat([part.detach() for part in parts]).tolist()


class Lion:
    def __init__(self, parameters, decays, betas):
        self.parameters, self.decays, self.betas = parameters, decays, betas
        self.averages = [torch.zeros_like(p) for p in parameters]

    def step(self, gradients, lr, beta1=None):
        beta1 = self.betas[0] if beta1 is None else beta1
        beta2 = self.betas[1]
        for p, decay, m, g in zip(self.parameters, self.decays, self.averages, gradients):
            direction = (beta1 * m + (1 - beta1) * g).sign()
            p -= lr * (direction + decay * p)
            m.copy_(beta2 * m + (1 - beta2) * g)


class Lamb:
    def __init__(self, parameters, decays, betas, eps, always_adapt):
        self.parameters, self.decays, self.betas = parameters, decays, betas
        self.eps, self.always_adapt = eps, always_adapt
        self.averages = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps = 0

    def step(self, gradients, lr, beta1=None):
        beta1 = self.betas[0] if beta1 is None else beta1
        beta2 = self.betas[1]
        self.steps += 1
        for p, decay, m, v, g in zip(self.parameters, self.decays, self.averages, self.squares, gradients):
            m.copy_(beta1 * m + (1 - beta1) * g)
            v.copy_(beta2 * v + (1 - beta2) * g * g)
            corrected_m = m / (1 - beta1**self.steps)
            corrected_v = v / (1 - beta2**self.steps)
            update = corrected_m / (corrected_v.sqrt() + self.eps) + decay * p
            ratio = 1.0
            if decay > 0 or self.always_adapt:
                length, size = p.norm().item(), update.norm().item()
                if length > 0 and size > 0:
                    ratio = length / size
            p -= lr * ratio * update


class ScheduleFree:
    """x, y and z; the parameters are y."""

    def __init__(self, parameters, decays, beta, warmup_steps, r, weight_lr_power, betas2=None, eps=None):
        self.parameters, self.decays, self.beta = parameters, decays, beta
        self.warmup_steps, self.r, self.power = warmup_steps, r, weight_lr_power
        self.beta2, self.eps = betas2, eps
        self.x = [p.clone() for p in parameters]
        self.z = [p.clone() for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps, self.weights, self.largest = 0, 0.0, 0.0

    def step(self, gradients, lr):
        self.steps += 1
        rate = lr * min(1.0, self.steps / self.warmup_steps) if self.warmup_steps else lr
        self.largest = max(self.largest, rate)
        weight = self.steps**self.r * self.largest**self.power
        self.weights += weight
        share = weight / self.weights if self.weights else 0.0
        for i, (y, decay, g) in enumerate(zip(self.parameters, self.decays, gradients)):
            direction = g
            if self.beta2 is not None:
                v = self.squares[i]
                v.copy_(self.beta2 * v + (1 - self.beta2) * g * g)
                direction = g / ((v / (1 - self.beta2**self.steps)).sqrt() + self.eps)
            direction = direction + decay * y
            if rate == 0:
                continue
            self.z[i] -= rate * direction
            self.x[i] = (1 - share) * self.x[i] + share * self.z[i]
            y.copy_((1 - self.beta) * self.z[i] + self.beta * self.x[i])


class Lookahead:
    """Around an optimizer of torch."""

    def __init__(self, parameters, inner, k, alpha):
        self.parameters, self.inner, self.k, self.alpha = parameters, inner, k, alpha
        self.slow = [p.detach().clone() for p in parameters]
        self.steps = 0

    def step(self, gradients, lr):
        for group in self.inner.param_groups:
            group["lr"] = lr
        for p, g in zip(self.parameters, gradients):
            p.grad = g
        self.inner.step()
        self.steps += 1
        if self.steps % self.k == 0:
            with torch.no_grad():
                for p, slow in zip(self.parameters, self.slow):
                    slow += self.alpha * (p - slow)
                    p.copy_(slow)


def rates(rng, lr, kind):
    for step in range(STEPS):
        if kind == "constant":
            yield lr
        elif kind == "cosine":
            yield lr * (1 + math.cos(math.pi * step / STEPS)) / 2
        elif kind == "from zero":
            yield lr * min(step, 3) / 3
        else:
            yield lr * rng.choice((1.0, 0.5, 0.0, 2.0))


def record(name, index, arguments, make, rate, beta1=False, evaluation=None):
    rng = random.Random(f"{name} {index}")
    initial = [rng.gauss(0, 1) for _ in range(sum(LENGTHS))]
    if index % 3 == 2:
        initial[LENGTHS[0]] = 0.0
    decay = arguments["weight_decay"]
    decays = [decay, 0.0, decay] if index % 2 else [decay] * 3
    parameters = cut(initial)
    optimizer = make(parameters, decays)
    steps = []
    for lr in rates(rng, arguments["lr"], rate):
        gradient = [rng.choice((0.1, 1.0, 5.0)) * rng.gauss(0, 1) for _ in initial]
        step = {"lr": lr, "gradient": gradient}
        if beta1:
            step["beta1"] = rng.uniform(0.8, 0.95)
            optimizer.step(cut(gradient), lr, step["beta1"])
        else:
            optimizer.step(cut(gradient), lr)
        step["parameters"] = flat(parameters)
        if evaluation:
            step["evaluation"] = flat(evaluation(optimizer))
        steps.append(step)
    return {
        "id": f"{name}-{index:03d}",
        "optimizer": {"type": name, **arguments},
        "tensors": [{"length": length, "weight_decay": one} for length, one in zip(LENGTHS, decays)],
        "initial": initial,
        "steps": steps,
    }


def lions():
    for index, (betas, decay, rate, cycled) in enumerate(
        [
            ((0.9, 0.99), 0.0, "constant", False),
            ((0.9, 0.99), 0.3, "cosine", False),
            ((0.95, 0.98), 1.0, "any", False),
            ((0.5, 0.7), 0.1, "from zero", False),
            ((0.9, 0.99), 0.1, "cosine", True),
            ((0.0, 0.9), 0.1, "constant", False),
        ]
    ):
        arguments = {"lr": 0.01, "betas": betas, "weight_decay": decay}
        yield record("Lion", index, arguments, lambda p, d: Lion(p, d, betas), rate, cycled)


def lambs():
    for index, (betas, eps, decay, always, rate, cycled) in enumerate(
        [
            ((0.9, 0.999), 1e-6, 0.01, False, "constant", False),
            ((0.9, 0.999), 1e-6, 0.1, False, "cosine", False),
            ((0.8, 0.95), 1e-3, 0.5, False, "any", False),
            ((0.9, 0.999), 1e-6, 0.0, False, "constant", False),
            ((0.9, 0.999), 1e-6, 0.0, True, "from zero", False),
            ((0.9, 0.99), 1e-6, 0.2, True, "cosine", True),
        ]
    ):
        arguments = {"lr": 0.02, "betas": betas, "eps": eps, "weight_decay": decay, "always_adapt": always}
        yield record("Lamb", index, arguments, lambda p, d: Lamb(p, d, betas, eps, always), rate, cycled)


AVERAGING = [
    (0, 0.0, 2.0, 0.0, "constant"),
    (5, 0.0, 2.0, 0.05, "constant"),
    (0, 1.0, 2.0, 0.1, "cosine"),
    (3, 0.5, 0.0, 0.1, "any"),
    (4, 0.0, 1.0, 0.0, "from zero"),
    (0, 2.0, 0.0, 0.02, "from zero"),
]


def schedule_free_sgds():
    for index, (warmup, r, power, decay, rate) in enumerate(AVERAGING):
        momentum = (0.9, 0.95, 0.5)[index % 3]
        arguments = {
            "lr": 0.2,
            "momentum": momentum,
            "weight_decay": decay,
            "warmup_steps": warmup,
            "r": r,
            "weight_lr_power": power,
        }
        yield record(
            "SGDScheduleFree",
            index,
            arguments,
            lambda p, d: ScheduleFree(p, d, momentum, warmup, r, power),
            rate,
            evaluation=lambda optimizer: optimizer.x,
        )


def schedule_free_adamws():
    for index, (warmup, r, power, decay, rate) in enumerate(AVERAGING):
        betas, eps = ((0.9, 0.999), (0.95, 0.99), (0.7, 0.9))[index % 3], (1e-8, 1e-3)[index % 2]
        arguments = {
            "lr": 0.05,
            "betas": betas,
            "eps": eps,
            "weight_decay": decay,
            "warmup_steps": warmup,
            "r": r,
            "weight_lr_power": power,
        }
        yield record(
            "AdamWScheduleFree",
            index,
            arguments,
            lambda p, d: ScheduleFree(p, d, betas[0], warmup, r, power, betas[1], eps),
            rate,
            evaluation=lambda optimizer: optimizer.x,
        )


def lookaheads():
    sgd = {"type": "SGD", "momentum": 0.9}
    adam = {"type": "Adam", "betas": (0.9, 0.999), "eps": 1e-8}
    for index, (inner, k, alpha, rate) in enumerate(
        [
            (sgd, 5, 0.5, "constant"),
            (sgd, 6, 0.8, "cosine"),
            (adam, 5, 0.8, "constant"),
            (adam, 1, 0.5, "any"),
            (sgd, 3, 1.0, "constant"),
        ]
    ):
        arguments = {"lr": 0.05, "weight_decay": 0.0, "k": k, "alpha": alpha, "inner": inner}
        keywords = {key: value for key, value in inner.items() if key != "type"}

        def make(p, d):
            for one in p:
                one.requires_grad_()
            return Lookahead(p, getattr(torch.optim, inner["type"])(p, lr=0.05, **keywords), k, alpha)

        yield record("Lookahead", index, arguments, make, rate, evaluation=lambda optimizer: optimizer.slow)


def main():
    for name, cases in {
        "Lion": lions,
        "Lamb": lambs,
        "SGDScheduleFree": schedule_free_sgds,
        "AdamWScheduleFree": schedule_free_adamws,
        "Lookahead": lookaheads,
    }.items():
        path = pathlib.Path(__file__).with_name(name + ".json")
        path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases()) + "\n]\n")


main()
