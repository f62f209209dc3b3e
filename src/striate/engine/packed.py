"""Weights in the form that an algorithm reads: made once, found again by the tensor, and made again when it changes.

A tensor is known again by its identity, its address and its version, which PyTorch counts up at every change in place,
an optimiser's steps included. Changes through `weight.data` are not counted: so a few of the numbers are compared as
well, and such a change is missed only where it leaves all of those as they were.
"""

import ctypes
import sys
import threading
import weakref
from collections import OrderedDict
from math import prod
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from striate.engine import by_onednn, memory
from striate.engine.by_fourier import FFT, fourier
from striate.engine.by_onednn import ONEDNN
from striate.engine.core import core
from striate.engine.fourier import Fourier, turned
from striate.engine.limits import limits
from striate.engine.parts import Taps
from striate.engine.problem import Problem
from striate.engine.table import table

__all__ = ["Form", "form", "kept_bytes", "packed", "plane", "spectra_form"]

# How many of a weight's numbers are compared; and how many forms of one weight are kept: for the output and for the
# gradient, each of two sizes of input; of volumes, for every plane.
_SAMPLES: Final = 16
_FORMS: Final = 8

_WORDS: Final = {2: ctypes.c_uint16, 4: ctypes.c_uint32, 8: ctypes.c_uint64}  # by the bytes of a number

# References to numbers that nobody else has: one from the form of which they are, one while they are counted.
_OURS: Final = 2


class Form(NamedTuple):
    """What an algorithm reads of a weight.

    Args:
        key: Two forms with the same key hold the same numbers.
        place: The algorithm's, in the core's table.
        handle: The convolution that reads it, as the core has it.
        numbers: How many it holds.
        groups: Blocks into which the kernels are split.
        taps: For a gradient: those that are read, down and across; kernels and channels are exchanged.
        fourier: What reads spectra of it, if they are read.
        turns: Whether they are those of the weight turned round, for a gradient.
        plane: Which of a weight's planes it is of, if the weight has them: for sequences, the only one there is.
        onednn: The convolution for which oneDNN packs it, if it does.
        widens: Whether it is the weight itself, in 32 bits.
    """

    key: tuple[object, ...]
    place: int
    handle: Any
    numbers: int
    groups: int
    taps: tuple[Taps, Taps] | None
    fourier: Fourier | None = None
    turns: bool = False
    plane: int | None = None
    onednn: Problem | None = None
    widens: bool = False


class _Kept(NamedTuple):
    version: int
    address: int
    steps: tuple[int, ...]
    words: Any
    sample: list[int]
    numbers: Tensor


class _Owner(NamedTuple):
    weight: "weakref.ref[Tensor]"
    forms: OrderedDict[tuple[object, ...], _Kept]


_LOCK: Final = threading.RLock()
_OWNERS: Final[OrderedDict[int, _Owner]] = OrderedDict()  # by the weight's id, the one used longest ago first


def form(place: int, problem: Problem, taps: tuple[Taps, Taps] | None = None) -> Form:
    """Describe what an algorithm reads of the weight of a problem; PyTorch's own, whose place is -1, among them.

    It depends on the kernels and how they are applied, not on the size of the images.
    """
    if place < 0:
        return Form(("channels_last",), place, None, prod(problem.weight), problem.groups, None)
    name = table("forward").names()[place]
    if name == FFT:
        return spectra_form(fourier(problem), turns=taps is not None)
    if name == ONEDNN:
        steps = (problem.stride, problem.padding, problem.dilation, problem.groups)
        key = (name, problem.input, problem.weight, *steps)
        return Form(key, place, None, prod(problem.weight), problem.groups, None, onednn=problem)
    numbers = core().prepared_numbers(place, problem.handle)
    key = (place, numbers, problem.weight, problem.stride, problem.dilation, problem.groups, taps, problem.dtype)
    return Form(key, place, problem.handle, numbers, problem.groups, taps)


def spectra_form(by: Fourier, *, turns: bool = False) -> Form:
    """Describe the spectra of a weight, or of a weight turned round; they depend on the tiles."""
    key = ("spectra", by.tiles.size, by.weight, by.dilation, by.groups, turns)
    return Form(key, len(core().algorithms()), None, by.prepared, by.groups, None, by, turns)


