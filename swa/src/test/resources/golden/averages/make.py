"""Writes averages.json: the weights along a short training, and three kinds of averages of them.

Run with PyTorch 1.13 and NumPy and no arguments. The averages are computed here as their papers and
libraries define them:

* ema-pytorch's EMA: update() is called after every step. Only each UPDATE_EVERY-th call, the first one
  included, does anything. Up to call number UPDATE_AFTER_STEP it copies; then it averages with a decay
  that warms up by an inverse power of the calls since. Buffers are treated as parameters.
* Latest weight averaging (Kaddour 2022): the mean over a queue of the last K models.
* The power function EMA (Karras et al. 2024) and what is reconstructed from its snapshots: the least
  squares fit of the profiles, whose inner products are integrals of a product of two powers.

Parameters are named, and their numbers ordered, as in Deeplearning4j.
"""

import collections
import json
import pathlib

import numpy
import torch

STEPS = 60
BETA, UPDATE_AFTER_STEP, UPDATE_EVERY, INV_GAMMA, POWER, MIN_VALUE = 0.9, 10, 3, 2.0, 0.75, 0.3
K, EVERY = 4, 5
TRACKED = [0.05, 0.1]
SNAPSHOT_EVERY = 10
WANTED = [(0.03, 60), (0.07, 60), (0.15, 60), (0.25, 60), (0.12, 40)]

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)


def flat(model):
    """The state by Deeplearning4j's names."""
    first, norm, _, last = model
    return {
        "0_W": first.weight.detach().t().flatten().clone(),
        "0_b": first.bias.detach().clone(),
        "1_gamma": norm.weight.detach().clone(),
        "1_beta": norm.bias.detach().clone(),
        "1_mean": norm.running_mean.clone(),
        "1_var": norm.running_var.clone(),
        "2_W": last.weight.detach().t().flatten().clone(),
        "2_b": last.bias.detach().clone(),
    }


def written(state):
    return {name: value.tolist() for name, value in state.items()}


class EmaPytorch:
    def __init__(self):
        self.calls = 0
        self.average = None

    def update(self, state):
        call = self.calls
        self.calls += 1
        if call % UPDATE_EVERY != 0:
            return False
        since = call - UPDATE_AFTER_STEP
        if self.average is None or since <= 0:
            self.average = {name: value.clone() for name, value in state.items()}
            return True
        decay = 1 - (1 + since / INV_GAMMA) ** -POWER
        decay = min(max(decay, MIN_VALUE), BETA)
        for name, value in state.items():
            self.average[name] = torch.lerp(self.average[name], value, 1 - decay)
        return True


def exponent(sigma_rel):
    """The exponent of the power function with this relative width: a root of a cubic."""
    t = sigma_rel**-2
    return float(numpy.roots([1, 7, 16 - t, 12 - t]).real.max())


class PowerEma:
    def __init__(self, sigma_rel):
        self.gamma = exponent(sigma_rel)
        self.t = 0
        self.average = None

    def update(self, state):
        self.t += 1
        beta = (1 - 1 / self.t) ** (self.gamma + 1)
        if self.average is None:
            self.average = {name: torch.zeros_like(value) for name, value in state.items()}
        for name, value in state.items():
            self.average[name] = beta * self.average[name] + (1 - beta) * value


def inner(t, gamma, u, delta):
    """The integral over the common time of the profiles with (t, gamma) and (u, delta)."""
    log = (gamma + delta + 1) * numpy.log(numpy.minimum(t, u))
    log -= (gamma + 1) * numpy.log(t) + (delta + 1) * numpy.log(u)
    return (gamma + 1) * (delta + 1) / (gamma + delta + 1) * numpy.exp(log)


def reconstructed(snapshots, sigma_rel, time):
    used = [snapshot for snapshot in snapshots if snapshot[0] <= time]
    t = numpy.array([float(snapshot[0]) for snapshot in used])
    gamma = numpy.array([snapshot[1] for snapshot in used])
    matrix = inner(t[:, None], gamma[:, None], t[None, :], gamma[None, :])
    vector = inner(t, gamma, float(time), exponent(sigma_rel))
    shares = numpy.linalg.solve(matrix, vector)
    return {
        name: sum(float(share) * snapshot[2][name] for share, snapshot in zip(shares, used))
        for name in used[0][2]
    }


model = torch.nn.Sequential(
    torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.8)
ema = EmaPytorch()
queue = collections.deque(maxlen=K)
tracked = [PowerEma(sigma_rel) for sigma_rel in TRACKED]
direct = {sigma_rel: PowerEma(sigma_rel) for sigma_rel, time in WANTED if time == STEPS}

states, of_ema, of_last, of_power, snapshots = [], [], [], [], []
for step in range(STEPS):
    features = torch.randn(8, 3)
    loss = torch.nn.functional.mse_loss(model(features), features[:, :2].sin() + 0.1 * torch.randn(8, 2))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    state = flat(model)
    states.append(written(state))
    if ema.update(state):
        of_ema.append(written(ema.average))
    if step % EVERY == 0:
        queue.append(state)
        of_last.append(
            written({name: torch.stack([kept[name] for kept in queue]).mean(0) for name in state})
        )
    for power in [*tracked, *direct.values()]:
        power.update(state)
    if (step + 1) % SNAPSHOT_EVERY == 0:
        of_power.append([written(power.average) for power in tracked])
        for power in tracked:
            kept = {name: value.clone() for name, value in power.average.items()}
            snapshots.append((power.t, power.gamma, kept))

pathlib.Path(__file__).with_name("averages.json").write_text(
    json.dumps(
        {
            "torch": torch.__version__,
            "states": states,
            "ema_pytorch": {
                "beta": BETA,
                "update_after_step": UPDATE_AFTER_STEP,
                "update_every": UPDATE_EVERY,
                "inv_gamma": INV_GAMMA,
                "power": POWER,
                "min_value": MIN_VALUE,
                "trace": of_ema,
            },
            "last": {"k": K, "every": EVERY, "trace": of_last},
            "power_ema": {
                "sigma_rel": TRACKED,
                "snapshot_every": SNAPSHOT_EVERY,
                "trace": of_power,
                "exponents": [
                    {"sigma_rel": s, "gamma": exponent(s)}
                    for s in [0.001, 0.01, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.28]
                ],
                "reconstructed": [
                    {
                        "sigma_rel": sigma_rel,
                        "models": time,
                        "average": written(reconstructed(snapshots, sigma_rel, time)),
                    }
                    for sigma_rel, time in WANTED
                ],
                "direct": [
                    {"sigma_rel": sigma_rel, "average": written(power.average)}
                    for sigma_rel, power in direct.items()
                ],
            },
        }
    )
    + "\n"
)
