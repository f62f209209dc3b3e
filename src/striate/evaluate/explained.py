"""Some images of the part that was judged, with what a network's answer rests on.

What explains them comes from a room above this one (`explain`), so it is a function that is given.

FOLDER/explained.json       the images and their pictures
"""

import base64
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from PIL import Image
from torch import Tensor

from striate.data import decode
from striate.data.dataset import Part
from striate.evaluate.trained import Trained
from striate.train.durable import explained, json_bytes, replace_file

__all__ = ["Explain", "Explained", "Seen", "chosen", "read_explained", "write_explained"]

# Of those that were told right, and of those that were told wrong.
EACH: Final = 3
FILE: Final = "explained.json"


@dataclass(frozen=True)
class Seen:
    """What one method says of one image.

    Args:
        method: Its name, for a person.
        picture: The image with the method's map over it.
        legend: What the colours mean.
    """

    method: str
    picture: UInt8[np.ndarray, "H W 3"]
    legend: str


@dataclass(frozen=True)
class Explained:
    """One image.

    Args:
        name: Of the sample.
        truth: Its class.
        predicted: The class it was taken for.
        probability: That of `predicted`.
        image: As the network saw it before normalisation: `H W 3`.
        seen: What each method says.
    """

    name: str
    truth: str
    predicted: str
    probability: float
    image: UInt8[np.ndarray, "H W 3"]
    seen: Sequence[Seen]

    @property
    def right(self) -> bool:
        """Whether it was told right."""
        return self.truth == self.predicted


Explain = Callable[[Trained, Float[Tensor, "N C H W"]], Sequence[Sequence[Seen]]]
"""Explains what a network takes images in [0, 1] for: for each image what each method says; nothing where it cannot."""


def chosen(probabilities: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]) -> list[int]:
    """Choose three images that were told right, of different classes if there are, and three that were told wrong.

    Of both, those that the network was surest of.

    Example:
        >>> chosen(torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]), torch.tensor([0, 0, 1, 0]))
        [0, 2, 1, 3]
    """
    confidence, predicted = probabilities.max(1)
    surest = confidence.argsort(descending=True, stable=True).tolist()
    right = [i for i in surest if predicted[i] == labels[i]]
    firsts: dict[int, int] = {}
    for i in right:
        firsts.setdefault(int(labels[i]), i)
    spread = list(firsts.values())
    wrong = [i for i in surest if predicted[i] != labels[i]]
    return (spread + [i for i in right if i not in spread])[:EACH] + wrong[:EACH]


def write_explained(
    folder: Path, trained: Trained, part: Part, probabilities: Float[Tensor, "N K"], explain: Explain | None
) -> None:
    """Explain some images of a part, and keep that; without `explain`, keep that there is nothing.

    Raises:
        RunError: The folder cannot be written.
    """
    classes, found = trained.task.classes, list[dict[str, Any]]()
    labels = torch.from_numpy(part.labels)
    order = chosen(probabilities, labels) if explain else []
    if explain and order:
        images = torch.from_numpy(np.stack([part.read(i) for i in order]))
        for i, image, seen in zip(order, images, explain(trained, images) or [[]] * len(order), strict=True):
            confidence, predicted = probabilities[i].max(0)
            found.append(
                {
                    "name": part.names[i],
                    "truth": classes[int(labels[i])],
                    "predicted": classes[int(predicted)],
                    "probability": float(confidence),
                    "image": _packed((image * 255 + 0.5).to(torch.uint8).permute(1, 2, 0).numpy()),
                    "seen": [{**vars(one), "picture": _packed(one.picture)} for one in seen],
                }
            )
    with explained("evaluate", folder):
        replace_file(folder / FILE, json_bytes({"explained": [one for one in found if one["seen"]]}))


def read_explained(folder: Path) -> list[Explained]:
    """Read what is kept; nothing where an older version kept nothing.

    Raises:
        OSError, TypeError, Unreadable, ValueError: What is kept is damaged.
    """
    if not (folder / FILE).exists():
        return []
    document: dict[str, Any] = json.loads((folder / FILE).read_bytes())
    return [_understood(one) for one in document["explained"]]


def _understood(one: dict[str, Any]) -> Explained:
    seen = [Seen(str(each["method"]), _unpacked(each["picture"]), str(each["legend"])) for each in one["seen"]]
    pixels: dict[str, Any] = {"image": _unpacked(one["image"]), "seen": seen}
    return Explained(**{**one, **pixels})


def _packed(pixels: UInt8[np.ndarray, "H W C"]) -> str:
    packed = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(packed, format="PNG")
    return base64.b64encode(packed.getvalue()).decode()


def _unpacked(text: str) -> UInt8[np.ndarray, "H W 3"]:
    with decode.explained():
        return np.asarray(decode.header(base64.b64decode(text)).convert("RGB"))
