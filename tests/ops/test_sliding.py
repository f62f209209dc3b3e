"""ops.sliding: every step reads the positions that PyTorch reads, as gradients measure them."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from striate.ops.receptive import Reach
from striate.ops.trace import Trace

SIZE = 28


def seen_along(run, x):
    """Give what each position along the last axis of an image sees, as the trace says."""
    image = torch.empty(x.shape, device="meta")
    with torch.no_grad(), Trace(image) as trace:
        out = run(image)
    return trace.axes_of(out)[-1]


def measured(y, x):
    """Give the first and the last sample along the last axis that each position along it depends on."""
    spans = []
    for q in range(y.shape[-1]):
        (gradient,) = torch.autograd.grad(y[..., q].sum(), x, retain_graph=True)
        samples = gradient.nonzero()[:, -1].tolist()
        spans.append((min(samples, default=0), max(samples, default=0)))
    return spans


def sequence(channels=1):
    return torch.rand(1, channels, SIZE, dtype=torch.float64, requires_grad=True)


def picture(channels=1):
    return torch.rand(1, channels, 6, SIZE, dtype=torch.float64, requires_grad=True)


def volume():
    return torch.rand(1, 1, 3, 6, SIZE, dtype=torch.float64, requires_grad=True)


RESIZED = [
    ("nearest", sequence, {"scale_factor": 2}),
    ("nearest", picture, {"size": (4, 42)}),
    ("nearest", volume, {"scale_factor": (1, 1, 3)}),
    ("nearest", sequence, {"size": 12}),
    ("nearest", sequence, {"scale_factor": 1.3}),
    ("nearest", sequence, {"scale_factor": 1.3, "recompute_scale_factor": True}),
    ("nearest-exact", sequence, {"scale_factor": 1.5}),
    ("nearest-exact", picture, {"size": (3, 20)}),
    ("nearest-exact", volume, {"size": (3, 6, 35)}),
    ("linear", sequence, {"scale_factor": 2}),
    ("linear", sequence, {"scale_factor": 3, "align_corners": True}),
    ("linear", sequence, {"scale_factor": 0.7}),
    ("bilinear", picture, {"size": (6, 35)}),
    ("bilinear", picture, {"size": (9, 19), "align_corners": True}),
    ("trilinear", volume, {"scale_factor": 2}),
    ("bicubic", picture, {"scale_factor": 2}),
    ("bicubic", picture, {"scale_factor": 3}),
    ("bicubic", picture, {"size": (6, 55), "align_corners": True}),
    ("area", sequence, {"size": 12}),
]


@pytest.mark.parametrize(("mode", "make", "to"), RESIZED, ids=lambda v: getattr(v, "__name__", str(v)))
def test_resizing_reads_what_it_blends(mode, make, to):
    """Away from the border each position sees exactly the samples that it copies or blends, whatever the ratio."""

    def run(x):
        return F.interpolate(x, mode=mode, **to)

    x = make()
    spans, reach = measured(run(x), x), seen_along(run, x).reach
    assert reach.jump > 0
    for q, span in enumerate(spans):
        first, last = reach.at(q)
        assert (max(first, 0), min(last, SIZE - 1)) == span or first < 0 or last >= SIZE
        assert max(first, 0) <= span[0]
        assert span[1] <= min(last, SIZE - 1)


def test_a_ratio_that_no_pattern_says_is_taken_to_mix():
    """Too long a pattern, an irrational factor, one position: each sees everything rather than too little."""
    for to in ({"size": 8209}, {"scale_factor": 2**0.5}):
        assert seen_along(lambda x, to=to: F.interpolate(x, mode="linear", **to), sequence()).fixed
    assert seen_along(lambda x: F.interpolate(x, size=1, mode="linear", align_corners=True), sequence()).fixed
    assert seen_along(lambda x: F.interpolate(x, scale_factor=0.5, mode="bicubic", antialias=True), picture()).fixed


POOLED = [
    ("sum in 3", lambda x: F.avg_pool1d(x, 3, 2, 1), sequence, (3, 2)),
    ("mean of 4", lambda x: F.avg_pool2d(x, 4, ceil_mode=True), picture, (4, 4)),
    ("one number in a list", lambda x: F.avg_pool2d(x, [3], [2]), picture, (3, 2)),
    ("volume", lambda x: F.avg_pool3d(x, (1, 2, 5)), volume, (5, 5)),
    ("norms", lambda x: F.lp_pool1d(x, 2, 3), sequence, (3, 3)),
    ("sevenths", lambda x: F.adaptive_avg_pool1d(x, 7), sequence, (4, 4)),
    ("none of the last", lambda x: F.adaptive_max_pool3d(x, (1, 2, None)), volume, (1, 1)),
    ("unfolded", lambda x: x.unfold(2, 4, 3).mean(-1), sequence, (4, 3)),
    ("columns", lambda x: F.unfold(x, (1, 3), stride=2, padding=(0, 1)).view(1, 3, 3, -1), picture, (3, 2)),
    ("unshuffled", lambda x: F.pixel_unshuffle(x, 2), picture, (2, 2)),
    ("padded", lambda x: F.pad(x, (3, 1)), sequence, (1, 1)),
    ("cropped", lambda x: F.pad(x, (-3, 1)), sequence, (1, 1)),
    ("reflected", lambda x: F.pad(x, (3, 1, 0, 0, 1, 0), mode="reflect"), volume, (1, 1)),
    ("repeated", lambda x: F.pad(x, (3, 1), mode="replicate"), sequence, (1, 1)),
    ("around", lambda x: F.pad(x, (3, 1, 2, 0, 1, 1), mode="circular"), volume, (1, 1)),
    ("sliced", lambda x: x[..., -20:25:3], volume, (1, 3)),
    ("sliced from before its start", lambda x: torch.ops.aten.slice(x, -1, -90, 90, 2), sequence, (1, 2)),
]


@pytest.mark.parametrize(("run", "make", "field"), [p[1:] for p in POOLED], ids=[p[0] for p in POOLED])
def test_windows_see_what_they_cover(run, make, field):
    """Size and step are those of the window, and an inner position sees exactly what its gradient reaches."""
    x = make()
    y = run(x)
    reach = seen_along(run, x).reach
    assert (reach.size, reach.rate) == field
    spans = measured(y, x)
    for q in range(2, len(spans) - 2):
        first, last = reach.at(q)
        if first >= 0 and last < SIZE and q > 3:
            assert spans[q] == (first, last)


def test_max_pooling_sees_its_window():
    """Its gradient reaches the largest sample only, yet all compete; indices see what values see."""
    for run, make in [
        (lambda x: F.max_pool1d(x, 3, 2, 1, 4), sequence),
        (lambda x: F.max_pool3d(x, (1, 1, 9), 2), volume),
    ]:
        reach = seen_along(run, make()).reach
        assert (reach.size, reach.rate) == (9, 2)
    indices = seen_along(lambda x: F.max_pool2d(x, (1, 3), return_indices=True)[1], picture())
    assert indices.reach == seen_along(lambda x: F.avg_pool2d(x, (1, 3)), picture()).reach
    assert seen_along(lambda x: F.fractional_max_pool2d(x, 2, 3), picture()).fixed


def test_pixel_shuffle_makes_positions_of_channels():
    """Two neighbours come of one sample; the image's own channels, were they an axis, are mixed."""
    reach = seen_along(lambda x: F.pixel_shuffle(x, 2), picture(4)).reach
    assert [reach.at(q) for q in range(4)] == [(0, 0), (0, 0), (1, 1), (1, 1)]
    assert seen_along(lambda x: F.pixel_shuffle(x.permute(0, 3, 1, 2), 2), picture()).fixed


