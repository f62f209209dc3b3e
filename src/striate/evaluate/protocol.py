"""Which pieces of a picture a network judges it by, and how what it says of them is put together."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.data import Preprocess
from striate.data.dataset import Part
from striate.data.loader import Loader
from striate.data.order import Order
from striate.data.piece import Piece, ten
from striate.data.preprocess import MOST_PIXELS
from striate.errors import OptionError
from striate.evaluate.scores import scores

__all__ = ["Look", "Protocol", "judge", "looks"]

Look = tuple[Piece, ...]
"""Pieces that are read and judged together: all are of one size. An empty one is the middle, as training sees it."""


@dataclass(frozen=True)
class Protocol:
    """How a picture is judged; numbers of two protocols are not to be compared.

    Args:
        crops: The middle of a picture alone, or its corners and middle and their mirror images, averaged.
        scales: Shorter sides, in pixels, that pictures are scaled to, averaged; none for that of training. With 1 crop
            a network that takes images of any size is run on the whole picture at each scale (fully convolutional).
        average: What is averaged: the probabilities, as AlexNet's paper does, or the scores before the softmax.

    Raises:
        OptionError: A setting is out of range.

    Source:
        Ten crops: Krizhevsky et al., NIPS 2012, section 4.1. Scales: He et al., CVPR 2016, section 3.4, which takes
        224, 256, 384, 480 and 640 and averages scores.
    """

    crops: Literal[1, 10] = 1
    scales: tuple[int, ...] = ()
    average: Literal["probabilities", "scores"] = "probabilities"

    def __post_init__(self) -> None:
        for name, (allowed, remedy) in _RULES.items():
            value = getattr(self, name)
            if not allowed(value):
                raise OptionError(f"evaluate: {name} is out of range.", remedy, **{name: repr(value)})

    @property
    def folder(self) -> str:
        """Name what tells its results from those of others; nothing for the plain protocol.

        Example:
            >>> Protocol(10, (224, 256)).folder
            'crops-10-scales-224-256'
        """
        words = ["crops-10"] if self.crops == 10 else []
        words += ["scales", *map(str, self.scales)] if self.scales else []
        return "-".join(words + (["scores"] if words and self.average == "scores" else []))

    def told(self, *, any_size: bool) -> str:
        """Say it in words, for a network that takes images of any size, or of one.

        Example:
            >>> Protocol(10).told(any_size=True)
            '10 crops, probabilities averaged'
            >>> Protocol(1, (224, 256), "scores").told(any_size=True)
            'fully convolutional, shorter sides of 224 and 256 pixels, scores averaged'
        """
        words = [
            "fully convolutional" if self._whole(any_size=any_size) else f"{self.crops} crop{'s'[: self.crops - 1]}"
        ]
        if self.scales:
            *first, last = map(str, self.scales)
            many = f"shorter sides of {', '.join(first)} and {last}" if first else f"a shorter side of {last}"
            words.append(f"{many} pixels")
        several = self.crops == 10 or len(self.scales) > 1
        return ", ".join(words + ([f"{self.average} averaged"] if several else []))

    def _whole(self, *, any_size: bool) -> bool:
        return any_size and self.crops == 1 and bool(self.scales)


_RULES: Final[dict[str, tuple[Callable[[object], bool], str]]] = {
    "crops": (lambda value: value in (1, 10), "Pass 1 or 10."),
    "scales": (
        lambda value: isinstance(value, tuple) and all(isinstance(s, int) and 1 <= s <= MOST_PIXELS for s in value),
        f"Pass whole numbers of pixels from 1 to {MOST_PIXELS}, or none.",
    ),
    "average": (lambda value: value in ("probabilities", "scores"), "Choose one of: probabilities, scores."),
}


def looks(protocol: Protocol, preprocess: Preprocess, *, any_size: bool) -> list[Look]:
    """List what is read of every picture.

    Args:
        protocol: How pictures are judged.
        preprocess: The network's.
        any_size: Whether the network takes images of any size.

    Raises:
        OptionError: A scale is smaller than the network's images, or all crops would be the same.
    """
    if protocol == replace(Protocol(), average=protocol.average):
        return [()]
    shorter = min(preprocess.image_size)
    small = [scale for scale in protocol.scales if scale < shorter]
    if small:
        raise OptionError(
            "evaluate: a scale is smaller than the images that the network was trained on.",
            f"Pass shorter sides from {shorter} pixels.",
            scales=protocol.scales,
            image_size=preprocess.image_size,
        )
    if not protocol.scales and preprocess.enlarge == 1:
        raise OptionError(
            "evaluate: ten crops would be five times the same, for the network sees whole pictures.",
            f"Pass a scale above {shorter} pixels to cut them from, or train with enlarge.",
            crops=protocol.crops,
            enlarge=preprocess.enlarge,
        )
    times = [scale / shorter for scale in protocol.scales] or [preprocess.enlarge]
    pieces = [replace(preprocess.middle, enlarge=t) for t in times]
    if protocol.crops == 10:
        return [ten(piece) for piece in pieces]
    return [(replace(piece, whole=any_size),) for piece in pieces]


def judge(
    model: nn.Module,
    part: Part,
    seen: list[Look],
    average: Literal["probabilities", "scores"],
    *,
    device: torch.device,
    batch_size: int,
    workers: int = 0,
) -> Float[Tensor, "N K"] | None:
    """Give the probabilities of the classes for every picture of a part, averaged over all that is seen of it.

    Args:
        model: As for `scores`.
        part: The pictures.
        seen: What of them; see `looks`.
        average: As in `Protocol`.
        device: Where to run.
        batch_size: Images of the network's own size in a batch; of larger ones there are as many fewer.
        workers: Processes that read ahead.

    Returns:
        In 64-bit floats; None if the network's scores are not finite.
    """
    total, count = torch.zeros(1, dtype=torch.float64), sum(len(look) or 1 for look in seen)
    for look in seen:
        pooled = _Pooled(model, len(look), average) if look else model
        order = Order(len(part), _samples(look, batch_size), seed=None)
        found = scores(pooled, Loader(part, part.preprocess, order, workers=workers, pieces=look), device)
        if found is None or not bool(found.isfinite().all()):
            return None
        if not look:
            return found.double().softmax(1)
        total = total + found.double() * len(look)
    mean = total / count
    return mean.softmax(1) if average == "scores" else mean / mean.sum(1, keepdim=True)


def _samples(look: Look, batch_size: int) -> int:
    """Say how many pictures are read at once, so that a batch is no larger than one of training."""
    if any(piece.whole and piece.resize == "shorter" for piece in look):
        return 1  # each is of its own shape
    pixels = sum(piece.enlarge**2 if piece.whole else 1.0 for piece in look)
    return max(1, int(batch_size / (pixels or 1)))


class _Pooled(nn.Module):
    """A network that sees several pieces of each picture and says one thing of it."""

    def __init__(self, model: nn.Module, pieces: int, average: Literal["probabilities", "scores"]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.model, self.pieces, self.average = model, pieces, average
        self.training = model.training

    def forward(self, x: Float[Tensor, "M C H W"]) -> Float[Tensor, "N K"]:
        found = self.model(x).double()
        if self.average == "probabilities":
            # What is not finite must still be seen.
            found = torch.where(found.isfinite().all(1, keepdim=True), found.softmax(1), torch.nan)
        return found.unflatten(0, (-1, self.pieces)).mean(1)
