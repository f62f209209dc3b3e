"""Unshared and tiled convolution against what everybody writes for them: `unfold` and `einsum`.

Run: python -m bench.unshared
"""

from functools import partial
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.harness import compare, record
from striate.ops import tiled_conv2d, unshared_conv2d

CHANNELS, KERNELS, SIZE = 32, 64, 24


def unfolded(x: Tensor, weight: Tensor) -> Tensor:
    """Unfold the whole input, then one product a position."""
    columns = F.unfold(x, 3, padding=1)
    out = torch.einsum("ncl,lkc->nkl", columns, weight.flatten(0, 1).flatten(2))
    return out.unflatten(2, weight.shape[:2])


def main() -> None:
    """Time batches of 1 and 8 with one thread and with two."""
    generator = torch.Generator().manual_seed(0)
    turns = torch.randn(2, 2, KERNELS, CHANNELS, 3, 3, generator=generator)
    # The same kernels for both, so that both have the same answer.
    weight = turns.repeat(SIZE // 2, SIZE // 2, 1, 1, 1, 1)
    for batch, threads in product((1, 8), (1, 2)):
        x = torch.randn(batch, CHANNELS, SIZE, SIZE, generator=generator)
        want = unfolded(x, weight)
        candidates = {
            "unshared": partial(unshared_conv2d, x, weight, padding=1),
            "tiled, t = 2": partial(tiled_conv2d, x, turns, padding=1),
            "unfold + einsum": partial(unfolded, x, weight),
        }
        result = compare(
            f"unshared-{batch}-{threads}",
            candidates,
            what=f"Unshared and tiled 3x3, {CHANNELS} to {KERNELS} channels, {SIZE}x{SIZE} positions, batch {batch}.",
            verify=partial(torch.allclose, want, rtol=1e-3, atol=1e-3),
            n=61,
            threads=threads,
        )
        record(result)


if __name__ == "__main__":
    main()
