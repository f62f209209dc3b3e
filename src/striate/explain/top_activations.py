"""The images that each feature map responds to most, out of a whole data set.

The images go through the network once, a few at a time; nothing is kept but the k strongest responses of each map.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final, NamedTuple

import safetensors
import safetensors.torch
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from striate.errors import OptionError
from striate.explain.deconvnet import unit_at
from striate.explain.layers import Layer, Network, captured
from striate.explain.pictures import Images, fingerprint
from striate.train.durable import explained, replace_file

__all__ = ["Strongest", "TopActivations", "affordable", "top_activations"]

# What the largest layer's values of one batch may take.
_BATCH_BYTES: Final = 1 << 26
_MOST_IMAGES: Final = 64
_SAVE_SECONDS: Final = 10.0


class Strongest(NamedTuple):
    """One response.

    Args:
        value: The activation.
        image: The number of the image.
        unit: Its position in the map; empty where there is none.
    """

    value: float
    image: int
    unit: tuple[int, ...]


class _Found(NamedTuple):
    # K k each; an image of -1 where there were fewer images than k.
    values: Tensor
    images: Tensor
    places: Tensor


@dataclass(frozen=True)
class TopActivations:
    """The strongest responses of every feature of some layers, at most one an image, the strongest first.

    Args:
        layers: By name.
        k: How many of each feature.
        seen: Images that were looked at.
        found: Values, images and places by layer.
    """

    layers: Mapping[str, Layer]
    k: int
    seen: int
    found: Mapping[str, tuple[Float[Tensor, "K k"], Int64[Tensor, "K k"], Int64[Tensor, "K k"]]]

    def of(self, layer: str, feature: int) -> tuple[Strongest, ...]:
        """List the strongest responses of one feature; fewer than k if there were fewer images.

        Raises:
            OptionError: The layer was not looked at, or has no such feature.
        """
        if layer not in self.layers or not 0 <= feature < self.layers[layer].shape[0]:
            raise OptionError(
                "top_activations: this was not looked for.",
                f"Layers and features: {', '.join(f'{n} (0 to {at.shape[0] - 1})' for n, at in self.layers.items())}.",
                layer=layer,
                feature=feature,
            )
        rows = zip(*(tensor[feature].tolist() for tensor in self.found[layer]), strict=True)
        return tuple(Strongest(v, i, unit_at(self.layers[layer], place)) for v, i, place in rows if i >= 0)


def top_activations(
    model: nn.Module | Network,
    images: Images,
    layers: Sequence[str] | None = None,
    *,
    k: int = 9,
    batch_size: int | None = None,
    state: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> TopActivations:
    """Find the k images that each feature of some layers responds to most, and where in them.

    Of each image the strongest unit of a map counts, as in the paper; of equal responses the first image's.

    Args:
        model: A network, or one that is captured.
        images: As the network takes them: a tensor, or `Pictures`.
        layers: Names of layers; None for all convolutions whose maps have positions.
        k: How many images.
        batch_size: Images at once; None for as many as keep the largest layer within 64 MiB, at most 64.
        state: A file that the state is kept in, every ten seconds and at the end: if the search is interrupted, the
            same call goes on from there.
        on_progress: Called after every batch with how many images are done, of how many.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: There is no such layer, no image, or the file's state is of another search.
        RunError: The file cannot be written.

    Source:
        Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4, figure 2.

    Example:
        >>> images = torch.arange(48.0).view(3, 1, 4, 4)
        >>> conv = nn.Conv2d(1, 1, 1)
        >>> _ = [parameter.data.fill_(1) for parameter in conv.parameters()]
        >>> top_activations(conv, images, k=2).of("conv2d", 0)
        (Strongest(value=48.0, image=2, unit=(3, 3)), Strongest(value=32.0, image=1, unit=(3, 3)))
    """
    if len(images) == 0 or k < 1:
        raise OptionError(
            "top_activations: there is nothing to look for.", "Pass 1 image or more, and k of 1 or more.",
            images=len(images), k=k,
        )  # fmt: skip
    network = captured(model, images[[0]])
    chosen = {name: network.layer(name) for name in (_convolutions(network) if layers is None else layers)}
    file = None if state is None else _State(Path(state), network, images, tuple(chosen), k)
    seen, found = (file and file.read()) or (0, {name: _nothing(layer, k) for name, layer in chosen.items()})
    size = batch_size or affordable(network)

    def take(name: str, value: Tensor) -> None:
        maps = value.reshape(len(value), value.shape[1], -1)
        values, places = maps.max(2)
        values = values.where(~values.isnan(), -torch.inf)  # it would win everywhere
        numbers = torch.arange(seen, seen + len(maps))[:, None].expand(values.shape)
        found[name] = _merged(found[name], _Found(values.T.cpu(), numbers.T, places.T.cpu()), k)

    with torch.no_grad():
        while seen < len(images):
            batch = images[list(range(seen, min(seen + size, len(images))))]
            network.visit(batch, chosen, take)
            seen += len(batch)
            if file:
                file.write(seen, found, last=seen == len(images))
            if on_progress:
                on_progress(seen, len(images))
    return TopActivations(chosen, k, seen, dict(found))


def _convolutions(network: Network) -> list[str]:
    return [
        layer.name
        for layer in network.layers.values()
        if "convolution" in layer.operations and layer.has_maps and prod(layer.shape[1:]) > 1
    ]


def affordable(network: Network) -> int:
    """Say how many images may go through a network at once: its largest layer stays within 64 MiB."""
    largest = max(prod(layer.shape) for layer in network.layers.values())
    return max(1, min(_MOST_IMAGES, _BATCH_BYTES // (largest * network.dtype.itemsize)))


def _nothing(layer: Layer, k: int) -> _Found:
    shape = (layer.shape[0], k)
    return _Found(torch.full(shape, -torch.inf), torch.full(shape, -1), torch.zeros(shape, dtype=torch.int64))


def _merged(before: _Found, new: _Found, k: int) -> _Found:
    """Keep the k strongest: of equals those that were there before."""
    values, images, places = (torch.cat(pair, 1) for pair in zip(before, new, strict=True))
    values, order = values.sort(dim=1, descending=True, stable=True)
    order = order[:, :k]
    return _Found(values[:, :k], images.gather(1, order), places.gather(1, order))


class _State:
    """The file that a search goes on from: what was found, how many images were seen, and of which search it is."""

    def __init__(self, path: Path, network: Network, images: Images, layers: tuple[str, ...], k: int) -> None:
        self._path, self._layers, self._saved = path, layers, time.monotonic()
        digest = hashlib.sha256(repr((layers, k, network.input_size, len(images))).encode())
        digest.update(fingerprint(images).encode())
        for tensor in (*network.tensors.values(), images[[0]], images[[len(images) - 1]]):
            flat: Any = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            digest.update(flat)
        self._search = digest.hexdigest()

    def read(self) -> tuple[int, dict[str, _Found]] | None:
        """Give what was found before; None if the search has not begun.

        Raises:
            OptionError: The file is of another search, or none.
        """
        if not self._path.exists():
            return None
        try:
            with safetensors.safe_open(self._path, "pt") as file:  # pyright: ignore[reportUnknownMemberType]
                about: Any = file.metadata()
                found = {
                    name: _Found(*(file.get_tensor(f"{part}/{name}") for part in _Found._fields))
                    for name in (self._layers if about["search"] == self._search else ())
                }
        except (safetensors.SafetensorError, OSError, KeyError, TypeError) as error:
            raise self._refused(f"it cannot be read: {error}") from error
        if not found:
            raise self._refused("it is of another network, other layers, other images, or another k")
        return int(about["seen"]), found

    def write(self, seen: int, found: Mapping[str, _Found], *, last: bool) -> None:
        """Write what is found, if it is time to."""
        if not last and time.monotonic() - self._saved < _SAVE_SECONDS:
            return
        tensors = {
            f"{part}/{name}": tensor.contiguous()
            for name, each in found.items()
            for part, tensor in zip(_Found._fields, each, strict=True)
        }
        with explained("top_activations", self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            about = {"search": self._search, "seen": str(seen)}
            replace_file(self._path, safetensors.torch.save(tensors, metadata=about))
        self._saved = time.monotonic()

    def _refused(self, reason: str) -> OptionError:
        return OptionError(
            "top_activations: this file is not the state of this search.",
            "Name another file, or remove this one to begin anew.",
            file=self._path,
            reason=reason,
        )
