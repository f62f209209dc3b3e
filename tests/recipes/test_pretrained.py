"""recipes.pretrained: what training begins with, what of it is left out, and that a run goes on without it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision_oracle import torchvision

from striate.data import Preprocess, read_image
from striate.data.loader import Loader
from striate.errors import Interrupted, OptionError, RunError, WeightsError
from striate.evaluate import evaluate, load, pack
from striate.models.weights import WEIGHTS, Transform, own_weights
from striate.recipes import Recipe, dry_run, recipe_for, resume, train
from striate.recipes.pretrained import Pretrained, pretrained
from striate.train import Run, Where

QUIET = Where(progress="none", threads=1)
SMALL = {"epochs": 2, "batch_size": 8}
# Everything that fine-tuning adds, and everything that it must not disturb.
TUNED = {
    **SMALL,
    "freeze": ("conv1", "stage1"),
    "layer_decay": 0.5,
    "average_decay": 0.9,
    "learning_rate": 0.01,
    "flip": True,
    "pad": 1,
}


@pytest.fixture
def pets(pictures):
    """Grey pictures of other classes than the weights know."""
    return pictures({"cat": 12, "dog": 12}, name="pets")


@pytest.fixture
def ants(tiny, pictures, tmp_path):
    """A run whose weights others begin with."""
    return train(pictures({"ant": 10, "bee": 10}, name="ants"), model=tiny, out=tmp_path / "runs", where=QUIET, **SMALL)


def first_of(run):
    """The weights at step 0."""
    (path,) = (run.path / "checkpoints").glob("step-00000000")
    from striate.train import read_checkpoint

    return read_checkpoint(path).tensors["model"]


def cut(monkeypatch, step):
    """Stop training as the batch of this step is fetched."""
    batches = Loader.batches

    def interrupting(self, start, stop, *, parts=1):
        import signal

        for done, batch in enumerate(batches(self, start, stop, parts=parts), start=start + 1):
            if stop > 3 and done == step:
                signal.raise_signal(signal.SIGTERM)
            yield batch

    monkeypatch.setattr(Loader, "batches", interrupting)


def last(run):
    """All tensors of the last checkpoint."""
    tensors = run.checkpoints.load("last").tensors
    return {(file, name): t for file, group in tensors.items() for name, t in group.items()}


def test_training_begins_with_the_weights(pets, tmp_path, monkeypatch):
    """All but the head of other classes, which is the seed's; run.json says so, by name and digest."""
    cut(monkeypatch, 1)
    runs = []
    for number, weights in enumerate(("digits", "")):
        with pytest.raises(Interrupted):
            train(pets, model="resnet20", out=tmp_path / str(number), where=QUIET, weights=weights, image_size=(16, 16))
        runs.append(Run(tmp_path / str(number) / "pets-resnet20"))
    tuned, packed = first_of(runs[0]), own_weights("resnet20", "digits")
    torch.manual_seed(0)
    from striate.models import create

    fresh = create("resnet20", classes=2, in_channels=1).state_dict()
    for name, tensor in tuned.items():
        assert torch.equal(tensor, fresh[name] if name.startswith("fc.") else packed.tensors[name]), name
    said = {"name": "digits", "sha256": packed.card.sha256, "left_out": ["fc.weight", "fc.bias"]}
    assert runs[0].about["weights"] == said
    assert "weights" not in runs[1].about
    assert "--weights digits" in runs[0].about["command"]


def test_the_head_of_the_same_classes_is_kept(tmp_path):
    """Trained on its own data, nothing is left out, and the first epoch is as good as the last was."""
    run = train("digits", model="lenet5", out=tmp_path, where=QUIET, weights="digits", epochs=1, learning_rate=1e-5)
    assert run.about["weights"]["left_out"] == []
    assert evaluate(run, where=QUIET).metrics.accuracy > 0.98


def test_the_weights_settle_what_the_recipe_leaves_open(pets, pictures, tmp_path):
    """Size, channels, mean and deviation are those that the weights know, for evaluation as well."""
    colour = pictures({"cat": 12, "dog": 12}, name="colour", mode="RGB")
    p = own_weights("resnet20", "digits").card.preprocess
    for data in (pets, colour):
        run = train(data, model="resnet20", out=tmp_path / "runs", where=QUIET, weights="digits", **SMALL)
        found = load(run).preprocess
        assert (list(found.image_size), found.channels) == (p["image_size"], p["channels"])
        assert (list(found.mean), list(found.std)) == (p["mean"], p["std"])
        assert Recipe.from_json(run.about["recipe"]).data.image_size == (16, 16)
        assert evaluate(run, where=QUIET).metrics.samples > 0


