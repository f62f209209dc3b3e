"""cli.commands: every command, from the words to the exit status; and no stack trace for anything."""

import csv
import io
import json
import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from striate.cli.commands import commands
from striate.models import MODELS
from striate.recipes import Recipe

QUICK = ("--epochs", 1, "--overfit", 1, "--threads", 1, "--progress", "none")


@pytest.fixture
def run(digits_run, tmp_path):
    """A copy of a run, to be used or spoilt."""
    return shutil.copytree(digits_run, tmp_path / "run")


@pytest.fixture
def image(tmp_path):
    """A picture."""
    path = tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8), dtype=np.uint8)).save(path)
    return path


@pytest.mark.parametrize("name", commands(Recipe()))
def test_every_command_has_help(name, striate):
    """Its own, with what every flag means; the table of flags as wide as a terminal."""
    status, out, err = striate(name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: striate {name}")
    assert commands(Recipe())[name].__doc__.split(".")[0].split("\n")[0][:40] in " ".join(out.split())
    assert all(len(line) <= 80 for line in out.splitlines()[4:])


def test_help_lists_every_command(striate):
    """With its first line."""
    status, out, _ = striate("--help")
    assert status == 0
    assert all(f"• {name} " in out for name in commands(Recipe()))


def test_from_images_to_a_report(striate, tmp_path, monkeypatch, pictures):
    """Data, training, judging, prediction, report: each command goes on where the one before ended."""
    monkeypatch.chdir(tmp_path)
    pictures({"cat": 10, "dog": 10}, name="pets", size=(20, 18))
    status, out, _ = striate("data", "pets", "--sheet", "sheet.png")
    assert status == 0
    assert "2 classes, 20 pictures" in out
    with Image.open("sheet.png") as sheet:
        assert sheet.format == "PNG"
    status, out, _ = striate("train", "pets", "--dry-run", *QUICK)
    assert (status, os.path.exists("runs")) == (0, False)
    status, out, _ = striate("train", "pets", *QUICK)
    assert status == 0
    following = out.splitlines()[-1].split()
    assert following == ["next", "striate", "evaluate", "runs/pets-lenet5"]
    status, out, _ = striate(*following[2:])
    assert status == 0
    assert out.splitlines()[-1].split() == ["report", "runs/pets-lenet5/report.html"]
    status, out, err = striate("predict", "runs/pets-lenet5", "pets/cat/0.png", "pets/dog")
    assert (status, err) == (0, "")
    assert len(out.splitlines()) == 1 + 1 + 10
    status, out, _ = striate("report", "runs/pets-lenet5")
    assert (status, out) == (0, "runs/pets-lenet5/report.html\n")
    status, _, _ = striate("train", "--resume", "runs/pets-lenet5", "--progress", "none")
    assert status == 0


def test_what_a_run_has_learnt_is_packed_and_begun_with(striate, tmp_path, monkeypatch, pictures):
    """Weights with their card, in one command; other classes learn from them in another, which says what it leaves."""
    monkeypatch.chdir(tmp_path)
    pictures({"cat": 10, "dog": 10}, name="pets", size=(20, 18))
    pictures({"ant": 10, "bee": 10, "fly": 10}, name="insects", size=(20, 18))
    assert striate("train", "pets", *QUICK)[0] == 0
    status, out, _ = striate("pack", "runs/pets-lenet5", "--licence", "MIT")
    assert (status, out) == (0, "runs/pets-lenet5/lenet5-pets.safetensors\n")
    tuning = ["--weights", out.strip(), "--freeze", "C1", "C3", "--layer-decay", "0.8"]
    status, out, _ = striate("train", "insects", "--dry-run", *QUICK, *tuning)
    assert status == 0
    assert out.splitlines()[-3].endswith(
        "lenet5-pets.safetensors: 8 tensors loaded; left out, for the classes are others: output.weight, output.bias"
    )
    status, _, _ = striate("train", "insects", *QUICK, *tuning)
    assert status == 0
    assert striate("evaluate", "runs/insects-lenet5")[0] == 0
    assert striate("predict", "runs/insects-lenet5", "insects/fly")[0] == 0
    assert striate("report", "runs/insects-lenet5")[0] == 0
    assert striate("train", "--resume", "runs/insects-lenet5", "--progress", "none")[0] == 0


def test_models_are_listed(striate):
    """All of the table, with its numbers."""
    status, out, _ = striate("models")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(MODELS)
    assert "269,722" in out
    assert re.search(r"^resnet152 +60,192,808 +3 x 224 x 224 +He et al\. 2016, table 1", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "total"),
    [
        (["lenet5"], "61,706"),
        (["resnet20", "--channels", "1"], "269,434"),
        (["resnet20", "--classes", "100", "--image-size", "17", "40"], "275,572"),
    ],
)
def test_a_network_is_summarised_as_asked(words, total, striate):
    """For these images and classes; by stages and by layers, which come to the same."""
    for by in ([], ["--layers"]):
        status, out, _ = striate("summary", *words, *by)
        assert status == 0
        assert out.splitlines()[-1].split()[1] == total
        assert out.splitlines()[2].split()[0] == ("layer" if by else "stage")


