"""models.trace: every operation is seen, with its window, its cost and what it does to the receptive field."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from striate.models.trace import Trace


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
    ("turned", lambda x: x.flip(2), "all"),
    ("cropped", lambda x: F.avg_pool2d(x, 2)[:, :, 1:-1, -3:], (2, 2)),
    ("not of the image", lambda x: torch.zeros(1, 2, device="meta") + 1, None),
]


@pytest.mark.parametrize(("run", "field"), [f[1:] for f in FIELDS], ids=[f[0] for f in FIELDS])
def test_fields(run, field):
    """What an operation mixes is seen; what it leaves apart is not; what is unknown is taken to see everything."""
    assert watch(run)[1] == (("all", "all") if field == "all" else field)
