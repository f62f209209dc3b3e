"""ops.separable: passes along the axes equal the dense convolution with the kernel that they compose."""

from dataclasses import replace

import pytest
import torch
from family import by_definition as convolved
from family import problems
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.conv import conv2d, conv3d
from striate.ops.separable import composed_kernel, separable_conv2d, separable_conv3d

CONV, SEPARABLE = {2: conv2d, 3: conv3d}, {2: separable_conv2d, 3: separable_conv3d}
ranks = pytest.mark.parametrize("rank", [2, 3])


def factors_of(groups, kernels, channels, kernel, terms, dtype=torch.float64):
    """Random factors; kernels and channels are counted per group."""
    heads = [(groups * terms, channels), *[(groups * terms, 1)] * (len(kernel) - 2), (groups * kernels, terms)]
    shapes = [(*h, *(n if i == a else 1 for i, n in enumerate(kernel))) for a, h in enumerate(heads)]
    return [torch.randn(shape, dtype=dtype) for shape in shapes]


def by_definition(factors, groups):
    """The sum of outer products, one term of one kernel at a time."""
    terms, kernels = factors[-1].shape[1], len(factors[-1])
    size = [f.shape[2 + axis] for axis, f in enumerate(factors)]
    out = torch.zeros(kernels, factors[0].shape[1], *size, dtype=factors[0].dtype)
    for k in range(kernels):
        for c in range(out.shape[1]):
            for m in range(terms):
                own = k // (kernels // groups) * terms + m
                places = [(own, c), *[(own, 0)] * (len(size) - 2), (k, m)]
                vectors = [f[place].flatten() for f, place in zip(factors, places, strict=True)]
                product = vectors[0]
                for vector in vectors[1:]:
                    product = product[..., None] * vector
                out[k, c] += product
    return out


@given(problems(ranks=(2, 3)), st.integers(1, 3))
@settings(max_examples=50)
def test_equals_its_definition(problem, terms):
    """Any size, stride, dilation, grouping, padding a side: the plain loop's numbers with the composed kernel."""
    p = replace(problem, flip=False)
    factors = factors_of(p.groups, p.kernels, p.channels, p.kernel, terms)
    want = convolved(p, p.input(), composed_kernel(factors, p.groups))
    torch.testing.assert_close(SEPARABLE[p.rank](p.input(), factors, **p.settings), want)


@given(problems(ranks=(2, 3)), st.integers(1, 3))
@settings(max_examples=20)
def test_composed_kernel_is_the_sum_of_outer_products(problem, terms):
    """Vector by vector, term by term, group by group."""
    factors = factors_of(problem.groups, problem.kernels, problem.channels, problem.kernel, terms)
    torch.testing.assert_close(composed_kernel(factors, problem.groups), by_definition(factors, problem.groups))


@given(problems(ranks=(2, 3)), st.integers(1, 3), st.sampled_from(["sides", "same", "full", "valid", 1]))
@settings(max_examples=80)
def test_equals_the_dense_convolution(problem, terms, padding):
    """For every stride, dilation, grouping and padding: each axis has its own in its own pass."""
    if padding in ("valid", 1):  # let the window fit
        problem = replace(problem, size=tuple(n + 4 for n in problem.size))
    p, x = problem, problem.input()
    factors = factors_of(p.groups, p.kernels, p.channels, p.kernel, terms)
    bias = torch.randn(p.kernels * p.groups, dtype=torch.float64)
    options = p.settings | ({} if padding == "sides" else {"padding": padding})
    torch.testing.assert_close(
        SEPARABLE[p.rank](x, factors, bias, **options),
        CONV[p.rank](x, composed_kernel(factors, p.groups), bias, **options),
    )


@given(
    problems(ranks=(2, 3)), st.sampled_from(["reflect", "replicate", "circular"]), st.sampled_from(["same", "sides"])
)
@settings(max_examples=60)
def test_equals_the_dense_convolution_in_every_padding_mode(problem, mode, padding):
    """What one axis adds is taken from the input along that axis alone, so that passes can follow each other."""
    p = replace(problem, size=tuple(n + 5 for n in problem.size))
    x, factors = p.input(), factors_of(p.groups, p.kernels, p.channels, p.kernel, 2)
    options = (p.settings | ({} if padding == "sides" else {"padding": padding})) | {"padding_mode": mode}
    torch.testing.assert_close(
        SEPARABLE[p.rank](x, factors, **options), CONV[p.rank](x, composed_kernel(factors, p.groups), **options)
    )


@given(problems(ranks=(2, 3)), st.integers(1, 2))
@settings(max_examples=25)
def test_is_linear_in_the_input_and_in_each_factor(problem, terms):
    """Sums and multiples go through; and the output has the sizes of the formula."""
    p, x, y = problem, problem.input(), problem.input().flip(-1)
    factors, others = (factors_of(p.groups, p.kernels, p.channels, p.kernel, terms) for _ in range(2))
    convolve = lambda x, f: SEPARABLE[p.rank](x, f, **p.settings)  # noqa: E731
    assert convolve(x, factors).shape[2:] == p.positions
    torch.testing.assert_close(convolve(2 * x - 3 * y, factors), 2 * convolve(x, factors) - 3 * convolve(y, factors))
    for axis in range(p.rank):
        mine, both = ([*factors] for _ in range(2))
        mine[axis], both[axis] = others[axis], 2 * factors[axis] - 3 * others[axis]
        torch.testing.assert_close(convolve(x, both), 2 * convolve(x, factors) - 3 * convolve(x, mine))


@given(problems(ranks=(2, 3)), st.data())
@settings(max_examples=25)
def test_shifts_with_the_input(problem, data):
    """With circular padding, an input turned by some samples gives an output turned by as many."""
    shift = tuple(data.draw(st.integers(-3, 3)) for _ in range(problem.rank))
    axes = tuple(range(-problem.rank, 0))
    factors = factors_of(problem.groups, problem.kernels, problem.channels, problem.kernel, 2)
    x = problem.draw(2, problem.channels * problem.groups, *[5] * problem.rank)
    options = {"padding": "same", "padding_mode": "circular", "groups": problem.groups, "dilation": problem.dilation}
    want = SEPARABLE[problem.rank](x, factors, **options).roll(shift, axes)
    torch.testing.assert_close(SEPARABLE[problem.rank](x.roll(shift, axes), factors, **options), want)


@ranks
def test_is_what_scipy_has_along_each_axis(rank):
    """One channel, one term: scipy's correlation along one axis after the other."""
    factors, x = factors_of(1, 1, 1, (3, 2, 4)[:rank], 1), torch.randn(1, 1, *[7] * rank, dtype=torch.float64)
    want = x[0, 0].numpy()
    for axis, factor in enumerate(factors):
        want = correlate(want, factor[0, 0].numpy(), mode="valid", method="direct")
        assert want.shape[axis] == 8 - factor.shape[2 + axis]
    torch.testing.assert_close(SEPARABLE[rank](x, factors)[0, 0], torch.from_numpy(want))


@ranks
def test_depthwise_is_each_channel_by_itself(rank):
    """groups=C: every channel with its own sum of outer products."""
    x, factors = torch.randn(2, 3, *[6] * rank), factors_of(3, 1, 1, (3,) * rank, 2, torch.float32)
    got = SEPARABLE[rank](x, factors, groups=3, padding=1)
    for c in range(3):
        own = [f[c * len(f) // 3 : (c + 1) * len(f) // 3] for f in factors]
        torch.testing.assert_close(got[:, c : c + 1], SEPARABLE[rank](x[:, c : c + 1], own, padding=1))


def test_two_vectors_make_the_filter_of_sobel():
    """Smoothing one way and differences the other: PyTorch's dense filter's numbers, with 6 weights for 9."""
    smooth, differ = torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])
    x = torch.randn(1, 1, 8, 8)
    got = separable_conv2d(x, [smooth.reshape(1, 1, 3, 1), differ.reshape(1, 1, 1, 3)])
    torch.testing.assert_close(got, F.conv2d(x, torch.outer(smooth, differ)[None, None]))


