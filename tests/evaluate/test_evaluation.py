"""evaluate.evaluation: what is judged, by which names, and that what is written down says the same."""

import csv
import io
import json
import re
import shlex
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sklearn

from striate.cli.arguments import parse
from striate.errors import CheckpointError, DataError, OptionError, RunError
from striate.evaluate import Protocol, evaluate, load, predict, report
from striate.recipes import train
from striate.train import Where

QUIET = Where(progress="none", threads=1)
HOSTILE = ["<script>alert(1)<", 'a,"b"', "two\nlines", b"caf\xe9".decode("utf-8", "surrogateescape"), "=1+1", "{{7*7}}"]


@pytest.fixture
def run(tiny, pictures, tmp_path):
    """A run on four classes, hardly trained: so there are mistakes."""
    data = pictures({"ant": 15, "bee": 15, "cat": 15, "dog": 15})
    return train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1, batch_size=8)


def rows(path):
    """The rows of predictions.csv."""
    text = (path / "predictions.csv").read_bytes().decode("utf-8", "surrogateescape")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def files(path):
    """What evaluation wrote, by name."""
    names = ("metrics.json", "predictions.csv", "mistakes.json", "report.html")
    return {name: (path / name).read_bytes() for name in names}


def test_the_numbers_are_scikit_learn_s_on_the_predictions(run):
    """Whoever recomputes them from predictions.csv gets the same."""
    found = evaluate(run)
    table = rows(run.path)
    truth, predicted = [row["truth"] for row in table], [row["predicted"] for row in table]
    labels = list(load(run).task.classes)
    assert found.metrics.accuracy == pytest.approx(sklearn.accuracy_score(truth, predicted), abs=1e-12)
    options = {"labels": labels, "zero_division": 0.0}
    each = sklearn.precision_recall_fscore_support(truth, predicted, **options)
    mine = [[getattr(c, key) for c in found.metrics.classes] for key in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(mine, np.array(each), atol=1e-9)
    weighted = sklearn.precision_recall_fscore_support(truth, predicted, average="weighted", **options)[:3]
    mine = [getattr(found.metrics.weighted, key) for key in ("precision", "recall", "f1")]
    np.testing.assert_allclose(mine, weighted, atol=1e-9)
    np.testing.assert_array_equal(found.metrics.confusion, sklearn.confusion_matrix(truth, predicted, labels=labels))
    p = [float(row["probability_of_truth"]) for row in table]
    assert found.metrics.cross_entropy == pytest.approx(-np.log(p).mean(), rel=1e-9)


def test_predictions_have_a_row_for_every_image(run):
    """Of the test part and no other, each with the likeliest classes in order."""
    found = evaluate(run)
    table = rows(run.path)
    assert len(table) == found.metrics.samples == run.about["data"]["samples"]["test"]
    assert len({row["name"] for row in table}) == len(table)
    for row in table:
        p = [float(row[name]) for name in ("probability", "probability_2", "probability_3", "probability_4")]
        assert p == sorted(p, reverse=True)
        assert sum(p) == pytest.approx(1.0)
        assert row["correct"] == str(int(row["truth"] == row["predicted"]))
        assert row["name"].split("/")[0] == row["truth"]


def test_mistakes_are_the_most_confident_first(run):
    """All that are wrong, and none that is right."""
    found = evaluate(run)
    wrong = {row["name"] for row in rows(run.path) if row["correct"] == "0"}
    assert wrong
    assert {m.name for m in found.mistakes} == wrong
    assert [m.probability for m in found.mistakes] == sorted((m.probability for m in found.mistakes), reverse=True)


def test_the_test_part_is_judged_and_nothing_needs_a_note(run):
    """The run is finished, its data is as it was."""
    found = evaluate(run)
    assert (found.part, found.notes, found.path, found.data) == ("test", (), run.path, "data")


def test_judging_twice_gives_the_same_files(run):
    """Byte for byte, the page's own date aside."""
    evaluate(run)
    first = files(run.path)
    evaluate(run, where=Where(workers=2, progress="none"))
    assert files(run.path) == first


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_a_report_is_regenerated_the_same(checkpoint, run):
    """From the folder alone: the data may be gone."""
    found = evaluate(run, checkpoint=checkpoint)
    first = files(run.path)
    shutil.rmtree(run.about["data"]["source"])
    (run.path / "report.html").unlink()
    assert report(run.path) == found.path / "report.html"
    assert files(run.path) == first


def test_a_report_of_a_run_that_was_not_judged_judges_it(run):
    """There is then something to report."""
    assert report(run) == run.path / "report.html"
    assert files(run.path)


@pytest.mark.parametrize(
    "settings", [{}, {"checkpoint": "last"}, {"data": "other place"}, {"skip_bad": True, "out": "there"}], ids=str
)
def test_the_command_repeats_it(settings, run, tmp_path, monkeypatch):
    """What is written down is understood as what was asked for."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run.about["data"]["source"], "other place")
    found = evaluate(run, **settings)
    command = parse(shlex.split(found.command)[1:])
    assert command.keywords["run"] == str(run.path)
    for name, default in (("checkpoint", "best"), ("data", ""), ("skip_bad", False), ("out", "")):
        assert command.keywords[name] == settings.get(name, default)


def test_other_classes_are_matched_by_name(run, pictures):
    """In another order, and with some missing: each image is judged by its own class's name."""
    source = pictures({"dog": 3, "ant": 4}, name="other", seed=7)
    found = evaluate(run, data=source)
    assert (found.metrics.samples, found.part, found.path.parent) == (7, "test", run.path)
    assert re.fullmatch("on-other-[0-9a-f]{8}", found.path.name)
    assert {c.name: c.support for c in found.metrics.classes} == {"ant": 4, "bee": 0, "cat": 0, "dog": 3}
    by_name = {row["name"]: row for row in rows(found.path)}
    assert all(name.split("/")[0] == row["truth"] for name, row in by_name.items())
    assert not (run.path / "predictions.csv").exists()


def test_a_picture_is_judged_the_same_wherever_it_lies(run, tmp_path):
    """The same file, in the run's own test part and in a folder of a single class."""
    evaluate(run)
    own = {row["name"]: row for row in rows(run.path)}
    name = next(name for name in own if name.startswith("dog/"))
    (tmp_path / "one/dog").mkdir(parents=True)
    shutil.copy(tmp_path / "data" / name, tmp_path / "one/dog/0.png")
    (other,) = rows(evaluate(run, data=tmp_path / "one").path)
    assert other["predicted"] == own[name]["predicted"]
    assert float(other["probability"]) == pytest.approx(float(own[name]["probability"]), abs=1e-6)


def test_the_run_s_own_data_is_known_wherever_it_is(run, tmp_path):
    """Moved data is not other data: judging all of it would judge what was trained on."""
    first = evaluate(run)
    (tmp_path / "data").rename(tmp_path / "moved")
    found = evaluate(run, data=tmp_path / "moved")
    assert (found.path, found.metrics, found.notes) == (run.path, first.metrics, ())


def test_changed_data_is_noted(run, tmp_path):
    """Its split may have changed with it."""
    Image.new("L", (10, 12), 7).save(tmp_path / "data/cat/new.png")
    assert evaluate(run).notes == (
        "The data has changed since training: some of these images may have been trained on.",
    )


def test_leaks_are_noted(tiny, pictures, tmp_path):
    """The same bytes in training and test."""
    data = pictures({"train/cat": 6, "train/dog": 6, "test/cat": 2, "test/dog": 2}, size=(9, 9))
    for path in (data / "test").rglob("*.png"):
        Image.fromarray(np.random.default_rng(len(str(path))).integers(0, 255, (7, 7), dtype=np.uint8)).save(path)
    shutil.copy(data / "train/cat/0.png", data / "test/cat/0.png")
    run = train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1)
    assert "Images that are in more than one part: 1. The numbers flatter the network." in evaluate(run).notes