def packed(weight: Tensor, wanted: Form, threads: int) -> Tensor:
    """Give a weight in the form that is wanted, from memory if the weight has not changed since.

    Args:
        weight: As PyTorch has it, `(K, C/groups, R, S)`, in any memory layout; of 16 bits, if it is to be widened.
        wanted: The form.
        threads: That share the work, if there is any.

    Returns:
        `wanted.numbers` of them; for PyTorch the weight itself, with its channels side by side; for oneDNN what only it
        can read. A weight made in inference mode has no version, and is packed at every call.
    """
    if weight.is_inference():
        return _prepared(weight, wanted, threads)
    version, address, steps, spare = weight._version, weight.data_ptr(), weight.stride(), None
    with _LOCK:
        owner = _OWNERS.get(id(weight))
        if owner is not None and owner.weight() is weight:
            _OWNERS.move_to_end(id(weight))
            kept = owner.forms.get(wanted.key)
            if (
                kept is not None
                and kept.version == version
                and kept.address == address
                and kept.steps == steps
                and kept.sample == kept.words[:: _apart(kept.words)]
            ):
                return kept.numbers
            # Memory that is there already is faster than new; but another thread may be reading it.
            old = owner.forms.pop(wanted.key, None)
            spare = old.numbers if old is not None and sys.getrefcount(old.numbers) == _OURS else None
    words = _words(weight)
    sample = words[:: _apart(words)]  # before the work: what changes meanwhile is noticed next time
    numbers = _prepared(weight, wanted, threads, spare)
    with _LOCK:
        _keep(weight, wanted, _Kept(version, address, steps, words, sample, numbers), grown=numbers is not spare)
    return numbers


def plane(weight: Tensor, index: int) -> Tensor:
    """Give one plane, `K C/groups R S`, of kernels of volumes, or of sequences: these have one.

    Example:
        >>> plane(torch.zeros(8, 4, 3, 5, 7), 2).shape, plane(torch.zeros(8, 4, 7), 0).shape
        (torch.Size([8, 4, 5, 7]), torch.Size([8, 4, 1, 7]))
    """
    return weight.unsqueeze(2) if weight.dim() == 3 else weight.select(2, index)


def kept_bytes() -> int:
    """Count the bytes of all packed weights that are kept."""
    with _LOCK:
        return sum(kept.numbers.nbytes for owner in _OWNERS.values() for kept in owner.forms.values())


def _keep(weight: Tensor, wanted: Form, made: _Kept, *, grown: bool) -> None:
    name = id(weight)
    owner = _OWNERS.get(name)
    if owner is None or owner.weight() is not weight:
        owner = _OWNERS[name] = _Owner(weakref.ref(weight, lambda gone: _let_go(name, gone)), OrderedDict())
    owner.forms.pop(wanted.key, None)
    owner.forms[wanted.key] = made
    _OWNERS.move_to_end(name)
    while len(owner.forms) > _FORMS * (weight.shape[2] if weight.dim() == 5 else 1):
        owner.forms.popitem(last=False)
    # Counted only when there is more than before: in training every weight is packed anew, in the memory that it has.
    while grown and len(_OWNERS) > 1 and kept_bytes() > limits().packed_bytes:
        _OWNERS.popitem(last=False)


def _let_go(name: int, gone: "weakref.ref[Tensor]") -> None:
    with _LOCK:
        owner = _OWNERS.get(name)
        if owner is not None and owner.weight is gone:
            del _OWNERS[name]


def _words(weight: Tensor) -> Any:
    """Look at the weight's memory without keeping it alive: at its numbers as whole ones of their size."""
    reach = 1 + sum((size - 1) * step for size, step in zip(weight.shape, weight.stride(), strict=True))
    return (_WORDS[weight.element_size()] * reach).from_address(weight.data_ptr())


def _apart(words: Any) -> int:
    return len(words) // _SAMPLES or 1


def _prepared(weight: Tensor, wanted: Form, threads: int, spare: Tensor | None = None) -> Tensor:
    if wanted.widens:
        with torch.inference_mode(False):  # it may be kept for gradients
            return weight.detach().float()
    if wanted.place < 0:
        return weight.detach().contiguous(memory_format=torch.channels_last)
    if wanted.onednn is not None:
        return by_onednn.prepared(weight, wanted.onednn)
    if wanted.plane is not None:
        weight = plane(weight, wanted.plane)
    numbers = memory.numbers(wanted.numbers, weight.dtype) if spare is None else spare
    if wanted.fourier is not None:
        kernels = weight.detach()
        kernels = turned(kernels, wanted.groups) if wanted.turns else kernels
        wanted.fourier.prepare(kernels, numbers, threads)
        return numbers
    k, c, r, s = weight.stride()
    first, group = weight.data_ptr(), weight.shape[0] // wanted.groups * k
    steps = (group, k, c, r, s)
    if wanted.taps is not None:
        down, across = wanted.taps
        first += (down.last * r + across.last * s) * weight.element_size()
        steps = (group, c, k, -down.step * r, -across.step * s)
    core().prepare(wanted.place, wanted.handle, first, steps, numbers.data_ptr(), threads)
    return numbers
