"""What stops training is named, first what cannot be skipped; what does not stop it stays quiet."""

import pickle

import pytest

from striate.data.problems import KINDS, Problem, Unreadable, plain, refuse, shown
from striate.errors import DataError


def test_a_problem_is_a_line():
    """As text it names the file, the kind, and what was found; a strange name stays on its line."""
    assert str(Problem("truncated", "cat/a\n.png", "it ends early")) == r"'cat/a\n.png'  truncated: it ends early"


def test_skipping_covers_bad_files_and_nothing_else():
    """Of the kinds that stop, bad files alone can be skipped."""
    stops = {kind: [Problem(kind, "a", "").stops(skip_bad=skip) for skip in (False, True)] for kind in KINDS}
    assert stops["truncated"] == [True, False]
    assert stops["unknown class"] == [True, True]
    assert stops["leak"] == [False, False]


@pytest.mark.refusal
def test_bad_files_are_named_with_the_way_out():
    """The message lists each file and why, and says how to go on without."""
    problems = [Problem("empty", "cat/a.png", "0 bytes"), Problem("leak", "cat/b.png", "twice")]
    with pytest.raises(DataError) as error:
        refuse("pets", "/data/pets", problems, skip_bad=False)
    assert str(error.value) == (
        "open_dataset: 1 problem stops 'pets'.\n"
        "  data         /data/pets\n"
        "  'cat/a.png'  empty: 0 bytes\n"
        "Mend or remove what is named, or go on without it: skip_bad=True, on the command line --skip-bad."
    )
    refuse("pets", "/data/pets", problems, skip_bad=True)


@pytest.mark.refusal
def test_what_cannot_be_skipped_comes_first():
    """A problem that skipping does not cover is listed before the others, and two of one name share a line."""
    problems = [
        Problem("empty", "a.png", "0 bytes"),
        Problem("unknown class", "bird", "2 pictures"),
        Problem("bad line", "a.png", "line 3: the same path as line 2"),
    ]
    with pytest.raises(DataError) as error:
        refuse("pets", "/data/pets", problems, skip_bad=False)
    assert str(error.value) == (
        "open_dataset: 3 problems stop 'pets'.\n"
        "  data     /data/pets\n"
        "  'bird'   unknown class: 2 pictures\n"
        "  'a.png'  bad line: line 3: the same path as line 2; empty: 0 bytes\n"
        "Mend what is named: some of it cannot be skipped."
    )


def test_lists_twenty_and_counts_the_rest():
    """A thousand bad files do not fill a thousand lines."""
    with pytest.raises(DataError, match="1000 problems stop 'pets'") as error:
        refuse("pets", "/data", [Problem("empty", f"{i}.png", "0 bytes") for i in range(1000)], skip_bad=False)
    lines = str(error.value).splitlines()
    assert len(lines) == 24
    assert lines[-2].split() == ["and", "980", "more"]


@pytest.mark.parametrize("name", ["rule", "remedy", "data", "self", "and"])
def test_any_name_can_be_reported(name):
    """A file may be called like one of the error's own words."""
    with pytest.raises(DataError, match=f"'{name}' +empty"):
        refuse("pets", "/data", [Problem("empty", name, "0 bytes")], skip_bad=False)


def test_names_stay_on_their_line():
    """Line ends, quotes and odd bytes are escaped where a name is shown."""
    assert shown("a\nb'\udcff") == '"a\\nb\'\\udcff"'
    assert plain("Zürich") == "Zürich"
    assert plain("a\nb") == "'a\\nb'"


def test_survives_pickling():
    """A reason can leave a worker process."""
    reason = pickle.loads(pickle.dumps(Unreadable("empty", "0 bytes")))
    assert (reason.kind, reason.why) == ("empty", "0 bytes")