def test_a_leak_elsewhere_does_not_flatter(tiny, pictures, tmp_path):
    """The same bytes in training and validation say nothing against the test part's numbers."""
    data = pictures({f"{part}/{name}": 4 for part in ("train", "val", "test") for name in ("cat", "dog")}, size=(9, 9))
    for i, path in enumerate(sorted(data.rglob("*.png"))):
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (7, 7), dtype=np.uint8)).save(path)
    shutil.copy(data / "train/cat/0.png", data / "val/cat/0.png")
    found = evaluate(train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1))
    assert any("leak" in problem for problem in found.problems)
    assert found.notes == ()


def test_bad_files_of_other_data_stop_it_or_are_named(tiny, pictures, tmp_path):
    """What training was told to skip is no licence to skip elsewhere; what is skipped is in what is written."""
    data = pictures({"cat": 10, "dog": 10})
    (data / "cat/broken.png").write_bytes(b"")
    run = train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1, skip_bad=True)
    assert "cat/broken.png" in (evaluate(run).path / "report.html").read_text()
    other = pictures({"cat": 3, "dog": 3}, name="other", seed=5)
    (other / "dog/torn.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"torn\.png"):
        evaluate(run, data=other)
    found = evaluate(run, data=other, skip_bad=True)
    assert found.metrics.samples == 6
    for name in ("metrics.json", "report.html"):
        text = (found.path / name).read_text()
        assert "torn.png" in text
        assert "broken.png" not in text


def test_data_of_one_name_are_kept_apart(run, pictures):
    """Other data's results are found again by what the data is, not by what it is called."""
    places = [pictures({"cat": 2, "dog": n}, name=f"{n}/set", seed=n) for n in (2, 3)]
    one, two, again = (evaluate(run, data=place).path for place in (*places, places[0]))
    assert one == again != two


def test_judging_what_was_learnt_is_noted(run):
    """A part of the run's own folder, given as other data."""
    source = run.about["data"]["source"]
    for name in ("cat", "dog"):
        shutil.copytree(f"{source}/{name}", f"{source}/more/{name}")
    found = evaluate(run, data=f"{source}/more")
    assert "some of these images may have been trained on" in " ".join(found.notes)


def test_without_a_test_part_the_validation_part_is_judged_and_said_so(tiny, pictures, tmp_path):
    """Its numbers are better than they should be; those of other data's are not."""
    data = pictures({"train/cat": 6, "train/dog": 6, "val/cat": 3, "val/dog": 3})
    run = train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1)
    found = evaluate(run)
    assert (found.part, found.metrics.samples) == ("val", 6)
    assert found.notes == ("There is no test part: this is the validation part, which also chose the weights.",)
    other = pictures({"val/cat": 2, "val/dog": 2}, name="other", seed=3)
    assert evaluate(run, data=other).notes == ("There is no test part: this is the validation part",)


