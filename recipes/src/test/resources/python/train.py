"""Trains by recipe files: train.py SCRIPTS TASK. The task is JSON: recipes, weights, batches, epochs. Out come the rates
of every update and the weights in the end, for each recipe."""
import json
import sys
from collections import OrderedDict

import torch

sys.path.insert(0, sys.argv[1])
import torch_recipe as recipes

torch.set_default_dtype(torch.float64)
with open(sys.argv[2]) as file:
    task = json.load(file)


def train(recipe):
    model = torch.nn.Sequential(OrderedDict(
        hidden=torch.nn.Linear(3, 4), tanh=torch.nn.Tanh(), out=torch.nn.Linear(4, 3)))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.tensor(task["weights"][name]))
    optimizer = recipes.make_optimizer(recipe, model)
    scheduler = recipes.make_scheduler(recipe["schedule"], optimizer)
    criterion = recipes.make_criterion(recipe)
    accumulation = recipe.get("accumulation", {"batches": 1})["batches"]
    rates = []
    for epoch in range(task["epochs"]):
        for number, (features, labels) in enumerate(task["batches"]):
            (criterion(model(torch.tensor(features)), torch.tensor(labels)) / accumulation).backward()
            if (number + 1) % accumulation == 0:
                recipes.clip(recipe, model)
                rates.append([group["lr"] for group in optimizer.param_groups])
                optimizer.step()
                optimizer.zero_grad()
                if recipe.get("step") == "iteration":
                    scheduler.step()
        if recipe.get("step", "epoch") == "epoch":
            scheduler.step()
    return {"rates": rates,
            "weights": {name: parameter.tolist() for name, parameter in model.named_parameters()}}


print(json.dumps([train(recipes.load(path)) for path in task["recipes"]]))
