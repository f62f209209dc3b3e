"""evaluate.explained: which images are chosen, and that they come back as they were kept."""

import json

import numpy as np
import pytest
import torch

from striate.errors import RunError
from striate.evaluate import evaluate, load, report
from striate.evaluate.explained import Seen, chosen, read_explained, write_explained
from striate.recipes import train
from striate.train import Where

QUIET = Where(progress="none", threads=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """LeNet-5, hardly trained: it makes mistakes."""
    return train("digits", out=tmp_path_factory.mktemp("runs"), where=QUIET, epochs=1, overfit=1)


def explain(trained, images):
    """Says that every pixel counts for what it is."""
    pixels = (images * 255 + 0.5).to(torch.uint8).expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()
    return [[Seen("plain", picture, "White is white.")] for picture in pixels]


def test_the_surest_are_chosen_right_and_wrong():
    """Three each; the right ones of different classes as long as there are."""
    p = torch.tensor([[0.9, 0.1], [0.99, 0.01], [0.95, 0.05], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6], [0.6, 0.4]])
    assert chosen(p, torch.tensor([0, 0, 0, 1, 0, 0, 1])) == [1, 3, 2, 4, 5, 6]
    assert chosen(p[:3], torch.tensor([0, 0, 0])) == [1, 2, 0]
    assert chosen(p[:1], torch.tensor([1])) == [0]


def test_they_are_kept_and_shown(run):
    """In the folder, in the report, and in a report that is written anew; an evaluation without them has none."""
    found = evaluate(run, where=QUIET, explain=explain)
    kept = read_explained(found.path)
    assert [one.right for one in kept] == [True] * 3 + [False] * 3
    dataset = load(run)
    assert all(one.seen[0].picture.shape == (*dataset.preprocess.image_size, 3) for one in kept)
    assert all(np.array_equal(one.image, one.seen[0].picture) for one in kept)
    page = (found.path / "report.html").read_text()
    assert "What its answers rest on" in page
    assert page.count('alt="plain"') == 6
    assert report(run).read_text() == page
    evaluate(run, where=QUIET)
    assert read_explained(found.path) == []
    assert "What its answers rest on" not in (found.path / "report.html").read_text()


def test_who_cannot_explain_leaves_nothing(run):
    """An empty answer is an empty section."""
    found = evaluate(run, where=QUIET, explain=lambda trained, images: [])
    assert read_explained(found.path) == []


def test_older_folders_hold_none(tmp_path):
    """A file that is not there is no fault."""
    assert read_explained(tmp_path) == []


@pytest.mark.refusal
@pytest.mark.parametrize("content", ["", "{}", '{"explained": [{}]}', '{"explained": [{"image": "AAAA", "seen": []}]}'])
def test_damage_is_told(run, content):
    """A report is not written from half of a file."""
    evaluate(run, where=QUIET, explain=explain)
    (run.path / "explained.json").write_text(content)
    with pytest.raises(RunError, match="holds of its evaluation is damaged"):
        report(run)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\" onload='x"])
def test_names_stay_text(run, name):
    """Whatever a file is called."""
    found = evaluate(run, where=QUIET, explain=explain)
    path = found.path / "explained.json"
    document = json.loads(path.read_text())
    document["explained"][0]["name"] = name
    path.write_text(json.dumps(document))
    page = report(run).read_text()
    assert name not in page


def test_nothing_is_asked_for_where_nothing_explains(run, tmp_path):
    """Without a function there is an empty list."""
    trained = load(run)
    from striate.data import open_dataset

    part = open_dataset("digits").parts["test"]
    write_explained(tmp_path, trained, part, torch.full((len(part), 10), 0.1), None)
    assert json.loads((tmp_path / "explained.json").read_text()) == {"explained": []}