def test_an_unfinished_run_is_noted(run):
    """The number of steps behind the weights is said."""
    checkpoint = run.checkpoints.load("last")
    state = {**checkpoint.state, "finished": False, "step": checkpoint.state["step"] + 1}
    run.checkpoints.save(type(checkpoint)(checkpoint.tensors, state, checkpoint.about), step=99, best=False)
    assert evaluate(run).notes == (f"Training is not finished: these are the weights of step {state['step'] - 1}.",)


class Page(HTMLParser):
    """Takes note of every element that could act."""

    def __init__(self):
        super().__init__()
        self.active, self.text = [], []

    def handle_starttag(self, tag, attrs):
        urls = [value or "" for name, value in attrs if name in {"src", "href"}]
        away = [url for url in urls if not url.startswith(("data:", "#"))]
        if tag in {"script", "iframe", "object", "embed"} or away or any(name.startswith("on") for name, _ in attrs):
            self.active.append((tag, attrs))

    def handle_data(self, data):
        self.text.append(data)


def test_hostile_names_survive_as_data_and_do_nothing_as_markup(tiny, pictures, tmp_path):
    """In CSV and JSON they are what they are; on the page they are text."""
    data = pictures(dict.fromkeys(HOSTILE, 10))
    for path in sorted(data.rglob("*.png")):
        path.rename(path.with_name(f"<img src=x onerror=alert(1)>,\n{path.name}"))
    run = train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1, batch_size=8)
    found = evaluate(run)
    table = rows(run.path)
    assert {row["truth"] for row in table} == set(HOSTILE)
    assert {row["name"] for row in table} <= {str(p.relative_to(data)) for p in data.rglob("*.png")}
    document = json.loads((run.path / "metrics.json").read_text())
    assert [c["name"] for c in document["metrics"]["classes"]] == sorted(HOSTILE) == list(load(run).task.classes)
    page = Page()
    page.feed((run.path / "report.html").read_text())
    assert page.active == []
    assert "<script>alert(1)<" in "".join(page.text)
    assert "{{7*7}}" in "".join(page.text)
    assert len(found.mistakes) > 0


