"""Networks to look into that the package has never seen: reused and in-place rectifiers, functions, odd branches."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["STRANGERS", "Small", "image_for", "network_of"]


class Small(nn.Sequential):
    """Two convolutions with module rectifiers, pools side by side, two linear layers: what Captum handles as well."""

    def __init__(self, *, inplace: bool = False) -> None:
        super().__init__(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace), nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 3), nn.ReLU(inplace), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(72, 20), nn.ReLU(inplace), nn.Linear(20, 5),
        )  # fmt: skip


class Functional(nn.Module):
    """No modules but those with parameters; overlapping pools; written into in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 6, 5, stride=2), nn.Conv2d(6, 8, 3), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu_(self.conv1(x)), 3, 2, ceil_mode=True)
        x = torch.relu(self.conv2(x)).relu_()
        x += 1
        return self.fc(x.clamp(min=0).mean((2, 3)))


class Reused(nn.Module):
    """One in-place rectifier everywhere, a shortcut, normalisation of batches and of responses."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.relu, self.norm, self.pool = nn.ReLU(inplace=True), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)
        self.fc = nn.Linear(8 * 8 * 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(x))
        y += x
        return self.fc(self.pool(self.norm(self.relu(y))).flatten(1))


class Gated(nn.Module):
    """Channels weighted by gates, depthwise kernels, hard activations, group normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.deep, self.norm = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1, 1, 8), nn.GroupNorm(2, 8)
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.swish, self.relu6, self.fc = nn.Hardswish(inplace=True), nn.ReLU6(inplace=True), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu6(self.norm(self.deep(self.swish(self.stem(x)))))
        gate = F.hardsigmoid(self.excite(self.relu6(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        return self.fc(F.adaptive_avg_pool2d(x * gate, 1).flatten(1))


class Branches(nn.Module):
    """Branches of other sizes side by side, an answer beside the answer, and attention over places."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 5, padding=2, dilation=1)
        self.mix, self.norm = nn.MultiheadAttention(8, 2, batch_first=True), nn.LayerNorm(8)
        self.fc, self.beside = nn.Linear(8, 5), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> dict[str, Any]:
        maps = F.avg_pool2d(F.gelu(torch.cat([self.near(x), self.far(x)], 1)), 4)
        tokens = maps.flatten(2).transpose(1, 2)
        mixed, _ = self.mix(tokens, tokens, tokens, need_weights=False)
        found = self.norm(tokens + mixed).mean(1)
        return {"out": self.fc(found), "beside": self.beside(found)}


STRANGERS: dict[str, type[nn.Module]] = {
    "small": Small, "functional": Functional, "reused": Reused, "gated": Gated, "branches": Branches,
}  # fmt: skip


def network_of(axes: int) -> tuple[nn.Module, Tensor]:
    """A small network of sequences, pictures or volumes, and a batch of them: 64-bit floats."""
    conv, pool = {
        1: (nn.Conv1d, nn.MaxPool1d), 2: (nn.Conv2d, nn.MaxPool2d), 3: (nn.Conv3d, nn.MaxPool3d),
    }[axes]  # fmt: skip
    layers = conv(2, 3, 3), nn.ReLU(), pool(2), nn.Flatten(), nn.Linear(3 * 3**axes, 4)
    return nn.Sequential(*layers).double().eval(), torch.randn(2, 2, *[8] * axes, dtype=torch.float64)


def image_for(name: str, count: int = 2) -> Tensor:
    """Random images of the size that a stranger takes."""
    size = {"small": 16, "reused": 17}.get(name, 24)
    return torch.randn(count, 3, size, size)