@ranks
def test_bias_may_differ_from_place_to_place(rank):
    """One number per channel, or one per location, as in the dense convolution."""
    x, factors = torch.randn(2, 2, *[5] * rank), factors_of(1, 3, 2, (3,) * rank, 2, torch.float32)
    bias = torch.randn(3, *[3] * rank)
    torch.testing.assert_close(
        SEPARABLE[rank](x, factors, bias), SEPARABLE[rank](x, factors) + bias, rtol=1e-4, atol=1e-5
    )


@ranks
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_gradients_of_both_orders(rank, mode):
    """Autograd agrees with finite differences, once and twice, for input, factors and bias."""
    factors, bias = factors_of(2, 1, 1, {2: (3, 2), 3: (2, 1, 2)}[rank], 2), torch.randn(2, dtype=torch.float64)
    x = torch.randn(1, 2, *{2: (4, 3), 3: (3, 2, 2)}[rank], dtype=torch.float64)
    inputs = [tensor.requires_grad_() for tensor in (x, bias, *factors)]

    def convolve(x, bias, *factors):
        return SEPARABLE[rank](x, factors, bias, stride=2, padding=1, groups=2, padding_mode=mode)

    assert gradcheck(convolve, inputs)
    assert gradgradcheck(convolve, inputs)


@ranks
def test_strides_types_and_devices_do_not_matter(rank):
    """Without examples' axis, with no examples, permuted, in half precision, on meta and fake tensors."""
    x, factors = torch.randn(2, 4, *[5] * rank), factors_of(2, 3, 2, (3,) * rank, 2, torch.float32)
    conv = SEPARABLE[rank]
    want = conv(x, factors, groups=2, padding=1)
    torch.testing.assert_close(conv(x[0], factors, groups=2, padding=1), want[0])
    last = torch.channels_last if rank == 2 else torch.channels_last_3d
    torch.testing.assert_close(conv(x.to(memory_format=last), factors, groups=2, padding=1), want)
    turned = x.transpose(1, -1).contiguous().transpose(1, -1)
    torch.testing.assert_close(conv(turned, factors, groups=2, padding=1), want)
    assert conv(x[:0], factors, groups=2, padding=1).shape == (0, *want.shape[1:])
    half = conv(x.bfloat16(), [f.bfloat16() for f in factors], groups=2, padding=1)
    torch.testing.assert_close(half.float(), want, rtol=0.1, atol=0.5)
    assert conv(x.to("meta"), [f.to("meta") for f in factors], groups=2, padding=1).shape == want.shape
    with FakeTensorMode() as mode:
        fake = [mode.from_tensor(t) for t in (x, *factors)]
        assert conv(fake[0], fake[1:], groups=2, padding=1).shape == want.shape
    with torch.autocast("cpu", torch.bfloat16):
        assert conv(x.bfloat16(), factors, groups=2, padding=1).dtype == torch.bfloat16


@ranks
def test_gradients_are_those_of_the_dense_kernel(rank):
    """What the passes send back to the input is what the composed kernel sends back."""
    factors = factors_of(1, 3, 2, (3,) * rank, 2)
    x = torch.randn(2, 2, *[5] * rank, dtype=torch.float64, requires_grad=True)
    options = {"stride": 2, "padding": "same", "padding_mode": "replicate"}
    got = SEPARABLE[rank](x, factors, **options)
    seed = torch.randn_like(got)
    want = torch.autograd.grad(CONV[rank](x, composed_kernel(factors), **options), x, seed)
    torch.testing.assert_close(torch.autograd.grad(got, x, seed), want)


@ranks
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_are_near_float64(rank, dtype):
    """The error is a few roundings of the numbers added, in each pass."""
    x, factors = torch.randn(2, 3, *[6] * rank, dtype=dtype), factors_of(1, 4, 3, (3,) * rank, 2, dtype)
    got = SEPARABLE[rank](x, factors, padding="same")
    assert got.dtype == dtype
    want = SEPARABLE[rank](x.double(), [factor.double() for factor in factors], padding="same")
    limit = 64 * torch.finfo(dtype).eps
    torch.testing.assert_close(got.double(), want, rtol=limit, atol=limit)


