"""ops.depthwise_separable: filters and mixtures equal the dense convolution with the kernel that they compose."""

from dataclasses import replace

import pytest
import torch
from family import by_definition, problems
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.conv import conv1d, conv2d, conv3d
from striate.ops.depthwise_separable import (
    depthwise_separable_conv1d,
    depthwise_separable_conv2d,
    depthwise_separable_conv3d,
)

CONV = {1: conv1d, 2: conv2d, 3: conv3d}
OURS = {1: depthwise_separable_conv1d, 2: depthwise_separable_conv2d, 3: depthwise_separable_conv3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])


def kernels_of(channels, multiplier, kernels, kernel, dtype=torch.float64):
    maps = channels * multiplier
    depthwise = torch.randn(maps, 1, *kernel, dtype=dtype)
    return depthwise, torch.randn(kernels, maps, *[1] * len(kernel), dtype=dtype)


def composed(depthwise, pointwise, channels):
    """Σ_m pointwise[k, c·M + m] · depthwise[c·M + m], one product at a time."""
    each = len(depthwise) // channels
    out = depthwise.new_zeros(len(pointwise), channels, *depthwise.shape[2:])
    for k in range(len(pointwise)):
        for i in range(len(depthwise)):
            out[k, i // each] += pointwise[k, i].flatten() * depthwise[i, 0]
    return out


@given(problems(), st.integers(1, 3))
@settings(max_examples=50)
def test_equals_its_definition(problem, multiplier):
    """Any size, stride, dilation, padding a side, several filters a channel: the plain loop's numbers."""
    p = replace(problem, flip=False, groups=1)
    pair = kernels_of(p.channels, multiplier, p.kernels, p.kernel)
    options = {name: p.settings[name] for name in ("stride", "padding", "dilation")}
    want = by_definition(p, p.input(), composed(*pair, p.channels))
    torch.testing.assert_close(OURS[p.rank](p.input(), *pair, **options), want)


@given(problems(), st.integers(1, 3), st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
@settings(max_examples=60)
def test_equals_the_dense_convolution(problem, multiplier, mode):
    """For every stride, dilation, padding a side and mode."""
    p = replace(problem, groups=1, size=tuple(n + 4 for n in problem.size))
    x, bias = p.input(), torch.randn(p.kernels, dtype=torch.float64)
    depthwise, pointwise = kernels_of(p.channels, multiplier, p.kernels, p.kernel)
    options = {name: p.settings[name] for name in ("stride", "padding", "dilation")} | {"padding_mode": mode}
    torch.testing.assert_close(
        OURS[p.rank](x, depthwise, pointwise, bias, **options),
        CONV[p.rank](x, composed(depthwise, pointwise, p.channels), bias, **options),
    )


@given(problems(), st.integers(1, 2))
@settings(max_examples=25)
def test_is_linear_in_the_input_and_in_each_kernel(problem, multiplier):
    """Sums and multiples go through; and the output has the sizes of the formula."""
    p = replace(problem, groups=1)
    x, y = p.input(), p.input().flip(-1)
    (d, w), (e, v) = (kernels_of(p.channels, multiplier, p.kernels, p.kernel) for _ in range(2))
    options = {name: p.settings[name] for name in ("stride", "padding", "dilation")}
    convolve = lambda *tensors: OURS[p.rank](*tensors, **options)  # noqa: E731
    assert convolve(x, d, w).shape[2:] == p.positions
    torch.testing.assert_close(convolve(2 * x - 3 * y, d, w), 2 * convolve(x, d, w) - 3 * convolve(y, d, w))
    torch.testing.assert_close(convolve(x, 2 * d - 3 * e, w), 2 * convolve(x, d, w) - 3 * convolve(x, e, w))
    torch.testing.assert_close(convolve(x, d, 2 * w - 3 * v), 2 * convolve(x, d, w) - 3 * convolve(x, d, v))


@given(problems(), st.data())
@settings(max_examples=25)
def test_shifts_with_the_input(problem, data):
    """With circular padding, an input turned by some samples gives an output turned by as many."""
    shift, axes = tuple(data.draw(st.integers(-3, 3)) for _ in range(problem.rank)), tuple(range(-problem.rank, 0))
    pair = kernels_of(problem.channels, 2, problem.kernels, problem.kernel)
    x = problem.draw(2, problem.channels, *[5] * problem.rank)
    options = {"padding": "same", "padding_mode": "circular", "dilation": problem.dilation}
    want = OURS[problem.rank](x, *pair, **options).roll(shift, axes)
    torch.testing.assert_close(OURS[problem.rank](x.roll(shift, axes), *pair, **options), want)


@ranks
@pytest.mark.parametrize("padding", ["same", "full", "valid"])
def test_named_paddings(rank, padding):
    """They mean what they mean to the dense convolution."""
    x, (depthwise, pointwise) = torch.randn(2, 3, *[7] * rank), kernels_of(3, 2, 4, (4,) * rank, torch.float32)
    torch.testing.assert_close(
        OURS[rank](x, depthwise, pointwise, stride=2, padding=padding),
        CONV[rank](x, composed(depthwise, pointwise, 3), stride=2, padding=padding),
        rtol=1e-4,
        atol=1e-4,
    )


def test_is_two_convolutions_of_torch():
    """A grouped one, then one of 1 x 1."""
    x, (depthwise, pointwise) = torch.randn(2, 3, 9, 9), kernels_of(3, 2, 4, (3, 3), torch.float32)
    want = F.conv2d(F.conv2d(x, depthwise, stride=2, padding=1, groups=3), pointwise)
    torch.testing.assert_close(OURS[2](x, depthwise, pointwise, None, 2, 1), want)


@ranks
def test_gradients_of_both_orders(rank):
    """Autograd agrees with finite differences, once and twice, for input, both kernels and bias."""
    kernels = kernels_of(2, 2, 2, (2,) * rank)
    tensors = (torch.randn(1, 2, *[3] * rank, dtype=torch.float64), *kernels, torch.randn(2, dtype=torch.float64))
    inputs = [tensor.requires_grad_() for tensor in tensors]
    assert gradcheck(lambda *t: OURS[rank](*t, stride=2, padding=[(0, 1)] * rank), inputs)
    assert gradgradcheck(lambda *t: OURS[rank](*t, stride=2, padding=[(0, 1)] * rank), inputs)


@ranks
def test_strides_types_and_devices_do_not_matter(rank):
    """Without examples' axis, with no examples, permuted, in half precision, on meta and fake tensors."""
    x, kernels = torch.randn(2, 4, *[5] * rank), kernels_of(4, 1, 3, (3,) * rank, torch.float32)
    want = OURS[rank](x, *kernels)
    torch.testing.assert_close(OURS[rank](x[0], *kernels), want[0])
    if rank > 1:
        last = {2: torch.channels_last, 3: torch.channels_last_3d}[rank]
        torch.testing.assert_close(OURS[rank](x.to(memory_format=last), *kernels), want)
    torch.testing.assert_close(OURS[rank](x.transpose(1, -1).contiguous().transpose(1, -1), *kernels), want)
    assert OURS[rank](x[:0], *kernels).shape == (0, *want.shape[1:])
    half = OURS[rank](x.bfloat16(), *(k.bfloat16() for k in kernels))
    torch.testing.assert_close(half.float(), want, rtol=0.1, atol=0.3)
    assert OURS[rank](x.to("meta"), *(k.to("meta") for k in kernels)).shape == want.shape
    with FakeTensorMode() as mode:
        assert OURS[rank](*map(mode.from_tensor, (x, *kernels))).shape == want.shape


@ranks
def test_bias_may_differ_from_place_to_place(rank):
    """One number per channel, or one per location, as in the dense convolution."""
    x, kernels, bias = torch.randn(2, 3, *[5] * rank), kernels_of(3, 2, 4, (3,) * rank, torch.float32), torch.randn(4)
    plain, location = OURS[rank](x, *kernels), torch.randn(4, *[3] * rank)
    torch.testing.assert_close(OURS[rank](x, *kernels, bias), plain + bias.reshape(-1, *[1] * rank))
    torch.testing.assert_close(OURS[rank](x, *kernels, location), plain + location)


@ranks
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_are_near_float64(rank, dtype):
    """The error is a few roundings of the numbers added, in each pass."""
    x, pair = torch.randn(2, 3, *[6] * rank, dtype=dtype), kernels_of(3, 2, 4, (3,) * rank, dtype)
    got = OURS[rank](x, *pair, padding="same")
    assert got.dtype == dtype
    want = OURS[rank](x.double(), *(kernel.double() for kernel in pair), padding="same")
    limit = 64 * torch.finfo(dtype).eps
    torch.testing.assert_close(got.double(), want, rtol=limit, atol=limit)


@pytest.mark.traced
@ranks
def test_is_one_graph(rank):
    """Compiled it gives the same numbers."""
    pair, x = kernels_of(3, 2, 4, (3,) * rank), torch.randn(2, 3, *[6] * rank, dtype=torch.float64)
    compiled = torch.compile(OURS[rank], fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, *pair, padding="same"), OURS[rank](x, *pair, padding="same"))


X, D, P = torch.zeros(1, 3, 8, 8), torch.zeros(6, 1, 3, 3), torch.zeros(4, 6, 1, 1)


def misfit(x, depthwise, pointwise):
    return (
        "depthwise_separable_conv2d: the kernels do not fit the input, or each other.\n"
        f"  input      {x}\n  depthwise  {depthwise}\n  pointwise  {pointwise}\n"
        "Pass depthwise as (C·M, 1, R, S) and pointwise as (K, C·M, 1, 1)."
    )


REFUSALS = [
    ("other channels", lambda: OURS[2](X[:, :2], D[:5], P), misfit((1, 2, 8, 8), (5, 1, 3, 3), (4, 6, 1, 1))),
    ("no channels", lambda: OURS[2](X[:, :0], D, P), misfit((1, 0, 8, 8), (6, 1, 3, 3), (4, 6, 1, 1))),
    (
        "a grouped kernel",
        lambda: OURS[2](X, D.reshape(3, 2, 3, 3), P),
        misfit((1, 3, 8, 8), (3, 2, 3, 3), (4, 6, 1, 1)),
    ),
    ("other maps", lambda: OURS[2](X, D, P[:, :3]), misfit((1, 3, 8, 8), (6, 1, 3, 3), (4, 3, 1, 1))),
    ("taps in the mixture", lambda: OURS[2](X, D, D), misfit((1, 3, 8, 8), (6, 1, 3, 3), (6, 1, 3, 3))),
    ("a row of pixels", lambda: OURS[2](X[0, 0, 0], D, P), misfit((8,), (6, 1, 3, 3), (4, 6, 1, 1))),
    (
        "another dtype",
        lambda: OURS[2](X, D.double(), P.double()),
        "depthwise_separable_conv2d: input and weight are of different dtypes.\n  input   torch.float32\n"
        "  weight  torch.float64\nConvert one of them, for example with input.to(weight.dtype).",
    ),
    (
        "a padding without a meaning",
        lambda: OURS[2](X, D, P, padding="half"),
        "depthwise_separable_conv2d: no padding is called 'half'.\n"
        "Choose one of 'valid', 'same', 'full', or give numbers.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_does_not_fit_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message
