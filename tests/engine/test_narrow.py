"""engine.narrow: 16 bits in memory, 32 in the sums."""

import gc

import pytest
import torch
from torch.nn import functional as F

from striate.engine import conv2d, narrow, use
from striate.engine.packed import kept_bytes
from striate.ops import conv1d, conv3d

DTYPES = [torch.bfloat16, torch.float16]


@pytest.fixture(autouse=True)
def without_own(monkeypatch):
    """As on a processor that has no instructions for them."""
    monkeypatch.setattr(narrow, "_has_own", lambda dtype: False)


def drawn(dtype, *shapes):
    """Numbers that are exact in 16 bits."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_are_rounded_once(dtype):
    """Within half a step of 16 bits of the exact sums, where adding up in 16 bits loses digits; the same layout."""
    x, weight, bias, residual = drawn(dtype, (2, 64, 9, 11), (16, 64, 3, 3), (16,), (2, 16, 9, 11))
    with use("direct"):
        found = conv2d(x, weight, bias, padding=1, residual=residual, relu=True)
    want = F.relu(F.conv2d(x.double(), weight.double(), bias.double(), padding=1) + residual.double())
    step = torch.finfo(dtype).eps
    assert found.dtype is dtype
    assert ((found.double() - want).abs() <= 0.51 * step * want.abs() + 1e-4).all()
    assert found.is_contiguous()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("conv", "sizes"), [(conv1d, (40,)), (conv3d, (5, 6, 7))])
def test_sequences_and_volumes_are_as_exact(conv, sizes, dtype):
    """Through `ops`."""
    x, weight = drawn(dtype, (2, 8, *sizes), (6, 8, *[3] * len(sizes)))
    found, want = conv(x, weight, padding=1), conv(x.double(), weight.double(), padding=1)
    assert found.dtype is dtype
    assert ((found.double() - want).abs() <= 0.51 * torch.finfo(dtype).eps * want.abs() + 1e-4).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_arrive_in_16_bits(dtype):
    """Of the input, the weight and the bias."""
    given = [t.requires_grad_() for t in drawn(dtype, (2, 8, 9, 9), (4, 8, 3, 3), (4,))]
    exact = [t.detach().double().requires_grad_() for t in given]
    conv2d(*given, padding=1).float().square().sum().backward()
    F.conv2d(*exact, padding=1).to(dtype).double().square().sum().backward()
    for t, e in zip(given, exact, strict=True):
        assert t.grad is not None
        assert e.grad is not None
        assert t.grad.dtype is dtype
        assert (t.grad.double() - e.grad).norm() <= 4 * torch.finfo(dtype).eps * e.grad.norm()


def test_a_weight_is_widened_once_and_again_when_it_changes():
    """Whoever changes it; it is counted among what is kept, and let go with the weight."""
    x, weight = drawn(torch.bfloat16, (1, 4, 5, 5), (4, 4, 3, 3))
    before = kept_bytes()
    once, first = narrow.wide(weight), conv2d(x, weight)
    assert narrow.wide(weight) is once
    assert kept_bytes() - before >= 4 * weight.numel()
    weight.mul_(2)
    assert torch.equal(conv2d(x, weight), 2 * first)
    weight.data.mul_(2)  # which is not counted as a change
    assert torch.equal(conv2d(x, weight), 4 * first)
    weight.data = weight.data.transpose(2, 3)
    assert torch.equal(conv2d(x, weight), conv2d(x, weight.clone()))
    del weight, once
    gc.collect()
    assert kept_bytes() == before


def test_what_was_widened_for_inference_serves_gradients():
    """Frozen weights, an image that is explained."""
    x, weight = drawn(torch.bfloat16, (1, 4, 5, 5), (4, 4, 3, 3))
    with torch.inference_mode():
        conv2d(x, weight)
    x.requires_grad_()
    conv2d(x, weight).float().sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("dtype", DTYPES)
def test_autocast_to_another_type_is_pytorchs(dtype):
    """The result is of the type that was asked for."""
    other = next(each for each in DTYPES if each is not dtype)
    x, weight = drawn(other, (1, 4, 5, 5), (4, 4, 3, 3))
    with torch.autocast("cpu", dtype):
        assert conv2d(x, weight).dtype is dtype


def test_it_holds_under_autocast():
    """Which has brought the numbers into 16 bits before."""
    x, weight = drawn(torch.float32, (1, 8, 9, 9), (4, 8, 3, 3))
    with torch.autocast("cpu", torch.bfloat16):
        found = conv1d(x[:, :, 0], weight[:, :, 0])
    assert found.dtype is torch.bfloat16
    assert torch.equal(found, conv1d(x[:, :, 0].bfloat16(), weight[:, :, 0].bfloat16()))


def test_a_processor_that_has_its_own_is_left_alone(monkeypatch):
    """So are mixed numbers, and those of other devices."""
    x, weight = drawn(torch.bfloat16, (1, 4, 5, 5), (4, 4, 3, 3))
    assert narrow.is_narrow(x, weight, None)
    assert not narrow.is_narrow(x, weight.float())
    assert not narrow.is_narrow(x.to("meta"), weight.to("meta"))
    assert not narrow.is_narrow(x.float(), weight.float())
    monkeypatch.setattr(narrow, "_has_own", lambda dtype: True)
    assert not narrow.is_narrow(x, weight)
