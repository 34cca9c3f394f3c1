"""Prints how far Muon in bfloat16, as PyTorch iterates, is from Muon in the network's own precision.

/usr/bin/python3 bfloat16.py

First one update of matrices of several shapes; then the losses of a small training by either.
"""

import torch

torch.manual_seed(1)
torch.set_num_threads(1)


def orthogonal(matrix, dtype):
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(dtype)
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.T if tall else x).to(matrix.dtype)


for shape in ((64, 64), (256, 256), (256, 64), (64, 1024)):
    matrix = torch.randn(shape, dtype=torch.float64)
    exact = orthogonal(matrix, torch.float64)
    for dtype in (torch.float32, torch.bfloat16):
        off = (orthogonal(matrix, dtype) - exact).norm() / exact.norm()
        print(f"{shape} {dtype}: {off:.1e} of the update")


def train(dtype, seed):
    torch.manual_seed(seed)
    x = torch.randn(512, 16)
    y = torch.sin(x @ torch.randn(16, 4))
    sizes = [16, 64, 64, 4]
    weights = [torch.randn(out, into) / into**0.5 for into, out in zip(sizes, sizes[1:])]
    buffers = [torch.zeros_like(weight) for weight in weights]
    for weight in weights:
        weight.requires_grad_()
    for _ in range(300):
        loss = ((torch.tanh(torch.tanh(x @ weights[0].T) @ weights[1].T) @ weights[2].T - y) ** 2).mean()
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient, buffer in zip(weights, gradients, buffers):
                buffer.lerp_(gradient, 0.05)
                update = orthogonal(gradient.lerp(buffer, 0.95), dtype)
                weight.sub_(0.01 * max(1, weight.shape[0] / weight.shape[1]) ** 0.5 * update)
    return loss.item()


for seed in range(3):
    losses = [f"{dtype} {train(dtype, seed):.5f}" for dtype in (torch.float64, torch.float32, torch.bfloat16)[1:]]
    print(f"seed {seed}: loss after 300 steps", ", ".join(losses))
