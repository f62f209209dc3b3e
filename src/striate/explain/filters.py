"""The kernels of a layer as pictures: what the first layer of a network looks for, as it is.

Only a first layer's kernels live on the image, so only they are pictures of what is looked for; of a deeper layer each
slice weighs one map of the layer below, and is shown as a signed map.

Source:
    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
    figure 3.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from striate.errors import OptionError, ShapeError
from striate.explain.rendering import grey, sheet, tint
from striate.nn import Conv2d, TiledConv2d, UnsharedConv2d

__all__ = ["Filters", "filters"]

_KINDS = (nn.Conv2d, Conv2d, TiledConv2d, UnsharedConv2d)


@dataclass(frozen=True)
class Filters:
    """The kernels of one layer.

    Args:
        layer: Its name.
        weight: `K C R S`: K kernels over C channels.
    """

    layer: str
    weight: Float[Tensor, "K C R S"]

    @property
    def on_image(self) -> bool:
        """Whether each kernel can be shown as one picture, in the image's own colours."""
        return self.weight.shape[1] in (1, 3)

    @property
    def legend(self) -> str:
        """What the pictures mean."""
        if self.on_image:
            return (
                "One picture a kernel; middle grey is zero, every kernel is scaled to its own largest weight. "
                "It answers most where the image looks like it."
            )
        return "A row a kernel, a column a map of the layer below; red weights raise the sum, blue ones lower it."

    def picture(self, most: int = 256) -> UInt8[np.ndarray, "H W 3"]:
        """Draw the kernels, each scaled to its own largest weight.

        Args:
            most: Kernels that are drawn; of a deeper layer, its square root of kernels and of channels.
        """
        if self.on_image:
            return sheet([grey(kernel) for kernel in self.weight[:most]])
        side = max(1, int(most**0.5))
        rows = self.weight[:side, :side]
        slices = [tint(part, float(kernel.abs().max())) for kernel in rows for part in kernel]
        return sheet(slices, columns=rows.shape[1])


def filters(model: nn.Module, layer: str | None = None) -> Filters:
    """Give the kernels of a convolution.

    Args:
        model: Any module.
        layer: The convolution's name; None for the first one.

    Returns:
        The kernels, detached from the model.

    Raises:
        OptionError: The model has no two-dimensional convolution, or none of that name; the message lists those that
            there are.
        ShapeError: The layer's kernels are not `K C R S`: they are not shared over all positions.

    Example:
        >>> from striate.models import create
        >>> found = filters(create("alexnet-owt", classes=10))
        >>> found.layer, tuple(found.weight.shape), found.on_image
        ('conv1', (64, 3, 11, 11), True)
    """
    known = {name: module.weight for name, module in model.named_modules() if name and isinstance(module, _KINDS)}
    if not known or (layer is not None and layer not in known):
        raise OptionError(
            "filters: the model has no two-dimensional convolution."
            if not known
            else f"filters: no convolution is called {layer!r}.",
            f"Choose one of: {', '.join(known)}." if known else "Pass a network that convolves images.",
            model=type(model).__name__,
        )
    name = layer or next(iter(known))
    weight = known[name]
    if weight.ndim != 4:
        raise ShapeError(
            "filters: the layer has kernels of its own at every position.",
            "Choose a layer whose kernels are shared.",
            layer=name,
            weight=tuple(weight.shape),
        )
    return Filters(name, weight.detach())
