"""rivals.race: who takes part, and what is made of the times."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from striate.errors import OptionError
from striate.rivals import race as at
from striate.rivals.race import Race, race

MODEL, IMAGES = nn.Conv2d(3, 4, 1).eval(), torch.ones(2, 3, 4, 4)
FOUND = Race(1, 2, {"striate": (1.0, 2.0, 4.0), "PyTorch": (2.0, 6.0, 8.0), "ncnn": (3.0, 2.0, 4.0)}, {"MNN": "why"})


@pytest.fixture
def against(monkeypatch):
    """Lets others take part, by name what they answer; they are told of as they run."""
    order = []

    def call(answers, left_out=None, **settings):
        def run(name):
            order.append(name)
            answer = answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        runs = {name: lambda name=name: run(name) for name in answers}
        monkeypatch.setattr(at, "ready", lambda *_, told: (runs, left_out or {}))

        def ours(x):
            order.append("striate")
            return MODEL(x)

        return race(ours, MODEL, IMAGES, **settings), order

    with torch.no_grad():
        yield call


def test_all_take_turns(against):
    """Each answers once, is warmed up twice, then timed so often, in the same order."""
    right = MODEL(IMAGES).numpy()
    found, order = against({"a": right, "b": right.reshape(-1)}, {"c": "it is not there"}, turns=3)
    assert order == ["a", "b", "striate", *["striate", "a", "b"] * 5]  # once more, for its error
    assert {name: len(seconds) for name, seconds in found.seconds.items()} == {"striate": 3, "a": 3, "b": 3}
    assert (found.batch, found.threads, dict(found.left_out)) == (2, torch.get_num_threads(), {"c": "it is not there"})


@pytest.mark.refusal
def test_who_is_wrong_is_not_timed(against):
    """Nor who fails, or gives too much; it is said why."""
    right = MODEL(IMAGES).numpy()
    largest = float(np.abs(right).max())
    answers = {
        "off": right + 0.1 * largest,
        "fails": ValueError("no"),
        "near": right + 0.001 * largest,
        "nan": right * np.nan,
    }
    found, _ = against(answers, turns=1)
    assert list(found.seconds) == ["striate", "near"]
    assert found.left_out == {
        "off": "its answer differs from the model's by 0.1 of the largest number",
        "fails": "ValueError: no",
        "nan": "its answer differs from the model's by nan of the largest number",
    }


def test_errors_are_told_against_64_bits(against):
    """Of the answers' size; what rounds once is near a part in ten million. None where the model has no 64 bits."""
    right = MODEL(IMAGES).numpy()
    found, _ = against({"near": right * np.float32(1.001)}, turns=1)
    assert found.errors["near"] == pytest.approx(0.001, rel=1e-3)
    assert 0 < found.errors["striate"] < 1e-6
    assert found.to_json()["errors"] == found.errors


class Narrow(nn.Module):
    """Takes nothing but 32 bits, and says so by an error of its own."""

    def forward(self, x):
        """Add one."""
        if x.dtype is not torch.float32:
            raise OptionError("narrow: it takes 32 bits.", "Pass them.")
        return x + 1


def test_a_model_of_32_bits_has_no_errors(monkeypatch):
    """It is timed nonetheless."""
    monkeypatch.setattr(at, "ready", lambda *_, told: ({}, {}))
    found = race(Narrow(), Narrow().eval(), IMAGES, turns=1)
    assert found.errors == {}
    assert list(found.seconds) == ["striate"]


def test_without_a_model_only_the_program_is_timed(monkeypatch):
    """There is nobody to hold against it; how far it is is told nonetheless."""
    monkeypatch.setattr(at, "ready", lambda *_, told: pytest.fail("asked"))
    told = []
    found = race(MODEL, None, IMAGES, turns=2, told=lambda *done: told.append(done))
    assert list(found.seconds) == ["striate"]
    assert (found.fastest, found.pytorch) == (None, None)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_ratios_are_of_turns():
    """The middle of the turns' ratios, not the ratio of the middles; fastest is who takes least."""
    assert FOUND.ratio("ncnn") == 1.0
    assert FOUND.ratio("PyTorch") == 2.0
    assert (FOUND.fastest, FOUND.pytorch) == ("ncnn", "PyTorch")


def test_it_is_plain_values():
    """As JSON, and back."""
    found = json.loads(json.dumps(FOUND.to_json()))
    assert found["medians"] == {"striate": 2.0, "PyTorch": 6.0, "ncnn": 3.0}
    assert found["times_as_long"] == {"PyTorch": 2.0, "ncnn": 1.0}
    assert found["left_out"] == {"MNN": "why"}


@pytest.mark.refusal
def test_no_turns_are_refused():
    """Nothing would be timed."""
    with pytest.raises(OptionError) as caught:
        race(MODEL, MODEL, IMAGES, turns=0)
    assert str(caught.value) == "race: nothing is timed in less than one turn.\n  turns  0\nPass turns of 1 or more."
