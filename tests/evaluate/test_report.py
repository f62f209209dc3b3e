"""evaluate.report: one file, nothing loaded, no script, whatever the names hold."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate.errors import DataError, RunError
from striate.evaluate.metrics import measure
from striate.evaluate.report import Mistake, Page, render, write_report
from striate.models.summary import summary

HOSTILE = "<script>alert('x')</script>\" onload=\"y"


class Parsed(HTMLParser):
    """The elements, their attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def page(k=3, samples=40, names=None, **settings) -> Page:
    random = torch.Generator().manual_seed(0)
    p = torch.randn(samples, k, generator=random).softmax(1)
    names = names or [f"class {i}" for i in range(k)]
    metrics = measure(p, torch.randint(0, k, (samples,), generator=random), names)
    return Page("A title", "lenet5", "digits", "test", metrics, **settings)


def full(name: str) -> Page:
    """A page on which every piece of text is `name`."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    history = [{"epoch": e, "train_loss": 1 / e, "val_loss": 1 / e, "val_accuracy": 1 - 0.5 / e} for e in (1, 2, 3)]
    rows = [replace(row, name=name, kind=name) for row in summary(network, (1, 8, 8)).rows]
    given = page(
        names=[name, "b", "c"],
        note=name,
        history=history,
        mistakes=[Mistake(name, name, "b", 0.9, np.zeros((8, 8), np.uint8), [(name, 0.1)])],
        layers=rows,
        recipe={name: {name: name}},
        machine={name: [name]},
        versions={name: name},
        commands={name: name},
        problems=[name],
        seconds=75.0,
        created=name,
    )
    return replace(given, title=name, model=name, dataset=name, part=name)


def test_page_loads_nothing_and_runs_nothing():
    """No script, no link, no address but data: and those within the page; a policy that would forbid them anyway."""
    parsed = Parsed(render(full("plain")))
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"script", "iframe", "object", "embed", "base"}
    addresses = [v or "" for _, attributes in parsed.elements for n, v in attributes.items() if n in ("src", "href")]
    assert {a[:5] for a in addresses} == {"data:", "#data"}
    assert not re.search(r"url\(|@import", render(full("plain")))
    (policy,) = [a["content"] for t, a in parsed.elements if t == "meta" and "http-equiv" in a]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def test_hostile_names_stay_text():
    """Markup in any name adds no element and no attribute, and is read as it was written."""
    parsed, plain = Parsed(render(full(HOSTILE))), Parsed(render(full("x" * len(HOSTILE))))
    assert [tag for tag, _ in parsed.elements] == [tag for tag, _ in plain.elements]
    assert [set(a) for _, a in parsed.elements] == [set(a) for _, a in plain.elements]
    assert HOSTILE in parsed.text


def test_names_that_are_no_text_are_written(tmp_path):
    """A file name of bytes that are no UTF-8 does not stop the report."""
    write_report(tmp_path / "report.html", full("caf\udce9"))
    assert "caf\\udce9" in (tmp_path / "report.html").read_text("utf-8")


def test_headline_says_the_accuracy_its_interval_and_the_worst_mistake():
    """The page opens with what a reader came for."""
    given = page()
    text = re.sub(r"\s+", " ", Parsed(render(given)).text)
    low, high = (f"{100 * share:.1f} %" for share in given.metrics.accuracy_interval)
    assert f"{given.metrics.correct} of 40 images are named correctly." in text
    assert f"from {low} to {high} (95 % interval" in text
    assert "The most frequent mistake:" in text
    assert "judged on the test part of digits" in text


def test_what_is_empty_is_left_out():
    """Without history, mistakes, layers, problems and commands those sections are not there; with them they are."""
    ids = {"training", "mistakes", "layers", "data", "repeat"}
    assert not ids & {a.get("id") for _, a in Parsed(render(page())).elements}
    assert ids <= {a.get("id") for _, a in Parsed(render(full("plain"))).elements}


def test_perfect_predictions_have_a_page():
    """Nothing wrong is said to be so."""
    labels = torch.arange(40) % 2
    text = Parsed(render(Page("t", "m", "d", "test", measure(torch.eye(2)[labels], labels, ["a", "b"])))).text
    assert "There is not one mistake." in text
    assert "100\xa0%" in text
    assert "-0 nats" not in text


@pytest.mark.parametrize("k", [2, 10, 100])
def test_top_k_is_shown_where_it_says_something(k):
    """With five classes or fewer the true class is always among the first five, and that is not boasted of."""
    assert ("among the first 5" in render(page(k=k))) is (k > 5)


def test_classes_can_be_sorted_without_scripts():
    """Each row carries its place in every order: by precision the lowest comes first."""
    given = page(k=4)
    styles = [a["style"] or "" for t, a in Parsed(render(given)).elements if t == "tr" and "style" in a]
    places = [int(re.findall(r"--o2: (\d+)", style)[0]) for style in styles]
    by_precision = sorted(given.metrics.classes, key=lambda row: row.precision)
    assert [given.metrics.classes[places.index(i)].precision for i in range(4)] == [r.precision for r in by_precision]


@pytest.mark.parametrize("shape", [(8, 8), (8, 6, 1), (300, 500, 3), (10, 10, 4)])
def test_pictures_are_inside_the_page(shape):
    """An image comes back as it was; one that is large is made smaller; small ones are not blurred."""
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    html = render(page(mistakes=[Mistake("x", "a", "b", 0.9, image)]))
    ((_, found),) = [(t, a) for t, a in Parsed(html).elements if t == "img"]
    data = base64.b64decode((found["src"] or "").removeprefix("data:image/png;base64,"))
    read = np.asarray(Image.open(io.BytesIO(data)))
    if max(shape) <= 256:
        assert np.array_equal(read, image.reshape(read.shape))
    else:
        assert max(read.shape) == 256
    assert (found.get("class") == "small") is (max(shape) <= 64)


def test_best_epoch_can_be_given():
    """The epoch whose weights were judged is marked, whatever the history says."""
    assert "Best epoch: 3" in render(full("plain"))
    assert "Best epoch: 2" in render(replace(full("plain"), best_epoch=2))


def test_calibration_is_put_in_words():
    """Surer than right, less sure than right, or neither."""
    labels = torch.tensor([0, 0, 0, 1])
    for p, words in ((0.9, "surer than it may be"), (0.6, "less sure than it may be"), (0.75, "on average.")):
        metrics = measure(torch.tensor([[p, 1 - p]] * 4, dtype=torch.float64), labels, ["a", "b"])
        assert words in Parsed(render(Page("t", "m", "d", "test", metrics))).text


def test_failed_page_leaves_the_old_one(tmp_path):
    """A page that cannot be made or written leaves the file as it was, and nothing beside it."""
    path = tmp_path / "report.html"
    write_report(path, page())
    before = path.read_bytes()
    with pytest.raises(DataError):
        write_report(path, page(mistakes=[Mistake("x", "a", "b", 0.9, np.zeros((2, 2)))]))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.refusal
@pytest.mark.parametrize(
    "image", [np.zeros((4, 4)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4), np.uint8)], ids=["float", "2", "empty"]
)
def test_image_that_is_no_picture_is_explained(image):
    """The message names the sample, its shape and its type."""
    with pytest.raises(DataError) as error:
        render(page(mistakes=[Mistake("digits/0012", "a", "b", 0.9, image)]))
    assert str(error.value) == (
        "write_report: an image of the gallery is no picture.\n"
        "  name   digits/0012\n"
        f"  shape  {image.shape}\n"
        f"  dtype  {image.dtype}\n"
        "Pass whole numbers from 0 to 255 (uint8), as H W or H W C with 1, 3 or 4 channels."
    )


@pytest.mark.refusal
def test_folder_that_is_not_there_is_explained(tmp_path):
    """The system's refusal comes as one clear error."""
    with pytest.raises(RunError) as error:
        write_report(tmp_path / "missing" / "report.html", page())
    assert str(error.value) == (
        "write_report: the system refuses to write: No such file or directory.\n"
        f"  path  {tmp_path / 'missing' / 'report.html'}\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )
