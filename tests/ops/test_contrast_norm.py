"""ops.contrast_norm: the paper's definition in plain loops, and what follows from it."""

from itertools import product
from math import exp

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import gradcheck, gradgradcheck

from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.contrast_norm import gaussian, local_contrast_norm

ranks = pytest.mark.parametrize("rank", [1, 2, 3])
KERNEL = {1: 5, 2: (3, 5), 3: (3, 1, 3)}


def window(x, place, kernel, sigma):
    """Offsets inside the input, and their weights, which sum to 1."""
    taps = []
    for offset in product(*(range(-(k // 2), k // 2 + 1) for k in kernel)):
        where = tuple(p + o for p, o in zip(place, offset, strict=True))
        if all(0 <= p < n for p, n in zip(where, x.shape[1:], strict=True)):
            taps.append((where, exp(-sum((o / s) ** 2 / 2 for o, s in zip(offset, sigma, strict=True)))))
    total = sum(weight for _, weight in taps)
    return [(where, weight / total) for where, weight in taps]


def by_definition(x, kernel, sigma, across, subtractive, divisive, threshold):
    """The paper's two equations for one example `(C, *spatial)`, one output at a time, with a dense window."""
    maps = [list(range(x.shape[0]))] * x.shape[0] if across else [[c] for c in range(x.shape[0])]
    places = list(product(*map(range, x.shape[1:])))
    taps = {place: window(x, place, kernel, sigma) for place in places}
    v, deviation = x.clone(), torch.zeros_like(x)
    for c, place in product(range(x.shape[0]), places) if subtractive else ():
        v[(c, *place)] -= sum(w * x[(i, *q)] / len(maps[c]) for q, w in taps[place] for i in maps[c])
    if not divisive:
        return v
    for c, place in product(range(x.shape[0]), places):
        power = sum(w * v[(i, *q)] ** 2 / len(maps[c]) for q, w in taps[place] for i in maps[c])
        deviation[(c, *place)] = power**0.5
    least = deviation.flatten(1).mean(1).reshape(-1, *[1] * (x.ndim - 1)) if threshold == "mean" else threshold
    return v / torch.maximum(deviation, torch.as_tensor(least, dtype=x.dtype))


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(1, 3),
    st.lists(st.sampled_from([1, 3, 5]), min_size=3, max_size=3),
    st.lists(st.floats(0.3, 3), min_size=3, max_size=3),
    st.booleans(),
    st.sampled_from([(True, True), (True, False), (False, True)]),
    st.sampled_from(["mean", 0.5]),
)
@settings(max_examples=50)
def test_equals_its_definition(size, channels, kernel, sigma, across, steps, threshold):
    """Any sizes, windows wider than the input too, across maps and within, either step or both."""
    rank = len(size)
    x = torch.randn(2, channels, *size, dtype=torch.float64)
    kernel, sigma = kernel[:rank], sigma[:rank]
    subtractive, divisive = steps
    settings = {"across": across, "subtractive": subtractive, "divisive": divisive, "threshold": threshold}
    got = local_contrast_norm(x, kernel, sigma=sigma, **settings)
    if subtractive and (not across or channels == 1) and max(map(len, [window(x[0], (0,) * rank, kernel, sigma)])) == 1:
        return  # windows of one sample subtract it from itself: 0 / 0, which is tested below
    want = torch.stack([by_definition(example, kernel, sigma, across, *steps, threshold) for example in x])
    torch.testing.assert_close(got, want.nan_to_num(0.0))


@given(st.sampled_from([1, 3, 5, 9, 31]), st.one_of(st.none(), st.floats(0.01, 50)))
def test_gaussian_is_a_normal_density_that_sums_to_one(size, sigma):
    """Weights are proportional to exp(-d² / 2σ²), with a quarter of the size as the usual σ."""
    got = gaussian(size, sigma)
    want = [exp(-(((i - size // 2) / (sigma or size / 4)) ** 2) / 2) for i in range(size)]
    assert got == pytest.approx([w / sum(want) for w in want])


@ranks
@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("value", [0.0, 0.3, -255.0, 1e-20, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_flat_example_becomes_zeros(rank, across, value, dtype):
    """Without contrast there is nothing to see, nor to amplify: not even rounding errors."""
    x = torch.full((2, 3, *[11] * rank), value, dtype=dtype, requires_grad=True)
    out = local_contrast_norm(x, across=across)
    assert not out.any()
    (first,) = torch.autograd.grad(out.square().sum() + out.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert first.isfinite().all()
    assert second.isfinite().all()


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("threshold", ["mean", 0.1])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-8, 1e-12, 1e-30, 1e8])
def test_gradients_are_finite_where_parts_are_flat(across, threshold, scale):
    """A bright dot on black: σ is 0 over most of the image, where a root has no derivative."""
    x = torch.zeros(1, 2, 24, 24)
    x[0, :, 3, 3] = scale
    x.requires_grad_()
    out = local_contrast_norm(x, 5, across=across, threshold=threshold)
    (first,) = torch.autograd.grad(out.pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert out.isfinite().all()
    assert first.isfinite().all()
    assert second.isfinite().all()


@ranks
@pytest.mark.parametrize("across", [True, False])
def test_brightness_and_contrast_do_not_matter(rank, across):
    """norm(a·x + b) = norm(x) for a > 0: what it is for. At the border, too, because windows are cut off there."""
    x = torch.randn(2, 3, *[7] * rank, dtype=torch.float64)
    torch.testing.assert_close(
        local_contrast_norm(3.7 * x - 20, 5, across=across), local_contrast_norm(x, 5, across=across)
    )


def test_within_is_each_map_by_itself():
    """Within maps, a map's result depends on no other."""
    x = torch.randn(2, 3, 8, 8)
    alone = [local_contrast_norm(x[:, c : c + 1], 5) for c in range(3)]
    torch.testing.assert_close(local_contrast_norm(x, 5, across=False), torch.cat(alone, 1))


def test_examples_do_not_mix():
    """Each example has its own threshold."""
    x = torch.randn(3, 2, 8, 8) * torch.tensor([1.0, 10.0, 0.1]).reshape(3, 1, 1, 1)
    torch.testing.assert_close(
        local_contrast_norm(x, 5), torch.cat([local_contrast_norm(x[i : i + 1], 5) for i in range(3)])
    )


def test_a_border_is_no_edge():
    """Of a ramp, zeros beyond the border would make the strongest edge; cut-off windows do not."""
    x = 100 + torch.linspace(0, 1, 32).reshape(1, 1, 32)
    assert local_contrast_norm(x, 9, divisive=False).abs().max() < 0.1


@ranks
@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("threshold", ["mean", 0.4])
def test_gradients_of_both_orders(rank, across, threshold):
    """Autograd agrees with finite differences, once and twice."""
    x = torch.randn(1, 2, *[{1: 6, 2: 3, 3: 2}[rank]] * rank, dtype=torch.float64, requires_grad=True)

    def norm(x):
        return local_contrast_norm(x, KERNEL[rank], across=across, threshold=threshold)

    assert gradcheck(norm, x)
    assert gradgradcheck(norm, x)


def test_half_precision_is_computed_in_float32():
    """The result is the float32 one, rounded once; autocast changes nothing."""
    x = torch.randn(1, 3, 16, 16).bfloat16()
    got = local_contrast_norm(x)
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, local_contrast_norm(x.float()).bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(local_contrast_norm(x.float()), local_contrast_norm(x.float()))
        assert local_contrast_norm(x.float()).dtype == torch.float32


def test_strides_and_devices_do_not_matter():
    """Permuted, channels_last, meta and fake tensors, and no examples at all."""
    x = torch.randn(2, 4, 5, 6)
    want = local_contrast_norm(x, 3)
    torch.testing.assert_close(local_contrast_norm(x.to(memory_format=torch.channels_last), 3), want)
    wide = torch.randn(2, 4, 10, 12)
    wide[:, :, ::2, ::2] = x
    torch.testing.assert_close(local_contrast_norm(wide[:, :, ::2, ::2], 3), want)
    assert local_contrast_norm(x.to("meta"), 3).shape == x.shape
    with FakeTensorMode() as mode:
        assert local_contrast_norm(mode.from_tensor(x), 3).shape == x.shape
    assert local_contrast_norm(x[:0], 3).shape == (0, 4, 5, 6)


X = torch.zeros(1, 1, 4, 4)
REFUSALS = [
    (
        "no spatial axis",
        lambda: local_contrast_norm(torch.zeros(2, 3)),
        "local_contrast_norm: input has 2 axes, and 3, 4 or 5 are needed.\n  input  (2, 3)\n"
        "Pass input as (N, C, T), (N, C, H, W) or (N, C, D, H, W).",
    ),
    (
        "whole numbers",
        lambda: local_contrast_norm(X.int()),
        "local_contrast_norm: input is not made of floating-point numbers.\n  input  torch.int32\n"
        "Convert it, for example with input.float().",
    ),
    (
        "no middle",
        lambda: local_contrast_norm(X, (3, 4)),
        "local_contrast_norm: kernel_size is even.\n  kernel_size  (3, 4)\nGive an odd one, which has a middle.",
    ),
    (
        "no width",
        lambda: local_contrast_norm(X, 0),
        "local_contrast_norm: kernel_size is less than 1.\n  kernel_size  (0, 0)\nGive 1 or more.",
    ),
    (
        "no spread",
        lambda: local_contrast_norm(X, 3, sigma=(1.0, 0.0)),
        "local_contrast_norm: sigma is not made of positive numbers, one or 2.\n  sigma  (1.0, 0.0)\n"
        "Give it in input samples, or leave it out for a quarter of kernel_size.",
    ),
    (
        "too many spreads",
        lambda: local_contrast_norm(X, 3, sigma=[1.0, 1.0, 1.0]),
        "local_contrast_norm: sigma is not made of positive numbers, one or 2.\n  sigma  [1.0, 1.0, 1.0]\n"
        "Give it in input samples, or leave it out for a quarter of kernel_size.",
    ),
    (
        "no least divisor",
        lambda: local_contrast_norm(X, 3, threshold=0.0),
        "local_contrast_norm: threshold is neither 'mean' nor a positive number.\n  threshold  0.0\n"
        "Without a least divisor the noise of flat regions would be blown up without limit.",
    ),
    (
        "a threshold without a meaning",
        lambda: local_contrast_norm(X, 3, threshold="median"),
        "local_contrast_norm: threshold is neither 'mean' nor a positive number.\n  threshold  'median'\n"
        "Without a least divisor the noise of flat regions would be blown up without limit.",
    ),
    (
        "nothing to do",
        lambda: local_contrast_norm(X, 3, subtractive=False, divisive=False),
        "local_contrast_norm: neither subtractive nor divisive.\nChoose one, or leave the call out.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_makes_no_sense_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message
