"""evaluate.trained: a network out of a run's folder, which may be anybody's."""

import hashlib
import json
import pickle
import resource
import subprocess
import sys

import pytest
import torch

from striate.errors import CheckpointError, RunError, StriateError
from striate.evaluate import load
from striate.recipes import train
from striate.train import Run, Where

QUIET = Where(progress="none", threads=1)


@pytest.fixture
def run(tiny, pictures, tmp_path):
    """A run on two classes."""
    data = pictures({"ant": 10, "bee": 10})
    return train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=2, batch_size=8)


def folder(run):
    """The only checkpoint that is left: all pointers lead to it."""
    best = run.checkpoints.load("best")
    run.checkpoints.save(best, step=99, best=True)
    return run.checkpoints.save(best, step=99, best=True)  # again, so that the one before is dropped as well


def forge(path, name, content):
    """Put other content into a file of a checkpoint, and let the manifest say that it belongs there."""
    (path / name).write_bytes(content)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest[name] = hashlib.sha256(content).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
    for other in path.parent.glob("step-*"):  # no older one may stand in for it
        if other != path:
            (other / "manifest.json").write_text("{}")


def test_it_is_the_network_that_validated_best(run):
    """The averaged weights, in evaluation mode, with the classes and the preprocessing of training."""
    trained, checkpoint = load(run), run.checkpoints.load("best")
    assert not trained.model.training
    assert trained.task.classes == ("ant", "bee")
    assert (trained.preprocess.image_size, trained.preprocess.channels) == ((8, 8), 1)
    assert (trained.step, trained.finished) == (checkpoint.state["step"], True)
    for name, tensor in trained.model.state_dict().items():
        assert torch.equal(tensor, checkpoint.tensors["average"][name]), name


def test_without_an_average_it_is_the_weights_themselves(tiny, pictures, tmp_path):
    """There is nothing else."""
    run = train(pictures({"ant": 10, "bee": 10}), model=tiny, out=tmp_path, where=QUIET, epochs=1, average_decay=0.0)
    checkpoint = run.checkpoints.load("best")
    assert checkpoint.tensors.keys() == {"model", "optimizer"}
    for name, tensor in load(run).model.state_dict().items():
        assert torch.equal(tensor, checkpoint.tensors["model"][name]), name


def test_the_last_one_is_there_too(run):
    """By its name."""
    assert load(run, checkpoint="last").step == run.checkpoints.load("last").state["step"]


@pytest.mark.parametrize("given", [str, lambda path: path, Run], ids=["str", "Path", "Run"])
def test_a_run_may_be_given_in_three_ways(given, run):
    """A folder, as text or path, or the run itself."""
    assert load(given(run.path)).run.path == run.path


def test_loading_draws_no_random_numbers(run):
    """What the caller does next does not depend on it."""
    before = torch.get_rng_state()
    load(run)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_network_can_be_trained_on(run):
    """Its weights take gradients, and belong to nobody else."""
    model = load(run).model
    model(torch.zeros(2, 1, 8, 8)).sum().backward()
    assert all(p.requires_grad and p.grad is not None for p in model.parameters())


@pytest.mark.refusal
def test_a_folder_that_is_no_run_is_refused(tmp_path):
    """With the way to one."""
    with pytest.raises(RunError) as error:
        load(tmp_path)
    assert str(error.value) == (
        f"run: {tmp_path} is no run: it holds no readable run.json.\n"
        "Pass the folder that `striate train` named, such as runs/digits-lenet5."
    )


@pytest.mark.refusal
def test_a_run_without_a_checkpoint_is_refused(tmp_path):
    """With the command that makes one, as a shell takes it."""
    path = tmp_path / "a run"
    path.mkdir()
    (path / "run.json").write_text("{}")
    with pytest.raises(CheckpointError) as error:
        load(path)
    assert str(error.value) == f"load: {path} has no checkpoint yet.\nTrain it: striate train --resume '{path}'"


