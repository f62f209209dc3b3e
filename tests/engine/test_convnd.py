"""engine.convnd: who computes a convolution along one axis or three."""

import pytest
import torch

from striate.engine import limit, limits, locked, reproducible, use
from striate.engine.convnd import conv
from striate.errors import OptionError
from striate.ops import conv1d, conv3d


def drawn(*shapes, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]


def by(output):
    return type(output.grad_fn).__name__


@pytest.mark.parametrize("flip", [False, True])
def test_along_one_axis_it_is_the_same_function(flip):
    """Whoever computes it: padding that is not zero, uneven sides, a flipped kernel."""
    x, weight, bias = drawn((2, 2, 301), (4, 1, 31), (4,))
    for mode in ("zeros", "reflect", "replicate", "circular"):
        settings = {"padding": [(7, 12)], "groups": 2, "padding_mode": mode, "flip": flip}
        want = conv1d(x.double(), weight.double(), bias.double(), **settings)
        with use("fft"):
            got = conv1d(x, weight, bias, **settings)
        assert (got - want).abs().max() <= 2e-6 * want.abs().max()


def test_along_three_axes_it_is_the_same_function():
    """With examples, and with none of their axis."""
    x, weight = drawn((2, 3, 9, 10, 11), (4, 3, 5, 4, 3))
    want = conv3d(x.double(), weight.double(), padding="same")
    with use("fft"):
        got = conv3d(x.requires_grad_(), weight, padding="same")
        alone = conv3d(x[0], weight, padding="same")
    assert by(got) == "_ConvolutionBackward"
    assert (got - want).abs().max() <= 2e-6 * want.abs().max()
    torch.testing.assert_close(alone, got[0], rtol=1e-4, atol=1e-4)


def test_short_numbers_are_pytorchs():
    """While gradients are recorded they are no others'."""
    x, weight = drawn((2, 2, 40), (2, 2, 9), dtype=torch.bfloat16)
    with use("fft"):
        assert by(conv1d(x.requires_grad_(), weight)) != "_ConvolutionBackward"


@pytest.mark.parametrize("algorithm", ["fft", "direct"])
def test_doubles_are_as_exact_as_pytorchs(algorithm):
    """Of a sequence and of a volume, by transforms and slice by slice, with both gradients."""
    for function, shapes in ((conv1d, ((2, 2, 40), (2, 2, 9))), (conv3d, ((1, 3, 6, 7, 8), (4, 3, 3, 3, 3)))):
        x, weight = (t.requires_grad_() for t in drawn(*shapes, dtype=torch.float64))
        plain = getattr(torch, function.__name__)
        with use(algorithm):
            got, want = function(x, weight), plain(x, weight)
            assert by(got) == "_ConvolutionBackward"
            arriving = torch.randn_like(want)
            pairs = zip(*(torch.autograd.grad(y, (x, weight), arriving) for y in (got, want)), strict=True)
        for found, wanted in ((got, want), *pairs):
            assert (found - wanted).norm() <= 1e-13 * wanted.norm()


def test_what_transforms_do_not_take_is_pytorchs():
    """An empty batch, autocast, `vmap`."""
    x, weight = drawn((2, 2, 40), (2, 2, 9))
    with use("fft"), reproducible():
        assert by(conv1d(x.clone().requires_grad_(), weight)) == "_ConvolutionBackward"
        assert conv1d(x[:0], weight).shape == (0, 2, 32)
        with torch.autocast("cpu", torch.bfloat16):
            assert conv1d(x, weight).dtype == torch.bfloat16
        each = torch.vmap(lambda one: conv(one, weight, None, (1,), [(0, 0)], (1,), 1))(x[:, None])
        torch.testing.assert_close(each[:, 0], conv1d(x, weight), rtol=1e-4, atol=1e-4)


@pytest.mark.refusal
def test_transforms_that_are_asked_for_and_take_no_stride_say_so():
    """As in two dimensions."""
    x, weight = drawn((1, 2, 40), (2, 2, 9))
    with use("fft"), pytest.raises(OptionError) as error:
        conv1d(x, weight, stride=2)
    assert str(error.value) == (
        "conv: algorithm 'fft' cannot compute this.\n"
        "  reason  its stride is not 1\n"
        "  input   (1, 2, 40)\n"
        "  weight  (2, 2, 9)\n"
        "Leave the choice to the planner."
    )


@pytest.mark.refusal
def test_where_nothing_of_ours_may_compute_pytorch_does_unless_it_is_left_out():
    """Limits of memory that no algorithm keeps."""
    x, weight = drawn((1, 4, 9, 6, 6), (8, 4, 3, 3, 3))
    kept = limits()
    limit(packed_bytes=0, workspace_bytes=0)
    try:
        torch.testing.assert_close(conv3d(x, weight), torch.conv3d(x, weight), rtol=1e-4, atol=1e-4)
        with reproducible(), pytest.raises(OptionError) as error:
            conv3d(x, weight)
    finally:
        limit(packed_bytes=kept.packed_bytes, workspace_bytes=kept.workspace_bytes)
    assert str(error.value) == (
        "conv: every algorithm declines, and PyTorch's own is left out.\n"
        "  input   (1, 4, 9, 6, 6)\n"
        "  weight  (8, 4, 3, 3, 3)\n"
        "Raise engine.limit, or compute it outside of engine.reproducible()."
    )


def test_where_measured_times_alone_decide_pytorch_computes():
    """Nothing is measured of sequences and volumes."""
    x, weight = drawn((1, 4, 9, 6, 6), (8, 4, 3, 3, 3))
    with locked("none.jsonl"):
        assert by(conv3d(x.requires_grad_(), weight)) != "_ConvolutionBackward"
        assert conv1d(*drawn((4, 16, 8000), (16, 16, 301))).shape == (4, 16, 7700)
