"""What every network that tells classes apart has in common: scores, and their softmax."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Classifier"]


class Classifier(nn.Module, ABC):
    """A network whose last layer gives one score (logit) per class."""

    @abstractmethod
    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N classes"]:
        """Map images to unnormalised class scores, which is what the loss takes."""

    def probabilities(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N classes"]:
        """Map images to class probabilities: the softmax of the scores; each row sums to 1."""
        return self(x).softmax(dim=1)
