"""A model's code followed by PyTorch's exporter: a copy of it, quietly, with every refusal put in words."""

import copy
import io
import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any, Final

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from striate.errors import CaptureError, DtypeError, StriateError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["dtype_of", "hookless", "quietly", "refused", "traced"]

# They write out what they were tracing before it is refused; the error says it in a line.
_TRACERS: Final = ("torch._subclasses.fake_tensor", "torch.fx.experimental.symbolic_shapes", "torch.export")


def traced(model: nn.Module, *example: Shaped[Tensor, "..."]) -> "ExportedProgram":
    """Follow what a model computes from inputs of just these sizes. It is not changed, nor run.

    Args:
        model: In evaluation mode, as `hookless` gives it.
        example: Its inputs.

    Returns:
        Operators as the model's code calls them, those that write into their inputs among them.
    """
    from torch.export import export  # here: it takes a fifth of a second, which who only trains need not wait for

    with quietly():
        return export(model, example, strict=False)


def dtype_of(model: nn.Module) -> torch.dtype | None:
    """Tell which kind of numbers a model learns; None if it learns none.

    >>> dtype_of(nn.Linear(2, 2).double()), dtype_of(nn.ReLU())
    (torch.float64, None)
    """
    return next((parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()), None)


def hookless(model: nn.Module) -> nn.Module:
    """Copy a model in evaluation mode: tensors are shared, and hooks left out but for PyTorch's own."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for key, value in vars(module).items():
            if isinstance(value, Tensor):
                memo[id(value)] = value
            elif "_hooks" in key and isinstance(value, dict):  # a captured graph has lists of others
                kept = {i: hook for i, hook in value.items() if type(hook).__module__.startswith("torch.nn.utils")}
                memo[id(value)] = type(value)(kept)
    memo |= {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, memo).eval()


@contextmanager
def quietly() -> Generator[None]:
    """Keep the exporter's own account of itself from the terminal, gradients and fused attention out of the graph."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it has no gradient
    loggers = [logging.getLogger(name) for name in _TRACERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer's own, about itself
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


@contextmanager
def refused(model: nn.Module, example: Shaped[Tensor, "..."]) -> Generator[None]:
    """Turn whatever a model's code raises while it is followed into one error.

    Raises:
        DtypeError: The images' numbers are of another kind than the model's.
        CaptureError: Anything else.
    """
    try:
        yield
    except StriateError:
        raise  # it is in words already
    except Exception as error:  # whatever a model's code raises
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        numbers = dtype_of(model)
        if numbers not in (None, example.dtype):
            raise DtypeError(
                "capture: the images' numbers are of another kind than the model's.",
                "Convert the images, or the model.",
                images=example.dtype,
                model=numbers,
            ) from error
        raise CaptureError(
            "capture: this model cannot be followed operation by operation.",
            "What it computes has to be a function of one batch of images of this size, the same for any number of "
            "them and whatever is in them. Pass such a part of it.",
            model=type(model).__name__,
            example=" x ".join(map(str, example.shape)),
            reason=f"{type(error).__name__}: {lines[0] if lines else ''}"[:300],
        ) from error
