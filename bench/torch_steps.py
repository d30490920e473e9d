"""Does the steps of visus/study/steps in PyTorch: eager, float32, each written as one usually writes it.

    torch_steps.py THREADS FOLDER

Reads lines "network batch seconds". FOLDER/network-batch.safetensors holds the parameters and the data, so that both sides do the same work. Each
line is answered by one JSON object with the fields of `visus bench step`: a step is done at least three times, and none begins after so many
seconds; before the first answer for a network three more steps are done and their values kept in "check". The first line it writes names the version.
"""

import json
import platform
import statistics
import struct
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

RATE = 1e-4


def load(path):
    """Returns the tensors of a safetensors file by name."""
    types = {"F32": torch.float32, "I64": torch.int64}
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), bytearray(f.read())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = torch.frombuffer(data[begin:end], dtype=types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


class BasicBlock(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.more = channels - channels_in

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.more:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more - self.more // 2))
        return F.relu(y + x)


class ResNet20(nn.Module):
    """The CIFAR ResNet of He et al. 2016 with shortcuts without parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self.stage(16, 16, 1)
        self.layer2 = self.stage(16, 32, 2)
        self.layer3 = self.stage(32, 64, 2)
        self.linear = nn.Linear(64, 10)

    @staticmethod
    def stage(channels_in, channels, stride):
        return nn.Sequential(BasicBlock(channels_in, channels, stride), BasicBlock(channels, channels, 1), BasicBlock(channels, channels, 1))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2500, 256)
        self.fc2 = nn.Linear(256, 256)
        self.fc3 = nn.Linear(256, 2)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class SlowVAE(nn.Module):
    """Network and loss of Klindt et al. 2021 with beta 1, gamma 10, rate 6."""

    def __init__(self, channels=1, latents=10):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, 32, 4, 2, 1), nn.ReLU(True),
            nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(True),
            nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(True),
            nn.Conv2d(64, 64, 4, 2, 1), nn.ReLU(True),
            nn.Conv2d(64, 256, 4, 1), nn.ReLU(True),
            nn.Flatten(), nn.Linear(256, 2 * latents),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latents, 256), nn.Unflatten(1, (256, 1, 1)), nn.ReLU(True),
            nn.ConvTranspose2d(256, 64, 4), nn.ReLU(True),
            nn.ConvTranspose2d(64, 64, 4, 2, 1), nn.ReLU(True),
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(True),
            nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(True),
            nn.ConvTranspose2d(32, channels, 4, 2, 1),
        )  # fmt: skip

    def forward(self, x, noise):
        rows, log_tau, rate = len(x), 1.8378770664093453, 6.0
        mean, log_variance = self.encoder(x).chunk(2, 1)
        deviation = (log_variance / 2).exp()
        logits = self.decoder(mean + deviation * noise)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / rows
        entropy = 0.5 * (log_variance + log_tau + 1).sum() / rows
        normal = 0.5 * (mean**2 + deviation**2 + log_tau).sum() / rows
        d = mean - mean.view(-1, 2, mean.shape[1]).flip(1).view_as(mean)
        ratio = d / deviation
        folded = deviation * 0.7978845608028654 * (-0.5 * ratio**2).exp() + d * torch.erf(ratio * 0.7071067811865476)
        laplace = 2 * (rate * folded - torch.log(torch.tensor(rate / 2))).sum() / rows
        return 2 * reconstruction + (normal - entropy) + 10 * (laplace - entropy)


def conv_blocks():
    layers = [nn.Conv2d(3, 32, 3, padding=1)]
    for _ in range(4):
        layers += [nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(True)]
    return nn.Sequential(*layers)


def prepared(model, tensors):
    """Gives a model the parameters of the file."""
    state = model.state_dict()
    model.load_state_dict({name: tensors.get(name, value) for name, value in state.items()})
    missing = [name for name in state if name not in tensors and not name.endswith("num_batches_tracked")]
    if missing:
        raise SystemExit(f"the file lacks {missing}")
    return model


def trained(model, optimiser, loss):
    def step():
        optimiser.zero_grad()
        value = loss(model)
        value.backward()
        optimiser.step()
        return value.detach()

    return step


def slowvae(t):
    model = prepared(SlowVAE(), t)
    return model, trained(model, torch.optim.Adam(model.parameters(), RATE), lambda m: m(t["input"], t["noise"]))


def resnet20(t):
    model = prepared(ResNet20(), t)
    optimiser = torch.optim.SGD(model.parameters(), RATE, momentum=0.9, weight_decay=5e-4)
    return model, trained(model, optimiser, lambda m: F.cross_entropy(m(t["input"]), t["labels"]))


def mlp(t):
    model = prepared(MLP(), t)
    return model, trained(model, torch.optim.Adam(model.parameters(), RATE), lambda m: F.cross_entropy(m(t["input"]), t["labels"]))


def convblocks(t):
    model = prepared(conv_blocks(), t)

    def step():
        model.zero_grad()
        model(t["input"]).mean().backward()
        return model[0].weight.grad

    return model, step


def tent(t):
    model = prepared(ResNet20(), t).requires_grad_(False)
    affine = [p for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.requires_grad_(True).parameters()]

    def entropy(m):
        logs = m(t["input"]).log_softmax(1)
        return -(logs.exp() * logs).sum(1).mean()

    return model, trained(model, torch.optim.Adam(affine, RATE), entropy)


def gradient(t):
    model = prepared(ResNet20(), t).eval().requires_grad_(False)

    def step():
        images = t["input"].requires_grad_()
        return torch.autograd.grad(F.cross_entropy(model(images), t["labels"]), images)[0]

    return model, step


def inference(t):
    model = prepared(ResNet20(), t).eval()

    @torch.inference_mode()
    def step():
        return model(t["input"])

    return model, step


def warm():
    """Has PyTorch load what it loads late, so that a step's memory is its own."""
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 1))
    optimiser = torch.optim.Adam(model.parameters(), RATE)
    model(torch.zeros(2, 1, 3, 3)).sum().backward()
    optimiser.step()


def memory(key):
    """Returns VmHWM, the peak of the process's resident memory, or VmRSS, what it is now, in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith(key))
    except (OSError, StopIteration):
        return 0


def timed(step, seconds):
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        step()
        times.append(time.perf_counter() - before)
    return times


def main():
    threads, folder = int(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(threads)
    works = {f.__name__: f for f in (slowvae, resnet20, convblocks, mlp, tent, gradient, inference)}
    print(json.dumps({"versions": [f"Python {platform.python_version()}", f"PyTorch {torch.__version__}"]}), flush=True)
    warm()
    loaded, ready = memory("VmRSS"), {}
    for line in sys.stdin:
        network, batch, seconds = line.split()
        if (network, batch) not in ready:
            model, step = works[network](load(f"{folder}/{network}-{batch}.safetensors"))
            check = [step().abs().mean().item() for _ in range(3)]
            ready[network, batch] = step, check, sum(p.numel() for p in model.parameters())
        step, check, parameters = ready[network, batch]
        times = timed(step, float(seconds))
        peak = memory("VmHWM")
        answer = {
            "network": network, "batch": int(batch), "engine": f"PyTorch {torch.__version__}", "threads": threads, "steps": len(times),
            "median_s": statistics.median(times), "minimum_s": min(times), "peak_memory_bytes": peak, "step_memory_bytes": peak - loaded,
            "parameters": parameters, "check": check,
        }  # fmt: skip
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
