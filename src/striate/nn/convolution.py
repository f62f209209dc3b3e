"""What every convolution layer has in common: settings checked when it is made, parameters, and how it prints."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

from striate.errors import OptionError
from striate.nn.fan_in import fan_in_, spread_fan_in
from striate.ops.geometry import Padding, Sizes, Window, each
from striate.ops.operands import check_groups, chosen_size
from striate.ops.padding import PaddingMode, check_mode

__all__ = ["Bias", "Convolution", "TransposedConvolution", "shown"]

Bias: TypeAlias = bool | Literal["channel", "tile", "location"]
"""Whether to learn offsets; or for what: each output channel, each tile, each location."""

# What a layer shows of its settings only if it is not this.
DEFAULTS: dict[str, Any] = {
    "padding": 0,
    "dilation": 1,
    "output_padding": 0,
    "groups": 1,
    "padding_mode": "zeros",
    "flip": False,
    "input_size": None,
}


class _Kernels(nn.Module, ABC):
    """Kernels and their bias, from settings that fit together."""

    rank: ClassVar[int]
    own_bias: ClassVar[str] = "channel"  # what `bias=True` means
    bias: Tensor | None
    tiles: tuple[int, ...] = ()  # kernels that take turns, or one for each position; none where one serves all

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: Padding,
        dilation: Sizes,
        groups: int,
        padding_mode: str,
        flip: bool,
        input_size: Sizes | None,
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        caller, rank = type(self).__name__, self.rank
        check_groups(caller, groups, in_channels=in_channels, out_channels=out_channels)
        check_mode(caller, padding_mode)
        self.window = Window.of(
            caller, rank, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
        )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = self.window.kernel_size, self.window.stride, self.window.dilation
        self.padding, self.padding_mode, self.flip = padding, padding_mode, flip
        self.input_size = None if input_size is None else each(caller, "input_size", input_size, rank)

    @abstractmethod
    def output_positions(self) -> tuple[int, ...]:
        """Give the spatial size of the output, for the input size that the layer was made for."""

    @abstractmethod
    def fan_in(self) -> Tensor | float:
        """Count the inputs of a unit: one number, or one for each position."""

    def _own(self, channels: tuple[int, int], bias: Bias | None, device: Any, dtype: Any) -> None:
        weight = torch.empty(*self.tiles, *channels, *self.kernel_size, device=device, dtype=dtype)
        self.weight = nn.Parameter(weight)
        self.bias_kind = None if bias is None or bias is False else self._kind(bias)
        places = {"channel": tuple, "tile": lambda: self.tiles, "location": self.output_positions}
        offsets = None
        if self.bias_kind is not None:
            offsets = torch.empty(self.out_channels, *places[self.bias_kind](), device=device, dtype=dtype)
        self.register_parameter("bias", None if offsets is None else nn.Parameter(offsets))
        self.reset_parameters()

    def _kind(self, bias: bool | str) -> str:
        caller = type(self).__name__
        kind = self.own_bias if bias is True else bias
        kinds = ["channel", *(["tile"] if self.own_bias == "tile" else []), "location"]
        if kind not in kinds:
            raise OptionError(
                f"{caller}: no bias is called {bias!r}.",
                f"Choose one of {', '.join(map(repr, kinds))}, or True or False.",
            )
        if kind == "location" and self.input_size is None:
            raise OptionError(
                f"{caller}: a bias per location needs to know how many locations there are.",
                f"Give input_size, the {self.rank} spatial sizes of the input.",
                bias=repr(bias),
            )
        return kind

    def reset_parameters(self) -> None:
        """Draw new kernels and offsets, uniform in ±1/√(inputs of a unit)."""
        fan_in = self.fan_in()
        fan_in_(self.weight, fan_in)
        if self.bias is not None:
            # No new tensor: a network may be built on the meta device, where there are no numbers to read.
            fan_in_(self.bias, float(fan_in.double().mean()) if isinstance(fan_in, Tensor) else fan_in)

    def extra_repr(self) -> str:
        """Show the settings in the printed network, as PyTorch's layers do."""
        parts = shown(self)
        parts += [f"tiles={self.tiles}"] if self.own_bias == "tile" else []
        parts += [f"bias={self.bias_kind or False!r}"] if self.bias_kind != self.own_bias else []
        return ", ".join(parts)


