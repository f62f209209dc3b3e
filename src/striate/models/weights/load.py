"""Loading published weights into a network: all, or all but the head that other classes need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from striate.errors import OptionError, WeightsError
from striate.models.weights.fetch import prepared
from striate.models.weights.kept import read_kept
from striate.models.weights.published import Published
from striate.nn import Classifier

__all__ = ["Loaded", "load_weights", "trained_options"]


@dataclass(frozen=True)
class Loaded:
    """What was loaded into a network.

    Args:
        weights: The row of the table.
        tensors: How many tensors the network has from it.
        left_out: The tensors that keep their fresh numbers, because they depend on the number of classes.

    Example:
        >>> from striate.models.weights import published
        >>> print(Loaded(published("resnet18", "imagenet1k-v1"), 120, ("fc.weight", "fc.bias")))
        resnet18 imagenet1k-v1: 120 tensors loaded; fresh, for other classes: fc.weight, fc.bias
    """

    weights: Published
    tensors: int
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        fresh = f"; fresh, for other classes: {', '.join(self.left_out)}" if self.left_out else ""
        return f"{self.weights}: {self.tensors} tensors loaded{fresh}"


def load_weights(network: Classifier, weights: Published, *, new_head: bool = False) -> Loaded:
    """Load weights that are on this machine into `network`; nothing is fetched.

    Args:
        network: Made with the options that the weights were trained with (`trained_options`).
        weights: The row.
        new_head: Leave the head as it is, for other classes. Otherwise every tensor is loaded.

    Returns:
        What was loaded, and what was left out.

    Raises:
        WeightsError: They are not on this machine, damaged, or do not fit the network; which is then as it was.
    """
    prepared(weights)
    given = read_kept(weights)
    left_out = weights.head if new_head else ()
    taken = {name: tensor for name, tensor in given.items() if name not in left_out}
    wanted = network.state_dict()
    _require_same(weights, taken, {name: tensor for name, tensor in wanted.items() if name not in left_out})
    network.load_state_dict({**taken, **{name: wanted[name] for name in left_out}})
    return Loaded(weights, len(taken), left_out)


def _require_same(weights: Published, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Refuse weights that the network has not got a place for each of, or the other way round."""
    missing, others = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    shapes = {
        name: f"{tuple(given[name].shape)} for {tuple(wanted[name].shape)}"
        for name in wanted
        if name in given and given[name].shape != wanted[name].shape
    }
    if not (missing or others or shapes):
        return
    found = {"missing": missing, "others": others, "shapes": [f"{name}: {shapes[name]}" for name in shapes]}
    raise WeightsError(
        f"weights: {weights} does not fit this network.",
        f"Make it as the weights were trained: striate.create({weights.model!r}, weights={weights.name!r}); "
        "only its number of classes can be another.",
        **{what: _some(names) for what, names in found.items() if names},
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f", and {len(names) - 3} more" if len(names) > 3 else "")


def trained_options(weights: Published, options: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a network's options those that the weights were trained with.

    Raises:
        OptionError: Another value was asked for: the tensors might fit, and the function would be another.

    Example:
        >>> from striate.models.weights import published
        >>> trained_options(published("resnet50", "imagenet1k-v2"), {"zero_init": True})
        {'zero_init': True, 'shortcut': 'B', 'stride_on': '3x3'}
    """
    for name, value in weights.options.items():
        if options.get(name, value) != value:
            raise OptionError(
                f"create: {weights} was trained with {name}={value!r}.",
                f"Leave {name} out, or leave the weights out.",
                **{name: repr(options[name])},
            )
    return {**options, **weights.options}
