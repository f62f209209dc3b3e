"""bench.harness: a wrong answer is never timed, candidates take turns, a record says where it comes from."""

import json
import sys
import time

import pytest
import torch
from bench.harness import Result, compare, record

from striate.errors import OptionError, StriateError


def is_four(answer):
    return answer == 4


def test_candidates_take_turns():
    """First each answer is verified, then it is A B A B …, warm-up rounds included, and only the rest is kept."""
    calls = []

    def candidate(name):
        return lambda: calls.append(name) or 4

    result = compare("t", {"a": candidate("a"), "b": candidate("b")}, what="", verify=is_four, n=3)
    assert calls == ["a", "b"] * (1 + 2 + 3)
    assert result.n == 3
    assert all(len(seconds) == 3 and min(seconds) > 0 for seconds in result.seconds.values())


def test_a_time_covers_the_call():
    """What is recorded is at least as long as the call is known to last."""
    result = compare("t", {"nap": lambda: time.sleep(0.01) or 4}, what="", verify=is_four, n=2)
    assert min(result.seconds["nap"]) >= 0.01


def test_ratios_are_taken_within_a_turn():
    """A disturbance that doubles a whole turn changes no ratio."""
    result = Result("t", "", 1, {"a": (1.0, 2.0, 1.0, 2.0), "b": (2.0, 4.0, 2.0, 4.0)})
    ratio = result.ratio("a", "b")
    assert (ratio.median, ratio.q1, ratio.q3) == (0.5, 0.5, 0.5)
    assert result.ratio("b", "a").median == 2
    assert (result.spread("a").median, result.spread("a").q1, result.spread("a").q3) == (1.5, 1, 2)


def test_threads_are_set_and_restored():
    """A function sees the number of threads asked for, a command sees it in OMP_NUM_THREADS; then all is as before."""
    before, seen = torch.get_num_threads(), set()
    compare("t", {"f": lambda: seen.add(torch.get_num_threads())}, what="", verify=lambda _: True, n=2, threads=1)
    assert seen == {1}
    command = [sys.executable, "-c", "import os; print(os.environ['OMP_NUM_THREADS'])"]
    compare("t", {"c": command}, what="", verify=lambda answer: answer.strip() == "3", n=2, threads=3)
    assert torch.get_num_threads() == before


def test_a_command_may_be_a_line():
    """A string is split as a shell would."""
    result = compare("t", {"echo": "echo 'one word'"}, what="", verify=lambda answer: answer == "one word\n", n=2)
    assert result.n == 2


def test_a_record_says_where_it_comes_from(tmp_path):
    """The file holds every sample and all that is needed to repeat it."""
    result = compare(
        "add-up", {"a": lambda: 4, "b": lambda: 4}, what="Four.", verify=is_four, n=4, threads=1, work=(2, "fours")
    )
    content = json.loads(record(result, tmp_path).read_text())
    assert (tmp_path / "add-up.json").exists()
    assert content["what"] == "Four."
    assert content["command"].startswith("python ")
    assert content["machine"]["logical_cores"] >= 1
    assert content["peaks"]["flops_per_second"] > 0
    assert content["versions"].keys() >= {"python", "torch", "numpy"}
    assert (content["threads"], content["n"], content["work"]) == (1, 4, [2, "fours"])
    assert content["candidates"]["a"]["seconds"] == list(result.seconds["a"])
    assert content["candidates"]["a"]["median"] == result.spread("a").median
    assert list(content["ratios"]) == ["a / b"]
    assert {"commit", "date"} <= content.keys()


@pytest.mark.refusal
def test_a_wrong_answer_is_refused_and_nothing_is_timed():
    """One wrong candidate, and none is timed: the wrong one is called once, to be verified."""
    calls = []
    with pytest.raises(StriateError) as error:
        compare("sum", {"right": lambda: calls.append(1) or 4, "wrong": lambda: 5}, what="", verify=is_four)
    assert len(calls) == 1
    assert str(error.value) == (
        "compare: an answer is wrong, so it is not timed.\n"
        "  benchmark  sum\n"
        "  candidate  wrong\n"
        "  answer     5\n"
        "Mend the candidate, or what it is verified by."
    )


@pytest.mark.refusal
def test_a_failing_command_is_refused():
    """A command that fails has no time, however fast it fails."""
    with pytest.raises(StriateError) as error:
        compare("t", {"c": "sh -c 'echo no >&2; exit 3'"}, what="", verify=lambda _: True)
    assert str(error.value) == (
        "compare: a command failed; nothing is recorded.\n"
        "  command      sh -c 'echo no >&2; exit 3'\n"
        "  exit_status  3\n"
        "  last_words   no\n"
        "Run it by itself, mend it, and compare again."
    )


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("name", "candidates", "n", "threads"),
    [("../t", {"a": is_four}, 2, 1), ("t", {}, 2, 1), ("t", {"a": is_four}, 1, 1), ("t", {"a": is_four}, 2, 0)],
)
def test_settings_that_make_no_benchmark_are_explained(name, candidates, n, threads):
    """Names that are no file names, nothing to compare, no quartiles, no threads."""
    with pytest.raises(OptionError) as error:
        compare(name, candidates, what="", verify=is_four, n=n, threads=threads)
    assert str(error.value) == (
        "compare: these settings make no benchmark.\n"
        f"  name        {name!r}\n"
        f"  candidates  {', '.join(candidates) or 'none'}\n"
        f"  n           {n}\n"
        f"  threads     {threads}\n"
        "Give a name of letters, digits, - and _; one candidate or more; n of 2 or more; threads of 1 or more."
    )
