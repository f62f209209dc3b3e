"""How what features respond to changes while a network is trained."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from jaxtyping import Shaped
from torch import Tensor, nn

from striate.errors import CheckpointError
from striate.explain.layers import Network, captured
from striate.explain.pictures import Images
from striate.explain.top_activations import TopActivations, top_activations
from striate.train import Run
from striate.train.checkpoint import read_checkpoint

__all__ = ["Epoch", "evolution", "weights_of"]


class Epoch(NamedTuple):
    """A network as it was after some epochs of training.

    Args:
        epoch: How many.
        network: With the weights that it had then.
        top: What its features responded to most.
    """

    epoch: int
    network: Network
    top: TopActivations


def evolution(
    model: nn.Module | Network,
    weights: Iterable[tuple[int, Mapping[str, Shaped[Tensor, "..."]]]],
    images: Images,
    layers: Sequence[str] | None = None,
    *,
    k: int = 1,
) -> Iterator[Epoch]:
    """Find what features respond to most, epoch by epoch: `views` shows it.

    A sudden jump from one epoch to the next is often another image that has become the strongest.

    Args:
        model: The network, or the same captured, whatever its weights.
        weights: Epochs, and the tensors of then by name; as `weights_of` gives them.
        images: As for `top_activations`.
        layers: Likewise.
        k: Likewise; the paper shows the strongest alone.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: There is no such layer, or no image.

    Source:
        Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4, figure 4.

    Example:
        >>> import torch
        >>> images, net = torch.rand(4, 1, 8, 8), nn.Conv2d(1, 2, 3)
        >>> weights = [(epoch, {"bias": torch.full((2,), float(epoch))}) for epoch in (1, 5)]
        >>> found = list(evolution(net, weights, images))
        >>> [epoch.epoch for epoch in found], found[1].top.of("conv2d", 0)[0].value > found[0].top.of("conv2d", 0)[0].value
        ([1, 5], True)
    """  # noqa: E501
    network = captured(model, images[[0]])
    for epoch, tensors in weights:
        then = network.with_tensors(tensors)
        yield Epoch(epoch, then, top_activations(then, images, layers, k=k))


def weights_of(run: Run) -> Iterator[tuple[int, Mapping[str, Shaped[Tensor, "..."]]]]:
    """Read the weights of the epochs that a run has kept, in the order of training; one at a time.

    Raises:
        CheckpointError: There is none, or one is damaged.
    """
    kept = run.checkpoints.kept
    if not kept:
        raise CheckpointError(
            f"evolution: {run.path} has kept the weights of no epoch.",
            "Train with --keep-epochs, such as --keep-epochs 1 2 5 10.",
        )
    for epoch, folder in kept:
        tensors = read_checkpoint(folder).tensors
        yield epoch, tensors.get("average", tensors["model"])
