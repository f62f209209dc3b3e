"""The layer of local contrast normalisation; `ops.contrast_norm` does the work."""

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from striate.ops.contrast_norm import check_contrast_norm, local_contrast_norm
from striate.ops.geometry import Sizes

__all__ = ["LocalContrastNorm"]


class LocalContrastNorm(nn.Module):
    """Subtract the mean of each sample's surroundings, then divide by their deviation; see `ops.local_contrast_norm`.

    Args:
        kernel_size: Width of the Gaussian window in input samples, odd.
        sigma: Its standard deviation in input samples; unless given, a quarter of the width.
        across: Whether the maps are normalised together, or each by itself.
        subtractive: Whether to subtract.
        divisive: Whether to divide.
        threshold: The least divisor: a positive number, or 'mean'.

    Example:
        >>> import torch
        >>> LocalContrastNorm(9)(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 3, 32, 32])
    """

    def __init__(
        self,
        kernel_size: Sizes = 9,
        *,
        sigma: float | Sequence[float] | None = None,
        across: bool = True,
        subtractive: bool = True,
        divisive: bool = True,
        threshold: float | Literal["mean"] = "mean",
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        check_contrast_norm("LocalContrastNorm", kernel_size, sigma, subtractive, divisive, threshold)
        self.kernel_size, self.sigma, self.across = kernel_size, sigma, across
        self.subtractive, self.divisive, self.threshold = subtractive, divisive, threshold

    def forward(self, input: Float[Tensor, "N C *spatial"]) -> Float[Tensor, "N C *spatial"]:
        """Normalise `input`."""
        steps = {"subtractive": self.subtractive, "divisive": self.divisive}
        window = {"sigma": self.sigma, "across": self.across, "threshold": self.threshold}
        return local_contrast_norm(input, self.kernel_size, **steps, **window)  # pyright: ignore[reportArgumentType]

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        defaults = {"sigma": None, "across": True, "subtractive": True, "divisive": True, "threshold": "mean"}
        shown = [f"{n}={getattr(self, n)!r}" for n, default in defaults.items() if getattr(self, n) != default]
        return ", ".join([str(self.kernel_size), *shown])
