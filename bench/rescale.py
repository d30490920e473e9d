"""Finds the factor of clipping-aware rescaling (p = 2) with NumPy or PyTorch, as the reference does it and by bisection.

    rescale.py LIBRARY FILE.npz

FILE.npz holds x, within 0 and 1, and delta [rows, elements] of float32, and eps. Each line "sort" or "bisection" is answered by one JSON object:
the CPU seconds of one call and the factors. The first line it writes names the versions.
"""

import json
import platform
import sys
import time

import numpy as np

STEPS = 30


def sort_numpy(x, delta, eps, a, b):
    """Sorts the factors at which elements are clipped; sums of what is still free from each of them on give the squared lengths there."""
    square = delta * delta
    room = np.where(delta >= 0, b - x, x - a)
    at = room * room / np.maximum(square, 1e-20)
    order = np.argsort(at, axis=-1)
    at, square = np.take_along_axis(at, order, -1), np.take_along_axis(square, order, -1)
    free = np.cumsum(square[:, ::-1], axis=-1)[:, ::-1]
    steps = np.diff(at, axis=-1, prepend=np.zeros((len(at), 1), at.dtype))
    reached = np.cumsum(free * steps, axis=-1)
    first = np.argmax((reached >= eps * eps) * np.arange(at.shape[1], 0, -1), axis=-1)
    rows = np.arange(len(at))
    eta = np.sqrt(at[rows, first] - (reached[rows, first] - eps * eps) / free[rows, first])
    return np.where(reached[:, -1] >= eps * eps, eta, np.sqrt(at[:, -1]))


def sort_torch(x, delta, eps, a, b):
    """Does what sort_numpy does."""
    square = delta * delta
    room = torch.where(delta >= 0, b - x, x - a)
    at = room * room / torch.clamp(square, min=1e-20)
    order = torch.argsort(at, dim=-1)
    at, square = at.gather(-1, order), square.gather(-1, order)
    free = square.flip(-1).cumsum(-1).flip(-1)
    steps = torch.diff(at, dim=-1, prepend=torch.zeros(len(at), 1))
    reached = (free * steps).cumsum(-1)
    first = ((reached >= eps * eps) * torch.arange(at.shape[1], 0, -1)).argmax(-1)
    rows = torch.arange(len(at))
    eta = torch.sqrt(at[rows, first] - (reached[rows, first] - eps * eps) / free[rows, first])
    return torch.where(reached[:, -1] >= eps * eps, eta, at[:, -1].sqrt())


def bisection_numpy(x, delta, eps, a, b):
    """Halves an interval thirty times that begins with eight times the factor without clipping."""
    low = np.zeros((len(x), 1), x.dtype)
    high = np.full_like(low, 8 * eps / np.sqrt(np.sum(delta * delta, axis=-1)).min())
    for _ in range(STEPS):
        middle = (low + high) / 2
        moved = np.clip(x + middle * delta, a, b) - x
        short = np.sqrt(np.sum(moved * moved, axis=-1, keepdims=True)) < eps
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return high[:, 0]


def bisection_torch(x, delta, eps, a, b):
    """Does what bisection_numpy does."""
    low = torch.zeros(len(x), 1)
    high = torch.full_like(low, 8 * eps / torch.linalg.vector_norm(delta, dim=-1).min())
    for _ in range(STEPS):
        middle = (low + high) / 2
        moved = torch.clamp(x + middle * delta, a, b).sub_(x)
        short = torch.linalg.vector_norm(moved, dim=-1, keepdim=True) < eps
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return high[:, 0]


def main():
    library, file = sys.argv[1], np.load(sys.argv[2])
    x, delta = file["x"], file["delta"]
    eps, a, b = float(file["eps"]), 0.0, 1.0
    versions, ways = [f"Python {platform.python_version()}", f"NumPy {np.__version__}"], {"sort": sort_numpy, "bisection": bisection_numpy}
    if library == "torch":
        global torch
        import torch

        torch.set_num_threads(1)
        x, delta = torch.from_numpy(x), torch.from_numpy(delta)
        versions, ways = [versions[0], f"PyTorch {torch.__version__}"], {"sort": sort_torch, "bisection": bisection_torch}
    print(json.dumps({"versions": versions}), flush=True)
    for line in sys.stdin:
        way = ways[line.strip()]
        before = time.process_time()
        eta = way(x, delta, eps, a, b)
        seconds = time.process_time() - before
        print(json.dumps({"seconds": seconds, "eta": [float(v) for v in eta]}), flush=True)


main()