def test_the_user_s_size_comes_first(pets, tmp_path):
    """A residual network takes any."""
    run = train(pets, model="resnet20", out=tmp_path, where=QUIET, weights="digits", image_size=(12, 20), **SMALL)
    assert load(run).preprocess.image_size == (12, 20)


def test_a_path_is_taken_as_pack_returns_it(ants, pets):
    """And never for a name."""
    assert dry_run(pets, model="tiny", weights=pack(ants, where=QUIET), where=QUIET).weights.startswith("weights /")
    assert Recipe().changed(weights=Path("digits")).train.weights == str(Path.cwd() / "digits")


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("name", "why"), [("a\0.safetensors", "embedded null byte"), ("a" * 999 + ".safetensors", "File name too long")]
)
def test_a_name_that_no_file_can_have_is_refused(name, why):
    """In words."""
    with pytest.raises(WeightsError) as error:
        pretrained(Recipe("lenet5").changed(weights=name))
    assert str(error.value) == (
        f"weights: {name} cannot be read: {why}.\n"
        "Name the .safetensors file that `striate pack` wrote; its card, .json, lies beside it."
    )
    with pytest.raises(OptionError, match="there are no weights called"):
        pretrained(Recipe("lenet5").changed(weights=name.removesuffix(".safetensors")))


@pytest.mark.parametrize("given", ["run", "file"])
def test_a_run_and_its_packed_file_are_the_same_beginning(given, ants, pets, tmp_path, monkeypatch):
    """By path; the digest is one; a path is written down as an absolute one."""
    place = ants.path if given == "run" else pack(ants, where=QUIET)
    monkeypatch.chdir(tmp_path)
    name = str(place.relative_to(tmp_path))
    run = train(pets, model="tiny", out="tuned", where=QUIET, weights=name, **SMALL)
    packed = pack(ants, tmp_path / "again.safetensors", where=QUIET)
    import hashlib

    assert run.about["weights"]["name"] == str(place)
    assert run.about["weights"]["sha256"] == hashlib.sha256(packed.read_bytes()).hexdigest()
    assert run.about["weights"]["left_out"] == ["fc.weight", "fc.bias"]


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Weights for ResNet-20 as others publish them, with a number of classes and no names; on this machine."""
    from published_files import described, write_torch

    from striate.models import create
    from striate.models.weights import table
    from striate.models.weights.convert import convert
    from striate.recipes import pretrained as asked

    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(7)
    content = create("resnet20", classes=2).state_dict()
    file = write_torch(tmp_path / "net.pth", content)
    transform = Transform(resize=20, crop=16, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    row = described(file, model="resnet20", head=("fc.weight", "fc.bias"), classes=2, transform=transform)
    squeezed = replace(row, name="squeezed", transform=replace(transform, resize=(20, 20)))
    for module in (table, asked):
        monkeypatch.setattr(module, "WEIGHTS", (row, squeezed, replace(row, name="untold", transform=None)))
    for known in module.WEIGHTS:
        convert(known, file)
    return content


@pytest.mark.parametrize("classes", [2, 3])
def test_published_weights_are_begun_with(classes, published, pictures, tmp_path):
    """By their name; normalised as they know it; where only a number of classes is told, that decides the head."""
    data = pictures({"ant": 12, "bee": 12, "fly": 12} if classes == 3 else {"ant": 12, "bee": 12}, mode="RGB")
    settings = {**SMALL, "weights": "test", "freeze": ("conv1", "stage1", "stage2", "stage3")}
    run = train(data, model="resnet20", out=tmp_path / "runs", where=QUIET, **settings)
    assert run.about["weights"]["left_out"] == ([] if classes == 2 else ["fc.weight", "fc.bias"])
    found = load(run)
    assert (found.preprocess.image_size, found.preprocess.mean) == ((16, 16), (0.1, 0.2, 0.3))
    assert found.preprocess.std == (0.4, 0.5, 0.6)
    assert (found.preprocess.resize, found.preprocess.enlarge) == ("shorter", 20 / 16)
    tensors = found.model.state_dict()
    assert all(torch.equal(tensors[name], t) for name, t in published.items() if not name.startswith("fc."))


def test_pictures_are_brought_to_size_as_the_weights_know_them(published, pictures, tmp_path):
    """Torchvision's second recipe scales to 232, where the network's own recipe has 256; evaluation follows the run."""
    data = pictures({"ant": 12, "bee": 12}, mode="RGB")
    asked = {**SMALL, "model": "resnet20", "out": tmp_path / "runs", "where": QUIET, "weights": "test"}
    said = dry_run(data, model="resnet20", where=QUIET, weights="test").weights.splitlines()[1]
    assert said == (
        "colour pictures of 16 x 16 pixels, the middle of 20 x 20: resize=shorter, enlarge=1.25; "
        "normalised for the weights"
    )
    seen = []
    for changed in ({}, {"enlarge": 2.0}, {"resize": "stretch"}):
        run = train(data, **asked, **changed)
        seen.append((load(run).preprocess.resize, load(run).preprocess.enlarge))
        assert evaluate(run, where=QUIET).metrics.samples > 0
    assert seen == [("shorter", 1.25), ("shorter", 2.0), ("stretch", 1.25)]
    again = run.about["command"].split()
    assert again[again.index("--resize") + 1] == "stretch"
    assert again[again.index("--enlarge") + 1] == "1.25"


def test_the_weights_size_takes_the_place_of_the_paper_s_and_not_of_the_user_s():
    """ResNet-50's own recipe scales to 256; its pieces at random scales, which are augmentation, stay."""
    seen = Preprocess((224, 224), 3, (0.5,) * 3, (0.2,) * 3, "shorter", 232 / 224)
    first = Pretrained("imagenet1k-v2", "", "resnet50", {"stride_on": "3x3"}, 1000, seen, {})
    usual = recipe_for("resnet50", "pets")
    assert usual.data.enlarge == 256 / 224
    settled = first.settle(usual, usual)
    assert (settled.data.image_size, settled.data.resize, settled.data.enlarge) == ((224, 224), "shorter", 232 / 224)
    assert (settled.augment, settled.options) == (usual.augment, ("stride_on=3x3",))
    assert first.settle(usual.changed(enlarge=1.5), usual).data.enlarge == 1.5
    assert first.settle(settled, usual) == settled


