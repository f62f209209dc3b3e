"""Numbers that say how well a classifier judged a set of samples, each computed over the whole set at once."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import fsum, sqrt
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from striate.errors import DataError, ShapeError

__all__ = ["Average", "Bin", "ClassMetrics", "Metrics", "measure", "wilson"]

_BINS = 15
_TOP = 5
# Half the width of a central 95 % of the normal distribution, in standard deviations.
_Z = 1.959963984540054
# Smallest probability that the cross-entropy takes for one: what float32 can resolve beside 1.
_SMALLEST = float(torch.finfo(torch.float32).eps)


@dataclass(frozen=True)
class ClassMetrics:
    """How well one class was judged.

    Args:
        name: The class.
        precision: Of the samples called this class, the share that is; 0 where none was called it.
        recall: Of the samples of this class, the share that was found; 0 where there is none.
        f1: Harmonic mean of the two: `2 TP / (2 TP + FP + FN)`; 0 where that is 0 / 0.
        support: Samples of this class.
        predicted: Samples called this class.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int

    @property
    def occurs(self) -> bool:
        """Whether any sample is of this class or was called it; if not, no average takes it in."""
        return self.support + self.predicted > 0


@dataclass(frozen=True)
class Average:
    """Precision, recall and F1 averaged over classes."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Bin:
    """The predictions whose confidence lies above `lower` and not above `upper`.

    Args:
        lower: Left out of the bin.
        upper: In the bin.
        count: Predictions in it.
        confidence: Their mean confidence: the probability of the class that was named; None if there are none.
        accuracy: The share of them that is right; None if there are none.
    """

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Metrics:
    """How well a classifier judged a set of samples.

    Every share lies between 0 and 1.

    Args:
        samples: Samples judged.
        correct: Those whose most probable class is the true one.
        accuracy: `correct / samples`.
        accuracy_interval: Wilson's 95 % interval for the accuracy on samples like these: see `wilson`.
        top_k: 5, or all classes where there are fewer; then `top_k_accuracy` is 1 and says nothing.
        top_k_accuracy: The share of samples whose true class is among the `top_k` most probable.
        cross_entropy: Mean of `-log p` of the true class, in nats; a `p` under 1.2e-7 counts as 1.2e-7.
        calibration_error: Expected calibration error: over 15 equal bins of confidence, the mean of the distance
            between accuracy and confidence, weighted by the bin's count (Guo et al. 2017).
        classes: One entry a class, in the order of `confusion`.
        macro: Mean over the classes that occur in truth or prediction, each counting the same.
        weighted: Mean over classes weighted by support.
        confusion: Samples by true class (row) and predicted class (column).
        calibration_bins: The bins of `calibration_error`.
    """

    samples: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    top_k: int
    top_k_accuracy: float
    cross_entropy: float
    calibration_error: float
    classes: tuple[ClassMetrics, ...]
    macro: Average
    weighted: Average
    confusion: tuple[tuple[int, ...], ...]
    calibration_bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """Give plain numbers, lists and dictionaries, for JSON."""
        return asdict(self)

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> "Metrics":
        """Read what `to_json` gave.

        Raises:
            DataError: `record` has other fields than a `Metrics`.
        """
        known = [field.name for field in fields(Metrics)]
        if set(record) != set(known):
            raise DataError(
                "Metrics.from_json: these are not the fields of a Metrics.",
                "Pass what Metrics.to_json gave, of this version; or evaluate again.",
                missing=", ".join(name for name in known if name not in record) or "-",
                unknown=", ".join(sorted(set(record) - set(known))) or "-",
            )
        low, high = record["accuracy_interval"]
        made: dict[str, Any] = {
            "accuracy_interval": (low, high),
            "classes": tuple(ClassMetrics(**row) for row in record["classes"]),
            "macro": Average(**record["macro"]),
            "weighted": Average(**record["weighted"]),
            "confusion": tuple(tuple(row) for row in record["confusion"]),
            "calibration_bins": tuple(Bin(**row) for row in record["calibration_bins"]),
        }
        return Metrics(**{**record, **made})


def measure(
    probabilities: Float[Tensor, "N K"],
    labels: Int[Tensor, " M"],
    classes: Sequence[str],
) -> Metrics:
    """Judge predictions by their labels.

    The rule for empty classes is scikit-learn's with `zero_division=0`: where a share would be 0 / 0 it is 0; the
    macro average leaves out a class that occurs in neither truth nor prediction, so perfect predictions score 1 though
    a class is absent. Of equal probabilities the first class is named.

    Args:
        probabilities: One row a sample: a probability for each class, summing to 1. Logits are refused.
        labels: The true class of each sample, as an index into `classes`.
        classes: Names, in the order of the columns.

    Raises:
        ShapeError: The sizes do not fit together, there are no samples, or there are fewer than two classes.
        DataError: A probability is not finite, a row is no distribution, or a label is not an index into `classes`.

    Source:
        Guo et al., "On calibration of modern neural networks", ICML 2017, section 2, for the calibration error.

    Example:
        >>> m = measure(torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), torch.tensor([0, 1, 1]), ["cat", "dog"])
        >>> m.correct, m.confusion
        (2, ((1, 0), (1, 1)))
    """
    # torchmetrics takes over a second to import, and training does not need it.
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_confusion_matrix

    _check(probabilities, labels, classes)
    p, truth = probabilities.detach().double().cpu(), labels.detach().long().cpu()
    predicted, k = p.argmax(1), len(classes)
    confusion = multiclass_confusion_matrix(predicted, truth, k).tolist()
    correct, top = int((predicted == truth).sum()), min(_TOP, k)
    rows, bins = _per_class(confusion, classes), _calibration(p.amax(1), predicted == truth)
    true_p = p.gather(1, truth[:, None]).clamp(_SMALLEST, 1)
    return Metrics(
        samples=len(truth),
        correct=correct,
        accuracy=correct / len(truth),
        accuracy_interval=wilson(correct, len(truth)),
        top_k=top,
        top_k_accuracy=float(multiclass_accuracy(p, truth, k, top_k=top, average="micro")),
        cross_entropy=abs(float(true_p.log().mean())),
        calibration_error=sum(b.count * abs((b.accuracy or 0) - (b.confidence or 0)) for b in bins) / len(truth),
        classes=rows,
        macro=_average(rows, [int(row.occurs) for row in rows]),
        weighted=_average(rows, [row.support for row in rows]),
        confusion=tuple(tuple(row) for row in confusion),
        calibration_bins=bins,
    )


def wilson(correct: int, samples: int) -> tuple[float, float]:
    """Give the 95 % interval for the accuracy behind `correct` of `samples`.

    If samples like these were drawn anew many times, about 95 of 100 intervals made this way would hold the accuracy
    on all such samples. Unlike `accuracy ± 2 standard errors` it stays between 0 and 1, and is honest near both.

    Source:
        Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

    Example:
        >>> low, high = wilson(355, 360)
        >>> print(f"{low:.3f} to {high:.3f}")
        0.968 to 0.994
    """
    share, z2 = correct / samples, _Z**2 / samples
    centre, half = share + z2 / 2, _Z * sqrt(share * (1 - share) / samples + z2 / (4 * samples))
    return max(0.0, (centre - half) / (1 + z2)), min(1.0, (centre + half) / (1 + z2))


def _per_class(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> tuple[ClassMetrics, ...]:
    # Counts from torchmetrics, shares from here: it divides in float32, where ten perfect classes average 1.0000001.
    rows: list[ClassMetrics] = []
    for i, (name, row) in enumerate(zip(names, confusion, strict=True)):
        hits, support, predicted = row[i], sum(row), sum(other[i] for other in confusion)
        shares = _share(hits, predicted), _share(hits, support), _share(2 * hits, support + predicted)
        rows.append(ClassMetrics(name, *shares, support, predicted))
    return tuple(rows)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _average(rows: Sequence[ClassMetrics], weights: Sequence[int]) -> Average:
    def mean(values: Sequence[float]) -> float:
        return fsum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)

    return Average(mean([r.precision for r in rows]), mean([r.recall for r in rows]), mean([r.f1 for r in rows]))


def _calibration(confidence: Tensor, right: Tensor) -> tuple[Bin, ...]:
    # Not torchmetrics': its bins are open at the top, so a confidence of exactly 1 falls into a sixteenth.
    edges = torch.linspace(0, 1, _BINS + 1, dtype=torch.float64)
    index = (torch.bucketize(confidence, edges) - 1).clamp(0, _BINS - 1)
    found: list[Bin] = []
    for i in range(_BINS):
        inside = index == i
        count = int(inside.sum())
        means = [float(values[inside].double().mean()) if count else None for values in (confidence, right)]
        found.append(Bin(float(edges[i]), float(edges[i + 1]), count, means[0], means[1]))
    return tuple(found)


def _check(probabilities: Tensor, labels: Tensor, classes: Sequence[str]) -> None:
    fits = probabilities.ndim == 2 and probabilities.shape == (len(labels), len(classes)) and labels.ndim == 1
    if not fits or len(labels) == 0 or len(classes) < 2:
        raise ShapeError(
            "measure: probabilities, labels and classes do not fit together.",
            "Pass one row of probabilities a label and one column a class; at least one sample and two classes.",
            probabilities=tuple(probabilities.shape),
            labels=tuple(labels.shape),
            classes=len(classes),
        )
    finite = probabilities.isfinite().all(1)
    if not finite.all():
        raise DataError(
            "measure: not every probability is finite.",
            "Look at these samples and at the weights of the network: an infinite or NaN score judges nothing.",
            rows=_listed(~finite),
            samples=len(labels),
        )
    sums = probabilities.double().sum(1)
    distributed = (probabilities >= 0).all(1) & ((sums - 1).abs() < 0.01)
    if not distributed.all():
        raise DataError(
            "measure: not every row is a distribution: numbers from 0 that sum to 1.",
            "Pass probabilities; of logits take softmax(1) first.",
            rows=_listed(~distributed),
            samples=len(labels),
        )
    known = (labels >= 0) & (labels < len(classes))
    if not known.all():
        raise DataError(
            "measure: not every label is an index into classes.",
            "Pass labels from 0 up to the number of classes less one.",
            rows=_listed(~known),
            labels=", ".join(map(str, labels[~known].unique().tolist()[:5])),
            classes=len(classes),
        )


def _listed(bad: Tensor) -> str:
    rows = bad.nonzero().flatten().tolist()
    return ", ".join(map(str, rows[:5])) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
