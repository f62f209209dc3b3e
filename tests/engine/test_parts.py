"""engine.parts: convolutions that together are the gradient with respect to the input, against PyTorch's."""

import pytest
import torch
from convolutions import CASES, problem, tensors

from striate.engine import by_torch
from striate.engine.parts import parts


def convolved(gradient, weight, part, groups):
    """What a part says, said in PyTorch: the taps that it reads, kernels and channels exchanged."""
    down, across = part.taps
    rows = [down.last - i * down.step for i in range(down.number)]
    columns = [across.last - i * across.step for i in range(across.number)]
    k, c, _, _ = weight.shape
    turned = weight[:, :, rows][..., columns].reshape(groups, k // groups, c, len(rows), len(columns)).transpose(1, 2)
    return by_torch.convolve(
        gradient, turned.flatten(0, 1), None, 1, part.problem.padding, part.problem.dilation, groups
    )


@pytest.mark.parametrize("case", CASES)
def test_parts_make_up_the_gradient(case):
    """In double precision, each written to its places, and every place written once."""
    x, weight, _, settings = tensors(case, dtype=torch.float64)
    groups = settings[-1]
    output = by_torch.convolve(x, weight, None, *settings)
    gradient = torch.randn_like(output)
    (want,) = torch.autograd.grad(output, x, gradient)
    found = torch.full_like(want, torch.nan)
    for part in parts(problem(case)):
        rows, columns = part.places
        assert found[:, :, rows, columns].isnan().all()
        found[:, :, rows, columns] = 0 if part.problem is None else convolved(gradient, weight, part, groups)
    torch.testing.assert_close(found, want)


def test_a_stride_of_one_is_one_convolution():
    """Of all the taps."""
    (part,) = parts(problem("5x5"))
    assert part.problem.kernels == (6, 5, 5)


def test_phases_without_taps_are_known():
    """A kernel of one tap reaches one input in four, where the stride is two."""
    assert [part.problem is None for part in parts(problem("1x1 strided"))] == [False, True, True, True]