@pytest.mark.refusal
def test_an_unknown_class_is_refused(run, pictures):
    """By name, with those that are known."""
    source = pictures({"ant": 2, "zebra": 2}, name="other")
    with pytest.raises(DataError) as error:
        evaluate(run, data=source)
    assert str(error.value) == (
        "evaluate: the data has classes that the model was not trained on.\n"
        f"  data     {source}\n"
        "  unknown  zebra\n"
        "  model    ant, bee, cat, dog\n"
        "Rename or remove them: classes are matched by name."
    )


@pytest.mark.refusal
def test_data_without_anything_to_judge_on_is_refused(run, pictures):
    """A training part alone."""
    source = pictures({"train/ant": 2, "train/dog": 2}, name="other")
    with pytest.raises(DataError) as error:
        evaluate(run, data=source)
    assert str(error.value) == (
        f"evaluate: the data has no images to judge on.\n  data  {source}\nGive data with a test part."
    )


@pytest.mark.refusal
def test_scores_that_are_not_finite_are_refused(run, monkeypatch):
    """No number would mean anything."""
    checkpoint = run.checkpoints.load("last")
    for group in ("model", "average"):
        checkpoint.tensors[group]["fc.bias"].fill_(float("nan"))
    run.checkpoints.save(checkpoint, step=99, best=True)
    with pytest.raises(RunError) as error:
        evaluate(run)
    assert str(error.value) == (
        "evaluate: the network's scores are not finite.\n  checkpoint  best\nUse another checkpoint."
    )
    assert not (run.path / "metrics.json").exists()


@pytest.mark.refusal
def test_options_are_checked_first():
    """Before anything is read."""
    with pytest.raises(OptionError, match="device: there is no 'tpu' here"):
        evaluate("nowhere", where=Where(device="tpu"))


