"""recipes.judging: an evaluation with a look inside."""

import pytest

from striate.evaluate.explained import read_explained
from striate.recipes import evaluate, report, train
from striate.train import Where

QUIET = Where(progress="none", threads=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """LeNet-5, hardly trained."""
    return train("digits", out=tmp_path_factory.mktemp("runs"), where=QUIET, epochs=1, overfit=1)


def test_the_report_says_what_answers_rest_on(run):
    """Three right, three wrong, by two methods; the other settings reach the evaluation; without it there is none."""
    page = report(run)
    assert [one.right for one in read_explained(run.path)] == [True] * 3 + [False] * 3
    assert {seen.method for one in read_explained(run.path) for seen in one.seen} == {"Saliency", "Grad-CAM"}
    assert "What its answers rest on" in page.read_text()
    plain = evaluate(run, where=QUIET, explain=None)
    assert read_explained(plain.path) == []
    assert plain.metrics == evaluate(run, where=QUIET).metrics
