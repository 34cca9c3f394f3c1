"""Writes ASGD.json, Rprop.json, maximize.json, decoupled.json, Adafactor.json and Muon.json beside itself.

/usr/bin/python3 make_rest.py

The first two and maximize are torch 1.13's own optimizers; NAdam and RAdam have no maximize there, so they
are given the opposite gradients, and for a decoupled weight decay parameters that were made smaller before.
Adafactor and Muon, which it has not, are computed here as torch 2.9 computes them; Muon in double precision
instead of bfloat16. `shapes` are those of PyTorch's tensors, where there is one list of numbers for each.
"""

import json
import math
import pathlib
import random

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

STEPS = 8
HERE = pathlib.Path(__file__).parent


def values(rng, count):
    """Of several sizes, some 0."""
    return [0.0 if rng.random() < 0.1 else rng.choice((0.01, 1, 5)) * rng.gauss(0, 1) for _ in range(count)]


def flat(tensor):
    return tensor.detach().reshape(-1).tolist()


class Adafactor:
    def __init__(self, tensors, lr, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, maximize=False):
        self.tensors, self.param_groups = tensors, [{"lr": lr}]
        self.beta2_decay, self.eps, self.d = beta2_decay, eps, d
        self.weight_decay, self.maximize = weight_decay, maximize
        self.averages, self.steps = [None] * len(tensors), 0

    @torch.no_grad()
    def step(self):
        lr = self.param_groups[0]["lr"]
        self.steps += 1
        weight = self.steps**self.beta2_decay
        smallest = torch.finfo(torch.float64).eps if self.eps[0] is None else self.eps[0]
        for index, tensor in enumerate(self.tensors):
            gradient = -tensor.grad if self.maximize else tensor.grad
            size = tensor.norm(2).item() / math.sqrt(tensor.numel())
            alpha = max(self.eps[1], size) * min(lr, 1 / math.sqrt(self.steps))
            tensor.mul_(1 - lr * self.weight_decay)
            squares = gradient**2
            if tensor.dim() > 1:
                now = [squares.mean(-1, keepdim=True), squares.mean(-2, keepdim=True)]
            else:
                now = [squares]
            old = self.averages[index] or [torch.zeros_like(one) for one in now]
            self.averages[index] = averages = [was + weight * (is_ - was) for was, is_ in zip(old, now)]
            if tensor.dim() > 1:
                rows, columns = averages
                variance = rows @ columns / rows.mean(-2, keepdim=True).clamp(min=smallest)
            else:
                variance = averages[0]
            update = gradient / variance.clamp(min=smallest**2).sqrt()
            root = update.norm(2).item() / math.sqrt(tensor.numel())
            tensor.sub_(update * (alpha / max(1.0, root / self.d)))


class Muon:
    def __init__(
        self,
        tensors,
        lr,
        weight_decay=0.1,
        momentum=0.95,
        nesterov=True,
        ns_coefficients=(3.4445, -4.7750, 2.0315),
        eps=1e-7,
        ns_steps=5,
        adjust_lr_fn=None,
    ):
        self.tensors = tensors
        self.param_groups = [{"lr": lr, "momentum": momentum}]
        self.weight_decay, self.nesterov, self.coefficients = weight_decay, nesterov, ns_coefficients
        self.eps, self.ns_steps, self.adjust = eps, ns_steps, adjust_lr_fn
        self.buffers = [torch.zeros_like(tensor, requires_grad=False) for tensor in tensors]

    def orthogonal(self, matrix):
        a, b, c = self.coefficients
        tall = matrix.shape[0] > matrix.shape[1]
        x = matrix.T if tall else matrix
        x = x / x.norm().clamp(min=self.eps)
        for _ in range(self.ns_steps):
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        return x.T if tall else x

    @torch.no_grad()
    def step(self):
        lr, momentum = self.param_groups[0]["lr"], self.param_groups[0]["momentum"]
        for tensor, buffer in zip(self.tensors, self.buffers):
            gradient = tensor.grad
            buffer.mul_(momentum).add_(gradient * (1 - momentum))
            update = gradient * (1 - momentum) + buffer * momentum if self.nesterov else buffer
            # A row for each filter, as the author has it; torch's own takes matrices alone.
            matrix = update.reshape(update.shape[0], -1)
            rows, columns = matrix.shape
            if self.adjust == "match_rms_adamw":
                ratio = 0.2 * math.sqrt(max(rows, columns))
            else:
                ratio = math.sqrt(max(1, rows / columns))
            tensor.mul_(1 - lr * self.weight_decay)
            tensor.sub_((lr * ratio * self.orthogonal(matrix)).reshape(tensor.shape))


