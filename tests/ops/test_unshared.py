"""ops.unshared: a kernel for every position; the laws are in `test_positions.py`."""

import torch
from torch.nn import functional as F

from striate.ops.unshared import unshared_conv1d, unshared_conv2d, unshared_conv3d


def test_equals_unfolding_and_one_product_a_position():
    """What everybody writes with `unfold` and `einsum`, in value and in gradients."""
    x, w = torch.randn(2, 3, 8, 7, requires_grad=True), torch.randn(4, 4, 5, 3, 3, 3, requires_grad=True)
    columns = F.unfold(x, 3, padding=1, stride=2)
    want = torch.einsum("ncl,lkc->nkl", columns, w.flatten(0, 1).flatten(2)).unflatten(2, (4, 4))
    got = unshared_conv2d(x, w, stride=2, padding=1)
    torch.testing.assert_close(got, want)
    y = torch.randn_like(want)
    for ours, theirs in zip(torch.autograd.grad(got, (x, w), y), torch.autograd.grad(want, (x, w), y), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_each_position_has_its_own_kernel():
    """Kernels of one tap, each another number: the output is those numbers."""
    assert unshared_conv1d(torch.ones(1, 1, 5), torch.arange(5.0).view(5, 1, 1, 1)).flatten().tolist() == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert unshared_conv3d(torch.ones(1, 1, 2, 1, 2), torch.arange(4.0).view(2, 1, 2, 1, 1, 1, 1, 1)).sum() == 6
