"""Which layers are shown: those that are named, ranges of them, or a few convolutions spread over the network."""

from collections.abc import Sequence
from typing import Final

from striate.errors import OptionError
from striate.explain.layers import Network

__all__ = ["convolutions", "selected"]

# Layers that are shown if none are named: the paper's five.
_USUAL: Final = 5
_TO: Final = ".."


def convolutions(network: Network) -> list[str]:
    """List the layers that convolve, from the first to the last.

    Example:
        >>> import torch
        >>> from striate.explain.layers import capture
        >>> from striate.models import create
        >>> convolutions(capture(create("lenet5"), torch.zeros(1, 1, 32, 32)))
        ['C1', 'C3', 'C5']
    """
    return [name for name, layer in network.layers.items() if "convolution" in layer.operations and layer.has_maps]


def selected(network: Network, names: Sequence[str] = ()) -> list[str]:
    """Find the layers that are asked for, in the order of the network.

    Args:
        network: Whose layers.
        names: Of layers or of modules that hold them; `conv1..conv5` is all convolutions from the one to the other,
            and an end left open the network's own. Without a name, five convolutions from the first to the last.

    Raises:
        OptionError: No layer has that name, a range runs backwards, or a layer has no maps.

    Example:
        >>> import torch
        >>> from striate.explain.layers import capture
        >>> from striate.models import create
        >>> network = capture(create("resnet20"), torch.zeros(1, 3, 32, 32))
        >>> selected(network, ["conv1..stage1.0.conv2"])
        ['conv1', 'stage1.0.conv1', 'stage1.0.conv2']
    """
    known = convolutions(network)
    if not names:
        last = len(known) - 1
        return (
            [known[i] for i in sorted({round(last * step / (_USUAL - 1)) for step in range(_USUAL)})] if known else []
        )
    found = {one for name in names for one in (_between(network, name) if _TO in name else [network.layer(name).name])}
    flat = [name for name in found if not network.layers[name].has_maps]
    if flat:
        raise OptionError(
            f"explain: {', '.join(sorted(flat))} has no feature maps.", f"Choose from: {', '.join(known)}."
        )
    return [name for name in network.layers if name in found]


def _between(network: Network, names: str) -> list[str]:
    order = list(network.layers)
    start, end = names.split(_TO, 1)
    first = order.index(network.layer(start).name) if start else 0
    last = order.index(network.layer(end).name) if end else len(order) - 1
    if first > last:
        raise OptionError(f"explain: the range {names!r} runs backwards.", "Name the layer nearer to the image first.")
    return [name for name in convolutions(network) if first <= order.index(name) <= last]
