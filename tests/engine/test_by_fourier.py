"""engine.by_fourier: what transforms make of two-dimensional problems."""

from math import prod

import pytest
import torch
from convolutions import CASES, problem

from striate.engine import Problem, conv2d, explain, limit, plan, reproducible, use
from striate.engine.by_fourier import fourier, packed_bytes, refuses, tiles, work, workspace_bytes
from striate.engine.choice import TORCH

WIDE = Problem.of((2, 6, 40, 33), (8, 6, 13, 11), padding=(6, 5))
DIRECTIONS = ("forward", "input gradient", "weight gradient")


@pytest.mark.parametrize("case", CASES)
def test_only_strides_of_one_are_taken(case):
    """With the reason, shown by `explain` as any other."""
    given = problem(case)
    assert refuses(given) == ("" if given.stride == (1, 1) else "its stride is not 1")
    if given.stride != (1, 1):
        assert "fft" in explain(given)
        assert "declines: its stride is not 1" in explain(given)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sizes_are_the_problems(direction):
    """Outputs are outputs, an input's gradient is an input; of all three something is known."""
    turned = WIDE.turned(direction)
    shape = WIDE.input if direction == "input gradient" else WIDE.output
    assert fourier(turned).output == shape
    assert work(turned) > prod(tiles(turned).size)
    assert workspace_bytes(turned, 1) > 0
    assert (packed_bytes(turned) > 0) == (direction != "weight gradient")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_limits_of_memory_are_kept(direction):
    """Above them it declines, and says of what it wants more."""
    turned = WIDE.turned(direction)
    before = limit(workspace_bytes=workspace_bytes(turned, 1) - 1)
    try:
        said = {c.algorithm: c.declined for c in plan(turned, threads=1).candidates}
        assert "workspace" in said["fft"]
        if direction != "weight gradient":
            limit(workspace_bytes=before.workspace_bytes, packed_bytes=packed_bytes(turned) - 1)
            assert "packed" in {c.algorithm: c.declined for c in plan(turned, threads=1).candidates}["fft"]
    finally:
        limit(**before._asdict())


def test_large_kernels_are_its_own_and_small_ones_are_not():
    """For dense ones; what is exact is asked of others."""
    sizes = {r: Problem.of((1, 64, 64, 64), (64, 64, r, r), padding=(r // 2, r // 2)) for r in (1, 3, 15, 31)}
    chosen = {r: plan(one, threads=1).algorithm for r, one in sizes.items()}
    assert [r for r, name in chosen.items() if name == "fft"] == [15, 31]
    with reproducible():
        assert plan(sizes[31], threads=1).algorithm == "fft"


@pytest.mark.parametrize("last", [False, True])
def test_an_image_has_the_same_bits_in_any_batch_and_layout(last):
    """Forced, forward and back."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(3, 6, 40, 33, generator=generator), torch.randn(8, 6, 13, 11, generator=generator)
    x = x.to(memory_format=torch.channels_last) if last else x
    with use("fft"):
        whole = conv2d(x, weight, padding=(6, 5))
        alone = torch.cat([conv2d(image, weight, padding=(6, 5)) for image in x.split(1)])
    assert torch.equal(whole, alone)
    assert whole.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    with use(TORCH):
        want = conv2d(x.double(), weight.double(), padding=(6, 5))
    assert (whole - want).abs().max() <= 1e-5 * want.abs().max()


def test_weights_that_changed_are_transformed_anew():
    """In place, as an optimiser does."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 2, 20, 20, generator=generator), torch.randn(3, 2, 9, 9, generator=generator)
    with use("fft"):
        once = conv2d(x, weight)
        weight.mul_(2)
        assert (conv2d(x, weight) - 2 * once).abs().max() <= 1e-5 * once.abs().max()
