"""ops.adaptive_pool: the bins of a plain loop; global pooling is one bin."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    chosen_bins,
    global_avg_pool1d,
    global_avg_pool2d,
    global_avg_pool3d,
    global_max_pool1d,
    global_max_pool2d,
    global_max_pool3d,
)

AVERAGE = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
MAXIMUM = {1: adaptive_max_pool1d, 2: adaptive_max_pool2d, 3: adaptive_max_pool3d}
GLOBAL_AVERAGE = {1: global_avg_pool1d, 2: global_avg_pool2d, 3: global_avg_pool3d}
GLOBAL_MAXIMUM = {1: global_max_pool1d, 2: global_max_pool2d, 3: global_max_pool3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@given(st.integers(1, 3), st.integers(0, 999), st.data())
@settings(max_examples=40)
def test_bins_share_the_input(rank, seed, data):
    """Position p holds the samples from floor(p n / P) to before ceil((p + 1) n / P), found by a loop, axis by axis."""
    size = [data.draw(st.integers(1, 6)) for _ in range(rank)]
    wanted = [data.draw(st.one_of(st.none(), st.integers(1, 8))) for _ in range(rank)]
    x = torch.randn(2, 2, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    mean, greatest = x, x
    for axis, (n, count) in enumerate(zip(size, wanted, strict=True), start=2):
        bins = [(p * n // (count or n), -(-(p + 1) * n // (count or n))) for p in range(count or n)]
        mean = torch.stack([mean.narrow(axis, a, b - a).mean(axis) for a, b in bins], axis)
        greatest = torch.stack([greatest.narrow(axis, a, b - a).amax(axis) for a, b in bins], axis)
    torch.testing.assert_close(AVERAGE[rank](x, wanted), mean)
    out, switches = MAXIMUM[rank](x, wanted, return_indices=True)
    assert out.equal(greatest)
    assert MAXIMUM[rank](x, wanted).equal(greatest)
    assert x.flatten(2).gather(-1, switches.flatten(2)).view_as(out).equal(out)


@ranks
def test_one_bin_is_global(rank):
    """Global pooling is pooling to one position: the mean and the maximum of a map."""
    x = torch.randn(3, 2, *[5] * rank, dtype=torch.float64)
    torch.testing.assert_close(GLOBAL_AVERAGE[rank](x), AVERAGE[rank](x, 1))
    assert GLOBAL_MAXIMUM[rank](x).equal(MAXIMUM[rank](x, 1))
    assert GLOBAL_MAXIMUM[rank](x).flatten().equal(x.flatten(2).amax(-1).flatten())
    whole = (9 * x).to(torch.int32)
    assert GLOBAL_MAXIMUM[rank](whole).flatten().equal(whole.flatten(2).amax(-1).flatten())


@ranks
def test_a_size_that_stays_changes_nothing(rank):
    """None keeps an axis; as many positions as samples are the samples."""
    x = torch.randn(2, 2, *range(3, 3 + rank))
    assert AVERAGE[rank](x, None).equal(x)
    assert MAXIMUM[rank](x, [None] * rank).equal(x)
    assert MAXIMUM[rank](x, x.shape[2:]).equal(x)
    assert chosen_bins("test", None, rank) == (None,) * rank
    assert chosen_bins("test", 3, rank) == (3,) * rank


def test_a_maximum_that_occurs_twice_gives_its_gradient_once():
    """To the first; NaN wins."""
    for pool in (global_max_pool1d, lambda x: adaptive_max_pool1d(x, 1)):
        x = torch.ones(1, 3, requires_grad=True)
        pool(x).sum().backward()
        assert x.grad.tolist() == [[1, 0, 0]]
        assert pool(torch.tensor([[1.0, torch.nan, 2.0]])).isnan().all()


@ranks
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_means_of_short_numbers_are_rounded_once(rank, dtype):
    """Sums that float16 cannot hold have means that it can, and those of bfloat16 do not stop growing."""
    x = (torch.rand(1, 2, *[14] * rank) + 1).to(dtype) * 2**14
    for pool in (lambda x: AVERAGE[rank](x, 2), lambda x: AVERAGE[rank](x, 1), GLOBAL_AVERAGE[rank]):
        torch.testing.assert_close(pool(x), pool(x.double()).to(dtype), rtol=torch.finfo(dtype).eps, atol=0)


POOLS = {
    "avg": lambda x, rank: AVERAGE[rank](x, 2),
    "max": lambda x, rank: MAXIMUM[rank](x, 2),
    "global avg": lambda x, rank: GLOBAL_AVERAGE[rank](x),
    "global max": lambda x, rank: GLOBAL_MAXIMUM[rank](x),
}
each_pool = pytest.mark.parametrize("pool", POOLS.values(), ids=list(POOLS))


@ranks
@each_pool
def test_gradients_of_first_and_second_order(rank, pool):
    """Numerical ones agree."""
    x = torch.randperm(2 * 3**rank).double().view(1, 2, *[3] * rank).requires_grad_()
    assert gradcheck(lambda x: pool(x, rank), x)
    assert gradgradcheck(lambda x: pool(x, rank), x)


@ranks
@each_pool
@pytest.mark.traced
def test_compiles_and_exports(rank, pool):
    """In one graph, and with any number of examples; the same numbers."""

    class Layer(torch.nn.Module):
        def forward(self, x):
            return pool(x, rank)

    x = torch.randn(2, 2, *[5] * rank)
    want = Layer()(x)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(Layer(), backend="aot_eager", fullgraph=True)(x), want)
    program = torch.export.export(Layer(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(program.module()(x.repeat(2, *[1] * (rank + 1)))[:2], want)


@ranks
@each_pool
def test_other_numbers_and_layouts(rank, pool):
    """bfloat16; meta tensors, no examples, one alone, any strides."""
    x = torch.randint(-9, 9, (2, 3, *[4] * rank)).double()
    want = pool(x, rank)
    for dtype in (torch.bfloat16, torch.float32):
        torch.testing.assert_close(pool(x.to(dtype), rank), want.to(dtype))
    assert pool(x.to("meta"), rank).shape == want.shape
    assert pool(x[:0], rank).shape == (0, *want.shape[1:])
    torch.testing.assert_close(pool(x[1], rank), want[1])
    torch.testing.assert_close(pool(x.transpose(0, 1).contiguous().transpose(0, 1), rank), want)


# (what is wrong, the call, the whole message)
REFUSALS = [
    (
        "too many numbers",
        lambda: adaptive_avg_pool2d(torch.zeros(1, 4, 4), (1, None, 2)),
        "adaptive_avg_pool2d: output_size has 3 numbers for 2 spatial axes.\n  output_size  (1, 1, 2)\n"
        "Give one number, or 2.",
    ),
    (
        "a negative size",
        lambda: adaptive_max_pool1d(torch.zeros(1, 4), -1),
        "adaptive_max_pool1d: output_size is less than 0.\n  output_size  -1\nGive 0 or more.",
    ),
    (
        "whole numbers",
        lambda: global_avg_pool2d(torch.zeros(1, 4, 4, dtype=torch.uint8)),
        "global_avg_pool2d: input is of a dtype that cannot be pooled.\n  input  torch.uint8\n"
        "Convert it, for example with input.float().",
    ),
    (
        "nothing to pool",
        lambda: global_max_pool2d(torch.zeros(1, 0, 4)),
        "global_max_pool2d: input is empty.\n  input  (1, 0, 4)\n"
        "Pass at least one channel and one sample along each spatial axis; only the axis of examples may be empty.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_cannot_be_shared_out_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message