class Convolution(_Kernels):
    """A layer that calls one function of `ops` with PyTorch's arguments of a convolution."""

    op: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Padding = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: Bias | None = True,
        padding_mode: PaddingMode = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        input_size: Sizes | None = None,
        flip: bool = False,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode, flip, input_size
        )
        if self.input_size is not None:
            self.window.fitted(type(self).__name__, self.input_size)
        self._tile()
        self._own((out_channels, in_channels // groups), bias, device, dtype)

    def _tile(self) -> None:
        """Set `tiles`, where kernels depend on the position."""

    def output_positions(self) -> tuple[int, ...]:
        """Give the spatial size of the output, for the input size that the layer was made for."""
        return self.window.positions(self.input_size or ())

    def fan_in(self) -> Tensor | float:
        """Count the inputs of a unit."""
        return self.in_channels // self.groups * prod(self.kernel_size)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve; see the function of the same name in `ops`."""
        steps = (self.stride, self.padding, self.dilation, self.groups)
        return type(self).op(input, self.weight, self.bias, *steps, padding_mode=self.padding_mode, flip=self.flip)


class TransposedConvolution(_Kernels):
    """A layer that calls one function of `ops` with PyTorch's arguments of a transposed convolution."""

    op: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Padding = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: Bias | None = True,
        dilation: Sizes = 1,
        padding_mode: Literal["zeros"] = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        input_size: Sizes | None = None,
        flip: bool = False,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode, flip, input_size
        )
        caller = type(self).__name__
        if padding_mode != "zeros":
            raise OptionError(
                f"{caller}: a transposed convolution only takes zeros as padding.",
                "Leave padding_mode out; ops.conv_input_gradient is the adjoint with every padding mode.",
                padding_mode=repr(padding_mode),
            )
        self.output_padding = each(caller, "output_padding", output_padding, self.rank, least=0)
        # Any input large enough will do for the check of `output_padding`.
        chosen_size(caller, self.window, self.input_size or (2**20,) * self.rank, output_padding=self.output_padding)
        self._tile()
        self._own((in_channels, out_channels // groups), bias, device, dtype)

    def _tile(self) -> None:
        """Set `tiles`, where kernels depend on the position."""

    def output_positions(self) -> tuple[int, ...]:
        """Give the spatial size of the output, for the input size that the layer was made for."""
        return self.window.origins(self.input_size or (), self.output_padding)

    def fan_in(self) -> Tensor | float:
        """Count the inputs of a unit: with a stride, a kernel reaches it with some of its taps only."""
        return self.in_channels // self.groups * spread_fan_in(self.window)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Transpose a convolution; see the function of the same name in `ops`. `output_size` names the result's."""
        extra = self.output_padding if output_size is None else 0
        steps = (self.stride, self.padding, extra, self.groups, self.dilation)
        return type(self).op(input, self.weight, self.bias, *steps, output_size=output_size, flip=self.flip)


def shown(layer: Any) -> list[str]:
    """Write the settings that convolution layers have in common: the main ones, and those that are not the usual ones.

    Example:
        >>> layer = nn.Conv2d(3, 4, 3, padding=1)
        >>> shown(layer)
        ['3, 4, kernel_size=(3, 3), stride=(1, 1)', 'padding=(1, 1)']
    """
    parts = [f"{layer.in_channels}, {layer.out_channels}, kernel_size={layer.kernel_size}, stride={layer.stride}"]
    for name, default in DEFAULTS.items():
        value = getattr(layer, name, default)
        plain = isinstance(default, int) and value in (default, (default,) * len(layer.kernel_size))
        if value != default and not plain:
            parts.append(f"{name}={value!r}")
    return parts
