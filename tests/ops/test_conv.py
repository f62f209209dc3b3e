"""ops.conv: the sum that defines it, the laws of convolution, and SciPy's and NumPy's answers."""

import numpy as np
import pytest
import torch
from family import by_definition, problems
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from torch.fx.experimental.proxy_tensor import make_fx

from striate import engine
from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops import conv
from striate.ops.conv import conv1d, conv2d, conv3d

CONV = {1: conv1d, 2: conv2d, 3: conv3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@given(problems())
@settings(max_examples=60)
def test_equals_its_definition(problem):
    """Any size, stride, dilation, grouping, padding a side, flipped or not: the plain loop's numbers."""
    x, w = problem.input(), problem.weight()
    got = CONV[problem.rank](x, w, **problem.settings, flip=problem.flip)
    torch.testing.assert_close(got, by_definition(problem, x, w))


@given(problems())
@settings(max_examples=30)
def test_is_linear_in_input_and_kernel(problem):
    """conv(a·u + b·v, w) = a·conv(u, w) + b·conv(v, w), and so for w."""
    conv, options = CONV[problem.rank], problem.settings
    u, w = problem.input(), problem.weight()
    v, z = u.flip(-1) + 1, w.flip(0) - 1
    torch.testing.assert_close(
        conv(0.7 * u - 1.3 * v, w, **options), 0.7 * conv(u, w, **options) - 1.3 * conv(v, w, **options)
    )
    torch.testing.assert_close(
        conv(u, 0.7 * w - 1.3 * z, **options), 0.7 * conv(u, w, **options) - 1.3 * conv(u, z, **options)
    )


@ranks
def test_delta_kernel_returns_the_input(rank):
    """A kernel that is one at its centre and zero elsewhere changes nothing, in any padding mode."""
    x, delta = torch.randn(2, 1, *[7] * rank), torch.zeros(1, 1, *[3] * rank)
    delta[(0, 0, *[1] * rank)] = 1
    for mode in ("zeros", "reflect", "replicate", "circular"):
        torch.testing.assert_close(CONV[rank](x, delta, padding="same", padding_mode=mode), x)


@ranks
def test_commutes_with_shift(rank):
    """On a ring, moving the input moves the output: translation equivariance."""
    x, w = torch.randn(2, 2, *[6] * rank), torch.randn(3, 2, *[3] * rank)
    axes = tuple(range(2, 2 + rank))

    def around(x):
        return CONV[rank](x, w, padding="same", padding_mode="circular")

    torch.testing.assert_close(around(x.roll((2,) * rank, axes)), around(x).roll((2,) * rank, axes))


@ranks
def test_full_convolution_is_associative(rank):
    """(x * u) * v = x * (u * v), kernels flipped and every product kept."""
    x, u, v = (torch.randn(1, 1, *[n] * rank, dtype=torch.float64) for n in (5, 3, 2))

    def full(a, b):
        return CONV[rank](a, b, padding="full", flip=True)

    torch.testing.assert_close(full(full(x, u), v), full(x, full(u, v)))


@ranks
@pytest.mark.parametrize("mode", ["valid", "full", "same"])
def test_flipped_it_is_the_convolution_of_scipy(rank, mode):
    """'valid', 'full' and, for odd kernels, 'same' are `scipy.signal.convolve`."""
    x, w = torch.randn(*[7] * rank, dtype=torch.float64), torch.randn(*[3] * rank, dtype=torch.float64)
    want = signal.convolve(x.numpy(), w.numpy(), mode=mode, method="direct")
    got = CONV[rank](x[None, None], w[None, None], padding=mode, flip=True)[0, 0]
    torch.testing.assert_close(got, torch.from_numpy(want))


@ranks
@pytest.mark.parametrize(("mode", "numpy"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
def test_padding_modes_are_those_of_numpy(rank, mode, numpy):
    """Whatever lies beyond the border is what `numpy.pad` puts there, each side for itself."""
    x, w = torch.randn(1, 2, *[5] * rank), torch.randn(3, 2, *[2] * rank)
    sides = [(1, 3), (2, 0), (0, 1)][:rank]
    padded = torch.from_numpy(np.pad(x.numpy(), [(0, 0), (0, 0), *sides], mode=numpy))
    torch.testing.assert_close(CONV[rank](x, w, padding=sides, padding_mode=mode), CONV[rank](padded, w))


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2))
def test_strided_same_is_the_rule_of_tensorflow(size, kernel, stride, dilation):
    """ceil(n / s) positions; the odd sample is added last."""
    x, w = torch.randn(1, 1, size, dtype=torch.float64), torch.randn(1, 1, kernel, dtype=torch.float64)
    out = -(-size // stride)
    total = max(0, (out - 1) * stride + dilation * (kernel - 1) + 1 - size)
    want = conv1d(torch.nn.functional.pad(x, (total // 2, total - total // 2)), w, None, stride, 0, dilation)
    got = conv1d(x, w, None, stride, "same", dilation)
    assert got.shape[-1] == out
    torch.testing.assert_close(got, want[..., :out])


@ranks
def test_bias_is_added_per_channel_or_per_location(rank):
    """Each location has its own offset if asked for, and its gradient is summed over the examples only."""
    x, w = torch.randn(2, 2, *[4] * rank), torch.randn(3, 2, *[2] * rank)
    plain, location = CONV[rank](x, w), torch.randn(3, *[3] * rank, requires_grad=True)
    torch.testing.assert_close(CONV[rank](x, w, torch.arange(3.0)), plain + torch.arange(3.0).view(3, *[1] * rank))
    got = CONV[rank](x, w, location)
    torch.testing.assert_close(got, plain + location)
    torch.testing.assert_close(torch.autograd.grad(got.sum(), location)[0], torch.full_like(location, 2))


@given(problems())
@settings(max_examples=10)
def test_gradients_are_right_twice(problem):
    """First and second derivatives for input and kernels are those of finite differences."""
    if problem.batch == 0 or problem.output().numel() > 100 or problem.input().numel() > 100:
        return
    operands = (problem.input().requires_grad_(), problem.weight().requires_grad_())

    def conv(x, w):
        return CONV[problem.rank](x, w, **problem.settings, flip=problem.flip)

    torch.autograd.gradcheck(conv, operands)
    torch.autograd.gradgradcheck(conv, operands)


@ranks
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_are_near_float64(rank, dtype):
    """The error is a few roundings of the numbers added."""
    x, w = torch.randn(2, 3, *[6] * rank, dtype=dtype), torch.randn(4, 3, *[3] * rank, dtype=dtype)
    got = CONV[rank](x, w, padding="same")
    assert got.dtype == dtype
    limit = 32 * torch.finfo(dtype).eps
    torch.testing.assert_close(got.double(), CONV[rank](x.double(), w.double(), padding="same"), rtol=limit, atol=limit)


def test_layout_does_not_matter():
    """Strided and channels_last inputs give the same numbers."""
    x, w = torch.randn(2, 4, 8, 8), torch.randn(3, 4, 3, 3)
    want = conv2d(x, w, padding=[(0, 1), (2, 0)])
    torch.testing.assert_close(conv2d(x.to(memory_format=torch.channels_last), w, padding=[(0, 1), (2, 0)]), want)
    torch.testing.assert_close(conv2d(x.mT.contiguous().mT, w, padding=[(0, 1), (2, 0)]), want)


@ranks
def test_a_single_example_no_example_and_no_numbers(rank):
    """Without the axis of examples, with none of them, and on the meta device."""
    x, w = torch.randn(2, *[5] * rank), torch.randn(3, 2, *[2] * rank)
    torch.testing.assert_close(CONV[rank](x, w, padding="same"), CONV[rank](x[None], w, padding="same")[0])
    assert CONV[rank](x[None][:0], w).shape == (0, 3, *[4] * rank)
    assert CONV[rank](x.to("meta"), w.to("meta"), stride=2, padding="same").shape == (3, *[3] * rank)


def test_autocast_lowers_both_operands():
    """Under autocast it is bfloat16, as torch's is."""
    with torch.autocast("cpu", torch.bfloat16):
        assert conv2d(torch.randn(1, 1, 4, 4), torch.randn(1, 1, 3, 3), torch.randn(1, 2, 2)).dtype == torch.bfloat16


def test_what_fits_is_checked_once(monkeypatch):
    """The same sizes and settings, as numbers, tuples or lists, are not looked at twice; so many are kept, no more."""
    calls = []
    monkeypatch.setattr(conv, "_FITTED", {})
    monkeypatch.setattr(conv, "_MOST", 2)
    monkeypatch.setattr(conv, "check_weight", lambda *given: calls.append(given))
    x, w = torch.randn(2, 4, 8, 8), torch.randn(6, 2, 3, 3)
    for padding in (1, (1, 1), [1, 1], "same"):
        for _ in range(3):
            conv2d(x, w, padding=padding, groups=2)
        assert len(conv._FITTED) <= 2
    assert len(calls) == 4
    conv2d(x, w, torch.randn(6), padding="same", groups=2)
    assert len(calls) == 5


def test_a_list_that_changes_is_read_anew():
    """Settings are taken as they are at the call."""
    x, w, stride = torch.randn(1, 2, 8, 8), torch.randn(3, 2, 3, 3), [1, 1]
    assert conv2d(x, w, stride=stride).shape == (1, 3, 6, 6)
    stride[0] = 2
    assert conv2d(x, w, stride=stride).shape == (1, 3, 3, 6)


def test_settings_of_any_class_are_taken():
    """Sequences that Python's own tools do not know are checked at every call."""
    x, w = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    for _ in range(2):
        assert conv2d(x, w, stride=torch.Size((1, 2))).shape == (2, 4, 6, 3)


@pytest.mark.traced
def test_sizes_may_be_symbols():
    """What was traced with one input's sizes gives another's numbers."""
    x, w = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    traced = make_fx(lambda x, w: conv2d(x, w, padding="same"), tracing_mode="symbolic")(x, w)
    wider = torch.randn(3, 3, 9, 7)
    torch.testing.assert_close(traced(wider, w), conv2d(wider, w, padding="same"))


X, W = torch.zeros(8, 4, 32, 32), torch.zeros(64, 4, 3, 3)
# (what is wrong, the call, the whole message)
REFUSALS = [
    (
        "other channels",
        lambda: conv2d(X, W[:, :3]),
        "conv2d: input has 4 channels, but weight takes 3.\n"
        "  input   (N=8, C=4, H=32, W=32)\n"
        "  weight  (64, 3, 3, 3)\n"
        "Pass input with 3 channels, or a weight made for 4.",
    ),
    (
        "groups that do not divide",
        lambda: conv2d(X, W, groups=3),
        "conv2d: groups do not divide kernels.\n  kernels  64\n  groups   3\n"
        "Give groups that divide kernels, or kernels that are a multiple of 3.",
    ),
    (
        "too few axes",
        lambda: conv2d(X[0, 0], W),
        "conv2d: input has 2 axes, and 4 are needed, or 3 for a single example.\n  input  (32, 32)\n"
        "Pass input as (N, C, H, W) or (C, H, W).",
    ),
    (
        "kernels without axes",
        lambda: conv2d(X, W[0]),
        "conv2d: weight has 3 axes, and 4 are needed.\n  weight  (4, 3, 3)\nPass weight as (K, C/groups, R, S).",
    ),
    (
        "a bias that does not fit",
        lambda: conv2d(X, W, torch.zeros(3)),
        "conv2d: bias does not fit the output.\n  bias    (3,)\n  output  (64, 30, 30)\n"
        "Pass bias as (64,) (one per channel) or (64, 30, 30) (one per location).",
    ),
    (
        "a window larger than the input",
        lambda: conv2d(X[..., :1, :], W),
        "conv2d: the window is larger than the padded input.\n"
        "  input        (H=1, W=32)\n"
        "  padding      ((0, 0), (0, 0))\n"
        "  window       (R=3, S=3)\n"
        "  kernel_size  (3, 3)\n"
        "  dilation     (1, 1)\n"
        "Pass a larger input, pad more, or use a smaller kernel or dilation.",
    ),
    (
        "other numbers",
        lambda: conv2d(X.double(), W),
        "conv2d: input and weight are of different dtypes.\n  input   torch.float64\n  weight  torch.float32\n"
        "Convert one of them, for example with input.to(weight.dtype).",
    ),
    (
        "a bias of other numbers",
        lambda: conv2d(X, W, torch.zeros(64).double()),
        "conv2d: bias and weight are of different dtypes.\n  bias    torch.float64\n  weight  torch.float32\n"
        "Convert one of them, for example with bias.to(weight.dtype).",
    ),
    (
        "a mode without a meaning",
        lambda: conv2d(X, W, padding_mode="mirror"),
        "conv2d: no padding mode is called 'mirror'.\nChoose one of 'zeros', 'reflect', 'replicate', 'circular'.",
    ),
    (
        "more than there is to reflect",
        lambda: conv2d(X[..., :2, :], W, padding=2, padding_mode="reflect"),
        "conv2d: the input is too small for this padding.\n  input    (H=2, W=32)\n  padding  ((2, 2), (2, 2))\n"
        "With padding_mode='reflect' pad at most size - 1 on each side.",
    ),
    (
        "what equals a size that was found to fit",
        lambda: (conv2d(X, W, stride=1), conv2d(X, W, stride=True)),
        "conv2d: stride is not made of whole numbers.\n  stride  True\n"
        "Give stride as a whole number, or as 2 of them, one for each spatial axis.",
    ),
    (
        "what equals sizes that were found to fit",
        lambda: (conv2d(X, W, stride=(1, 1)), conv2d(X, W, stride=(1, 1.0))),
        "conv2d: stride is not made of whole numbers.\n  stride  (1, 1.0)\n"
        "Give stride as a whole number, or as 2 of them, one for each spatial axis.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_does_not_fit_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message


@given(problems(ranks=(2,)), st.booleans())
@settings(max_examples=60)
def test_the_engine_computes_two_dimensions(problem, last):
    """In 32 bits, by our algorithms alone, in either layout: the numbers of double precision, and its gradients."""
    exact = problem.input().requires_grad_(), problem.weight().requires_grad_()
    layout = torch.channels_last if last else torch.contiguous_format
    given = [t.detach().float().contiguous(memory_format=layout).requires_grad_() for t in exact]
    want = conv2d(*exact, **problem.settings, flip=problem.flip)
    with engine.reproducible():
        got = conv2d(*given, **problem.settings, flip=problem.flip)
    torch.testing.assert_close(got.double(), want, rtol=1e-4, atol=1e-4)
    wants = torch.autograd.grad(want.square().sum(), exact)
    gots = torch.autograd.grad(got.square().sum(), given)
    for g, w in zip(gots, wants, strict=True):
        torch.testing.assert_close(g.double(), w, rtol=1e-3, atol=1e-3 * max(1, w.norm()))


def test_what_is_forced_is_asked_of_the_engine():
    """An algorithm for kernels of 5x5 refuses those of 3x3: so it was the engine that was asked."""
    with engine.use("winograd-2x2-5x5"), pytest.raises(OptionError, match="conv2d: algorithm 'winograd-2x2-5x5' canno"):
        conv2d(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 3, 3))