class Exploit:
    """A pickle that runs code where it is read."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.mark.refusal
@pytest.mark.parametrize("torch_file", [False, True])
def test_a_pickle_is_refused_and_not_run(torch_file, run, tmp_path):
    """Even where the manifest vouches for it."""
    path, marker = folder(run), tmp_path / "marker"
    if torch_file:
        torch.save({"fc.bias": Exploit(marker)}, tmp_path / "pickle")
    else:
        (tmp_path / "pickle").write_bytes(pickle.dumps(Exploit(marker)))
    forge(path, "model.safetensors", (tmp_path / "pickle").read_bytes())
    with pytest.raises(CheckpointError) as error:
        load(run)
    assert str(path / "model.safetensors") in str(error.value)
    assert "is not a safetensors file" in str(error.value)
    assert not marker.exists()


def about_with(run, **changes):
    """What the checkpoint says, otherwise."""
    about = json.loads(json.dumps(run.checkpoints.load("best").about))
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            about[part][key] = value
        else:
            about[part] = value
    return json.dumps(about).encode()


LIES = [
    ({"network__name": "lenet5"}, "ShapeError: LeNet5: images are too small"),
    ({"network__name": "resnet20"}, "Missing key(s) in state_dict"),
    ({"network__name": "no-such"}, "no model is called 'no-such'"),
    ({"network__name": ["tiny"]}, "unhashable"),
    ({"network__classes": 3}, "do not belong together"),
    ({"network__classes": 10**30, "classes": ["a"]}, "do not belong together"),
    ({"classes": ["ant", "ant"]}, "do not belong together"),
    ({"classes": None}, "not iterable"),
    ({"classes": ["a", "b", "c"], "network__classes": 3}, "size mismatch for fc.weight"),
    ({"network__in_channels": 3}, "do not belong together"),
    ({"network__in_channels": 3, "preprocess__channels": 3}, "one finite number per channel"),
    ({"preprocess__std": [0.0]}, "above 0"),
    ({"preprocess__image_size": [10**9, 10**9]}, "not a height and a width"),
    ({"preprocess__surprise": 1}, "unexpected keyword"),
    ({"preprocess": []}, "no attribute 'items'"),
    ({"network": "tiny"}, "string indices"),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("lie", "reported"), LIES, ids=[str(lie)[:40] for lie, _ in LIES])
def test_what_does_not_belong_to_the_weights_is_refused(lie, reported, run):
    """With the file's name, whatever is wrong."""
    forge(folder(run), "about.json", about_with(run, **lie))
    with pytest.raises(CheckpointError) as error:
        load(run)
    rule, found, remedy = str(error.value).splitlines()
    assert rule == f"load: a checkpoint of {run.path} does not hold the network that its about.json tells of."
    assert reported in found
    assert remedy == "Use the version of Striate that wrote it, or train again."


def tensors_of(run):
    """The network's tensors, of the weights that are used."""
    import safetensors.torch

    return dict(run.checkpoints.load("best").tensors["average"]), safetensors.torch.save


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (lambda t: t.pop("fc.bias"), 'Missing key(s) in state_dict: "fc.bias"'),
        (lambda t: t.update(extra=torch.zeros(1)), 'Unexpected key(s) in state_dict: "extra"'),
        (lambda t: t.update({"fc.bias": torch.zeros(3)}), "size mismatch for fc.bias"),
        (lambda t: t.update({"fc.bias": torch.zeros(2, dtype=torch.float64)}), "another type of numbers"),
        (lambda t: t.update({"fc.bias": torch.zeros(2, dtype=torch.int32)}), 'the parameter named "fc.bias"'),
        (lambda t: t.update({"bn.running_mean": torch.zeros(8, dtype=torch.int8)}), "another type of numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, reported, run):
    """Missing, too many, of another shape, of another type."""
    tensors, save = tensors_of(run)
    change(tensors)
    forge(folder(run), "average.safetensors", save(tensors))
    with pytest.raises(CheckpointError, match="does not hold the network") as error:
        load(run)
    assert reported in str(error.value)


@pytest.mark.refusal
@pytest.mark.parametrize("name", ["about.json", "state.json", "model.safetensors", "average.safetensors"])
def test_every_file_that_is_cut_short_is_named(name, run):
    """As the manifest tells, and, where the manifest lies, as its own form tells."""
    path = folder(run)
    content = (path / name).read_bytes()
    (path / name).write_bytes(content[: len(content) // 2])
    for other in path.parent.glob("step-*"):
        if other != path:
            (other / "manifest.json").write_text("{}")
    for honest in (True, False):
        if not honest:
            forge(path, name, content[: len(content) // 2])
        with pytest.raises(CheckpointError) as error:
            load(run)
        assert str(path / name) in str(error.value)


@pytest.mark.refusal
def test_a_manifest_cannot_lead_out_of_the_folder(run, tmp_path):
    """No path of its own is believed."""
    path = folder(run)
    forge(path, "about.json", (path / "about.json").read_bytes())
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "../../run.json": "0" * 64}))
    with pytest.raises(StriateError) as error:
        load(run)
    assert "'../../run.json', which no checkpoint holds" in str(error.value)


ABSURD = """
import resource, sys
import striate
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
try:
    striate.load(sys.argv[1])
except striate.CheckpointError as error:
    print("refused", error)
"""


@pytest.mark.refusal
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS") or sys.platform != "linux", reason="needs Linux's limits")
def test_an_absurd_size_is_refused_within_a_gigabyte(pictures, tmp_path):
    """A network of a million classes of 4096 x 4096 pictures is not even built."""
    data = pictures({"ant": 10, "bee": 10})
    run = train(data, model="lenet5", out=tmp_path, where=QUIET, epochs=1, overfit=1)
    classes = [str(i) for i in range(10**6)]
    lie = {"classes": classes, "network__classes": 10**6, "preprocess__image_size": [4096, 4096]}
    forge(folder(run), "about.json", about_with(run, **lie))
    done = subprocess.run([sys.executable, "-c", ABSURD, str(run.path)], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("refused load: a checkpoint of"), done.stderr[-500:]
    assert "size mismatch" in done.stdout
