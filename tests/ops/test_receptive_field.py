"""ops.receptive_field: what networks see, as gradients measure it."""

from fractions import Fraction
from itertools import product
from math import inf

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from striate import nn as striate_nn
from striate.errors import OptionError, ShapeError
from striate.ops.receptive import Reach, grow
from striate.ops.receptive_field import ReceptiveField, receptive_field

BLENDS = {1: "linear", 2: "bilinear", 3: "trilinear"}
SIZES = {1: (96,), 2: (40, 44), 3: (32, 28, 30)}


class By(nn.Module):
    """A function as a layer."""

    def __init__(self, run) -> None:
        super().__init__()
        self.run = run

    def forward(self, x):
        return self.run(x)


class Sum(nn.Module):
    """Branches that are added."""

    def __init__(self, *branches) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return sum(branch(x) for branch in self.branches)


def measured(model, size, positions):
    """Give, for each position of the output, the first and last sample along each axis that its gradient reaches."""
    for p in model.parameters():
        p.data.uniform_(0.1, 1)
    x = torch.rand(1, 1, *size, dtype=torch.float64, requires_grad=True)
    y = model(x)
    found = []
    for position in positions(y.shape[2:]):
        (gradient,) = torch.autograd.grad(y[(0, slice(None), *position)].sum(), x, retain_graph=True)
        samples = gradient[0, 0].nonzero()
        found.append((position, tuple(zip(samples.amin(0).tolist(), samples.amax(0).tolist(), strict=True))
                      if len(samples) else ((inf, -inf),) * len(size)))  # fmt: skip
    return found


