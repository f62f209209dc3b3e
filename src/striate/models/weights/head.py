"""Whether weights fit a network, and which of them a new last stage replaces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Shaped
from torch import Tensor

from striate.errors import WeightsError
from striate.nn import Classifier
from striate.nn.stage_modules import stage_modules

__all__ = ["Matched", "head_tensors", "match"]

# Names in an error message.
SHOWN = 6


@dataclass(frozen=True)
class Matched:
    """Weights that fit a network.

    Args:
        tensors: What is to be loaded, by name.
        left_out: Tensors of the network that keep their first values: all of its last stage, or none.
    """

    tensors: Mapping[str, Shaped[Tensor, "..."]]
    left_out: tuple[str, ...] = ()


def head_tensors(model: Classifier, input_size: Sequence[int]) -> tuple[str, ...]:
    """List the tensors of the last stage that has any, by name.

    Args:
        model: It is left as it is.
        input_size: `(C, H, W)` of images that it takes, in pixels.

    Example:
        >>> from striate.models import create
        >>> head_tensors(create("resnet20"), (3, 32, 32))
        ('fc.weight', 'fc.bias')
    """
    stages = list(stage_modules(model, input_size).values())
    for i, names in reversed(list(enumerate(stages))):
        modules = map(model.get_submodule, set(names).difference(*stages[:i]))
        mine = {id(t) for m in modules for t in (*m.parameters(recurse=False), *m.buffers(recurse=False))}
        # Not by the modules' names: a network may give its tensors others.
        if found := tuple(key for key, tensor in model.state_dict(keep_vars=True).items() if id(tensor) in mine):
            return found
    return ()


def match(
    model: Classifier,
    tensors: Mapping[str, Shaped[Tensor, "..."]],
    *,
    source: str,
    left_out: tuple[str, ...] = (),
) -> Matched:
    """Check that weights are a network's, every one of them and no other.

    Args:
        model: The network; its shapes are enough, so it may be on the device "meta".
        tensors: The weights, by name.
        source: What they are called, for the error.
        left_out: Tensors of the network that keep their first values, because they tell other classes apart.

    Raises:
        WeightsError: A tensor is missing, is not the network's, or has another shape or another kind of numbers.

    Example:
        >>> from striate.models import create
        >>> model, trained = create("resnet20", classes=3), create("resnet20").state_dict()
        >>> len(match(model, trained, source="trained", left_out=head_tensors(model, (3, 32, 32))).tensors)
        114
    """
    ours = model.state_dict()
    needed = {name: tensor for name, tensor in ours.items() if name not in left_out}
    missing = [name for name in needed if name not in tensors]
    unexpected = [name for name in tensors if name not in ours]
    both = [(name, tensors[name], needed[name]) for name in needed if name in tensors]
    misfits = [(name, given, wanted) for name, given, wanted in both if _told(given) != _told(wanted)]
    if missing or unexpected or misfits:
        lists = {
            "missing": missing,
            "unexpected": unexpected,
            "other shape": [f"{name} {_told(given)}, not {_told(wanted)}" for name, given, wanted in misfits],
        }
        raise WeightsError(
            f"weights: {source} does not fit this network.",
            _remedy(missing, unexpected, misfits),
            network=type(model).__name__,
            **{what: _some(names) for what, names in lists.items() if names},
        )
    return Matched({name: tensors[name] for name in needed}, left_out)


_Misfits = list[tuple[str, Shaped[Tensor, "..."], Shaped[Tensor, "..."]]]


def _remedy(missing: list[str], unexpected: list[str], misfits: _Misfits) -> str:
    """Say what to change; the first convolution tells the channels, and kernels as large as the maps tell the size."""
    if not missing and not unexpected and len(misfits) == 1:
        _, given, wanted = misfits[0]
        if given.ndim == wanted.ndim == 4 and given.shape[2:] == wanted.shape[2:]:
            channels = given.shape[1]
            count = f"{channels} channel{'s' * (channels > 1)}"
            return f"The first convolution takes {count}: read the images with channels={channels}."
        if given.ndim == wanted.ndim == 4 and given.shape[:2] == wanted.shape[:2]:
            return "The network was made for images of another size: leave image_size out."
    return "Name the network that they were trained for, with the same options."


def _told(tensor: Shaped[Tensor, "..."]) -> str:
    shape = " x ".join(map(str, tensor.shape)) or "one number"
    return shape if tensor.is_floating_point() else f"{shape} of whole numbers"


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
