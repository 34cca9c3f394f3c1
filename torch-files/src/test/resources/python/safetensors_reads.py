"""Reads a file with the library safetensors, and says what is in it."""
import sys

from safetensors import safe_open
from safetensors.numpy import load_file

with safe_open(sys.argv[1], framework="np") as file:
    print(file.metadata())
for name, array in sorted(load_file(sys.argv[1]).items()):
    print(name, array.dtype, list(array.shape), array.tobytes().hex())
