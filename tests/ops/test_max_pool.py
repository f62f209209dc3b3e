"""ops.max_pool: the greatest sample, found by a plain loop; padding never wins."""

import pytest
import torch
from hypothesis import given, settings
from pools import pools
from torch.autograd import gradcheck, gradgradcheck

from striate.errors import ShapeError
from striate.ops.max_pool import max_pool1d, max_pool2d, max_pool3d

POOL = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
paddings = pytest.mark.parametrize("padding", [1, "same", "full"])


def run(pool, x):
    options = {"dilation": pool.dilation, "ceil_mode": pool.ceil_mode}
    return POOL[pool.rank](x, **pool.steps, **options, return_indices=True)


@given(pools())
@settings(max_examples=60)
def test_is_the_greatest_sample_and_the_switch_says_where(pool):
    """A loop over windows and their taps finds the same numbers; the input at the switch is the output."""
    x = pool.input()
    out, switches = run(pool, x)
    want = torch.empty_like(out)
    for place, inside, _ in pool.windows():
        want[(..., *place)] = torch.stack([x[(..., *i)] for i in inside]).amax(0)
    assert out.equal(want)
    assert x.flatten(2).gather(-1, switches.flatten(2)).view_as(out).equal(out)


@given(pools())
@settings(max_examples=40)
@pytest.mark.parametrize(("dtype", "value"), [(torch.float64, -torch.inf), (torch.int32, -(2**31)), (torch.uint8, 0)])
def test_padding_is_never_a_switch(dtype, value, pool):
    """Where all samples are the least there is, the switch is still one of the window's own."""
    x = torch.full((1, 1, *pool.size), value, dtype=dtype)
    out, switches = run(pool, x)
    assert (out == value).all()
    for place, inside, _ in pool.windows():
        at, flat = switches[(0, 0, *place)].item(), []
        for taps in inside:
            index = 0
            for n, i in zip(pool.size, taps, strict=True):
                index = index * n + i
            flat.append(index)
        assert at in flat


@paddings
def test_nan_wins(padding):
    """Every window that holds it is NaN, and says where it is."""
    x = torch.zeros(1, 5, 5)
    x[0, 2, 2] = torch.nan
    out, switches = max_pool2d(x, 2, 1, padding, return_indices=True)
    assert out.isnan().sum() == 4
    assert switches[out.isnan()].unique().tolist() == [12]


@ranks
@paddings
def test_gradients_of_first_and_second_order(rank, padding):
    """Numerical ones agree."""
    x = torch.randperm(2 * 4**rank).double().view(1, 2, *[4] * rank).requires_grad_()
    assert gradcheck(lambda x: POOL[rank](x, 3, 2, padding), x)
    assert gradgradcheck(lambda x: POOL[rank](x, 3, 2, padding), x)


def test_the_gradient_of_a_window_without_a_winner_goes_to_its_switch():
    """All are -inf: the first inside the input gets it, none gets lost in the padding."""
    x = torch.full((1, 3), -torch.inf, requires_grad=True)
    max_pool1d(x, 2, 1, "full").sum().backward()
    assert x.grad.tolist() == [[2, 1, 1]]


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # PyTorch's own forward mode uses it
@ranks
@pytest.mark.parametrize("padding", ["same", "full"])
def test_without_gradients_nothing_changes(rank, padding):
    """What is read off the padded input then is the same, and so is the slope along any direction."""
    x, along = torch.randn(2, 2, 2, *[5] * rank, dtype=torch.float64)
    x[0, 0, ..., :2] = -torch.inf
    x[0, 1, ..., 2] = torch.nan

    def pool(x):
        return POOL[rank](x, 3, 2, padding, return_indices=True)

    want, switches = pool(x)
    slope = along.flatten(2).gather(-1, switches.flatten(2)).view_as(want)
    for mode in (torch.enable_grad(), torch.no_grad(), torch.inference_mode()):
        with mode:
            torch.testing.assert_close(pool(x), (want, switches), rtol=0, atol=0, equal_nan=True)
    for mode in (torch.enable_grad(), torch.no_grad()):
        with mode:
            assert torch.func.jvp(lambda x: pool(x)[0], (x,), (along,))[1][1].equal(slope[1])


@pytest.mark.traced
@ranks
@paddings
def test_compiles_exports_and_has_meta(rank, padding):
    """In one graph, with any number of examples, without data; the same numbers."""

    class Layer(torch.nn.Module):
        def forward(self, x):
            return POOL[rank](x, 3, 2, padding, return_indices=True)

    x = torch.randn(2, 2, *[5] * rank)
    want = Layer()(x)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(Layer(), backend="aot_eager", fullgraph=True)(x), want)
    program = torch.export.export(Layer(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(program.module()(x.repeat(2, *[1] * (rank + 1)))[0][:2], want[0])
    assert Layer()(x.to("meta"))[0].shape == want[0].shape
    assert Layer()(x[:0])[0].shape == (0, *want[0].shape[1:])


@ranks
@paddings
def test_other_numbers_and_layouts(rank, padding):
    """bfloat16 and whole numbers pool as float64 does; strides do not matter; an example may come alone."""
    x = torch.randint(-99, 99, (2, 3, *[5] * rank))
    want = POOL[rank](x.double(), 3, 2, padding)
    for dtype in (torch.bfloat16, torch.float32, torch.int64, torch.int8):
        assert POOL[rank](x.to(dtype), 3, 2, padding).double().equal(want)
    assert POOL[rank](x.double().transpose(0, 1).contiguous().transpose(0, 1), 3, 2, padding).equal(want)
    assert POOL[rank](x[1].double(), 3, 2, padding).equal(want[1])


@pytest.mark.refusal
def test_a_window_of_padding_alone_is_refused():
    """Taps further apart than the input is long can step over it."""
    with pytest.raises(ShapeError) as error:
        max_pool1d(torch.zeros(1, 1), 2, padding=2, dilation=4)
    assert str(error.value) == (
        "max_pool1d: a window holds no sample of the input, only padding.\n"
        "  input        (T=1)\n"
        "  padding      ((2, 2),)\n"
        "  kernel_size  (S=2)\n"
        "  dilation     (4,)\n"
        "Pass a larger input, pad less, or use a smaller dilation."
    )
