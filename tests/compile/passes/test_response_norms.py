"""passes.response_norms: the normalisation is found in the operations that it is made of."""

import pytest
from graphs import agrees, ops_of
from torch import nn

from striate import ops
from striate.compile.passes import simplified

pytestmark = pytest.mark.traced
NUMBERS = (0.03, 0.75, 2.0)


class Ours(nn.Module):
    def __init__(self, size, scale="sum"):
        super().__init__()
        self.size, self.scale = size, scale

    def forward(self, x):
        return ops.local_response_norm(x, self.size, *NUMBERS, scale=self.scale)


class Square(nn.Module):
    """Not over channels."""

    def forward(self, x):
        return x / (nn.functional.avg_pool2d(x * x, 3, 1, 1) * 0.03 + 2.0) ** 0.75


@pytest.mark.parametrize(
    ("layer", "alpha"),
    [(nn.LocalResponseNorm(5, *NUMBERS), 0.03), (nn.LocalResponseNorm(4, *NUMBERS), 0.03), (Ours(5), 0.15),
     (Ours(4), 0.12), (Ours(3, "mean"), 0.03)],
    ids=str,
)  # fmt: skip
def test_it_is_found_for_any_size(layer, alpha):
    """PyTorch's and ours, of odd and even windows; alpha is that of a mean."""
    graph = agrees(layer, (2, 8, 6, 7), (3, 8, 9, 5), change=simplified)
    assert ops_of(graph) == ["response_norm"]
    options = graph.nodes[0].options
    assert options["alpha"] == pytest.approx(alpha)
    assert (options["beta"], options["k"]) == (0.75, 2.0)


def test_others_stay():
    """Over positions."""
    assert "response_norm" not in ops_of(agrees(Square(), (2, 4, 6, 7), change=simplified))


def test_a_window_may_reach_beyond_all_channels():
    """Then it is as good as one that just does."""
    graph = agrees(Ours(12), (2, 4, 6, 7), change=simplified)
    assert graph.nodes[0].options["size"] == 9