@pytest.mark.traced
@ranks
def test_is_one_graph(rank):
    """Compiled it gives the same numbers."""
    factors, x = factors_of(1, 4, 3, (3,) * rank, 2), torch.randn(2, 3, *[6] * rank, dtype=torch.float64)
    compiled = torch.compile(SEPARABLE[rank], fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, factors, padding="same"), SEPARABLE[rank](x, factors, padding="same"))


X, A, B = torch.zeros(1, 3, 8, 4), torch.zeros(2, 3, 5, 1), torch.zeros(4, 2, 1, 3)
FITTING = "Pass (groups·M, C/groups, R, 1) and (K, M, 1, S), K a multiple of groups."
REFUSALS = [
    (
        "other terms",
        lambda: separable_conv2d(X, [A, B[:, :1]]),
        "separable_conv2d: the factors do not fit together.\n  factors  [(2, 3, 5, 1), (4, 1, 1, 3)]\n  groups   1\n"
        + FITTING,
    ),
    (
        "groups that do not divide",
        lambda: separable_conv2d(X, [A, B[:3, :1]], groups=2),
        "separable_conv2d: the factors do not fit together.\n  factors  [(2, 3, 5, 1), (3, 1, 1, 3)]\n  groups   2\n"
        + FITTING,
    ),
    (
        "taps across",
        lambda: separable_conv2d(X, [B, A]),
        "separable_conv2d: the factors do not fit together.\n  factors  [(4, 2, 1, 3), (2, 3, 5, 1)]\n  groups   1\n"
        + FITTING,
    ),
    (
        "too few",
        lambda: separable_conv3d(X, [A[..., None]]),
        "separable_conv3d: the factors do not fit together.\n  factors  [(2, 3, 5, 1, 1)]\n  groups   1\n"
        "Pass (groups·M, C/groups, Z, 1, 1) and (groups·M, 1, 1, R, 1) and (K, M, 1, 1, S), K a multiple of groups.",
    ),
    (
        "one factor to compose",
        lambda: composed_kernel([A]),
        "composed_kernel: the factors do not fit together.\n  factors  [(2, 3, 5, 1)]\n  groups   1\n"
        "Pass two or three of them, K a multiple of groups.",
    ),
    (
        "no groups",
        lambda: separable_conv2d(X, [A, B], groups=0),
        "separable_conv2d: groups is less than 1.\n  groups  0\nGive 1 or more.",
    ),
    (
        "other channels",
        lambda: separable_conv2d(X[:, :2], [A, B]),
        "separable_conv2d: input has 2 channels, but weight takes 3.\n  input   (N=1, C=2, H=8, W=4)\n"
        "  weight  (2, 3, 5, 1)\nPass input with 3 channels, or a weight made for 2.",
    ),
    (
        "another dtype",
        lambda: separable_conv2d(X.double(), [A, B]),
        "separable_conv2d: input and weight are of different dtypes.\n"
        "  input   torch.float64\n  weight  torch.float32\n"
        "Convert one of them, for example with input.to(weight.dtype).",
    ),
    (
        "a window too large, along the second pass",
        lambda: separable_conv2d(X, [A, B], dilation=2),
        "separable_conv2d: the window is larger than the padded input.\n  input        (H=8, W=4)\n"
        "  padding      ((0, 0), (0, 0))\n  window       (R=9, S=5)\n  kernel_size  (5, 3)\n  dilation     (2, 2)\n"
        "Pass a larger input, pad more, or use a smaller kernel or dilation.",
    ),
    (
        "a padding mode without a meaning",
        lambda: separable_conv2d(X, [A, B], padding_mode="mirror"),
        "separable_conv2d: no padding mode is called 'mirror'.\n"
        "Choose one of 'zeros', 'reflect', 'replicate', 'circular'.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_does_not_fit_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message
