"""Builds PyTorch's optimizer, schedulers and loss from a recipe file of dl4j-torch.

    recipe = load("recipe.yaml")
    optimizer = make_optimizer(recipe, model)
    scheduler = make_scheduler(recipe["schedule"], optimizer)
    criterion = make_criterion(recipe)
    ...
    loss.backward(); clip(recipe, model); optimizer.step(); scheduler.step()

Layers of the model must have the names that the recipe's patterns are about. YAML needs PyYAML.
"""

import fnmatch
import json
import math
import re

import torch
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

NORMALIZATIONS = (torch.nn.modules.batchnorm._NormBase, torch.nn.LayerNorm, torch.nn.GroupNorm)


def load(path):
    with open(path, encoding="utf-8") as file:
        if str(path).endswith(".json"):
            return json.load(file)
        import yaml

        class Loader(yaml.SafeLoader):
            """Takes scalars for what they are in YAML 1.2, where 1e-3 is a number."""

            yaml_implicit_resolvers = {}

        number = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)"
        for tag, pattern in [("null", r"~|null|Null|NULL|"), ("bool", r"true|True|TRUE|false|False|FALSE"),
                             ("int", r"[-+]?[0-9]+"), ("float", number)]:
            Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(f"^(?:{pattern})$"), None)
        Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
        return yaml.load(file, Loader)


def listed(value):
    return value if isinstance(value, list) else [value]


def kinds(module, name):
    found = {"normalization"} if isinstance(module, NORMALIZATIONS) else set()
    if name.startswith("bias"):
        found.add("bias")
    return found or {"weight"}


def selects(group, layer, module, name):
    patterns = [pattern.replace("[", "[[]") for pattern in listed(group.get("pattern", "*"))]
    return any(fnmatch.fnmatchcase(layer, pattern) for pattern in patterns) and (
        "kind" not in group or kinds(module, name) & set(listed(group["kind"])))


def make_optimizer(recipe, model):
    settings = {key: value for key, value in recipe["optimizer"].items() if value is not None}
    kind = getattr(torch.optim, settings.pop("type"))
    groups = settings.pop("param_groups", [{}])
    if not settings.get("decoupled_weight_decay", True):
        del settings["decoupled_weight_decay"]  # older versions do not know it
    chosen = [[] for _ in groups]
    for name, parameter in model.named_parameters():
        layer, _, leaf = name.rpartition(".")
        module = model.get_submodule(layer)
        first = next((i for i, group in enumerate(groups) if selects(group, layer, module, leaf)), None)
        if first is None:
            raise ValueError(f"{name} is in no param group")
        chosen[first].append(parameter)
    own = [{key: value for key, value in group.items() if key not in ("name", "pattern", "kind")}
           for group in groups]
    return kind([{"params": params, **group} for params, group in zip(chosen, own)], **settings)


def function(written):
    (name, given), = written.items()
    if name == "table" and isinstance(given, list):  # long ones may be packed, which Java alone reads
        return lambda t: given[max(0, min(int(t), len(given) - 1))]
    if name == "exponential":
        return lambda t: given["gamma"] ** t
    if name == "yolov5_linear":
        return lambda t: (1 - t / given["epochs"]) * (1 - given["lrf"]) + given["lrf"]
    if name == "yolov5_cosine":
        return lambda t: (1 - math.cos(t * math.pi / given["epochs"])) / 2 * (given["lrf"] - 1) + 1
    raise ValueError(f"the function {name} is not known here")


def make_scheduler(definition, optimizer):
    given = {key: value for key, value in definition.items() if value is not None}
    name = given.pop("type")
    kind = SWALR if name == "SWALR" else getattr(lr_scheduler, name, None)
    if kind is None:
        raise ValueError(f"{name} is not one of PyTorch's schedulers")
    if "schedulers" in given:
        given["schedulers"] = [make_scheduler(member, optimizer) for member in given["schedulers"]]
    for key in ("lr_lambda", "scale_fn"):
        if key in given:
            functions = given[key]
            given[key] = [function(f) for f in functions] if isinstance(functions, list) else function(functions)
    return kind(**given) if name == "ChainedScheduler" else kind(optimizer, **given)


def make_criterion(recipe):
    return torch.nn.CrossEntropyLoss(label_smoothing=recipe.get("label_smoothing", 0.0))


def clip(recipe, model):
    if "clip_grad_norm" in recipe:
        settings = {key: float(value) if key != "error_if_nonfinite" else value
                    for key, value in recipe["clip_grad_norm"].items()}
        torch.nn.utils.clip_grad_norm_(model.parameters(), **settings)
    if "clip_grad_value" in recipe:
        torch.nn.utils.clip_grad_value_(model.parameters(), **recipe["clip_grad_value"])
