"""Convolutions to compute: ordinary ones and odd ones, with the tensors for them."""

import torch

from striate.engine import Problem, algorithms, limits, reproducible, use
from striate.engine.choice import Choice
from striate.engine.convolve import Call
from striate.engine.table import TABLES
from striate.errors import OptionError

# Input, weight, stride, padding (down and across, or each side), dilation, groups.
CASES = {
    "3x3": ((2, 8, 9, 10), (16, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3 of no multiple": ((1, 13, 7, 15), (11, 13, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3 strided": ((2, 5, 12, 11), (9, 5, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    "2x2": ((2, 7, 9, 10), (16, 7, 2, 2), (1, 1), (1, 1), (1, 1), 1),
    "1x3": ((2, 8, 3, 37), (18, 8, 1, 3), (1, 1), (0, 1), (1, 1), 1),
    "3x1": ((1, 9, 22, 5), (16, 9, 3, 1), (1, 1), (1, 0), (1, 1), 1),
    "5x5": ((1, 6, 11, 12), (8, 6, 5, 5), (1, 1), (2, 2), (1, 1), 1),
    "1x1": ((2, 8, 8, 8), (24, 8, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1x1 strided": ((2, 8, 7, 8), (8, 8, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    "stem": ((1, 3, 23, 23), (8, 3, 11, 11), (4, 4), (2, 2), (1, 1), 1),
    "depthwise": ((2, 9, 8, 8), (9, 1, 3, 3), (1, 1), (1, 1), (1, 1), 9),
    "depthwise strided": ((2, 4, 12, 12), (4, 1, 3, 3), (2, 2), (0, 1, 2, 0), (1, 1), 4),
    "two kernels a channel": ((1, 4, 6, 6), (8, 1, 3, 3), (1, 1), (1, 1), (1, 1), 4),
    "grouped": ((1, 8, 9, 9), (12, 2, 3, 3), (1, 1), (1, 1), (1, 1), 4),
    "dilated": ((1, 4, 13, 12), (6, 4, 3, 2), (1, 1), (2, 1), (2, 3), 1),
    "strides that share with dilations": ((1, 4, 19, 19), (8, 2, 3, 3), (4, 3), (3, 0, 5, 1), (6, 2), 2),
    "strides beyond the kernel": ((1, 3, 30, 5), (4, 3, 1, 2), (5, 3), (7, 4, 0, 9), (1, 1), 1),
    "cut": ((3, 4, 7, 6), (4, 4, 3, 3), (1, 1), (-1, 1, 0, -1), (1, 1), 1),
    "cut and strided": ((1, 4, 11, 12), (4, 4, 3, 3), (3, 2), (-2, 1, 0, -3), (1, 1), 1),
    "rows that no position reads": ((1, 2, 11, 12), (3, 2, 2, 2), (4, 4), (0, 0), (1, 1), 1),
    "cut away but for zeros": ((1, 2, 2, 5), (3, 2, 2, 2), (2, 1), (-3, 5, 1, -2), (1, 1), 1),
    "one pixel": ((1, 2, 1, 1), (3, 2, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "one channel, one kernel": ((2, 1, 6, 1), (1, 1, 4, 1), (1, 1), (2, 0), (1, 1), 1),
    "padding beyond the kernel": ((1, 2, 3, 3), (2, 2, 2, 2), (1, 1), (4, 3, 2, 5), (1, 1), 1),
}


def problem(case, **more):
    """The problem of a case."""
    x, weight, stride, padding, dilation, groups = CASES[case]
    return Problem.of(x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups, **more)


def tensors(case, *, channels_last=False, dtype=torch.float32, grad=True):
    """Input, weight and bias, and the settings that follow them: the same numbers for every dtype and layout."""
    x, weight, *settings = CASES[case]
    generator = torch.Generator().manual_seed(len(case))
    drawn = [torch.randn(size, generator=generator) for size in (x, weight, weight[:1])]
    if channels_last:
        drawn[0] = drawn[0].to(memory_format=torch.channels_last)
    return *(t.to(dtype).requires_grad_(grad) for t in drawn), tuple(settings)


def by(algorithm):
    """Run one algorithm, or what the planner chooses of ours where it is ""."""
    return use(algorithm) if algorithm else reproducible()


def call(case, algorithm, *, threads=1, channels_last=True, dtype=torch.float32):
    """What computes a case, with a bias, by one algorithm in every direction that has it; None where one refuses."""
    asked = Choice(algorithm, "fast", torch=algorithm == "torch")
    try:
        posed = problem(case, bias=True, channels_last=channels_last, dtype=dtype)
        made = Call(posed, threads, asked, limits())
        for direction in TABLES:
            made.plan(direction)
    except OptionError:
        return None
    return made


def accepted(dtype=torch.float32):
    """Every case with every algorithm that takes it."""
    return [(case, name) for case in CASES for name in algorithms() if call(case, name, dtype=dtype)]