def middle(shape):
    """A few neighbours in the middle, along the diagonal and beside it."""
    return [tuple(n // 2 + (i * (d + 1)) % 5 - 2 for d, n in enumerate(shape)) for i in range(5)]


def check(model, rank, size=None):
    model, size = model.double().eval(), size or SIZES[rank]
    field = receptive_field(model, (1, *size))
    inner = 0
    for position, seen in measured(model, size, middle):
        told = field.at(position)
        if any(first > last for first, last in told):
            assert all(first > last for first, last in seen)
        elif all(first >= 0 and last < n for (first, last), n in zip(told, size, strict=True)):
            inner += 1
            assert told == seen
    assert inner
    return field


def layer(name, rank, *args, **kwargs):
    return getattr(nn, f"{name}{rank}d")(*args, **kwargs)


def shifted(x):
    """Half of the channels look ahead, half look back (a temporal shift)."""
    y = torch.zeros_like(x)
    y[:, :1, :-1], y[:, 1:, 2:] = x[:, :1, 1:], x[:, 1:, :-2]
    return y


NETWORKS = {
    "strides": lambda r: [layer("Conv", r, 1, 2, 3, 2, 1), nn.ReLU(), layer("Conv", r, 2, 2, 3)],
    "even and dilated": lambda r: [layer("Conv", r, 1, 1, 2, dilation=3), layer("Conv", r, 1, 1, 4, 3, 1)],
    "another window along each axis": lambda r: [layer("Conv", r, 1, 1, (3, 2, 1)[:r], (1, 2, 3)[:r], (0, 1, 0)[:r])],
    "depthwise": lambda r: [layer("Conv", r, 1, 2, 3), layer("BatchNorm", r, 2), layer("Conv", r, 2, 4, 3, groups=2)],
    "up again": lambda r: [layer("Conv", r, 1, 2, 3, 2, 1), layer("ConvTranspose", r, 2, 1, 4, 2, 1)],
    "up with gaps": lambda r: [layer("ConvTranspose", r, 1, 1, 2, 3, dilation=2), layer("Conv", r, 1, 1, 2)],
    "as many as the input": lambda r: [layer("Conv", r, 1, 1, 5, padding="same", dilation=2), nn.Hardtanh(0, 1e9)],
    "circular": lambda r: [layer("Conv", r, 1, 1, 4, padding="same", padding_mode="circular") for _ in "12"],
    "reflected": lambda r: [layer("Conv", r, 1, 1, 3, 2, padding=1, padding_mode="reflect")] * 2,
    "repeated": lambda r: [layer("ReplicationPad", r, (2, 1) * r), layer("Conv", r, 1, 1, 3)],
    "one side": lambda r: [layer("ConstantPad", r, (4, 0) * r, 0.0), layer("Conv", r, 1, 1, 3, dilation=2)],
    "zeros by hand": lambda r: [
        By(lambda x: torch.cat([torch.zeros_like(x[..., :4]), x], -1)), layer("Conv", r, 1, 1, 3, dilation=2)],
    "round by hand": lambda r: [
        By(lambda x: torch.cat([x[..., -2:], x, x[..., :2]], -1)), layer("Conv", r, 1, 1, 5)],
    "pooling": lambda r: [layer("AvgPool", r, 3, 2, 1), layer("AvgPool", r, 2, ceil_mode=True)],
    "pooled to a size": lambda r: [layer("AdaptiveAvgPool", r, 8), layer("Conv", r, 1, 1, 2)],
    "doubled": lambda r: [layer("Conv", r, 1, 1, 3, 2), nn.Upsample(scale_factor=2), layer("Conv", r, 1, 1, 3)],
    "by half as much": lambda r: [nn.Upsample(scale_factor=1.5), layer("AvgPool", r, 2)],
    "blended": lambda r: [
        layer("AvgPool", r, 2), nn.Upsample(None, 2, BLENDS[r]), layer("Conv", r, 1, 1, 2)],
    "branches to both sides": lambda r: [
        Sum(nn.Sequential(layer("ZeroPad", r, (2, 0) * r), layer("Conv", r, 1, 1, 3)),
            nn.Sequential(layer("ZeroPad", r, (0, 1) * r), layer("Conv", r, 1, 1, 2)), nn.Identity())],
    "branches of two strides": lambda r: [
        Sum(layer("Conv", r, 1, 2, 3, 2, 1), By(lambda x: x[(..., *[slice(None, None, 2)] * r)].tanh()))],
    "up and down beside": lambda r: [
        Sum(nn.Identity(), nn.Sequential(layer("Conv", r, 1, 1, 2, 2), layer("ConvTranspose", r, 1, 1, 2, 2)))],
    "parts written": lambda r: [layer("Conv", r, 1, 2, 3), By(shifted), layer("Conv", r, 2, 1, 2)],
    "in place": lambda r: [layer("Conv", r, 1, 1, 3), By(lambda x: x.add_(F.pad(x, (1, -1))))],
    "differences": lambda r: [By(lambda x: x[..., 3:] + x[..., :-3])],
    "unfolded": lambda r: [By(lambda x: x.unfold(-1, 4, 2).sum(-1))],
    "around a mean": lambda r: [layer("Conv", r, 1, 3, 3), nn.LocalResponseNorm(2), layer("Dropout", r)],
}  # fmt: skip


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_position_sees_what_its_gradient_reaches(name, rank):
    """In one, two and three dimensions, along every branch, position by position."""
    check(nn.Sequential(*NETWORKS[name](rank)), rank)


# The poolings of this package: what each window sees, whichever of its samples wins.
POOLS = {
    "max": lambda r: layer_of("MaxPool", r, 3, 2, 1),
    "max, odd pixel last": lambda r: layer_of("MaxPool", r, 3, 2, "same"),
    "max, another padding a side": lambda r: layer_of("MaxPool", r, 3, 2, [(0, 1), (1, 0), (1, 1)][:r]),
    "max, full and dilated": lambda r: layer_of("MaxPool", r, 2, 1, "full", 2),
    "max, rounded up": lambda r: layer_of("MaxPool", r, 2, 2, [(1, 0)] * r, ceil_mode=True),
    "mean, odd pixel last": lambda r: layer_of("AvgPool", r, 3, 2, "same", count_include_pad=False),
    "mean, full": lambda r: layer_of("AvgPool", r, 3, 2, "full"),
    "norm": lambda r: layer_of("LPPool", r, 2, 3, 2),
    "norm, odd pixel last": lambda r: layer_of("LPPool", r, 1.5, 3, 2, padding="same"),
    "greatest size": lambda r: layer_of("LPPool", r, inf, 3, 2, padding="same"),
    "mean to a size": lambda r: layer_of("AdaptiveAvgPool", r, 3),
    "max to a size": lambda r: layer_of("AdaptiveMaxPool", r, 4),
    "max to one": lambda r: layer_of("AdaptiveMaxPool", r, 1),
    "global mean": lambda r: layer_of("GlobalAvgPool", r),
    "global max": lambda r: layer_of("GlobalMaxPool", r),
    "maxout": lambda _: striate_nn.Maxout(2),
    "across a tile": lambda r: layer_of("TileMaxPool", r, (2, 3, 1)[:r]),
}


def layer_of(name, rank, *args, **kwargs):
    return getattr(striate_nn, f"{name}{rank}d")(*args, **kwargs)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("name", POOLS)
def test_every_window_sees_the_samples_that_change_it(name, rank):
    """Each sample in turn is made the greatest: what changes has seen it, and all of its field is found so."""
    size = (6, 7, 5)[:rank]
    places = torch.eye(torch.Size(size).numel(), dtype=torch.float64).view(-1, *size)
    x = torch.rand(2, *size, dtype=torch.float64)
    pool = POOLS[name](rank)
    changed = (pool(torch.stack([x[0] + 9 * places, x[1].expand_as(places)], 1)) != pool(x[None])).any(1)
    field = receptive_field(pool, (2, *size))
    for position in product(*map(range, changed.shape[1:])):
        seen = changed[(slice(None), *position)].nonzero().flatten()
        at = torch.stack(torch.unravel_index(seen, size))
        ends = zip(field.at(position), size, at.amin(1).tolist(), at.amax(1).tolist(), strict=True)
        for (first, last), n, least, most in ends:
            # Where a dilated window lies over the border its outermost taps inside may be further in.
            if "dilated" not in name or (first >= 0 and last < n):
                assert (max(first, 0), min(last, n - 1)) == (least, most)


@st.composite
def chains(draw):
    rank = draw(st.integers(1, 3))
    chain = []
    for _ in range(draw(st.integers(1, 3 if rank < 3 else 2))):
        kind = draw(st.sampled_from(["Conv", "ConvTranspose", "AvgPool"]))
        kernel = [draw(st.integers(1, 3)) for _ in range(rank)]
        stride = [draw(st.integers(1, 2)) for _ in range(rank)]
        padding = [draw(st.integers(0, k // 2)) for k in kernel]
        chain.append(
            (kind, kernel, stride, padding, [1 if kind == "AvgPool" else draw(st.integers(1, 2)) for _ in kernel])
        )
    return rank, chain


@settings(max_examples=40)
@given(chains())
def test_numbers_and_layers_agree_with_the_gradient(drawn):
    """A chain of windows by their numbers, the same chain as layers, and the gradient say the same."""
    rank, chain = drawn
    field, layers = None, []
    for kind, kernel, stride, padding, dilation in chain:
        field = receptive_field(
            kernel_size=kernel, stride=stride, padding=padding, dilation=dilation, transposed=kind == "ConvTranspose",
            after=field,
        )  # fmt: skip
        channels, spaced = ([], {}) if kind == "AvgPool" else ([1, 1], {"dilation": dilation})
        layers.append(layer(kind, rank, *channels, kernel, stride, padding, **spaced))
    assert check(nn.Sequential(*layers), rank) == field


def test_the_measure_can_fail():
    """A window of 5 does not measure as one of 3."""
    ((_, seen), *_) = measured(nn.Conv1d(1, 1, 5).double(), (96,), middle)
    assert seen != receptive_field(nn.Conv1d(1, 1, 3), (1, 96)).at(46)


def test_an_inner_layer_is_asked_for_by_name():
    """Its output is meant: at its last run if it runs twice, and as it was before anything wrote into it."""
    conv = nn.Conv1d(1, 1, 3)
    assert receptive_field(nn.Sequential(conv, conv, nn.Conv1d(1, 1, 5)), (1, 20), layer="0").size == (5,)
    changed = nn.Sequential(nn.Conv1d(1, 1, 3), By(lambda x: x.cumsum_(-1)))
    assert receptive_field(changed, (1, 20), layer="0") == receptive_field(kernel_size=3)


def test_behind_what_mixes_everything_the_field_is_the_input():
    """It has the size of the input, stands still, and has its centre in the middle."""
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)]
    field = receptive_field(nn.Sequential(nn.Conv2d(3, 8, 3), *head), (3, 64, 96))
    assert (field.size, field.stride, field.centre) == ((64, 96), (0, 0), (31.5, 47.5))
    assert field.at((5, 7)) == ((0, 63), (0, 95))


def test_one_position_that_is_flattened_is_no_loss():
    """Where only one position is left, flattening takes nothing away."""
    assert receptive_field(nn.Sequential(nn.Conv1d(1, 4, 8), nn.Flatten()), (1, 9), layer="0").stride == (1,)
    assert receptive_field(nn.Sequential(nn.Conv1d(1, 4, 8), nn.Flatten()), (1, 8)).size == (8,)


CENTRES = [
    ({"kernel_size": 3, "padding": 1}, 0.0),
    ({"kernel_size": 3}, 1.0),
    ({"kernel_size": 2}, 0.5),
    ({"kernel_size": 3, "padding": "same"}, 0.0),
    ({"kernel_size": 2, "padding": "same"}, 0.5),
    ({"kernel_size": 3, "padding": "full", "dilation": 2}, -2.0),
    ({"kernel_size": 4, "padding": [(3, 0)]}, -1.5),
    ({"kernel_size": 7, "stride": 2, "padding": 3}, 0.0),
]


@pytest.mark.parametrize(("window", "centre"), CENTRES, ids=str)
def test_the_centre_is_that_of_the_first_position(window, centre):
    """0 where padding is as much as the kernel reaches to the left; the next centres are a stride apart."""
    field = receptive_field(**window)
    assert field.centre == (centre,)
    for p in range(3):
        assert sum(field.at(p)[0]) / 2 == centre + p * field.stride[0]


def test_where_neighbours_see_different_amounts_the_centre_is_that_of_their_mean():
    """Enlarged by 2, positions lie a quarter before and a quarter after each sample, as images are resized."""
    for model in (
        nn.Upsample(scale_factor=2),
        nn.Upsample(scale_factor=2, mode="linear"),
        nn.ConvTranspose1d(1, 1, 2, 2),
    ):
        field = receptive_field(model, (1, 20))
        assert (field.stride, field.centre) == ((Fraction(1, 2),), (-0.25,))
    assert receptive_field(kernel_size=1, stride=2, padding=1, transposed=True).centre == (0.5,)
    assert receptive_field(kernel_size=1, stride=2, padding=1, transposed=True).at(0) == ((inf, -inf),)


def test_one_number_stands_for_all_axes():
    """The number of axes is that of the longest setting, or of what came before."""
    assert receptive_field(kernel_size=3, stride=(1, 2)).size == (3, 3)
    before = receptive_field(kernel_size=(1, 2, 3))
    assert receptive_field(kernel_size=2, stride=2, after=before).size == (2, 3, 4)
    assert ReceptiveField.of([grow(Reach(), 2)]).at((4,)) == ((4, 5),)


def test_a_network_is_left_as_it_was():
    """Mode, numbers and running statistics stay."""
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2)).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    receptive_field(net, (1, 20))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training
    assert net[1].training


NET = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
FLAT = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())

