"""What every network that tells classes apart has in common: named stages, scores, and their softmax."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import OptionError

__all__ = ["Classifier", "Stages"]

Stages = Mapping[str, Callable[[Tensor], Tensor]]


class Classifier(nn.Module, ABC):
    """A network that is a row of stages, the last of which gives one score (logit) per class.

    A subclass lists its stages; to run them, to stop on the way and to take the softmax is the same for all.

    Example:
        >>> import torch
        >>> class Small(Classifier):
        ...     maps = "conv1"
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.conv1, self.fc2 = nn.Conv2d(3, 8, 3), nn.LazyLinear(10)
        ...     def stages(self):
        ...         return {"conv1": self.conv1, "fc2": lambda x: self.fc2(x.flatten(1))}
        >>> Small().features(torch.zeros(1, 3, 8, 8)).shape
        torch.Size([1, 8, 6, 6])
    """

    maps: ClassVar[str]
    """The last stage whose output still has positions: where a network is looked into, and cut for another task."""

    left_out: tuple[str, ...] = ()
    """The tensors that weights were not loaded into, by name, because they tell other classes apart: still fresh."""

    @abstractmethod
    def stages(self) -> Stages:
        """List what is done to the images, in order, each step by the name that the paper gives it."""

    def features(self, x: Float[Tensor, "N C H W"], *, until: str | None = None) -> Float[Tensor, "N ..."]:
        """Map images to the output of the stage `until`; None for the last feature maps.

        Raises:
            OptionError: No stage has that name; the message lists those that exist.
        """
        last = self.maps if until is None else until
        stages = self.stages()
        if last not in stages:
            raise OptionError(
                f"features: no stage is called {last!r}.",
                f"Choose one of: {', '.join(stages)}.",
                network=type(self).__name__,
            )
        for name, stage in stages.items():
            x = stage(x)
            if name == last:
                break
        return x

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N classes"]:
        """Map images to unnormalised class scores, which is what the loss takes."""
        for stage in self.stages().values():
            x = stage(x)
        return x

    def probabilities(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N classes"]:
        """Map images to class probabilities: the softmax of the scores; each row sums to 1."""
        return self(x).softmax(dim=1)
