"""engine.race: by turns, with a clock that tells what the test says; no real time is looked at."""

from typing import Any

import pytest

from striate.engine.race import MOST_TURNS, TURNS, race


class Course:
    """Runners that take what their tables say, on a clock that moves only by them."""

    def __init__(self, **seconds):
        self.now, self.calls = 0.0, dict.fromkeys(seconds, 0)
        self.order = []
        self.runners = {name: self.runner(name, times) for name, times in seconds.items()}

    def runner(self, name, times):
        def run():
            taken: Any = times(self.calls[name]) if callable(times) else times
            self.calls[name] += 1
            self.order.append(name)
            self.now += taken

        return run

    def finish(self):
        return race(self.runners, clock=lambda: self.now)


def test_each_has_the_median_of_its_turns():
    """Of one call."""
    found = Course(slow=0.03, fast=0.02).finish()
    assert (found.turns, found.stopped) == (TURNS, ())
    assert found.seconds == {"slow": pytest.approx(0.03), "fast": pytest.approx(0.02)}


def test_they_take_turns():
    """A B A B, the first time untimed."""
    course = Course(a=0.03, b=0.02)
    course.finish()
    assert course.order == ["a", "b"] * (1 + TURNS)


def test_a_disturbance_does_not_decide():
    """Two slow turns of seven leave the median alone."""
    found = Course(first=0.03, best=lambda call: 0.9 if call in (2, 3) else 0.02).finish()
    assert found.seconds == {"first": pytest.approx(0.03), "best": pytest.approx(0.02)}


def test_the_hopeless_are_stopped_after_two_samples():
    """At more than twice the best's time."""
    course = Course(a=0.01, b=0.021, c=0.019)
    found = course.finish()
    assert found.stopped == ("b",)
    assert (course.calls["b"], course.calls["c"]) == (3, 1 + found.turns)


def test_the_first_is_stopped_as_well():
    """Its few samples are still told."""
    found = Course(first=0.1, other=0.01).finish()
    assert found.stopped == ("first",)
    assert found.seconds["first"] == pytest.approx(0.1)


def test_short_work_is_sampled_many_calls_at_a_time_and_many_turns():
    """As far as the patience reaches."""
    course = Course(a=1e-5, b=1.5e-5)
    found = course.finish()
    assert found.turns == MOST_TURNS
    assert course.calls["a"] == 1 + 10 * MOST_TURNS
    assert found.seconds["a"] == pytest.approx(1e-5)


def test_work_that_takes_no_time_ends():
    """On a clock too coarse to see it."""
    assert Course(a=0.0, b=0.0).finish().turns == MOST_TURNS