@pytest.mark.refusal
def test_a_place_that_cannot_be_written_is_one_clear_error(run, tmp_path):
    """Here it is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError) as error:
        evaluate(run, out=tmp_path / "file")
    assert str(error.value) == (
        "evaluate: the system refuses to write: File exists.\n"
        f"  path  {tmp_path / 'file'}\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )


BOMB = "iVBORw0KGgoAAAANSUhEUgAAw1AAAMNQCAAAAABF"  # the first bytes of a PNG of 50,000 x 50,000


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("metrics.json", lambda text: text[: len(text) // 2]),
        ("metrics.json", lambda text: "[]"),
        ("metrics.json", lambda text: text.replace('"metrics"', '"numbers"')),
        ("mistakes.json", lambda text: text[:-9]),
        ("mistakes.json", lambda text: re.sub(r'"image": "[^"]*"', '"image": "AAAA"', text)),
        ("mistakes.json", lambda text: re.sub(r'"image": "[^"]*"', f'"image": "{BOMB}"', text)),
        ("mistakes.json", lambda text: re.sub(r'("image": "[^"]{120})[^"]*"', r'\1"', text)),
    ],
)
def test_a_damaged_evaluation_is_refused(name, change, run):
    """The message says how to get a whole one."""
    evaluate(run)
    (run.path / name).write_text(change((run.path / name).read_text()))
    with pytest.raises(RunError) as error:
        report(run)
    rule, reported, remedy = str(error.value).splitlines()
    assert rule == f"report: what {run.path} holds of its evaluation is damaged."
    assert reported.startswith("  reported  ")
    assert remedy == f"Judge it again: striate evaluate {run.path}"


@pytest.mark.refusal
def test_a_log_that_lacks_things_does_no_harm(run):
    """The page then lacks them as well."""
    (run.path / "log.jsonl").write_text('{"kind": "epoch"}\n{"kind": "epoch", "epoch": 1}\nnonsense\n[]\n')
    evaluate(run)
    assert report(run).exists()


@pytest.mark.refusal
def test_a_checkpoint_that_lacks_what_it_was_trained_with_is_refused(run):
    """By the name of the file that lacks it."""
    checkpoint = run.checkpoints.load("last")
    about = {key: value for key, value in checkpoint.about.items() if key != "recipe"}
    run.checkpoints.save(type(checkpoint)(checkpoint.tensors, checkpoint.state, about), step=99, best=True)
    with pytest.raises(CheckpointError) as error:
        evaluate(run)
    assert str(error.value) == (
        f"load: a checkpoint of {run.path} does not hold the network that its about.json tells of.\n"
        "  reported  KeyError: 'recipe'\n"
        "Use the version of Striate that wrote it, or train again."
    )


@pytest.fixture
def margin_run(tiny, pictures, tmp_path):
    """A run whose network sees the middle of larger pictures."""
    data = pictures({"ant": 15, "bee": 15, "cat": 15, "dog": 15})
    return train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1, batch_size=8, enlarge=1.25)


def test_one_crop_is_what_predict_sees(margin_run):
    """The middle of each picture: the same classes and probabilities for the same files."""
    evaluate(margin_run)
    data = margin_run.about["data"]["source"]
    table = rows(margin_run.path)
    found = predict(margin_run, [f"{data}/{row['name']}" for row in table], where=QUIET)
    assert [one.prediction.classes[0] for one in found] == [row["predicted"] for row in table]
    p = [one.prediction.probabilities[0] for one in found]
    assert p == pytest.approx([float(row["probability"]) for row in table], abs=1e-6)


def test_another_protocol_s_results_are_kept_apart(margin_run, pictures):
    """In folders of their own, in the run's or beside those for other data; each names its protocol."""
    plain, before = evaluate(margin_run), files(margin_run.path)
    found = [
        evaluate(margin_run, crops=10),
        evaluate(margin_run, protocol=Protocol(10), average="scores"),
        evaluate(margin_run, scales=(8, 10)),
        evaluate(margin_run, pictures({"ant": 3, "cat": 4}, name="other"), crops=10),
    ]
    assert files(margin_run.path) == before
    assert [one.path.name for one in found[:3]] == ["crops-10", "crops-10-scores", "scales-8-10"]
    assert re.fullmatch(r"on-other-[0-9a-f]{8}-crops-10", found[3].path.name)
    told = ["1 crop", "10 crops, probabilities averaged", "10 crops, scores averaged"]
    told.append("fully convolutional, shorter sides of 8 and 10 pixels, probabilities averaged")
    for one, words in zip([plain, *found[:3]], told, strict=True):
        assert one.protocol == words
        assert json.loads((one.path / "metrics.json").read_bytes())["protocol"] == words
        assert words in (one.path / "report.html").read_text()
    assert found[0].metrics.cross_entropy != plain.metrics.cross_entropy


def test_the_command_repeats_the_protocol(margin_run):
    """To the same numbers."""
    found = evaluate(margin_run, crops=10, scales=(10, 12), average="scores")
    assert found.command.endswith("--crops 10 --scales 10 12 --average scores")
    keywords = parse(shlex.split(found.command)[1:]).keywords
    assert keywords["protocol"] == Protocol(10, (10, 12), "scores")


def test_an_older_evaluation_is_one_crop(run):
    """What says nothing of its protocol was the only one that there was."""
    evaluate(run)
    document = json.loads((run.path / "metrics.json").read_bytes())
    del document["protocol"]
    (run.path / "metrics.json").write_text(json.dumps(document))
    assert "1 crop" in report(run).read_text()


@pytest.mark.refusal
def test_a_protocol_has_no_such_setting(run):
    """The message lists those that there are."""
    with pytest.raises(OptionError) as error:
        evaluate(run, crop=10)
    assert str(error.value) == "evaluate: no setting is called 'crop'.\nChoose from: crops, scales, average."
