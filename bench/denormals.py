"""What denormal weights cost, ours and PyTorch's: the same layer with weights of usual size and of 1e-40.

Run: python -m bench.denormals [--turns 11]
"""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import compare, record_rows
from bench.layers import NAMED, OURS, Layer, asked, operands
from striate.engine import conv2d

MOST = 1.2
COLUMNS = ["layer", "engine", "PyTorch, channels_last", "held to"]
KINDS = ("3x3", "5x5", "1x1", "stem", "3x3 /2", "depthwise", "grouped")


def tiny(answer: Tensor, *, usual: Tensor) -> bool:
    """Tell whether an answer is the usual one, or as good as zero, which that of denormal weights is."""
    return torch.allclose(answer, usual, rtol=1e-2, atol=1e-3) or bool(answer.abs().max() < 1e-30)


def cost(layer: Layer, convolve: object, n: int) -> float:
    """Say how many times as long denormal weights take."""
    x, weight = operands(layer, 1)
    convolve = conv2d if convolve == OURS else F.conv2d
    small = weight.sign() * 1e-40
    candidates = {
        "denormal": partial(convolve, x, small, **layer.options),
        "usual": partial(convolve, x, weight, **layer.options),
    }
    verify = partial(tiny, usual=F.conv2d(x, weight, **layer.options))
    result = compare("denormals", candidates, what=str(layer), verify=verify, n=n, threads=1)
    return result.ratio("denormal", "usual").median


def main() -> None:
    """Time a layer of each kind with one thread."""
    n, rows = asked(turns=11).turns, list[list[str]]()
    with torch.no_grad():
        for kind in KINDS:
            layer = next(one for one in NAMED if one.kind == kind)
            ours, theirs = cost(layer, OURS, n), cost(layer, "torch", n)
            held = f"{MOST} {'reached' if ours <= MOST else 'missed'}"
            rows.append([str(layer), f"{ours:.2f}", f"{theirs:.2f}", held])
    what = f"How many times as long a layer takes when its weights are denormal, batch 1; {n} turns."
    record_rows("denormals", what, COLUMNS, rows, threads=1)


if __name__ == "__main__":
    main()