@pytest.mark.parametrize(("name", "resize"), [("test", 20), ("squeezed", (20, 20))])
def test_the_picture_is_the_one_that_the_publisher_s_transform_makes(name, resize, published, tmp_path):
    """Torchvision's own steps, to a grey level, where none of its steps rounds a size."""
    picture = np.random.default_rng(3).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    steps = torchvision.transforms
    their_way = steps.Compose([steps.Resize(resize), steps.CenterCrop(16)])
    want = np.asarray(their_way(Image.fromarray(picture)), dtype=np.int64).transpose(2, 0, 1)
    ours = read_image(tmp_path / "picture.png", pretrained(Recipe("resnet20").changed(weights=name)).preprocess)
    assert np.abs(np.round(ours * 255) - want).max() <= 1
    assert (
        np.abs(
            np.round(read_image(tmp_path / "picture.png", Preprocess((16, 16), 3, (0.0,) * 3, (1.0,) * 3)) * 255) - want
        ).max()
        > 20
    )


def test_every_row_s_transform_can_be_followed(published):
    """A pair is squeezed into a square, so one number says how far pictures are enlarged; 232 is among the rest."""
    squeezed = pretrained(Recipe("resnet20").changed(weights="squeezed")).preprocess
    assert (squeezed.resize, squeezed.enlarge) == ("stretch", 1.25)
    told = [row for row in WEIGHTS if row.transform]
    pairs = [row.transform.resize for row in told if isinstance(row.transform.resize, tuple)]
    assert pairs == [(256, 256), (224, 224)]
    sides = {str(row): row.transform.resize for row in told}
    assert {name for name, side in sides.items() if side == 232} == {
        f"resnet{depth} imagenet1k-v2" for depth in (50, 101, 152)
    }


@pytest.mark.refusal
def test_weights_of_untold_pictures_are_refused(published):
    """What they expect cannot be guessed."""
    with pytest.raises(OptionError) as error:
        pretrained(Recipe("resnet20").changed(weights="untold"))
    assert str(error.value) == (
        "weights: nobody has told what pictures resnet20 untold was trained on.\n  weights  untold\nName other weights."
    )


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_cut_run_ends_with_the_same_bits_without_the_weights(step, ants, pets, tmp_path, monkeypatch):
    """Checkpoints hold all: the file that it began with may be gone."""
    place = tmp_path / "moved.safetensors"
    pack(ants, place, where=QUIET)
    settings = {**TUNED, "freeze": ("conv",), "model": "tiny", "weights": str(place), "where": QUIET}
    whole = train(pets, out=tmp_path / "whole", **settings)
    with monkeypatch.context() as patch:
        cut(patch, step)
        with pytest.raises(Interrupted):
            train(pets, out=tmp_path / "cut", **settings)
    for suffix in (".safetensors", ".json", ".md"):
        place.with_suffix(suffix).unlink()
    run = resume(tmp_path / "cut/pets-tiny", where=QUIET)
    ours, theirs = last(run), last(whole)
    assert ours.keys() == theirs.keys()
    assert not [key for key, tensor in ours.items() if not torch.equal(tensor, theirs[key])]


