"""cli.main: exit statuses, signals in every phase, and outputs that cannot be written: never a stack trace."""

import os
import signal
import subprocess
import sys
import time

import pytest

import striate.cli
from striate.cli import main
from striate.errors import DataError, Interrupted, OptionError, ShapeError
from striate.recipes import train
from striate.train import Run, Where

# Puts PHASE on standard error when training comes to a certain place, and stays there until it is told to go on.
PHASES = {
    "scan": "import striate.recipes.preparation as at; name = 'open_dataset'",
    "training": "from striate.train.learner import Learner as at; name = 'step'",
    "validation": "import striate.recipes.preparation as at; name = 'scores'",
}
STAGED = """
import sys, time
{where}
original = getattr(at, name)
def staged(*arguments, **settings):
    print("PHASE", file=sys.stderr, flush=True)
    until = time.monotonic() + {seconds}
    while time.monotonic() < until:
        time.sleep(0.01)
    return original(*arguments, **settings)
setattr(at, name, staged)
from striate.cli import main
sys.argv = ["striate", *sys.argv[1:]]
sys.exit(main())
"""
TRAIN = ("train", "digits", "--threads", "1", "--epochs", "2", "--batch-size", "512", "--progress", "none")


def start(program, *words, **options):
    """A process of its own, which answers Ctrl-C as one on a terminal does."""
    return subprocess.Popen(
        [sys.executable, *program, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        env={**os.environ, "PYTHONWARNINGS": "ignore", **options.pop("env", {})},
        # A shell's background jobs ignore Ctrl-C, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **options,
    )


def end(process):
    """Its status and its words, which are no stack trace."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    return process.returncode, out, err


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_ends_training_in_order_in_every_phase(phase, number, status, tmp_path):
    """With the status that says so; and once training has begun, with a checkpoint that can be resumed."""
    program = STAGED.format(where=PHASES[phase], seconds=0.3 if phase != "scan" else 60)
    process = start(["-c", program], *TRAIN, "--out", tmp_path)
    assert "PHASE" in process.stderr.readline()
    process.send_signal(number)
    found, _, err = end(process)
    assert found == status
    path = tmp_path / "digits-lenet5"
    if phase == "scan":
        assert not path.exists()
        return
    assert f"train: stopped by {number.name} after step" in err
    assert f"Go on with: striate train --resume {path}" in err
    state = Run(path).checkpoints.load("last").state
    assert (state["step"], state["epochs"]) == ((1, 0) if phase == "training" else (3, 0))


@pytest.mark.slow
def test_a_second_ctrl_c_stops_at_once(tmp_path):
    """Whoever presses it again does not want to wait; what was saved before stays."""
    process = start(["-c", STAGED.format(where=PHASES["training"], seconds=60)], *TRAIN, "--out", tmp_path)
    assert "PHASE" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert end(process)[0] == 130
    assert (tmp_path / "digits-lenet5/run.json").exists()


@pytest.mark.slow
def test_the_command_itself_is_stopped_and_goes_on(tmp_path):
    """As a person would: started, stopped between two epochs, resumed."""
    words = ["train", "digits", "--epochs", "300", "--batch-size", "512", "--threads", "1", "--out", tmp_path]
    process = start(["-m", "striate"], *words)
    while "epoch 1/300" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGTERM)
    status, _, err = end(process)
    assert status == 143
    command = err.splitlines()[-1].removeprefix("Go on with: striate ").split()
    assert command == ["train", "--resume", str(tmp_path / "digits-lenet5")]
    step = Run(tmp_path / "digits-lenet5").checkpoints.load("last").state["step"]
    process = start(["-m", "striate"], *command)
    while "epoch " not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    assert end(process)[0] == 130
    assert Run(tmp_path / "digits-lenet5").checkpoints.load("last").state["step"] > step


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            OptionError("none such.", "Take another.", thing=1),
            2,
            "error: none such.\n  thing  1\nTake another.\n",
        ),
        (DataError("bad file.", "Mend it."), 1, "error: bad file.\nMend it.\n"),
        (ShapeError("too small.", "Enlarge it."), 1, "error: too small.\nEnlarge it.\n"),
        (Interrupted("stopped.", "Go on.", signal_number=15), 143, "\nstopped.\nGo on.\n"),
        (Interrupted("stopped.", "Go on."), 130, "\nstopped.\nGo on.\n"),
        (KeyboardInterrupt(), 130, "\nstopped\n"),
        (
            MemoryError(),
            1,
            "error: there is not enough memory.\nUse smaller images or batches, or fewer workers.\n",
        ),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
            1,
            "error: there is not enough memory.\nUse smaller images or batches, or fewer workers.\n",
        ),
        (
            OSError(28, "No space left on device"),
            1,
            "error: the system refuses: [Errno 28] No space left on device.\n"
            "Make room or give permission, or choose another place.\n",
        ),
        (
            KeyError("x"),
            1,
            "error: this should not happen: KeyError: 'x'\nSet STRIATE_TRACE=1 to see where, and please report it.\n",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_end_has_its_status_and_its_words(error, status, said, monkeypatch, capsys):
    """On standard error; nothing on standard output."""

    def failing(arguments):
        raise error

    monkeypatch.setattr("striate.cli.arguments.parse", failing)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    assert main(["models"]) == status
    assert capsys.readouterr() == ("", said)


def test_the_place_is_shown_to_whoever_asks(monkeypatch):
    """STRIATE_TRACE lets the error through."""
    monkeypatch.setattr("striate.cli.arguments.parse", lambda arguments: 1 / 0)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setenv("STRIATE_TRACE", "1")
    with pytest.raises(ZeroDivisionError):
        main(["models"])


def test_sigterm_outside_of_training_just_ends(monkeypatch):
    """There is nothing to save."""
    with pytest.raises(SystemExit) as stop:
        striate.cli._terminated(signal.SIGTERM, None)
    assert stop.value.code == 143


@pytest.mark.slow
@pytest.mark.parametrize("words", [["models"], ["train", "--help"]], ids=" ".join)
def test_a_reader_who_leaves_is_no_fault(words, tmp_path):
    """`striate … | head -0`: not a word of complaint."""
    process = start(["-m", "striate"], *words)
    process.stdout.close()
    process.stdout = None
    _, _, err = end(process)
    assert err == ""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_an_output_on_a_full_disk_is_one_clear_error():
    """Said once, and with a status."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "striate", "models"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "error: the system refuses: [Errno 28] No space left on device.\n"
        "Make room or give permission, or choose another place."
    )


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_name_that_is_no_text_comes_out_as_it_went_in(locale, tmp_path):
    """Byte for byte in CSV, so that a script finds the file."""
    from PIL import Image

    run = train("digits", out=tmp_path, where=Where(progress="none", threads=1), epochs=1, overfit=1)
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9,\xc3\xbc.png")
    with open(name, "wb") as file:
        Image.new("L", (8, 8), 90).save(file, format="PNG")
    words = [sys.executable, "-m", "striate", "predict", run.path, name, "--format", "csv"]
    environment = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "1"}
    done = subprocess.run(words, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"' + name + b'",' in done.stdout
