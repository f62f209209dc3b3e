"""Weights in the form that an algorithm reads, made once and again when they change."""

from collections import OrderedDict
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from striate.engine.core import core
from striate.engine.problem import Problem

__all__ = ["packed"]

# How many forms of one weight are kept: forward and gradient, of one or two input sizes.
_FORMS = 4


class _Form(NamedTuple):
    version: int
    place: int
    numbers: Tensor


# Tensors are compared by identity, and forgotten with the tensor.
_FORMS_OF: WeakIdKeyDictionary = WeakIdKeyDictionary()


def packed(
    weight: Float[Tensor, "K Cg R S"], problem: Problem, algorithm: int, *, turned: bool, threads: int
) -> Float[Tensor, " floats"]:
    """Give the prepared form of a weight for an algorithm, from memory if the weight has not changed since.

    Args:
        weight: As PyTorch has it, in any memory layout.
        problem: The convolution that reads it.
        algorithm: Its place in the core's table.
        turned: Whether the kernels are turned round, and input and output channels exchanged: for a gradient.
        threads: That share the work.
    """
    key = (algorithm, turned, core().prepared_floats(algorithm, problem.handle))
    if weight.is_inference():  # has no version, so nobody can tell whether it has changed
        return _prepared(weight, problem, algorithm, turned=turned, threads=threads)
    forms = _FORMS_OF.setdefault(weight, OrderedDict())
    form = forms.get(key)
    if form is None or form.version != weight._version or form.place != weight.data_ptr():
        numbers = _prepared(weight, problem, algorithm, turned=turned, threads=threads)
        form = forms[key] = _Form(weight._version, weight.data_ptr(), numbers)
        while len(forms) > _FORMS:
            forms.popitem(last=False)
    return form.numbers


def _prepared(weight: Tensor, problem: Problem, algorithm: int, *, turned: bool, threads: int) -> Tensor:
    numbers = torch.empty(core().prepared_floats(algorithm, problem.handle))
    k, c, r, s = weight.stride()
    first = weight.data_ptr()
    if turned:
        first += ((weight.shape[2] - 1) * r + (weight.shape[3] - 1) * s) * weight.element_size()
        # Depthwise, each channel has one kernel, whichever way it is counted.
        k, c, r, s = (k if problem.groups > 1 else c), k, -r, -s
    core().prepare(algorithm, problem.handle, first, (k, c, r, s), numbers.data_ptr(), threads)
    return numbers
