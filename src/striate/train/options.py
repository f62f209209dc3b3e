"""How a network is trained: everything that decides the weights, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final, Literal, cast

from striate.errors import OptionError

__all__ = ["TrainOptions"]


@dataclass(frozen=True)
class TrainOptions:
    """The settings that decide what training computes; where it runs is not among them.

    Args:
        epochs: Passes over the training part.
        batch_size: Images in one forward pass.
        accumulate: Forward passes whose gradients are summed for one step.
        optimizer: SGD with momentum, or AdamW.
        learning_rate: The schedule's highest.
        momentum: Of SGD.
        weight_decay: Pull towards 0, on kernels and matrices; not on biases and normalisation.
        schedule: Constant, by steps, along a cosine to 0, or by steps that wait until validation no longer improves
            (plateau).
        warmup_epochs: Epochs over which the rate rises from 0.
        milestones: Parts of the training after which `step` divides the rate by 10.
        plateau_epochs: Epochs without a better validation, since the best or since the last division, after which
            `plateau` divides the rate by 10; three times at most.
        label_smoothing: Part of each target that is spread over all classes.
        class_weights: Count all classes alike (balanced), or all samples (none).
        clip_norm: Largest norm of the gradient; 0 for no limit.
        precision: Arithmetic of the forward and backward pass; the weights stay fp32.
        filter_rms: Largest root mean square of a convolution's filter; after each step larger ones are scaled down to
            it; 0 for no limit. ZFNet's is 0.1.
        average_decay: Of the average of the weights (EMA), which is then what is judged and kept; 0 for none.
        patience: Epochs without a better validation after which training stops; 0 for never.
        seed: Decides the first weights, the order, the augmentation and dropout.
        max_skips: Steps in a row without a finite loss and gradient that are skipped; one more stops.
        overfit: Train and validate on the first so many batches only, without augmentation; 0 for all.
        weights: Weights to begin with: a name, a run's folder, or a file that `pack` wrote; nothing for fresh ones.
        freeze: Stages that keep their weights and statistics.
        layer_decay: The rate of a stage is the schedule's times this, once for each stage with weights after it.

    Raises:
        OptionError: A setting is out of range; the message gives the range.
    """

    epochs: int = 30
    batch_size: int = 64
    accumulate: int = 1
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Literal["constant", "step", "cosine", "plateau"] = "cosine"
    warmup_epochs: float = 1.0
    milestones: tuple[float, ...] = (0.5, 0.75)
    plateau_epochs: int = 5
    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    clip_norm: float = 0.0
    precision: Literal["fp32", "bf16"] = "fp32"
    filter_rms: float = 0.0
    average_decay: float = 0.0
    patience: int = 0
    seed: int = 0
    max_skips: int = 3
    overfit: int = 0
    weights: str = ""
    freeze: tuple[str, ...] = ()
    layer_decay: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            said, allowed = _RANGES.get(field.name, _ANY)
            if not allowed(value):
                raise OptionError(f"train: {field.name} is out of range.", f"Pass {said}.", **{field.name: repr(value)})


Rule = tuple[str, Callable[[object], bool]]


def _between(low: float, high: float) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int | float) and low <= value <= high


def _one_of(*names: str) -> Rule:
    return "one of: " + ", ".join(names), lambda value: value in names


_HUGE: Final = 2**31
_COUNT: Final[Rule] = ("a whole number from 1", lambda value: isinstance(value, int) and 1 <= value < _HUGE)
_COUNT_OR_0: Final[Rule] = ("a whole number from 0", lambda value: isinstance(value, int) and 0 <= value < _HUGE)
_AMOUNT: Final[Rule] = ("a number from 0", _between(0, _HUGE))
_BELOW_1: Final[Rule] = ("a number from 0 to below 1", lambda value: _between(0, 1)(value) and value != 1)
_ANY: Final[Rule] = ("anything", lambda value: True)
_RANGES: Final[dict[str, Rule]] = {
    "epochs": _COUNT,
    "batch_size": _COUNT,
    "accumulate": _COUNT,
    "optimizer": _one_of("sgd", "adamw"),
    "learning_rate": _AMOUNT,
    "momentum": _BELOW_1,
    "weight_decay": _AMOUNT,
    "schedule": _one_of("constant", "step", "cosine", "plateau"),
    "warmup_epochs": _AMOUNT,
    "milestones": (
        "parts of the training, rising, each from 0 to 1",
        lambda value: isinstance(value, tuple) and all(map(_between(0, 1), value)) and list(value) == sorted(value),
    ),
    "plateau_epochs": _COUNT,
    "label_smoothing": _BELOW_1,
    "class_weights": _one_of("none", "balanced"),
    "clip_norm": _AMOUNT,
    "precision": _one_of("fp32", "bf16"),
    "filter_rms": _AMOUNT,
    "average_decay": _BELOW_1,
    "patience": _COUNT_OR_0,
    "seed": ("a whole number of 64 bits", lambda value: isinstance(value, int) and -(2**63) <= value < 2**63),
    "max_skips": _COUNT_OR_0,
    "overfit": _COUNT_OR_0,
    "weights": ("a name or a path", lambda value: isinstance(value, str)),
    "freeze": (
        "names of stages",
        lambda value: isinstance(value, tuple) and all(isinstance(name, str) for name in cast("tuple[object]", value)),
    ),
    "layer_decay": ("a number above 0, up to 1", lambda value: _between(0, 1)(value) and value != 0),
}
