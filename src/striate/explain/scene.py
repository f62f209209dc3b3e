"""What all parts of the page need."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from striate.explain.layers import Network
from striate.explain.shelf import Shelf
from striate.explain.subject import Subject
from striate.train.progress import Shown

__all__ = ["Named", "Scene"]

Named = tuple[str, str, Float[Tensor, "C H W"]]
"""An image in [0, 1], after its name and its true class, which may be nothing."""


@dataclass(frozen=True)
class Scene:
    """What all parts need.

    Args:
        subject: The network.
        network: The same, captured.
        shelf: Where pictures and arrays go.
        progress: How it is shown.
    """

    subject: Subject
    network: Network
    shelf: Shelf
    progress: Shown
