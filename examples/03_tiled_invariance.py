"""Learnt invariance: the kernels of a tile share out the turns of a pattern, so their maximum changes less in a turn.

Shared and tiled kernels are pooled over the same blocks and learn the same: which digit is this turned digit?
Printed is how far turning moves the pooled responses to held-out digits; 1 is as far as another digit's.
Run: python examples/03_tiled_invariance.py
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from striate.nn import TiledConv2d, TileMaxPool2d

digits = torch.tensor(load_digits(return_X_y=True)[0] / 16, dtype=torch.float32).view(-1, 1, 8, 8)
train, test, angles = digits[:1400], digits[1400:], (10.0, 20.0, 30.0, 40.0)


def turned(x: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
    sin, cos = degrees.deg2rad().sin(), degrees.deg2rad().cos()
    turns = torch.stack([cos, -sin, 0 * sin, sin, cos, 0 * sin], 1).view(-1, 2, 3)
    return F.grid_sample(x, F.affine_grid(turns, list(x.shape), align_corners=False), align_corners=False)


print("turned by".ljust(32), *(f"{a:5.0f}°" for a in angles))
for tiles, steps in ((1, 0), (4, 0), (1, 200), (4, 200)):
    torch.manual_seed(0)
    net = nn.Sequential(TiledConv2d(1, 16, 5, padding="same", tiles=tiles), TileMaxPool2d(4), nn.Flatten())
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(steps):
        x = train[torch.randint(len(train), (128,))]
        seen, known = F.normalize(net(turned(x, 80 * torch.rand(len(x)) - 40))), F.normalize(net(x))
        optimizer.zero_grad()
        F.cross_entropy(10 * seen @ known.T, torch.arange(len(x))).backward()
        optimizer.step()
    at, apart = net(test), (net(test) - net(test.roll(1, 0))).norm(dim=1).mean()
    moved = [(net(turned(test, torch.full((len(test),), a))) - at).norm(dim=1).mean() / apart for a in angles]
    print(f"{tiles} x {tiles} kernels, after {steps} steps".ljust(32), *(f"{m:6.2f}" for m in moved), flush=True)
