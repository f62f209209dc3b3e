"""Making the convolutions of any model use the engine, and undoing it."""

from typing import TypeVar

from torch import Tensor, nn
from torch.nn import functional as F

from striate.engine.conv2d import conv2d

__all__ = ["Conv2d", "accelerate", "accelerated", "restore"]

Model = TypeVar("Model", bound=nn.Module)


class Conv2d(nn.Conv2d):
    """PyTorch's layer in everything but who convolves; see `accelerate`."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode), 0
        return conv2d(input, weight, bias, self.stride, padding, self.dilation, self.groups)


def accelerate(model: Model) -> Model:
    """Make every `torch.nn.Conv2d` in a model convolve by the engine, for training and inference.

    A layer's class is exchanged, and nothing else: parameters, their names, hooks, what is printed and what is saved
    stay as they are. Layers of other classes are left alone: subclasses, since they may convolve in another way, and
    parametrized layers. Where channels lie last in memory nothing is copied on the way, so
    `model.to(memory_format=torch.channels_last)` makes it faster still.

    A model that is pickled whole needs this package where it is read again; its state dict does not. Undo it before
    `torch.jit.script`, which knows no engine.

    Args:
        model: It is changed, and so are the models that share layers with it.

    Returns:
        The model.

    Example:
        >>> model = accelerate(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3)))
        >>> accelerated(model)
        ['0', '2']
        >>> model[0]
        Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
    """
    return _exchanged(model, nn.Conv2d, Conv2d)


def restore(model: Model) -> Model:
    """Undo `accelerate`.

    Example:
        >>> accelerated(restore(accelerate(nn.Conv2d(3, 8, 3))))
        []
    """
    return _exchanged(model, Conv2d, nn.Conv2d)


def accelerated(model: nn.Module) -> list[str]:
    """Name the layers that convolve by the engine because of `accelerate`."""
    return [name for name, module in model.named_modules() if type(module) is Conv2d]


def _exchanged(model: Model, old: type[nn.Module], new: type[nn.Module]) -> Model:
    for module in model.modules():
        if type(module) is old:
            module.__class__ = new
    return model
