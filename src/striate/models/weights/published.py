"""What is known of one file of published weights: where it is, what proves that it is that file, what it can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from striate.models.weights.graph import Step

__all__ = ["Algorithm", "Form", "Published", "Transform"]

Algorithm = Literal["sha256", "sha1"]
Form = Literal["torch", "onnx"]


@dataclass(frozen=True)
class Transform:
    """What makes a picture the input that the weights were trained for.

    Args:
        resize: The shorter side becomes this long, in pixels; a pair is the height and width, whatever the shape.
        crop: Height and width of the centre that is kept, in pixels.
        mean: Subtracted from red, green and blue, which are in [0, 1].
        std: Divides them then.
        interpolation: How pixels are resampled.
    """

    resize: int | tuple[int, int] = 256
    crop: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: str = "bilinear, antialiased"

    def __str__(self) -> str:
        size = self.resize if isinstance(self.resize, int) else " x ".join(map(str, self.resize))
        return f"resize {size}, crop {self.crop}"


@dataclass(frozen=True)
class Published:
    """A row of the table: one file of weights for one network.

    Args:
        model: The network, a name of `MODELS`.
        name: What these weights are called here.
        url: Where the file is.
        file: What the digest belongs to; where `url` ends in .zip, the one file in that archive.
        digest: Hexadecimal; all digits, or as many of the first as were published.
        algorithm: What the digest is computed with.
        mebibytes: Size of the file.
        licence: Of the project that published the file; ImageNet's pictures have terms of their own.
        top1: Per cent of ImageNet's validation pictures whose class is told right; None if nobody published it.
        top5: Likewise, whose class is among the five likeliest.
        protocol: How these two were measured.
        transform: What makes a picture the input; None if nobody told.
        head: Our names of the tensors that depend on the number of classes.
        form: How the file is written: PyTorch's pickle, or ONNX.
        names: Published names of tensors, and ours; empty if they are the same.
        options: The network's own options that the weights were trained with.
        graph: What an ONNX file has to compute, for the weights to be this network's; empty to leave that unread.
        bgr: Whether the file's first convolution takes blue first; it is turned round when the file is converted.
        note: What else has to be known.
        classes: How many they tell apart.
        trained_on: The pictures they were trained on.

    Example:
        >>> from striate.models.weights import published
        >>> print(published("resnet50", "imagenet1k-v2"))
        resnet50 imagenet1k-v2
    """

    model: str
    name: str
    url: str
    file: str
    digest: str
    mebibytes: float
    licence: str
    top1: float | None
    top5: float | None
    protocol: str
    transform: Transform | None
    head: tuple[str, ...]
    algorithm: Algorithm = "sha256"
    form: Form = "torch"
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    graph: tuple[Step, ...] = ()
    bgr: bool = False
    note: str = ""
    classes: int = 1000
    trained_on: str = "ImageNet-1k (ILSVRC 2012)"

    @property
    def most_bytes(self) -> int:
        """More than this the file cannot have: its size, and a little for what is counted otherwise."""
        return int((self.mebibytes * 1.02 + 1) * 2**20)

    def __str__(self) -> str:
        return f"{self.model} {self.name}"