class Decoupled:
    """A weight decay beside an optimizer that has none."""

    def __init__(self, optimizer, weight_decay):
        self.optimizer, self.weight_decay = optimizer, weight_decay
        self.param_groups = optimizer.param_groups

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for tensor in group["params"]:
                tensor.mul_(1 - group["lr"] * self.weight_decay)
        self.optimizer.step()


class Opposite:
    """Turns gradients round for an optimizer that has no maximize."""

    def __init__(self, optimizer):
        self.optimizer, self.param_groups = optimizer, optimizer.param_groups

    def step(self):
        for group in self.param_groups:
            for tensor in group["params"]:
                tensor.grad = -tensor.grad
        self.optimizer.step()


def optimizer_of(name, tensors, arguments):
    if name in ("Adafactor", "Muon"):
        return {"Adafactor": Adafactor, "Muon": Muon}[name](tensors, **arguments)
    arguments = dict(arguments)
    kind = getattr(torch.optim, name)
    if name == "NAdam":
        arguments["foreach"] = True  # Without it that of 1.13 multiplies by a mu too many.
    if arguments.pop("decoupled_weight_decay", False):
        return Decoupled(kind(tensors, **{**arguments, "weight_decay": 0}), arguments["weight_decay"])
    if name in ("NAdam", "RAdam") and arguments.pop("maximize", False):
        return Opposite(kind(tensors, **arguments))
    return kind(tensors, **arguments)


def run(identity, name, arguments, rates, shapes=None, momenta=None):
    rng = random.Random(identity)
    sizes = shapes or [[5]]
    tensors = [torch.tensor(values(rng, math.prod(size))).reshape(size).requires_grad_() for size in sizes]
    initial = [flat(tensor) for tensor in tensors]
    optimizer = optimizer_of(name, tensors, arguments)
    steps = []
    for index in range(STEPS):
        step = {"lr": rates[index % len(rates)]}
        optimizer.param_groups[0]["lr"] = step["lr"]
        if momenta:
            step["momentum"] = optimizer.param_groups[0]["momentum"] = momenta[index % len(momenta)]
        gradients = [values(rng, tensor.numel()) for tensor in tensors]
        for tensor, gradient in zip(tensors, gradients):
            tensor.grad = torch.tensor(gradient).reshape(tensor.shape)
        optimizer.step()
        step["gradient"] = gradients if shapes else gradients[0]
        after = [flat(tensor) for tensor in tensors]
        step["parameters"] = after if shapes else after[0]
        steps.append(step)
    case = {"id": identity, "optimizer": {"type": name, "weight_decay": 0.0, **arguments}}
    if shapes:
        case["shapes"] = shapes
    case["initial"] = initial if shapes else initial[0]
    case["steps"] = steps
    if name == "ASGD":
        case["ax"] = flat(optimizer.state[tensors[0]]["ax"])
    return case


