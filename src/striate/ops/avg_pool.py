"""Average pooling: the mean of the samples under a window that slides.

The axis letters are defined in `ops/geometry.py`.
"""

import torch
from jaxtyping import Num
from torch import Tensor
from torch.nn import functional as F

from striate.engine import avg_pool as by_core
from striate.engine.images import is_worth
from striate.errors import OptionError
from striate.ops.geometry import Padding, Sizes, Window
from striate.ops.pooling import Fitted, added, as_images, even_padding, fitted, window_starts

__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool3d", "check_divisor"]


def avg_pool1d(
    input: Num[Tensor, "*N C T"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Num[Tensor, "*N C Q"]:
    """As `avg_pool2d`, over sequences.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, section 9.3.

    Example:
        >>> import torch
        >>> avg_pool1d(torch.arange(5.0)[None], 3, 1, padding=[(0, 1)], count_include_pad=False)
        tensor([[1.0000, 2.0000, 3.0000, 3.5000]])
    """
    return _avg_pool(
        "avg_pool1d", 1, input, (kernel_size, stride, padding), ceil_mode, count_include_pad, divisor_override
    )


def avg_pool2d(
    input: Num[Tensor, "*N C H W"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Num[Tensor, "*N C P Q"]:
    """Take the mean of the samples under each window of an image.

    Args:
        input: Input, with or without the axis of examples.
        kernel_size: Taps along each axis.
        stride: Input samples from one window to the next; without it they lie side by side.
        padding: Zeros added on each side: a number, one for each axis, or a pair (before, after) for each, at most
            half a window; 'valid' adds none; 'same' as few as give `ceil(size / stride)` positions, the odd one last;
            'full' as many as let every tap meet every sample.
        ceil_mode: Whether a last, partial window counts, if it starts inside the input or the padding before it.
        count_include_pad: Whether the padding under a window counts as samples. What of a partial window lies beyond
            the padding never does.
        divisor_override: What to divide the sums by, instead of the count.

    Returns:
        `P = (H + before + after - R) // stride + 1`, rounded up with `ceil_mode`; `Q` likewise. Means of whole numbers
        are cut to whole numbers.

    Raises:
        ShapeError: Sizes do not fit.
        OptionError: There is no such padding, or the divisor is 0.
        DtypeError: The input is complex or boolean.

    Source:
        LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998), section II.B,
        without its coefficients; Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, section 9.3.

    Example:
        >>> import torch
        >>> avg_pool2d(torch.arange(16.0).view(1, 4, 4), 2)
        tensor([[[ 2.5000,  4.5000],
                 [10.5000, 12.5000]]])
    """
    return _avg_pool(
        "avg_pool2d", 2, input, (kernel_size, stride, padding), ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Num[Tensor, "*N C D H W"],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Num[Tensor, "*N C O P Q"]:
    """As `avg_pool2d`, over volumes or video.

    Source:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press 2016, section 9.3.

    Example:
        >>> import torch
        >>> avg_pool3d(torch.zeros(1, 8, 5, 6, 7), 2, padding="same").shape
        torch.Size([1, 8, 3, 3, 4])
    """
    return _avg_pool(
        "avg_pool3d", 3, input, (kernel_size, stride, padding), ceil_mode, count_include_pad, divisor_override
    )


def check_divisor(caller: str, divisor_override: int | None) -> None:
    """Refuse a divisor of 0, and what is no whole number.

    Raises:
        OptionError: It is 0, or no whole number of 32 bits.
    """
    whole = isinstance(divisor_override, int) and not isinstance(divisor_override, bool)
    if divisor_override is not None and not (whole and abs(divisor_override) < 1 << 31):
        raise OptionError(
            f"{caller}: divisor_override is no whole number of 32 bits.",
            "Leave it out, or give such a number.",
            divisor_override=repr(divisor_override),
        )
    if divisor_override == 0:
        raise OptionError(
            f"{caller}: sums cannot be divided by 0.",
            "Leave divisor_override out, or give another number.",
            divisor_override=divisor_override,
        )


def _avg_pool(
    caller: str,
    rank: int,
    input: Tensor,
    steps: tuple[Sizes, Sizes | None, Padding],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    check_divisor(caller, divisor)
    fit = fitted(caller, rank, input, steps, ceil_mode)
    modes = (ceil_mode, count_include_pad, divisor)
    if not is_worth(input):
        return _by_torch(input, rank, fit, modes)
    images, pool = as_images(rank, input), by_core.avg_pool3d if rank == 3 else by_core.avg_pool2d
    settings = fit.image_positions, fit.steps, ((divisor or 0, *fit.after), count_include_pad)
    shape = input.shape  # of the input alone: what it closes over lives as long as the graph
    output = pool(images, *settings, lambda x: as_images(rank, _by_torch(x.view(shape), rank, fit, modes)))
    return output if images is input else output.view(*input.shape[:-rank], *fit.positions)


def _by_torch(input: Tensor, rank: int, fit: Fitted, modes: tuple[bool, bool, int | None]) -> Tensor:
    window, size, positions = fit.window, fit.size, fit.positions
    ceil_mode, count_include_pad, divisor = modes
    # Of volumes PyTorch's own takes none that is smaller than the kernel, however it is padded.
    small = rank == 3 and any(n < k for n, k in zip(size, window.kernel_size, strict=True))
    both = None if small else even_padding(window, size)
    wide = input.to(_wide(rank, input.dtype, both is not None))
    if both is not None:
        return _pooled(rank, wide, window, both, ceil_mode, count_include_pad, divisor).to(input.dtype)
    counted = count_include_pad or divisor is not None
    # Windows are cut at the end of the padding, as PyTorch cuts them; only those it would not start are left out.
    sums = added(wide, window.sides(size), 0)
    output = _pooled(rank, sums, window, [0] * rank, ceil_mode, True, divisor if counted else 1)
    for axis, p in enumerate(positions, start=-rank):
        output = output.narrow(axis, 0, p)
    if not counted:
        rounding = None if wide.is_floating_point() else "trunc"
        for axis, counts in enumerate(_counts(window, size, positions), start=-rank):
            each = torch.tensor(counts, dtype=wide.dtype, device=wide.device)
            output = torch.div(output, each.reshape(-1, *[1] * (-axis - 1)), rounding_mode=rounding)
    return output.to(input.dtype)


def _wide(rank: int, dtype: torch.dtype, even: bool) -> torch.dtype:
    # PyTorch's averages know no small whole numbers, and in three dimensions no short floating ones. Where the division
    # is ours, short ones would overflow, or be rounded twice.
    if not dtype.is_floating_point:
        return torch.int64
    return torch.float32 if (rank == 3 or not even) and dtype.itemsize == 2 else dtype


def _counts(window: Window, size: tuple[int, ...], positions: tuple[int, ...]) -> list[list[int]]:
    rows = zip(window_starts(window, size, positions), size, window.kernel_size, strict=True)
    return [[min(first + k, n) - max(first, 0) for first in firsts] for firsts, n, k in rows]


def _pooled(
    rank: int,
    input: Tensor,
    window: Window,
    padding: list[int],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    # A partial window may be larger than all there is: what is cut off never counts.
    kernel = [min(k, n + 2 * p) for k, n, p in zip(window.kernel_size, input.shape[-rank:], padding, strict=True)]
    stride = list(window.stride)
    if rank == 1:
        # PyTorch's function for sequences takes no divisor.
        steps = ([1, *kernel], [1, *stride], [0, *padding])
        return F.avg_pool2d(input.unsqueeze(-2), *steps, ceil_mode, count_include_pad, divisor).squeeze(-2)
    pool = {2: F.avg_pool2d, 3: F.avg_pool3d}[rank]
    return pool(input, kernel, stride, padding, ceil_mode, count_include_pad, divisor)
