"""Attacks ResNet-20 with foolbox and tells how long that took: bench/attack.py THREADS FILE.

FILE (safetensors) has the parameters, images in [0, 1] as "input" and "labels". Each line of the standard input is a list of epsilons,
separated by blanks; the answer is one of JSON.
"""

import json
import platform
import sys
import time
from importlib.metadata import version

import foolbox
import torch

from torch_steps import ResNet20, load, prepared


def main():
    torch.set_num_threads(int(sys.argv[1]))
    tensors = load(sys.argv[2])
    network = prepared(ResNet20(), tensors).eval().requires_grad_(False)
    preprocessing = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "axis": -3}
    model = foolbox.PyTorchModel(network, bounds=(0, 1), preprocessing=preprocessing, device="cpu")
    attack = foolbox.attacks.LinfPGD()
    print(json.dumps({"versions": [f"Python {platform.python_version()}", f"PyTorch {torch.__version__}", f"foolbox {version('foolbox')}"]}), flush=True)
    for line in sys.stdin:
        epsilons = [float(word) for word in line.split()]
        start = time.perf_counter()
        _, _, success = attack(model, tensors["input"], tensors["labels"], epsilons=epsilons)
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "broken": success.sum(1).tolist()}), flush=True)


if __name__ == "__main__":
    main()
