"""ops.maxout: maxima over maps, and over the blocks in which a tile's kernels take turns."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops import conv1d, tiled_conv1d
from striate.ops.maxout import maxout, tile_max_pool1d, tile_max_pool2d, tile_max_pool3d

TILE = {1: tile_max_pool1d, 2: tile_max_pool2d, 3: tile_max_pool3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])


@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 999))
@settings(max_examples=30)
def test_maxout_is_the_greatest_map_of_each_group(rank, pieces, groups, seed):
    """Map k is the maximum of maps k * pieces and the following, along any axis that holds the maps."""
    x = torch.randn(2, groups * pieces, *[3] * rank, generator=torch.Generator().manual_seed(seed))
    want = torch.stack([x[:, k * pieces : (k + 1) * pieces].amax(1) for k in range(groups)], 1)
    assert maxout(x, pieces).equal(want)
    assert maxout(x, pieces, dim=-1 - rank).equal(want)
    assert maxout(x[0], pieces, dim=0).equal(want[0])
    assert maxout((9 * x).int(), pieces).equal((9 * want).int())


def test_maxout_of_lines_is_convex_and_of_one_piece_nothing():
    """Figure 1 of the paper: two lines make an absolute value. One piece changes nothing."""
    x = torch.linspace(-2, 2, 9)[:, None]
    assert maxout(torch.cat([x, -x], 1), 2).equal(x.abs())
    assert maxout(x, 1).equal(x)


@given(st.integers(1, 3), st.data())
@settings(max_examples=30)
def test_tile_max_is_the_greatest_of_each_block(rank, data):
    """Blocks lie side by side, the last one partial; a loop over them finds the same."""
    size = [data.draw(st.integers(1, 5)) for _ in range(rank)]
    tiles = [data.draw(st.integers(1, 6)) for _ in range(rank)]
    x = torch.randn(2, 2, *size)
    want = x
    for axis, t in enumerate(tiles, start=2):
        want = torch.stack([block.amax(axis) for block in want.split(t, axis)], axis)
    assert TILE[rank](x, tiles).equal(want)


def test_pooling_across_a_tile_makes_an_invariance():
    """Kernels that see a pattern and its mirror image: pooled, they answer to both alike; a shared one does not."""
    pattern = torch.tensor([1.0, 2.0, 4.0])
    views = torch.stack([pattern, pattern.flip(0)])
    weight = views[:, None, None]  # tiles K C S
    signals = [view.repeat(2)[None, None] for view in views]
    blocks = [tile_max_pool1d(tiled_conv1d(signal, weight, stride=3), 2) for signal in signals]
    assert blocks[0].equal(blocks[1])
    shared = [tile_max_pool1d(conv1d(signal, weight[0], stride=3), 2) for signal in signals]
    assert not shared[0].equal(shared[1])


def functions(rank):
    return [lambda x: maxout(x, 2), lambda x: TILE[rank](x, 2)]


@ranks
def test_gradients_of_first_and_second_order(rank):
    """Numerical ones agree."""
    x = torch.randperm(4 * 3**rank).double().view(1, 4, *[3] * rank).requires_grad_()
    for function in functions(rank):
        assert gradcheck(function, x)
        assert gradgradcheck(function, x)


def test_a_maximum_that_occurs_twice_gives_its_gradient_once():
    """To the first; NaN wins."""
    for function, shape in ((lambda x: maxout(x, 3), (1, 3)), (lambda x: tile_max_pool1d(x, 3), (1, 3))):
        x = torch.ones(shape, requires_grad=True)
        function(x).sum().backward()
        assert x.grad.tolist() == [[1, 0, 0]]
        assert function(torch.tensor([[1.0, torch.nan, 2.0]])).isnan().all()


@ranks
@pytest.mark.traced
def test_compiles_and_exports(rank):
    """In one graph, and with any number of examples; the same numbers."""

    class Layer(torch.nn.Module):
        def forward(self, x):
            return [function(x) for function in functions(rank)]

    x = torch.randn(2, 4, *[5] * rank)
    want = Layer()(x)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(Layer(), backend="aot_eager", fullgraph=True)(x), want)
    program = torch.export.export(Layer(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close([y[:2] for y in program.module()(x.repeat(2, *[1] * (rank + 1)))], want)


@ranks
def test_other_numbers_and_layouts(rank):
    """bfloat16, whole numbers; meta tensors, no examples, any strides."""
    x = torch.randint(-9, 9, (2, 4, *[4] * rank))
    for function in functions(rank):
        want = function(x)
        for dtype in (torch.bfloat16, torch.float64, torch.int8):
            assert function(x.to(dtype)).equal(want.to(dtype))
        assert function(x.to("meta")).shape == want.shape
        assert function(x[:0]).shape == (0, *want.shape[1:])
        assert function(x.transpose(0, 1).contiguous().transpose(0, 1)).equal(want)


# (what is wrong, the call, the whole message)
REFUSALS = [
    (
        "groups that do not come out",
        lambda: maxout(torch.zeros(8, 6, 4), 4),
        "maxout: 6 feature maps do not part into groups of 4.\n  input   (8, 6, 4)\n  dim     1\n  pieces  4\n"
        "Give a number of pieces that divides the number of maps.",
    ),
    (
        "no such axis",
        lambda: maxout(torch.zeros(6), 2),
        "maxout: input has no axis 1.\n  input  (6,)\n  dim    1\n"
        "Give dim from -1 to 0; of a single example the maps are axis 0.",
    ),
    ("no pieces", lambda: maxout(torch.zeros(1, 6), 0), "maxout: pieces is less than 1.\n  pieces  0\nGive 1 or more."),
    (
        "half a map",
        lambda: maxout(torch.zeros(1, 6), 1.5),
        "maxout: pieces is no whole number.\n  pieces  1.5\nGive the maps in a group.",
    ),
    (
        "no order",
        lambda: maxout(torch.zeros(1, 6, dtype=torch.complex64), 2),
        "maxout: input is of a dtype that cannot be pooled.\n  input  torch.complex64\n"
        "Convert it, for example with input.float().",
    ),
    (
        "no tiles",
        lambda: tile_max_pool2d(torch.zeros(1, 4, 4), (0, 2)),
        "tile_max_pool2d: tiles is less than 1.\n  tiles  (0, 2)\nGive 1 or more.",
    ),
    (
        "nothing to pool",
        lambda: tile_max_pool1d(torch.zeros(1, 0), 2),
        "tile_max_pool1d: input is empty.\n  input  (1, 0)\n"
        "Pass at least one channel and one sample along each spatial axis; only the axis of examples may be empty.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_groups_that_cannot_be_are_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message