def test_a_merged_axis_stays_where_its_dimension_is_left_alone():
    """Rows and columns that a view has merged are found again after a window along other dimensions."""

    def run(x, kernel, padding):
        flat = x.flatten(3)[..., None]
        return F.avg_pool3d(flat, kernel, 1, padding).view(1, 1, -1, 6, SIZE)

    assert seen_along(lambda x: run(x, (2, 1, 1), 0), volume()).reach == Reach()
    assert seen_along(lambda x: run(x, (1, 3, 1), (0, 1, 0)), volume()).fixed


def test_what_was_mixed_before_stays_mixed():
    """No window, of any kind, makes something that has seen everything see less."""
    runs = [
        lambda x: F.conv2d(x, x.new_ones(1, 1, 1, 3)),
        lambda x: F.unfold(x, 2),
        lambda x: x.unfold(3, 2, 1),
        lambda x: F.interpolate(x, scale_factor=2),
    ]
    for run in runs:
        assert seen_along(lambda x, run=run: run(x.softmax(-1)), picture()).fixed


def test_the_measure_can_fail():
    """A window of 3 does not measure as one of 4."""
    x = sequence()
    spans = measured(F.avg_pool1d(x, 3, 1), x)
    assert {last - first + 1 for first, last in spans} == {3}
    assert all(b[0] - a[0] == 1 for a, b in pairwise(spans))
