"""ops.trace: every operation is seen, with its window, its cost and what it does to the receptive field."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from striate.ops.trace import Trace


def watch(run, size=(2, 12, 14)):
    """Run a function of an image on the meta device; give its operations and how far its output sees."""
    image, seen = torch.empty(1, *size, device="meta"), []
    trace = Trace(image, lambda name, window, cost, taken, out: seen.append((name, window, cost)))
    with torch.no_grad(), trace:
        out = run(image)
    axes = trace.axes_of(out)
    return seen, axes and tuple("all" if a.reach.covers(a.extent) else a.reach.size for a in axes)


def weight(*shape) -> Tensor:
    return torch.empty(shape, device="meta")


WINDOWS = [
    (lambda x: F.conv2d(x, weight(4, 2, 3, 5)), ("convolution", "3x5", 4 * 10 * 10 * 30)),
    (
        lambda x: F.conv2d(x, weight(4, 1, 3, 3), None, 2, 1, 2, 2),
        ("convolution", "3x3 /2 dilation 2 groups 2", 4 * 5 * 6 * 9),
    ),
    (lambda x: F.conv_transpose2d(x, weight(2, 3, 2, 2), None, 2), ("convolution", "2x2 /2", 336 * 12)),
    (lambda x: F.max_pool2d(x, 3, (2, 1)), ("max_pool2d_with_indices", "3x3 /2x1", 0)),
    (lambda x: F.adaptive_avg_pool2d(x, 3), ("adaptive_avg_pool2d", "", 0)),
    (lambda x: F.conv1d(x[:, :, 0], weight(4, 2, 3), dilation=2), ("convolution", "3 dilation 2", 4 * 10 * 6)),
    (lambda x: F.conv3d(x[:, :, None], weight(4, 2, 1, 3, 3)), ("convolution", "1x3x3", 4 * 10 * 12 * 18)),
    (lambda x: F.fractional_max_pool2d(x, 2, 3), ("fractional_max_pool2d", "2x2 /2", 0)),
    (lambda x: F.linear(x, weight(5, 14)), ("mm", "", 24 * 14 * 5)),
    (lambda x: x @ x.transpose(2, 3), ("bmm", "", 2 * 12 * 12 * 14)),
]


@pytest.mark.parametrize(("run", "operation"), WINDOWS, ids=[w[1][0] + " " + w[1][1] for w in WINDOWS])
def test_windows_and_costs(run, operation):
    """Convolutions, products and pooling are told with their window and their multiply-adds."""
    seen, _ = watch(run)
    assert [o for o in seen if o[1] is not None] == [operation]


FIELDS = [
    ("nothing", lambda x: x, (1, 1)),
    ("pointwise", lambda x: (x * 2 + 1).relu_(), (1, 1)),
    ("pointwise, in halves", lambda x: torch.cat(x.chunk(2, 1)[::-1], 1), (1, 1)),
    ("one channel", lambda x: x[:, 0], (1, 1)),
    ("one row", lambda x: F.avg_pool2d(x, 3)[:, :, 1], ("all", 3)),
    ("glued along the rows", lambda x: torch.cat([x, x], 2), ("all", 1)),
    ("sum over channels", lambda x: x.sum(1, keepdim=True), (1, 1)),
    ("mean over rows", lambda x: x.mean(2), ("all", 1)),
    ("attention", lambda x: (x.flatten(2).mT @ x.flatten(2)).softmax(-1), "all"),
    ("turned", lambda x: x.flip(2), ("all", 1)),
    ("rolled", lambda x: x.roll(1, 3), (1, "all")),
    ("rolled as one", lambda x: x.roll(1), "all"),
    ("picked", lambda x: x.index_select(2, torch.zeros(3, dtype=torch.int, device="meta")), ("all", 1)),
    ("picked by a list", lambda x: x[:, :, :, torch.zeros(3, dtype=torch.int64, device="meta")], (1, "all")),
    ("a kernel made of the image", lambda x: F.conv2d(torch.zeros(1, 2, 20, 20, device="meta"), x), "all"),
    ("rows as channels", lambda x: F.conv1d(x[:, 0], weight(4, 12, 3)), ("all", 3)),
    ("an example a row", lambda x: F.conv1d(x[0].transpose(0, 1), weight(4, 2, 3)), (1, 3)),
    ("only the shape of it", lambda x: torch.zeros_like(x) + x.new_ones(1), None),
    ("cropped", lambda x: F.avg_pool2d(x, 2)[:, :, 1:-1, -3:], (2, 2)),
    ("not of the image", lambda x: torch.zeros(1, 2, device="meta") + 1, None),
]


@pytest.mark.parametrize(("run", "field"), [f[1:] for f in FIELDS], ids=[f[0] for f in FIELDS])
def test_fields(run, field):
    """What an operation mixes is seen; what it leaves apart is not; what is unknown is taken to see everything."""
    assert watch(run)[1] == (("all", "all") if field == "all" else field)


def test_sequences_and_volumes_have_windows_of_one_and_three_numbers():
    """A sequence is pooled as a picture of one row, which is not told."""
    sequence, _ = watch(lambda x: F.avg_pool1d(F.max_pool1d(x, 3, 2), 2), (2, 30))
    assert [o[1] for o in sequence if o[1] is not None] == ["3 /2", "2 /2"]
    volume, _ = watch(lambda x: F.max_pool3d(x, (1, 2, 2)), (2, 4, 8, 8))
    assert [o[1] for o in volume if o[1] is not None] == ["1x2x2 /1x2x2"]


WRITTEN = [
    ("a part", lambda x, y: y[:, :, 1:13].copy_(x), (1, 1)),
    ("all over", lambda x, y: y.copy_(F.avg_pool2d(F.pad(x, (2, 2, 4, 4)), 5, 1)[:, :, :14]), (5, 5)),
    ("parts that look to both sides", lambda x, y: (y[:, :, :12].copy_(x), y[:, :, 2:].copy_(x)), (3, 1)),
    ("parts apart", lambda x, y: (y[:, :, :7].copy_(x[:, :, :7]), y[:, :, 7:].copy_(x[:, :, :7])), ("all", 1)),
    ("a part of the channels", lambda x, y: y[:, 1, 1:13].copy_(x[:, 0]), (1, 1)),
    ("every second", lambda x, y: y[:, :, :12:2].copy_(x[:, :, 6:]), "all"),
    ("through a view", lambda x, y: y.view(2, 14, 14)[:, :12].copy_(x[0]), (1, 1)),
    ("through a flat view", lambda x, y: y.view(1, -1)[:, :336].copy_(x.flatten(1)), "all"),
    ("turned over", lambda x, y: y.mT[:, :, :, :12].copy_(x.mT), (1, 1)),
    ("one sample", lambda x, y: y[:, :, 0, 0].copy_(x.mean((2, 3))), "all"),
    ("from what was written", lambda x, y: (y[:, :, :12].copy_(x), y[:, :, 12:].copy_(y[:, :, :2])), (1, 1)),
    ("a sum", lambda x, y: y[:, :, :12].add_(x).add_(x), (1, 1)),
]


@pytest.mark.parametrize(("write", "field"), [w[1:] for w in WRITTEN], ids=[w[0] for w in WRITTEN])
def test_what_is_written_into_a_part_is_seen_in_the_whole(write, field):
    """Memory that several tensors share is followed, whichever of them is written into."""

    def run(x):
        y = torch.zeros(1, 2, 14, 14, device="meta")
        write(x, y)
        return y

    assert watch(run)[1] == (("all", "all") if field == "all" else field)


def test_a_view_taken_before_is_not_forgotten():
    """A part that was cut out before something was written into the whole sees it too."""

    def run(x):
        y = torch.zeros(1, 2, 14, 14, device="meta")
        part = y[:, :, 3:9]
        y[:, :, :12].copy_(F.avg_pool2d(x, 3, 1, 1))
        return part

    assert watch(run)[1] == (3, 3)