REFUSED = [
    (
        lambda: receptive_field(),
        OptionError,
        "receptive_field: pass either a model or a kernel_size.\n"
        "Call receptive_field(model, (C, H, W)), or receptive_field(kernel_size=3, stride=2, padding=1).",
    ),
    (
        lambda: receptive_field(input_size=(3, 8, 8), kernel_size=3),
        OptionError,
        "receptive_field: input_size and layer are of a model, and there is none.\n"
        "  input_size  (3, 8, 8)\n"
        "  layer       None\n"
        "Leave them out, or pass a model and no kernel_size.",
    ),
    (
        lambda: receptive_field(NET, stride=2),
        OptionError,
        "receptive_field: a model brings its own windows, and needs the size of an input.\n"
        "  input_size  None\n"
        "  stride      2\n"
        "Pass the model and (C, *spatial), as in receptive_field(model, (3, 224, 224)), and nothing of a window.",
    ),
    (
        lambda: receptive_field(kernel_size=3, stride=2, padding="same"),
        OptionError,
        "receptive_field: with a stride, 'same' padding depends on the size of the input.\n"
        "  kernel_size  (3,)\n"
        "  stride       (2,)\n"
        "Give the padding as numbers, or pass a model and an input_size.",
    ),
    (
        lambda: receptive_field(NET, (3, 8, 8), layer="conv3"),
        OptionError,
        "receptive_field: the model has no layer called 'conv3'.\n  model  Sequential\nChoose one of 0, 1.",
    ),
    (
        lambda: receptive_field(nn.ReLU(), (3, 8, 8), layer="conv3"),
        OptionError,
        "receptive_field: the model has no layer called 'conv3'.\n"
        "  model  ReLU\n"
        "Leave it out: the model has no layers inside.",
    ),
    (
        lambda: receptive_field(By(torch.zeros_like), (3, 8, 8)),
        ShapeError,
        "receptive_field: the output does not depend on the input.\n"
        "  model   By\n"
        "  reason  it gives nothing made of the input\n"
        "Name a layer that does.",
    ),
    (
        lambda: receptive_field(Unused(), (3, 8, 8), layer="spare"),
        ShapeError,
        "receptive_field: spare does not depend on the input.\n"
        "  model   Unused\n"
        "  reason  it did not run\n"
        "Name a layer that does.",
    ),
    (
        lambda: receptive_field(FLAT, (3, 8, 8)),
        ShapeError,
        "receptive_field: the output no longer has spatial axes, and is not mixed.\n"
        "  model  Sequential\n"
        "  sees   (3, 3)\n"
        "Name the layer before the one that flattens or rearranges them: receptive_field(..., layer=...).",
    ),
    (
        lambda: receptive_field(kernel_size=(3, 3)).at((1, 2, 3)),
        ShapeError,
        "ReceptiveField.at: position has 3 numbers for 2 spatial axes.\n  position  (1, 2, 3)\nGive one number, or 2.",
    ),
    (
        lambda: receptive_field(kernel_size=0),
        ShapeError,
        "receptive_field: kernel_size is less than 1.\n  kernel_size  0\nGive 1 or more.",
    ),
]


class Unused(nn.Module):
    """A network with a layer that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.ReLU()

    def forward(self, x):
        return x


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "kind", "text"), REFUSED, ids=[r[2].split(": ")[1][:40] for r in REFUSED])
def test_what_cannot_be_answered_is_explained(call, kind, text):
    """Rule, values, way out."""
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == text


@pytest.mark.refusal
def test_an_input_that_the_network_cannot_take_is_explained():
    """The message names the layer and what it was given."""
    with pytest.raises(ShapeError) as error:
        receptive_field(NET, (1, 8, 8))
    assert str(error.value) == (
        "receptive_field: the model cannot take an input of this size.\n"
        "  model       Sequential\n"
        "  input_size  C=1 H=8 W=8\n"
        "  layer       0: Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))\n"
        "  given       1 x 8 x 8\n"
        f"  reason      {error.value.__cause__}\n"
        "Pass the channels, height and width that the model was made for, or make one for this size."
    )
