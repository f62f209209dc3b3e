"""What makes a captured graph smaller and faster, and leaves its answer as it is: a table of passes, each a file.

To add one: a file with a function from graph to graph, and a line in `PASSES`.
"""

from collections.abc import Callable
from typing import Final

from striate.compile.graph import Graph
from striate.compile.passes.activations import join_activations
from striate.compile.passes.constants import fold_constants
from striate.compile.passes.identities import drop_identities
from striate.compile.passes.pads import merge_pads
from striate.compile.passes.pointwise import find_pointwise
from striate.compile.passes.residuals import join_residuals
from striate.compile.passes.response_norms import find_response_norms
from striate.compile.passes.rows import find_rows
from striate.compile.passes.scales import find_scales, fold_scales
from striate.compile.passes.shuffles import find_shuffles
from striate.compile.passes.unread import drop_unread

__all__ = ["PASSES", "simplified"]

# In the order in which they run: what is found first, then what is folded into another, then what ends it.
PASSES: Final[tuple[Callable[[Graph], Graph], ...]] = (
    fold_constants,
    find_response_norms,
    find_shuffles,
    find_pointwise,
    find_scales,
    drop_identities,
    drop_unread,  # so that readers are counted right from here on
    merge_pads,
    fold_scales,
    join_residuals,
    join_activations,
    find_rows,  # where an activation is its layer's already, rows stay rows
    drop_unread,
)


def simplified(graph: Graph) -> Graph:
    """Run every pass.

    Args:
        graph: As captured.

    Returns:
        One that gives the same answer, but for the rounding of weights that were folded.
    """
    for run in PASSES:
        graph = run(graph)
    return graph