def test_the_machine_is_measured(striate):
    """As JSON, which is read back."""
    status, out, _ = striate("machine", "--format", "json")
    assert status == 0
    assert json.loads(out)["peaks"]["flops_per_second"] > 0


def test_predictions_are_read_back(striate, run, image, tmp_path):
    """CSV and JSON say the same; a bad file makes the status 1 and is not among the predictions."""
    (tmp_path / "bad.png").write_bytes(b"")
    words = ("predict", run, image, tmp_path / "bad.png")
    status, out, err = striate(*words, "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (status, err) == (1, f"error: '{tmp_path / 'bad.png'}': 0 bytes\n")
    status, out, _ = striate(*words, "--format", "json")
    good, bad = json.loads(out)
    assert status == 1
    assert (good["class"], good["probability"]) == (row["class"], float(row["probability"]))
    assert bad == {"path": str(tmp_path / "bad.png"), "problem": "0 bytes"}
    assert striate("predict", run, image)[0] == 0


def test_data_that_would_stop_training_has_status_1(striate, pictures, tmp_path):
    """Unless the bad file is to be skipped."""
    root = pictures({"cat": 6, "dog": 6})
    (root / "cat/empty.png").write_bytes(b"")
    status, out, _ = striate("data", root)
    assert status == 1
    assert "'cat/empty.png'" in out
    assert striate("data", root, "--skip-bad")[0] == 0
    assert striate("train", root, *QUICK, "--out", tmp_path / "runs")[0] == 1
    assert striate("train", root, *QUICK, "--out", tmp_path / "runs", "--skip-bad")[0] == 0


def test_other_data_is_judged_beside_the_run(striate, run, pictures, tmp_path):
    """The run's own results are not written over."""
    other = pictures({"3": 2, "7": 2}, name="other")
    status, out, _ = striate("evaluate", run, "--data", other)
    assert status == 0
    assert re.fullmatch(rf"report\s+{run}/on-other-[0-9a-f]{{8}}/report\.html", out.splitlines()[-1])
    status, _, _ = striate("evaluate", run, "--data", other, "--out", tmp_path / "a/b")
    assert status == 0
    assert (tmp_path / "a/b/report.html").exists()


# What is asked for, the exit status, and a piece of what is then said. RUN is a run; FILE is a text; HERE is a folder
# with FILE in it; NONE is nothing.
REFUSED = [
    ("", 2, "Missing subcommand"),
    ("nonsense", 2, "Unrecognized options"),
    ("train", 2, "there is nothing to train on"),
    ("train digits --model resnet19", 2, "Choose one of: lenet5"),
    ("train digits --nonsense 3", 2, "--nonsense"),
    ("train digits --batch-size -1", 2, "batch_size  -1"),
    ("train digits --batch-size 99999999999999999999", 2, "batch_size is out of range"),
    ("train digits --learning-rate nan", 2, "learning_rate  nan"),
    ("train digits --learning-rate inf", 2, "learning_rate is out of range"),
    ("train digits --epochs 0", 2, "epochs is out of range"),
    ("train digits --epochs many", 2, "--epochs"),
    ("train digits --image-size 0 0", 2, "image_size is not a height and a width"),
    ("train digits --image-size -5 5", 2, "image_size is not a height and a width"),
    ("train digits --image-size 8 8", 1, "images are too small"),
    ("train digits --image-size 1000000 1", 2, "image_size is not a height and a width"),
    ("train digits --split 0.9 0.9 0.9", 2, "split is not three shares"),
    ("train digits --accumulate 99999", 2, "too few samples"),
    ("train digits --device tpu", 2, "there is no 'tpu' here"),
    ("train digits --workers -1", 2, "workers is out of range"),
    ("train digits --workers 999999999", 2, "workers is out of range"),
    ("train digits --threads 999999999", 2, "threads is out of range"),
    ("train digits --checkpoint-seconds nan", 2, "checkpoint_seconds is out of range"),
    ("train digits --out FILE", 1, "refuses to write"),
    ("train digits --out /proc/none", 1, "refuses to write"),
    ("train NONE", 1, "does not exist"),
    ("train FILE", 1, "neither a folder nor a .csv file"),
    ("train HERE", 1, "no class folder"),
    ("train /dev/null", 1, "neither a folder nor a .csv file"),
    ("train --resume NONE", 1, "is no run"),
    ("train --resume FILE", 1, "is no run"),
    ("train --resume HERE", 1, "is no run"),
    ("train --resume RUN --epochs 99", 2, "keeps its recipe"),
    ("train --resume RUN --model resnet20", 2, "keeps its recipe"),
    ("train --resume RUN --dry-run", 2, "not rehearsed"),
    ("train --resume RUN --out HERE", 2, "stays where it is"),
    ("train NONE --resume RUN", 1, "does not exist"),
    ("evaluate", 2, "Missing from striate evaluate"),
    ("evaluate NONE", 1, "is no run"),
    ("evaluate RUN --data NONE", 1, "does not exist"),
    ("evaluate RUN --data HERE", 1, "no class folder"),
    ("evaluate RUN --out FILE", 1, "refuses to write"),
    ("evaluate RUN --checkpoint newest", 2, "newest"),
    ("evaluate RUN --device tpu", 2, "there is no 'tpu' here"),
    ("evaluate RUN --workers -1", 2, "workers is out of range"),
    ("predict RUN", 2, "there is nothing to predict"),
    ("predict RUN NONE", 1, "there is no such file"),
    ("predict RUN FILE", 1, "none of JPEG, PNG, WebP, BMP, TIFF"),
    ("predict RUN HERE", 1, "there are no images"),
    ("predict RUN /dev/zero", 1, "pipe, socket or device"),
    ("predict RUN LONG", 1, "File name too long"),
    ("predict NONE FILE", 1, "is no run"),
    ("predict RUN FILE --format xml", 2, "xml"),
    ("predict RUN FILE --device tpu", 2, "there is no 'tpu' here"),
    ("report NONE", 1, "is no run"),
    ("report FILE", 1, "is no run"),
    ("pack NONE", 1, "is no run"),
    ("pack RUN --out FILE", 2, "ends in .safetensors"),
    ("train digits --weights letters", 2, "no weights called 'letters' for lenet5"),
    ("train digits --weights none.safetensors", 1, "cannot be read"),
    ("train digits --weights digits --model resnet20 --channels 3", 1, "takes 1 channel"),
    ("train digits --freeze conv1", 2, "Choose from: C1, S2"),
    ("train digits --options depth=3", 2, "has no option called 'depth'"),
    ("data NONE", 1, "does not exist"),
    ("data HERE", 1, "no class folder"),
    ("data digits --sheet HERE", 1, "refuses to write: Is a directory"),
    ("data digits --sheet FILE/x.png", 1, "refuses to write: Not a directory"),
    ("data digits --image-size 0 0", 2, "image_size is not a height and a width"),
    ("summary", 2, "Missing from striate summary"),
    ("summary resnet19", 2, "Choose one of: lenet5"),
    ("summary lenet5 --image-size 0 0", 2, "a number is out of range"),
    ("summary lenet5 --image-size 9 9", 1, "images are too small"),
    ("summary lenet5 --classes -1", 2, "a number is out of range"),
    ("summary lenet5 --channels 0", 2, "a number is out of range"),
    ("summary resnet20 --image-size 100000000 1", 2, "a number is out of range"),
    ("machine --format xml", 2, "xml"),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("words", "status", "said"), REFUSED, ids=[words or "nothing" for words, _, _ in REFUSED])
def test_what_cannot_be_done_is_said(words, status, said, striate, run, tmp_path):
    """In words, on standard error, with the status; and nothing is left behind."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here/file").write_text("text")
    places = {
        "RUN": run,
        "FILE": tmp_path / "here/file",
        "HERE": tmp_path / "here",
        "NONE": tmp_path / "none",
        "LONG": "x" * 300,
    }

    def placed(word):
        first, slash, rest = word.partition("/")
        return f"{places[first]}{slash}{rest}" if first in places else word

    before = sorted(tmp_path.rglob("*"))
    found, out, err = striate(*map(placed, words.split()))
    assert found == status
    assert said in " ".join((out + err).split()) or said in out + err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.refusal
@pytest.mark.parametrize("command", ["evaluate", "report", "train --resume", "predict"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: (run / "run.json").write_text(""),
        lambda run: (run / "run.json").write_text("[" * 100_000),
        lambda run: shutil.rmtree(run / "checkpoints"),
        lambda run: [shutil.rmtree(path) for path in (run / "checkpoints").glob("step-*")],
        lambda run: [path.write_bytes(b"") for path in (run / "checkpoints").rglob("*.safetensors")],
        lambda run: [path.write_text("{}") for path in (run / "checkpoints").rglob("manifest.json")],
        lambda run: [path.unlink() or path.mkdir() for path in (run / "checkpoints").rglob("state.json")],
        lambda run: shutil.rmtree(run),
    ],
    ids=["empty", "deep", "no checkpoints", "none left", "no weights", "empty manifest", "folders", "gone"],
)
def test_a_spoilt_run_is_one_clear_error(command, spoil, striate, run, image):
    """Or, where nothing was saved yet, training begins again."""
    spoil(run)
    files = [image] if command == "predict" else ["--progress", "none"] if "resume" in command else []
    fresh = "resume" in command and (run / "run.json").exists() and not (run / "checkpoints").exists()
    status, _, err = striate(*command.split(), run, *files)
    assert status == (0 if fresh else 1)
    assert fresh or err.lstrip().startswith("error: ")


def test_names_with_markup_are_only_names(striate, run, image, tmp_path):
    """Of files, and of the data."""
    name = tmp_path / "[bold]x[" / "bold].png"
    name.parent.mkdir()
    shutil.copy(image, name)
    status, out, _ = striate("predict", run, name)
    assert status == 0
    assert "[bold]x[/bold].png" in out


def test_evaluate_by_ten_crops_and_several_scales(run, striate):
    """What was seen is said in the table, and the plain results stay."""
    assert striate("evaluate", run, "--progress", "none")[0] == 0
    before = (run / "metrics.json").read_bytes()
    status, out, err = striate("evaluate", run, "--crops", 10, "--scales", 36, 40, "--progress", "none")
    assert (status, err) == (0, "")
    assert "\nprotocol           10 crops, shorter sides of 36 and 40 pixels, probabilities averaged\n" in out
    assert "crops-10-scales-36-40/report.html" in out
    assert (run / "metrics.json").read_bytes() == before


def test_a_protocol_that_cannot_be_is_refused(run, striate):
    """By number, by the network's size, and by what there is to be cropped."""
    assert striate("evaluate", run, "--crops", 5)[0] == 2
    status, _, err = striate("evaluate", run, "--scales", 16)
    assert (status, "Pass shorter sides from 32 pixels." in err) == (2, True)
    status, _, err = striate("evaluate", run, "--crops", 10)
    assert (status, "ten crops would be five times the same" in err) == (2, True)


def test_train_takes_the_papers_settings(striate, tmp_path):
    """Each as a flag, and the command that repeats the run has them."""
    words = ("--enlarge", 1.25, "--random-crop", 1.0, 1.5, "--color-noise", 0.1, "--filter-rms", 0.1)
    words += ("--schedule", "plateau", "--plateau-epochs", 2, "--resize", "shorter")
    assert striate("train", "digits", *QUICK, *words, "--out", tmp_path)[0] == 0
    command = json.loads((tmp_path / "digits-lenet5" / "run.json").read_bytes())["command"]
    for word in map(str, words):
        assert word in command.split()