def test_a_real_network_is_resumed_to_the_same_bits(pets, tmp_path, monkeypatch):
    """Frozen stages, rates by stage, an average: ResNet-20 from the package's weights, cut within its second epoch."""
    settings = {**TUNED, "model": "resnet20", "weights": "digits", "where": QUIET}
    whole = train(pets, out=tmp_path / "whole", **settings)
    with monkeypatch.context() as patch:
        cut(patch, 3)
        with pytest.raises(Interrupted):
            train(pets, out=tmp_path / "cut", **settings)
    ours, theirs = last(resume(tmp_path / "cut/pets-resnet20", where=QUIET)), last(whole)
    assert not [key for key, tensor in ours.items() if not torch.equal(tensor, theirs[key])]
    packed = own_weights("resnet20", "digits").tensors
    for (_, name), tensor in ours.items():
        if name.startswith(("conv1.", "bn1.", "stage1.")):
            assert torch.equal(tensor, packed[name]), name


def test_a_run_that_was_cut_before_its_first_checkpoint_finds_the_weights_again(ants, pets, tmp_path):
    """They are looked for where they were, and compared by their digest."""
    settings = {**SMALL, "model": "tiny", "weights": str(ants.path), "where": QUIET}
    whole = train(pets, out=tmp_path / "whole", **settings)
    begun = tmp_path / "begun"
    begun.mkdir()
    shutil.copy(whole.path / "run.json", begun)
    ours, theirs = last(resume(begun, where=QUIET)), last(whole)
    assert not [key for key, tensor in ours.items() if not torch.equal(tensor, theirs[key])]


@pytest.mark.refusal
def test_other_weights_than_it_began_with_are_refused(ants, pets, tmp_path):
    """A run goes on from what it began with, or not at all."""
    run = train(pets, out=tmp_path / "tuned", model="tiny", weights=str(ants.path), where=QUIET, **SMALL)
    shutil.rmtree(run.path / "checkpoints")
    expected = run.about["weights"]["sha256"]
    document = (run.path / "run.json").read_text().replace(expected, "0" * 64)
    (run.path / "run.json").write_text(document)
    with pytest.raises(RunError) as error:
        resume(run.path, where=QUIET)
    assert str(error.value) == (
        f"resume: the weights are not those that {run.path} began with.\n"
        f"  weights   {ants.path}\n"
        f"  expected  {'0' * 16}\n"
        f"  found     {expected[:16]}\n"
        "Restore the file as it was, or train anew."
    )


def test_a_rehearsal_says_what_would_be_left_out(pets):
    """And writes nothing."""
    found = dry_run(pets, model="resnet20", weights="digits", where=QUIET)
    assert found.weights == (
        "weights digits: 114 tensors loaded; left out, for the classes are others: fc.weight, fc.bias\n"
        "grey pictures of 16 x 16 pixels: resize=crop, enlarge=1; normalised for the weights"
    )
    assert dry_run(pets, model="lenet5", where=QUIET).weights == ""


@pytest.mark.refusal
@pytest.mark.parametrize("packed", [False, True])
def test_another_function_of_the_same_tensors_is_refused(packed, pets, tmp_path):
    """A plain network has all of option A's tensors; what is the default is not said again."""
    weights = "digits"
    if packed:
        run = train(pets, model="resnet20", out=tmp_path, where=QUIET, weights=weights, **SMALL)
        assert run.about["recipe"]["options"] == []
        weights = str(pack(run, where=QUIET))
    with pytest.raises(OptionError) as error:
        dry_run(pets, model="resnet20", weights=weights, options=("shortcut=none",), where=QUIET)
    assert str(error.value) == (
        f"weights: resnet20 {weights} was trained with shortcut='A'.\n"
        "  shortcut  'none'\nLeave shortcut out, or leave the weights out."
    )


