"""The shortcuts of residual networks, where the size changes: without parameters, or learned."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["PadShortcut", "ProjectionShortcut"]


class PadShortcut(nn.Module):
    """Option A: keep every `stride`-th pixel, and fill the channels that are new with zeros.

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`; the new ones come half before and half after.
        stride: Step between the pixels that are kept, in input samples.

    Source:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.3, option A.

    Example:
        >>> import torch
        >>> PadShortcut(16, 32, stride=2)(torch.ones(1, 16, 8, 8)).shape
        torch.Size([1, 32, 4, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        new = out_channels - in_channels
        self.before, self.after = new // 2, new - new // 2

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N K P Q"]:
        """Subsample `x` and pad its channels."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))

    def extra_repr(self) -> str:
        """Show the settings in the printed network."""
        return f"stride={self.stride}, zeros={self.before}+{self.after}"


class ProjectionShortcut(nn.Sequential):
    """Option B: a 1 x 1 convolution of every `stride`-th pixel, normalised.

    Args:
        in_channels: Channels of the input, `C`.
        out_channels: Channels of the output, `K`.
        stride: Step between the pixels that are kept, in input samples.

    Source:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.3, option B.

    Example:
        >>> import torch
        >>> ProjectionShortcut(16, 32, stride=2)(torch.ones(1, 16, 8, 8)).shape
        torch.Size([1, 32, 4, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
        )