def write(name, cases):
    lines = [json.dumps(run(f"{name}-{index:03d}", *case)) for index, case in enumerate(cases)]
    (HERE / f"{name}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


FALLING = [0.1, 0.08, 0.08, 0.05, 0.02, 0.02, 0.01, 0.001]
CONSTANT = [0.05]


def asgd():
    for rates in (CONSTANT, FALLING):
        yield "ASGD", {"lr": rates[0]}, rates
        yield "ASGD", {"lr": rates[0], "lambd": 0.1, "alpha": 0.5, "t0": 3, "weight_decay": 0.02}, rates
        yield "ASGD", {"lr": rates[0], "lambd": 0.01, "t0": 0}, rates
        yield "ASGD", {"lr": rates[0], "lambd": 0.1, "t0": 2, "weight_decay": 0.02, "maximize": True}, rates


def rprop():
    for rates in (CONSTANT, FALLING):
        yield "Rprop", {"lr": rates[0]}, rates
        yield "Rprop", {"lr": rates[0], "etas": (0.3, 1.7), "step_sizes": (0.01, 0.1)}, rates
        yield "Rprop", {"lr": rates[0], "maximize": True}, rates


def maximize():
    more = {"maximize": True, "weight_decay": 0.03}
    betas = {"betas": (0.8, 0.99), "eps": 1e-6}
    yield "SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, **more}, FALLING
    yield "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, **more}, FALLING
    yield "Adam", {"lr": 0.1, **betas, **more}, FALLING
    yield "Adam", {"lr": 0.1, "amsgrad": True, **betas, **more}, FALLING
    yield "AdamW", {"lr": 0.1, **betas, **more}, FALLING
    yield "NAdam", {"lr": 0.1, "momentum_decay": 4e-3, **betas, **more}, FALLING
    yield "RAdam", {"lr": 0.1, **betas, **more}, FALLING
    yield "Adamax", {"lr": 0.1, **betas, **more}, FALLING
    yield "RMSprop", {"lr": 0.1, "alpha": 0.9, "eps": 1e-6, "momentum": 0.9, "centered": True, **more}, FALLING
    adagrad = {"lr_decay": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-8}
    yield "Adagrad", {"lr": 0.1, **adagrad, **more}, FALLING
    yield "Adadelta", {"lr": 0.1, "rho": 0.8, "eps": 1e-5, **more}, FALLING


def decoupled():
    more = {"lr": 0.1, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1, "decoupled_weight_decay": True}
    yield "Adam", more, FALLING
    yield "Adam", {"amsgrad": True, **more}, FALLING
    yield "NAdam", {"momentum_decay": 4e-3, **more}, FALLING
    yield "RAdam", more, FALLING


DENSE = [[3, 5], [3]]
TALL = [[6, 2], [6]]
SQUARE = [[4, 4]]
CONVOLUTION = [[4, 2, 3, 2], [4]]
CONVOLUTION_1D = [[4, 3, 2], [4]]
RECURRENT = [[4, 3], [4, 4], [4]]


def adafactor():
    for shapes in (DENSE, TALL, SQUARE, CONVOLUTION, CONVOLUTION_1D, RECURRENT):
        yield "Adafactor", {"lr": 0.01}, CONSTANT, shapes
        yield (
            "Adafactor",
            {"lr": 0.5, "beta2_decay": -0.5, "eps": (1e-2, 0.5), "d": 1.5, "weight_decay": 0.1},
            [0.9, 0.5, 0.3],
            shapes,
        )
    yield "Adafactor", {"lr": 0.5, "weight_decay": 0.1, "maximize": True}, FALLING, DENSE


def muon():
    def matrices(shapes):
        return [shape for shape in shapes if len(shape) > 1]

    for shapes in map(matrices, (DENSE, TALL, SQUARE, CONVOLUTION, CONVOLUTION_1D, RECURRENT)):
        yield "Muon", {"lr": 0.02, "weight_decay": 0.1}, FALLING, shapes
        yield "Muon", {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0}, CONSTANT, shapes
    cubic = {"ns_coefficients": (1.5, -0.5, 0.0), "ns_steps": 8}
    yield "Muon", {"lr": 0.02, "weight_decay": 0.1, "nesterov": False, **cubic}, FALLING, [[3, 5]], [0.95, 0.8]
    yield "Muon", {"lr": 0.02, "weight_decay": 0.1, "eps": 100.0}, FALLING, [[5, 3]], [0.9, 0.0, 0.5]


for of in (asgd, rprop, maximize, decoupled, adafactor, muon):
    write({"asgd": "ASGD", "rprop": "Rprop", "adafactor": "Adafactor", "muon": "Muon"}.get(of.__name__, of.__name__), of())
