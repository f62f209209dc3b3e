"""The arena: what lives at one time lies apart."""

import random

from small_graphs import agrees, residual_network

from striate.compile.memory import Life, arena
from striate.compile.steps.step import Step, Value


def chain(lengths, seed):
    """Steps that each read some of the values before, and write one, as large as is said."""
    chance = random.Random(seed)
    values = [Value("x", (1, 16), (1, 16, 1, 1), door=1)]
    steps = []
    for number, floats in enumerate(lengths):
        reads = tuple(chance.sample(values, min(len(values), 2)))
        y = Value(str(number), (1, floats), (1, floats, 1, 1))
        over = tuple(value for value in reads if chance.random() < 0.5 and not value.door)
        steps.append(Step(str(number), "", reads, y, lambda *_: None, over=over))
        values.append(y)
    return steps


def lives(steps):
    """From the first step that writes a value to the last that reads it."""
    found = {}
    for number, step in enumerate(steps):
        for value in (*step.reads, step.writes):
            if not value.door:
                first, _ = found.get(value, (number, number))
                found[value] = (first, number)
    return found


def test_what_lives_at_one_time_lies_apart():
    """But for a value that is written over the last reading of another."""
    for seed in range(20):
        chance = random.Random(seed)
        steps = chain([chance.choice([5, 16, 100, 1000]) for _ in range(30)], seed)
        found = arena(steps)
        known = lives(steps)
        for a, (first, last) in known.items():
            assert found.places[a] % 16 == 0
            assert found.places[a] + a.floats <= found.floats
            for b, (other_first, other_last) in known.items():
                if a is b or other_last < first or last < other_first:
                    continue
                over = any(
                    step.writes in (a, b) and {a, b} - {step.writes} <= set(step.over)
                    for step in steps[max(first, other_first) : max(first, other_first) + 1]
                ) and min(last, other_last) == max(first, other_first)
                begin, end = found.places[a], found.places[a] + a.floats
                other = found.places[b], found.places[b] + b.floats
                assert over or end <= other[0] or other[1] <= begin
        assert found.least <= found.floats <= 2 * found.least


def test_a_long_chain_takes_two_places():
    """Each step reads what the one before wrote, and nothing else."""
    values = [Value(str(i), (1, 64), (1, 64, 1, 1)) for i in range(50)]
    steps = [Step(str(i), "", (values[i - 1],) if i else (), values[i], lambda *_: None) for i in range(50)]
    assert arena(steps).floats == 128


def test_a_part_lives_with_its_whole():
    """From the first part that is written."""
    whole = Value("whole", (1, 32), (1, 32, 1, 1))
    parts = [Value(name, (1, 16), (1, 16, 1, 1), whole, channel) for name, channel in (("a", 0), ("b", 16))]
    other = Value("other", (1, 16), (1, 16, 1, 1))
    steps = [
        Step("a", "", (), parts[0], lambda *_: None),
        Step("o", "", (), other, lambda *_: None),
        Step("b", "", (other,), parts[1], lambda *_: None),
        Step("y", "", (whole,), Value("y", (1, 16), (1, 16, 1, 1), door=1), lambda *_: None),
    ]
    found = arena(steps)
    assert set(found.places) == {whole, other}
    assert found.floats == 48


def test_lives_that_meet():
    """At least one step is in both."""
    assert Life(1, 2, 5).meets(Life(1, 5, 9))
    assert not Life(1, 2, 5).meets(Life(1, 6, 9))


def test_a_networks_arena_is_hardly_larger_than_it_must_be():
    """The most that is used at one time is a bound for every plan."""
    found = agrees(residual_network()).arena
    assert found.least <= found.floats <= 1.25 * found.least
