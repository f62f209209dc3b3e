"""engine.plan_volume: what is asked is kept, and every candidate has its time or its reason."""

from dataclasses import replace

import pytest
import torch

from striate.engine import Limits, Problem, VolumeProblem, explain, use
from striate.engine.choice import Choice
from striate.engine.plan_volume import planned_volume

FIR = VolumeProblem.of((1, 1, 160_000), (1, 1, 8000))
SHORT = VolumeProblem.of((1, 64, 160), (64, 64, 3), padding=1)
VOLUME = VolumeProblem.of((1, 32, 16, 28, 28), (32, 32, 3, 3, 3), padding=1)
DIRECTIONS = ("forward", "input gradient", "weight gradient")


def declined(problem, asked, most, name):
    """Why a candidate declines."""
    _, _, candidates = planned_volume(problem, 1, asked, most)
    return next(c.declined for c in candidates if c.algorithm == name)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_long_filters_are_transformed_and_short_ones_are_not(direction):
    """By what all are expected to take; whoever is forced computes."""
    for problem, transformed in ((FIR, True), (SHORT, False)):
        assert (planned_volume(problem.turned(direction), 1, Choice(), Limits())[0] == "fft") == transformed
    for name, chosen in (("fft", "fft"), ("torch", "torch"), ("direct", "slices")):
        found = planned_volume(SHORT.turned(direction), 1, Choice(forced=name), Limits())
        assert found[:2] == (chosen, "forced")


@pytest.mark.parametrize(
    ("asked", "most", "reason"),
    [
        (Choice(forced="torch"), Limits(), "another algorithm is asked for"),
        (Choice(accuracy="exact"), Limits(), "it is not as exact as 'exact'"),
        (Choice(), Limits(workspace_bytes=1000), "its workspace is over the limit"),
        (Choice(), Limits(packed_bytes=1000), "its packed weights are over the limit"),
    ],
)
def test_what_is_asked_is_kept(asked, most, reason):
    """As in two dimensions."""
    assert declined(FIR, asked, most, "fft") == reason


def test_reasons_are_given():
    """A stride; ours alone; one by name; limits that no algorithm keeps."""
    strided = VolumeProblem.of((1, 4, 50), (4, 4, 5), stride=2)
    assert declined(strided, Choice(), Limits(), "fft") == "its stride is not 1"
    assert declined(SHORT, Choice(torch=False), Limits(), "torch") == "only reproducible algorithms are asked for"
    assert declined(SHORT, Choice(forced="fft"), Limits(), "torch") == "another algorithm is asked for"
    assert declined(SHORT, Choice(forced="fft"), Limits(), "slices") == "another algorithm is asked for"
    assert declined(VOLUME, Choice(), Limits(0, 0), "slices") == "every algorithm of images declines"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_more_work_takes_longer(direction, dtype):
    """Eight examples longer than one, and one thread longer than two, whoever computes."""
    one = replace(VOLUME.turned(direction), dtype=dtype)
    eight = replace(one, input=(8, *one.input[1:]))

    def seconds(problem, threads):
        return [c.seconds or 0.0 for c in planned_volume(problem, threads, Choice(), Limits())[2]]

    for few, many, shared in zip(seconds(one, 1), seconds(eight, 1), seconds(eight, 2), strict=True):
        assert few < many
        assert shared < many


def test_every_candidate_has_a_line():
    """The same as of images: the problem, a time or a reason each, and which one is chosen; of images as before."""
    with use("torch"):
        lines = explain(VOLUME, threads=2).splitlines()
    assert lines[0].startswith(f"{VOLUME}  2 threads, ")
    assert lines[1:3] == [f"  {name}  declines: another algorithm is asked for" for name in ("slices", "fft   ")]
    assert lines[3].endswith(" ms  <- forced")
    images = Problem.of((1, 8, 8, 8), (8, 8, 3, 3))
    assert explain(images, threads=1).startswith(str(images))