def test_fresh_weights_are_none():
    """A recipe that names none begins with none."""
    assert pretrained(Recipe()) is None


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("model", "known"), [("resnet20", ", or one of: digits."), ("resnet32", ".")], ids=["some", "none"]
)
def test_unknown_weights_list_the_known_ones(model, known, tmp_path):
    """No run is begun."""
    with pytest.raises(OptionError) as error:
        train("digits", model=model, weights="letters", out=tmp_path / "runs", where=QUIET)
    assert str(error.value) == (
        f"train: there are no weights called 'letters' for {model}.\n"
        "  weights  letters\n"
        f"Name a run's folder, or a .safetensors file that `striate pack` wrote{known}"
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"std": [0.0]}, "preprocess: std divides, so it is above 0."),
        ({"mean": [float("nan")]}, "preprocess: mean and std need one finite number per channel."),
        ({"mean": ["a"]}, "must be real number, not str"),
        ({"enlarge": "x"}, "'<=' not supported between instances of 'int' and 'str'"),
    ],
)
def test_a_card_that_does_not_describe_pictures_is_refused(change, reported, ants):
    """The digest is of the weights: the card may be anything."""
    place = pack(ants, where=QUIET)
    card = place.with_suffix(".json")
    document = json.loads(card.read_text())
    card.write_text(json.dumps({**document, "preprocess": {**document["preprocess"], **change}}))
    with pytest.raises(WeightsError) as error:
        pretrained(Recipe("tiny").changed(weights=str(place)))
    assert str(error.value) == (
        f"weights: the card of {place} does not say what makes a picture the input.\n"
        f"  reported  {reported}\n"
        "Restore the two files that were written together."
    )


@pytest.mark.refusal
def test_weights_of_another_network_are_refused(ants):
    """With the network that they are of."""
    with pytest.raises(OptionError) as error:
        pretrained(Recipe("lenet5").changed(weights=str(ants.path)))
    assert str(error.value) == (
        "train: the weights are of another network.\n"
        f"  weights  {ants.path}\n"
        "  of       tiny\n"
        "  model    lenet5\n"
        "Train that one, --model tiny, or name other weights."
    )


@pytest.mark.refusal
def test_weights_of_a_network_that_is_not_known_are_refused(ants):
    """A newer version's card, say."""
    card = pack(ants, where=QUIET).with_suffix(".json")
    card.write_text(card.read_text().replace('"model": "tiny"', '"model": "capsules"', 1))
    with pytest.raises(OptionError, match="the weights are of another network") as error:
        pretrained(Recipe("lenet5").changed(weights=card.with_suffix(".safetensors")))
    assert error.value.received["of"] == "capsules"


@pytest.mark.refusal
def test_colours_for_grey_weights_are_refused_with_advice(pets, tmp_path):
    """The first convolution cannot be made up; no run is begun."""
    with pytest.raises(WeightsError) as error:
        train(pets, model="resnet20", weights="digits", channels=3, out=tmp_path / "runs", where=QUIET)
    assert str(error.value).splitlines()[-1] == (
        "The first convolution takes 1 channel: read the images with channels=1."
    )
    assert not (tmp_path / "runs").exists()


def test_the_network_s_own_options_are_rebuilt(pets, tmp_path, monkeypatch):
    """A run's options are in its run.json; evaluation, and training that begins with it, build the same network."""
    from striate.models import MODELS, Entry, ResNetCifar

    def wide(classes, *, in_channels, n=1):
        return ResNetCifar(classes, in_channels=in_channels, n=n)

    monkeypatch.setitem(MODELS, "wide", Entry(wide, 10, 1, (8, 8), "these tests"))
    run = train(pets, model="wide", out=tmp_path, where=QUIET, options=("n=2",), **SMALL)
    assert run.about["network"] == {"name": "wide", "classes": 2, "in_channels": 1, "image_size": [8, 8], "n": 2}
    assert "--options n=2" in run.about["command"]
    assert len(load(run).model.stage1) == 2
    tuned = train(pets, model="wide", out=tmp_path, where=QUIET, weights=str(run.path), **SMALL)
    assert tuned.about["weights"]["left_out"] == []
    assert tuned.about["recipe"]["options"] == ["n=2"]
    with pytest.raises(OptionError) as error:
        train(pets, model="wide", out=tmp_path, where=QUIET, weights=str(run.path), options=("n=3",), **SMALL)
    assert str(error.value) == (
        f"weights: wide {run.path} was trained with n=2.\n  n  3\nLeave n out, or leave the weights out."
    )
    assert len(load(pack(tuned, where=QUIET).parent).model.stage1) == 2
