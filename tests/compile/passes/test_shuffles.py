"""passes.shuffles: exchanged groups of channels are found, however they are written."""

import pytest
from graphs import agrees, ops_of
from torch import nn

from striate.compile.passes.shuffles import find_shuffles
from striate.compile.passes.unread import drop_unread

pytestmark = pytest.mark.traced


class Shuffled(nn.Module):
    """As torchvision's ShuffleNet writes it, or with the axes exchanged by permute."""

    def __init__(self, how, axes):
        super().__init__()
        self.how, self.axes = how, axes

    def forward(self, x):
        n, channels, height, width = x.shape
        groups = x.view(n, 2, channels // 2, height, width)
        return getattr(groups, self.how)(*self.axes).contiguous().view(n, channels, height, width)


@pytest.mark.parametrize(("how", "axes"), [("transpose", (1, 2)), ("transpose", (2, 1)), ("permute", (0, 2, 1, 3, 4))])
def test_a_shuffle_is_one_operation(how, axes):
    """For any size."""
    graph = agrees(Shuffled(how, axes), (2, 6, 5, 7), (3, 6, 8, 5), change=lambda g: drop_unread(find_shuffles(g)))
    assert ops_of(graph) == ["shuffle"]


def test_other_exchanges_stay():
    """Of other axes."""
    graph = agrees(Shuffled("transpose", (3, 4)), (2, 6, 5, 5), change=lambda g: drop_unread(find_shuffles(g)))
    assert "shuffle" not in ops_of(graph)
