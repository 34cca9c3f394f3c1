"""Records small trainings with param groups of several rates and weight decays.

Run with PyTorch 1.13: python3 record.py > groups.json
Its NAdam counts mu twice, so that is today's formula written out.
"""
import json
import sys
import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)

STEPS, BATCH = 6, 8
NAMES = ["layer0.W", "layer0.b", "layer1.gamma", "layer1.beta", "layer2.W", "layer2.g", "layer2.b",
         "layer3.W", "layer3.b"]
SHAPES = [(3, 5), (1, 5), (1, 5), (1, 5), (5, 4), (1, 4), (1, 4), (4, 3), (1, 3)]
INITIAL = {name: torch.randn(shape) * 0.5 + (1 if name.endswith(("gamma", "g")) else 0)
           for name, shape in zip(NAMES, SHAPES)}
INPUTS = [torch.randn(BATCH, 3) for _ in range(STEPS)]
LABELS = [torch.randint(0, 3, (BATCH,)) for _ in range(STEPS)]



class NAdam(torch.optim.Optimizer):
    """torch.optim.NAdam as later versions have it, with a coupled weight decay."""

    def __init__(self, groups):
        super().__init__(groups, dict(lr=2e-3, weight_decay=0))

    @torch.no_grad()
    def step(self):
        beta1, beta2, eps, momentum_decay = 0.9, 0.999, 1e-8, 4e-3
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(step=0, product=1.0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                g = p.grad + group["weight_decay"] * p
                state["step"] += 1
                t = state["step"]
                mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
                mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
                state["product"] *= mu
                state["m"].mul_(beta1).add_(g, alpha=1 - beta1)
                state["v"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
                denominator = (state["v"] / (1 - beta2 ** t)).sqrt() + eps
                product = state["product"]
                p.addcdiv_(g, denominator, value=-group["lr"] * (1 - mu) / (1 - product))
                p.addcdiv_(state["m"], denominator,
                           value=-group["lr"] * mu_next / (1 - product * mu_next))


OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=1),
    "sgd_momentum": lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.9),
    "sgd_nesterov": lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.9, nesterov=True),
    "adam": lambda groups: torch.optim.Adam(groups),
    "adamw": lambda groups: torch.optim.AdamW(groups),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, momentum=0.5),
    "adagrad": lambda groups: torch.optim.Adagrad(groups),
    "nadam": lambda groups: NAdam(groups),
    "radam": lambda groups: torch.optim.RAdam(groups),
    "adamax": lambda groups: torch.optim.Adamax(groups),
}


def live_groups(p):
    """The groups of a live network, whose rates and decays change after half of the steps."""
    return [
        {"params": [p["layer0.W"], p["layer2.W"], p["layer3.W"]], "lr": 0.05, "weight_decay": 0.1},
        {"params": [p["layer0.b"], p["layer3.b"]], "lr": 0.1, "weight_decay": 0.0},
        {"params": [p["layer1.gamma"], p["layer1.beta"], p["layer2.g"], p["layer2.b"]],
         "lr": 0.02, "weight_decay": 0.01},
    ]


def configured_groups(p):
    """What a configuration can part; the batch normalization has an optimizer of its own."""
    return [
        {"params": [p["layer0.W"], p["layer2.W"], p["layer3.W"]], "lr": 0.05, "weight_decay": 0.1},
        {"params": [p["layer0.b"], p["layer2.b"], p["layer3.b"]], "lr": 0.1, "weight_decay": 0.0},
        {"params": [p["layer2.g"]], "lr": 0.05, "weight_decay": 0.0},
        {"params": [p["layer1.gamma"], p["layer1.beta"]], "lr": 0.02, "weight_decay": 0.01},
    ]


def default_groups(p):
    """One group with every default but the rate, weight decay among them."""
    return [{"params": list(p.values()), "lr": 0.05}]


def forward(p, x, running):
    h = torch.tanh(x @ p["layer0.W"] + p["layer0.b"])
    h = torch.nn.functional.batch_norm(
        h, running[0], running[1], p["layer1.gamma"][0], p["layer1.beta"][0], training=True)
    h = torch.nn.functional.layer_norm(h @ p["layer2.W"], (4,), eps=0)
    h = torch.tanh(h * p["layer2.g"] + p["layer2.b"])
    return h @ p["layer3.W"] + p["layer3.b"]


def train(optimizer, groups, changes):
    p = {name: value.clone().requires_grad_() for name, value in INITIAL.items()}
    running = [torch.zeros(5), torch.ones(5)]
    opt = optimizer(groups(p))
    trace = []
    for step in range(STEPS):
        if changes and step == STEPS // 2:
            for group, decay in zip(opt.param_groups, [0.03, 0.2, 0.0]):
                group["lr"] *= 0.5
                group["weight_decay"] = decay
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(forward(p, INPUTS[step], running), LABELS[step])
        loss.backward()
        opt.step()
        trace.append({name: p[name].detach().flatten().tolist() for name in NAMES})
    return trace


json.dump({
    "torch": torch.__version__,
    "initial": {name: value.flatten().tolist() for name, value in INITIAL.items()},
    "inputs": [x.flatten().tolist() for x in INPUTS],
    "labels": [y.tolist() for y in LABELS],
    "live": {name: train(opt, live_groups, True) for name, opt in OPTIMIZERS.items()},
    "configured": {name: train(opt, configured_groups, False) for name, opt in OPTIMIZERS.items()},
    "defaults": {name: train(opt, default_groups, False) for name, opt in OPTIMIZERS.items()},
}, sys.stdout, separators=(",", ":"))
