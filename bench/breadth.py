"""Networks that others defined, as programs: whether they answer as their models do, and how fast against PyTorch.

The definitions are torchvision's, with weights that are drawn and normalisations that have seen a few images; a U-Net
in both of its usual forms. What is asked of answers: within a thousandth and 1e-4, and the same first class everywhere.

Run: python -m bench.breadth [--turns 7] [--networks unet swin_t]
"""

import argparse
import copy
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from bench.harness import RESULTS, ROOT, compare, record_rows
from striate import compile  # noqa: A004 - it is what PyTorch calls it
from striate.compile.outputs import tensors_of
from striate.compile.program import Program
from striate.rivals.pytorch import PYTORCH

sys.path.insert(0, str(ROOT / "tests"))
from torchvision_oracle import torchvision  # pyright: ignore[reportMissingImports] - found there

__all__ = ["NETWORKS", "main"]

_RELATIVE, _ABSOLUTE = 1e-3, 1e-4

_RECORD = RESULTS / "breadth.json"


class UNet(nn.Module):
    """Ronneberger, Fischer and Brox, 2015, a quarter as wide, its maps padded; up by kernels or by interpolation."""

    def __init__(self, up: Callable[[int, int], nn.Module]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        widths = (16, 32, 64, 128, 256)
        self.down = nn.ModuleList(_twice(a, b) for a, b in pairwise((3, *widths)))
        self.rise = nn.ModuleList(up(b, a) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_twice(2 * a, a) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores for each pixel."""
        seen: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if number else x)
            seen.append(x)
        for rise, block, before in zip(reversed(self.rise), reversed(self.up), reversed(seen[:-1]), strict=True):
            x = block(torch.cat([before, rise(x)], 1))
        return self.head(x)


def _twice(inputs: int, outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def _interpolated(inputs: int, outputs: int) -> nn.Module:
    up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(up, nn.Conv2d(inputs, outputs, 1))


def _theirs(name: str, **settings: Any) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        where = torchvision.models
        return where.get_model(name, weights=None, **settings)

    return make


_SEGMENTATION = {"weights_backbone": None}
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    **{
        name: _theirs(name)
        for name in (
            "squeezenet1_0", "squeezenet1_1", "densenet121", "densenet169", "mobilenet_v2", "mobilenet_v3_small",
            "mobilenet_v3_large", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "mnasnet0_5", "mnasnet1_0",
            "efficientnet_b0", "efficientnet_b1", "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf",
            "regnet_y_800mf", "convnext_tiny", "vgg11_bn", "vgg13", "vgg16_bn", "resnext50_32x4d", "wide_resnet50_2",
            "swin_t",
        )
    },
    "googlenet": _theirs("googlenet", init_weights=False),
    "inception_v3": _theirs("inception_v3", init_weights=False),
    "fcn_resnet50": _theirs("fcn_resnet50", **_SEGMENTATION),
    "deeplabv3_mobilenet_v3_large": _theirs("deeplabv3_mobilenet_v3_large", **_SEGMENTATION),
    "lraspp_mobilenet_v3_large": _theirs("lraspp_mobilenet_v3_large", **_SEGMENTATION),
    "unet": lambda: UNet(lambda inputs, outputs: nn.ConvTranspose2d(inputs, outputs, 2, 2)),
    "unet, bilinear": lambda: UNet(_interpolated),
}  # fmt: skip
"""By name, what makes it."""

_SIZES = {"inception_v3": 299}  # of the images; 224 for all others


def network(name: str) -> nn.Module:
    """Make a network whose normalisations know what they meet, in evaluation mode."""
    torch.manual_seed(0)
    model = NETWORKS[name]()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of what was seen
    if norms:
        with torch.no_grad():
            model.train()(_images(name, 4))
    return model.eval()


def _images(name: str, count: int) -> Tensor:
    size = _SIZES.get(name, 224)
    return torch.randn((count, 3, size, size), generator=torch.Generator().manual_seed(count))


def _agreement(program: Program, model: nn.Module, images: Tensor) -> str:
    """Say what is wrong with an answer; "yes" if nothing is."""
    with torch.no_grad():
        for place, (got, want) in enumerate(zip(program.run(images), tensors_of(model(images)), strict=True)):
            if not torch.allclose(got, want, rtol=_RELATIVE, atol=_ABSOLUTE):
                exact = tensors_of(copy.deepcopy(model).double()(images.double()))[place]
                ours, theirs = (float((each - exact).abs().max() / exact.abs().max()) for each in (got, want))
                how = "rounded as much" if ours <= 2 * theirs else "no"
                return f"{how}: {ours:.1e} of the largest from 64 bits, PyTorch {theirs:.1e}"
            if not got.argmax(1).equal(want.argmax(1)):
                same = float((got.argmax(1) == want.argmax(1)).double().mean())
                return f"no: the first class in {same:.4%} of {got.argmax(1).numel()}"
    return "yes"


def timed(name: str, turns: int) -> list[str]:
    """Compile one, hold its answers to one image and to two against the model's, and time it."""
    model, x = network(name), _images(name, 1)
    program = compile(model, x, verified=False)
    said = [_agreement(program, model, _images(name, count)) for count in (1, 2)]
    with torch.no_grad():
        calls: dict[str, Callable[[], Any]] = {"striate": lambda: program.run(x)}
        single = _First(model)
        calls |= {way: PYTORCH[way](single, x) for way in list(PYTORCH)[:2]}
        result = compare("breadth", calls, what=name, verify=lambda _: True, n=turns, threads=1)
    best = min(list(calls)[1:], key=lambda way: result.spread(way).median)
    times = [f"{result.spread(way).median * 1e3:.1f}" for way in calls]
    agrees = next((each for each in said if each != "yes"), "yes")
    count = f"{len(program.left)} of {len(program.graph.nodes)}"
    return [name, agrees, count, *times, f"{result.ratio(best, 'striate').median:.2f}"]


class _First(nn.Module):
    """A model that gives its first result alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return tensors_of(self.model(x))[0]


def main() -> None:
    """Hold all of them, or some, against PyTorch; the others keep their rows of the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, list[str]] = {}
    if _RECORD.exists():
        rows = {row[0]: row for row in json.loads(_RECORD.read_text(encoding="utf-8"))["rows"]}
    for name in asked.networks:
        rows[name] = timed(name, asked.turns)
        print(" | ".join(rows[name]), file=sys.stderr, flush=True)
    what = (
        "Networks that others defined, batch 1, medians of turns; PyTorch's better layout counts. "
        "Rows may be renewed one by one: the command is the last."
    )
    columns = ["milliseconds", "answers agree", "operations left to PyTorch", "striate", "PyTorch"]
    kept = [rows[name] for name in NETWORKS if name in rows]
    record_rows("breadth", what, [*columns, "PyTorch, channels_last", "times as fast"], kept, threads=1)


if __name__ == "__main__":
    main()
