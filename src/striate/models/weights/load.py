"""Loading published weights into a network: all, or all but the head that other classes need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from striate.errors import OptionError
from striate.models.weights.fetch import prepared
from striate.models.weights.head import Matched, head_tensors, match
from striate.models.weights.kept import read_kept
from striate.models.weights.packed import Packed
from striate.models.weights.published import Published
from striate.nn import Classifier

__all__ = ["Loaded", "agreed", "load_packed", "load_weights", "trained_options"]


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
        What was loaded, and what was left out; `network.left_out` says the latter as well.

    Raises:
        WeightsError: They are not on this machine, damaged, or do not fit the network; which is then as it was.
    """
    prepared(weights)
    given = read_kept(weights)
    left_out = weights.head if new_head else ()
    taken = match(network, given, source=str(weights), left_out=left_out).tensors
    network.load_state_dict({**network.state_dict(), **taken})
    network.left_out = left_out
    return Loaded(weights, len(taken), left_out)


def load_packed(network: Classifier, packed: Packed, *, new_head: bool = False) -> Matched:
    """Load weights of our own, or that a run has packed, into `network`.

    Args:
        network: As the card tells, but for its number of classes.
        packed: The weights and their card.
        new_head: Leave the head as it is, for other classes. Otherwise every tensor is loaded.

    Returns:
        What was loaded, and what was left out; `network.left_out` says the latter as well.

    Raises:
        WeightsError: They do not fit the network, which is then as it was.

    Example:
        >>> from striate.models import create
        >>> from striate.models.weights import own_weights
        >>> load_packed(create("lenet5", classes=3), own_weights("lenet5", "digits"), new_head=True).left_out
        ('output.weight', 'output.bias')
    """
    card = packed.card
    left_out = head_tensors(network, (card.network["in_channels"], *card.network["image_size"])) if new_head else ()
    taken = match(network, packed.tensors, source=f"{card.model} {card.name}", left_out=left_out)
    network.load_state_dict({**network.state_dict(), **taken.tensors})
    network.left_out = taken.left_out
    return taken


def trained_options(weights: Published, options: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a network's options those that the weights were trained with.

    Raises:
        OptionError: Another value was asked for: the tensors might fit, and the function would be another.

    Example:
        >>> from striate.models.weights import published
        >>> trained_options(published("resnet50", "imagenet1k-v2"), {"zero_init": True})
        {'zero_init': True, 'shortcut': 'B', 'stride_on': '3x3'}
    """
    return agreed(str(weights), weights.options, options)


def agreed(source: str, trained: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a network's options those that the weights called `source` were trained with.

    Raises:
        OptionError: As for `trained_options`.
    """
    for name, value in trained.items():
        if options.get(name, value) != value:
            raise OptionError(
                f"weights: {source} was trained with {name}={value!r}.",
                f"Leave {name} out, or leave the weights out.",
                **{name: repr(options[name])},
            )
    return {**options, **trained}
