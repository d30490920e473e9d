"""Times the corruptions of the PyPI packages imagenet-c and imagecorruptions on one thread.

Reads one JSON object a line: {"package", "corruption", "size", "repeats"}. Each repeat corrupts the image of that size once at each of the
five severities. Writes one line for each: {"seconds"} of all repeats together, or {"error"}. The first line it writes names the versions.

    corruptions.py 224=PNG 32=PNG
"""

import json
import os
import platform
import sys
import time
import warnings

for pool in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[pool + "_NUM_THREADS"] = "1"
os.environ["MAGICK_THREAD_LIMIT"] = "1"
warnings.simplefilter("ignore")

import cv2
import imagecorruptions
import imagenet_c
import numba
import numpy as np
import PIL
import scipy
import skimage
import wand.version
from PIL import Image
from skimage.filters import gaussian

cv2.setNumThreads(0)
np.random.seed(1)


@numba.njit
def copy_neighbours(x, delta, iterations):
    height, width = x.shape[:2]
    for _ in range(iterations):
        for h in range(height - delta, delta, -1):
            for w in range(width - delta, delta, -1):
                dx = np.random.randint(-delta, delta)
                dy = np.random.randint(-delta, delta)
                for c in range(3):
                    x[h, w, c] = x[h + dy, w + dx, c]


def glass_blur(x, severity=1):
    """The package's law with its loop over pixels compiled, which its repository does and its published wheel does not."""
    sigma, delta, iterations = [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)][severity - 1]
    x = np.uint8(gaussian(np.array(x) / 255.0, sigma=sigma, channel_axis=-1) * 255)
    copy_neighbours(x, delta, iterations)
    return np.clip(gaussian(x / 255.0, sigma=sigma, channel_axis=-1), 0, 1) * 255


imagecorruptions.corruption_dict["glass_blur"] = glass_blur
corrupt = {"imagenet-c": imagenet_c.corrupt, "imagecorruptions": imagecorruptions.corrupt}


def measure(image, package, corruption, repeats):
    function = corrupt[package]
    start = time.perf_counter()
    for _ in range(repeats):
        for severity in range(1, 6):
            result = np.array(function(image, severity, corruption))  # JPEG is decoded here, if not before
    seconds = time.perf_counter() - start
    if result.shape != image.shape or result.dtype != np.uint8:
        raise ValueError(f"gives {result.shape} {result.dtype}, expected {image.shape} uint8")
    return seconds


def answer(images, request):
    try:
        return {"seconds": measure(images[request["size"]], request["package"], request["corruption"], request["repeats"])}
    except Exception as error:  # some corruptions of a package cannot do some sizes: that is a finding
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}


def main():
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    images = {}
    for argument in sys.argv[1:]:
        size, path = argument.split("=", 1)
        images[int(size)] = np.array(Image.open(path).convert("RGB"))
    versions = [
        "Python " + platform.python_version(), "numpy " + np.__version__, "scipy " + scipy.__version__,
        "scikit-image " + skimage.__version__, "OpenCV " + cv2.__version__, "Pillow " + PIL.__version__,
        "numba " + numba.__version__, "Wand " + wand.version.VERSION, wand.version.MAGICK_VERSION.split(" http")[0],
    ]
    print(json.dumps({"versions": versions}), file=out)
    for line in sys.stdin:
        print(json.dumps(answer(images, json.loads(line))), file=out)


main()
