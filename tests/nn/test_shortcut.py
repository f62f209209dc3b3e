"""nn.shortcut: option A keeps pixels, adds zeros, and learns nothing; option B learns which mixture of channels."""

import pytest
import torch
from torch import nn

from striate.nn import PadShortcut, ProjectionShortcut

cases = pytest.mark.parametrize(("in_channels", "out_channels", "stride"), [(2, 6, 2), (4, 4, 1), (3, 8, 2), (1, 2, 3)])


@cases
def test_it_keeps_pixels_and_adds_zeros(in_channels, out_channels, stride):
    """Every output channel is an input channel, subsampled, or zero; the input's stand in the middle, in order."""
    x = torch.randn(2, in_channels, 9, 8)
    y = PadShortcut(in_channels, out_channels, stride=stride)(x)
    before = (out_channels - in_channels) // 2
    assert torch.equal(y[:, before : before + in_channels], x[:, :, ::stride, ::stride])
    assert not y[:, :before].any()
    assert not y[:, before + in_channels :].any()
    assert y.shape[1] == out_channels


@cases
@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 1), (2, 5)])
def test_its_size_is_the_convolution_s(in_channels, out_channels, stride, size):
    """It can be added to a padded 3 x 3 convolution of the same stride, at any size, odd ones too."""
    x = torch.randn(2, in_channels, *size)
    convolution = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
    for kind in (PadShortcut, ProjectionShortcut):
        assert kind(in_channels, out_channels, stride=stride)(x).shape == convolution(x).shape


def test_it_is_linear():
    """f(a u + b v) = a f(u) + b f(v)."""
    shortcut, u, v = PadShortcut(3, 7, stride=2), torch.randn(2, 3, 6, 6), torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(shortcut(2 * u - 3 * v), 2 * shortcut(u) - 3 * shortcut(v))


def test_its_gradient_is_the_adjoint():
    """<f(x), y> = <x, f*(y)> for every y."""
    x = torch.randn(2, 3, 7, 7, requires_grad=True)
    out = PadShortcut(3, 8, stride=2)(x)
    y = torch.randn_like(out)
    (back,) = torch.autograd.grad(out, x, y)
    torch.testing.assert_close((out * y).sum(), (x * back).sum())


def test_it_has_no_parameters():
    """That is what makes it option A."""
    assert not list(PadShortcut(16, 32, stride=2).state_dict())


def test_it_prints_its_settings():
    """The printed network says what the shortcut does."""
    assert repr(PadShortcut(16, 32, stride=2)) == "PadShortcut(stride=2, zeros=8+8)"


@cases
def test_a_projection_mixes_the_channels_of_the_pixels_it_keeps(in_channels, out_channels, stride):
    """Every output is a weighted sum over one pixel's channels, then normalised; there is no offset before that."""
    shortcut = ProjectionShortcut(in_channels, out_channels, stride=stride).eval()
    x = torch.randn(2, in_channels, 9, 8)
    convolution, norm = shortcut
    mixed = torch.einsum("kc,nchw->nkhw", convolution.weight.squeeze((2, 3)), x[:, :, ::stride, ::stride])
    torch.testing.assert_close(shortcut(x), norm(mixed))
    assert list(shortcut.state_dict())[:3] == ["0.weight", "1.weight", "1.bias"]
