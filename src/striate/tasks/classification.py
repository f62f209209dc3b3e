"""One class for each image: softmax, cross-entropy, and the classes that come first."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from striate.errors import OptionError

__all__ = ["Classification", "Prediction"]


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of one image, best first."""

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Classification:
    """Tell images of `classes` apart.

    Args:
        classes: Their names, in the order of the network's scores.
        label_smoothing: Part of each target that is spread over all classes, in [0, 1).
        class_weights: What one sample of each class counts; None for 1 each.

    Raises:
        OptionError: The smoothing is out of range, or the weights are not one per class.

    Source:
        Label smoothing: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
        CVPR 2016, section 7.
    """

    classes: tuple[str, ...]
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise OptionError(
                "classification: label smoothing is a part of the target.",
                "Pass a number from 0 to below 1; 0.1 is usual.",
                label_smoothing=self.label_smoothing,
            )
        if self.class_weights is not None and len(self.class_weights) != len(self.classes):
            raise OptionError(
                "classification: there is not one weight per class.",
                "Pass as many weights as classes, in their order.",
                class_weights=len(self.class_weights),
                classes=len(self.classes),
            )

    def weight(self, labels: Int64[Tensor, " N"]) -> float:
        """Sum what the samples count: what `loss` has to be divided by for a mean."""
        if self.class_weights is None:
            return float(len(labels))
        return float(torch.tensor(self.class_weights, dtype=torch.float64)[labels.cpu()].sum())

    def loss(self, logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
        """Sum the cross-entropy over the samples.

        The sum, not the mean: a batch may come in parts, and only the whole knows what to divide by.

        Example:
            >>> task = Classification(("cat", "dog"))
            >>> task.loss(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0])) / 4  # the logarithm of 2
            tensor(0.6931)
        """
        weight = None if self.class_weights is None else logits.new_tensor(self.class_weights)
        return F.cross_entropy(logits, labels, weight, reduction="sum", label_smoothing=self.label_smoothing)

    def correct(self, logits: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]) -> Int64[Tensor, ""]:
        """Count the samples whose highest score is their label's."""
        return (logits.argmax(1) == labels).sum()

    def decode(self, probabilities: Float[Tensor, "N K"], *, top: int = 5) -> list[Prediction]:
        """Name the `top` likeliest classes of each image.

        Example:
            >>> Classification(("cat", "dog")).decode(torch.tensor([[0.25, 0.75]]))
            [Prediction(classes=('dog', 'cat'), probabilities=(0.75, 0.25))]
        """
        values, indices = probabilities.topk(min(top, len(self.classes)), dim=1)
        names: Sequence[str] = self.classes
        return [
            Prediction(tuple(names[i] for i in row), tuple(p))
            for row, p in zip(indices.tolist(), values.tolist(), strict=True)
        ]


def balanced_weights(labels: Int64[Tensor, " N"], classes: int) -> tuple[float, ...]:
    """Weigh each class by what it lacks: samples / (classes x samples of the class), 0 for a class without samples.

    Source:
        King and Zeng, "Logistic Regression in Rare Events Data", Political Analysis 9 (2001); scikit-learn's
        `class_weight="balanced"`.

    Example:
        >>> balanced_weights(torch.tensor([0, 0, 0, 1]), 2)
        (0.6666666666666666, 2.0)
    """
    counts = torch.bincount(labels, minlength=classes).tolist()
    return tuple(len(labels) / (classes * n) if n else 0.0 for n in counts)
