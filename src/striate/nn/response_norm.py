"""The layer of local response normalisation; `ops.response_norm` does the work."""

from typing import Literal

from jaxtyping import Real
from torch import Tensor, nn

from striate.ops.response_norm import check_response_norm, local_response_norm

__all__ = ["LocalResponseNorm"]


class LocalResponseNorm(nn.Module):
    """Divide every sample by the strength of the maps around its own; see `ops.local_response_norm`.

    Args:
        size: Maps in the window.
        alpha: Weight of the squares.
        beta: Exponent.
        k: What the weighted squares are added to.
        scale: 'mean' divides alpha by `size`, as PyTorch does; 'sum' does not, as in AlexNet.

    Example:
        >>> import torch
        >>> alexnet = LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0, scale="sum")
        >>> alexnet(torch.zeros(1, 96, 55, 55)).shape
        torch.Size([1, 96, 55, 55])
    """

    def __init__(
        self,
        size: int,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
        *,
        scale: Literal["mean", "sum"] = "mean",
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        check_response_norm("LocalResponseNorm", size, scale)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k
        self.scale: Literal["mean", "sum"] = scale

    def forward(self, input: Real[Tensor, "N C *spatial"]) -> Real[Tensor, "N C *spatial"]:
        """Normalise `input`."""
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k, scale=self.scale)

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        scale = "" if self.scale == "mean" else f", scale={self.scale!r}"
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}{scale}"
