"""Fine-tuning: which stages of a network learn, and how fast each of them does.

Source:
    Rates by layer: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018,
    section 3.2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn

from striate.errors import OptionError
from striate.nn import Classifier
from striate.nn.stage_modules import stage_modules
from striate.train.options import TrainOptions

__all__ = ["Tuning", "tuning_of"]


@dataclass(frozen=True)
class Tuning:
    """What is told apart in training.

    Args:
        frozen: Parameters that get no gradient.
        resting: Modules that stay in evaluation mode, so that the statistics of normalisation stay as they are.
        rates: What the schedule's rate is multiplied by, where that is not 1.
    """

    frozen: tuple[nn.Parameter, ...] = ()
    resting: tuple[nn.Module, ...] = ()
    rates: Mapping[nn.Parameter, float] = field(default_factory=dict[nn.Parameter, float])


def tuning_of(model: Classifier, options: TrainOptions, input_size: Sequence[int]) -> Tuning:
    """Find out what `freeze` and `layer_decay` mean for a network.

    A parameter that several stages use belongs to the first of them. A module rests if no stage that learns calls it.

    Args:
        model: It is left as it is.
        options: The two settings.
        input_size: `(C, H, W)` of the images, in pixels.

    Raises:
        OptionError: No stage has that name, or none is left to learn; the message lists the stages.

    Example:
        >>> from striate.models import create
        >>> model = create("lenet5")
        >>> rates = tuning_of(model, TrainOptions(layer_decay=0.5), (1, 32, 32)).rates
        >>> rates[model.F6.bias], rates[model.C1.bias]
        (0.5, 0.0625)
    """
    if not options.freeze and options.layer_decay == 1:
        return Tuning()
    called = stage_modules(model, input_size)
    if unknown := [name for name in options.freeze if name not in called]:
        raise OptionError(
            f"train: no stage is called {', '.join(map(repr, unknown))}.",
            f"Choose from: {', '.join(called)}.",
            network=type(model).__name__,
            freeze=" ".join(options.freeze),
        )
    owned = _owned(model, called)
    learning = [stage for stage, parameters in owned.items() if parameters and stage not in options.freeze]
    if not learning:
        raise OptionError(
            "train: every stage is frozen.",
            f"Leave out one that has weights: {', '.join(stage for stage in owned if owned[stage])}.",
            network=type(model).__name__,
            freeze=" ".join(options.freeze),
        )
    kept = {name for stage, names in called.items() if stage not in options.freeze for name in names}
    resting = {name: None for stage in options.freeze for name in called[stage] if name not in kept}
    weighted = [stage for stage, parameters in owned.items() if parameters]
    return Tuning(
        frozen=tuple(p for stage in options.freeze for p in owned[stage]),
        resting=tuple(map(model.get_submodule, resting)),
        rates={
            p: options.layer_decay**after
            for after, stage in enumerate(reversed(weighted))
            for p in owned[stage]
            if after
        },
    )


def _owned(model: Classifier, called: Mapping[str, Sequence[str]]) -> dict[str, list[nn.Parameter]]:
    """List the parameters of each stage."""
    taken = set[nn.Parameter]()
    owned: dict[str, list[nn.Parameter]] = {}
    for stage, names in called.items():
        mine = [p for name in names for p in model.get_submodule(name).parameters(recurse=False) if p not in taken]
        owned[stage] = list(dict.fromkeys(mine))
        taken.update(mine)
    return owned
