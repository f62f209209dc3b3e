"""engine.convnd: who computes a convolution along one axis or three."""

import pytest
import torch

from striate.engine import Limits, reproducible, use
from striate.engine.choice import Choice
from striate.engine.convnd import conv, refuses
from striate.engine.fourier import Fourier
from striate.ops import conv1d, conv3d

FIR = Fourier((1, 1, 160_000), (1, 1, 8000), ((0, 0),), (1,), 1)
SHORT = Fourier((1, 64, 160), (64, 64, 3), ((1, 1),), (1,), 1)


def drawn(*shapes, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]


def by(output):
    return type(output.grad_fn).__name__


def test_long_filters_are_transformed_and_short_ones_are_not():
    """By what both are expected to take."""
    assert refuses(FIR, 1, Choice(), Limits()) == ""
    assert refuses(SHORT, 1, Choice(), Limits()) == "PyTorch is expected to be faster"
    assert refuses(SHORT, 1, Choice(forced="fft"), Limits()) == ""


@pytest.mark.parametrize(
    ("asked", "most", "reason"),
    [
        (Choice(forced="torch"), Limits(), "another algorithm is asked for"),
        (Choice(accuracy="exact"), Limits(), "it is not as exact as 'exact'"),
        (Choice(), Limits(workspace_bytes=1000), "its workspace is over the limit"),
        (Choice(), Limits(packed_bytes=1000), "its packed weights are over the limit"),
    ],
)
def test_what_is_asked_is_kept(asked, most, reason):
    """As in two dimensions."""
    assert refuses(FIR, 1, asked, most) == reason


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


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_numbers_are_pytorchs(dtype):
    """So are strides, empty batches, autocast, transforms of functions and tracers."""
    x, weight = drawn((2, 2, 40), (2, 2, 9), dtype=dtype)
    with use("fft"):
        assert by(conv1d(x.requires_grad_(), weight)) != "_ConvolutionBackward"


def test_what_transforms_do_not_take_is_pytorchs():
    """Strides, an empty batch, autocast, `vmap`."""
    x, weight = drawn((2, 2, 40), (2, 2, 9))
    with use("fft"), reproducible():
        assert by(conv1d(x.clone().requires_grad_(), weight)) == "_ConvolutionBackward"
        assert by(conv1d(x.clone().requires_grad_(), weight, stride=2)) != "_ConvolutionBackward"
        assert conv1d(x[:0], weight).shape == (0, 2, 32)
        with torch.autocast("cpu", torch.bfloat16):
            assert conv1d(x, weight).dtype == torch.bfloat16
        each = torch.vmap(lambda one: conv(one, weight, None, (1,), [(0, 0)], (1,), 1))(x[:, None])
        torch.testing.assert_close(each[:, 0], conv1d(x, weight), rtol=1e-4, atol=1e-4)
