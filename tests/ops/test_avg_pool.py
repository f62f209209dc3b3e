"""ops.avg_pool: the mean of a window, found by a plain loop."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import pools
from torch.autograd import gradcheck, gradgradcheck

from striate.errors import OptionError
from striate.ops.avg_pool import avg_pool1d, avg_pool2d, avg_pool3d

POOL = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
paddings = pytest.mark.parametrize("padding", [1, "same", "full"])
counted = pytest.mark.parametrize("counted", [True, False])


@given(pools(dilated=False), st.booleans(), st.sampled_from([None, 3]))
@settings(max_examples=80)
def test_is_the_mean_of_its_samples(pool, counted, divisor):
    """A loop's sum over the samples, divided by their number, with or without padding, or by a number given."""
    x = pool.input()
    got = POOL[pool.rank](
        x, **pool.steps, ceil_mode=pool.ceil_mode, count_include_pad=counted, divisor_override=divisor
    )
    want = torch.empty_like(got)
    for place, inside, taps in pool.windows():
        count = divisor or (taps if counted else len(inside))
        want[(..., *place)] = sum(x[(..., *i)] for i in inside) / count
    torch.testing.assert_close(got, want)


@ranks
@paddings
@counted
def test_gradients_of_first_and_second_order(rank, padding, counted):
    """Numerical ones agree."""
    x = torch.randn(1, 2, *[4] * rank, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: POOL[rank](x, 3, 2, padding, count_include_pad=counted), x)
    assert gradgradcheck(lambda x: POOL[rank](x, 3, 2, padding, count_include_pad=counted), x)


@ranks
@counted
@pytest.mark.parametrize("padding", ["same", "full"])
def test_short_numbers_are_divided_before_they_are_rounded(rank, padding, counted):
    """The mean of the exact numbers, rounded once; sums that float16 cannot hold have means that it can."""
    x = torch.randn(2, 3, *[9] * rank)
    for dtype in (torch.bfloat16, torch.float16):
        short = x.to(dtype)
        want = POOL[rank](short.double(), 3, 2, padding, count_include_pad=counted).to(dtype)
        assert POOL[rank](short, 3, 2, padding, count_include_pad=counted).equal(want)
    great = torch.full((1, *[5] * rank), 6e4).half()
    assert POOL[rank](great, 3, 2, padding, count_include_pad=False).eq(6e4).all()


def test_volumes_may_be_thinner_than_the_window():
    """Padded or cut off, as images may; PyTorch's own takes none that is smaller than the kernel."""
    x = torch.randn(1, 2, 1, 5, 5, dtype=torch.float64)
    got = avg_pool3d(x, (3, 2, 2), 1, (1, 0, 0))
    torch.testing.assert_close(got[:, :, 0], avg_pool2d(x[:, :, 0], 2, 1) / 3)
    got = avg_pool3d(x, (3, 2, 2), 1, (1, 0, 0), count_include_pad=False)
    torch.testing.assert_close(got[:, :, 0], avg_pool2d(x[:, :, 0], 2, 1))
    torch.testing.assert_close(avg_pool3d(x, 6, ceil_mode=True), x.mean((2, 3, 4), keepdim=True))


@pytest.mark.traced
@ranks
@paddings
@counted
def test_compiles_exports_and_has_meta(rank, padding, counted):
    """In one graph, with any number of examples, without data; the same numbers."""

    class Layer(torch.nn.Module):
        def forward(self, x):
            return POOL[rank](x, 3, 2, padding, count_include_pad=counted)

    x = torch.randn(2, 2, *[5] * rank)
    want = Layer()(x)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(Layer(), backend="aot_eager", fullgraph=True)(x), want)
    program = torch.export.export(Layer(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(program.module()(x.repeat(2, *[1] * (rank + 1)))[:2], want)
    assert Layer()(x.to("meta")).shape == want.shape
    assert Layer()(x[:0]).shape == (0, *want.shape[1:])


@ranks
@paddings
@counted
def test_other_numbers_and_layouts(rank, padding, counted):
    """bfloat16 is close, whole numbers are cut, strides do not matter, an example may come alone."""
    x = torch.randint(0, 99, (2, 3, *[5] * rank))

    def pool(x):
        return POOL[rank](x, 3, 2, padding, count_include_pad=counted)

    want = pool(x.double())
    torch.testing.assert_close(pool(x.bfloat16()).double(), want, rtol=2**-6, atol=0.5)
    for dtype in (torch.int64, torch.int8):
        assert pool(x.to(dtype)).dtype == dtype
        assert pool(x.to(dtype)).long().equal((want + 1e-9).long())
    torch.testing.assert_close(pool(x.double().transpose(0, 1).contiguous().transpose(0, 1)), want)
    torch.testing.assert_close(pool(x[1].double()), want[1])


@pytest.mark.refusal
def test_a_divisor_of_zero_is_refused():
    """The message names the rule, the value and the way out."""
    with pytest.raises(OptionError) as error:
        avg_pool1d(torch.zeros(1, 4), 2, divisor_override=0)
    assert str(error.value) == (
        "avg_pool1d: sums cannot be divided by 0.\n"
        "  divisor_override  0\n"
        "Leave divisor_override out, or give another number."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("divisor", [2.5, True, 1 << 70])
def test_a_divisor_that_is_no_whole_number_is_refused(divisor):
    """Small images and large ones alike."""
    for size in (4, 400):
        with pytest.raises(OptionError) as error:
            avg_pool1d(torch.zeros(1, 40, size), 2, divisor_override=divisor)
        assert str(error.value) == (
            "avg_pool1d: divisor_override is no whole number of 32 bits.\n"
            f"  divisor_override  {divisor!r}\n"
            "Leave it out, or give such a number."
        )
