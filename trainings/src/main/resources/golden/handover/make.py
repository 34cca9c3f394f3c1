"""Writes a training that PyTorch began as JSON, for Java to read.

Usage: /usr/bin/python3 make.py FOLDER OUTPUT.json, with a folder that has initial.pt, recipe.json and trace.json. Needs
Debian's python3-torch.
"""

import json
import pathlib
import sys

import torch

folder = pathlib.Path(sys.argv[1])
state = torch.load(folder / "initial.pt")
initial = {name: {"shape": list(array.shape), "values": array.flatten().tolist()}
           for name, array in state.items()}
training = {
    "initial": initial,
    "recipe": json.loads((folder / "recipe.json").read_text()),
    "trace": json.loads((folder / "trace.json").read_text()),
}
pathlib.Path(sys.argv[2]).write_text(json.dumps(training) + "\n")
