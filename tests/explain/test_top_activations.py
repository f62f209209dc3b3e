"""explain.top_activations: the strongest responses, by plain loops; the same however the search is cut up."""

import dataclasses
from importlib import import_module

import pytest
import torch

from striate.errors import OptionError
from striate.explain.top_activations import Strongest, top_activations

LAYERS = ["1", "4", "8"]


@pytest.fixture(scope="module")
def images():
    """More than are kept."""
    torch.manual_seed(1)
    return torch.randn(23, 3, 16, 16, dtype=torch.float64)


class Watched:
    """Images that remember which were asked for, and may stop."""

    def __init__(self, images, stop=None):
        self.images, self.asked, self.stop = images, [], stop

    def __len__(self):
        return len(self.images)

    def __getitem__(self, indices):
        if self.stop in indices and len(indices) > 1:
            raise KeyboardInterrupt
        self.asked += indices
        return self.images[indices]


def same(a, b):
    """Whether two searches found the same; a product's last bits depend on how many images there are."""
    pairs = [pair for name in a.found for pair in zip(a.found[name], b.found[name], strict=True)]
    return all(torch.allclose(x, y, rtol=1e-9) for x, y in pairs)


def test_it_is_what_loops_find(small, images):
    """Of each image and map the greatest response, the first of equals; then the k greatest of these."""
    top = top_activations(small.network, images, LAYERS, k=4, batch_size=5)
    values = small.network.values(images, LAYERS)
    for name in LAYERS:
        for feature in range(values[name].shape[1]):
            best = []
            for i in range(len(images)):
                at = values[name][i, feature]
                place = int(at.flatten().argmax())
                unit = tuple(divmod(place, at.shape[1])) if at.ndim else ()
                best.append(Strongest(float(at.max()), i, unit))
            want = sorted(best, key=lambda each: (-each.value, each.image))[:4]
            found = top.of(name, feature)
            assert [(s.image, s.unit) for s in found] == [(s.image, s.unit) for s in want]
            assert [s.value for s in found] == pytest.approx([s.value for s in want])


def test_it_does_not_depend_on_how_it_is_cut_up(small, images):
    """Any size of batches finds the same."""
    whole = top_activations(small.network, images, LAYERS, batch_size=23)
    assert same(whole, top_activations(small.network, images, LAYERS, batch_size=4))
    assert whole.k == 9
    assert whole.seen == 23


def test_of_equals_the_first_wins(small, images):
    """Whether they come in one batch or in two."""
    twice = torch.cat([images[:4], images[:4]])
    for size in (8, 4, 3):
        top = top_activations(small.network, twice, ["4"], k=4, batch_size=size)
        for feature in range(8):
            found = [s.image for s in top.of("4", feature)]
            assert all(found.index(image) < found.index(image + 4) for image in range(4) if image + 4 in found)


def test_all_convolutions_are_the_default(small, images):
    """Those whose maps have positions; with progress."""
    told = []
    top = top_activations(small.network, images[:4], batch_size=3, on_progress=lambda *done: told.append(done))
    assert list(top.layers) == ["0", "3"]
    assert told == [(3, 4), (4, 4)]


def test_fewer_images_than_k_are_all_there_is(small, images):
    """No place is made up."""
    top = top_activations(small.network, images[:2], ["4"])
    assert sorted(s.image for s in top.of("4", 0)) == [0, 1]


def test_what_is_not_a_number_does_not_win(small, images):
    """An image that breaks the network is nobody's favourite."""
    broken = images.clone()
    broken[3] = torch.nan
    top = top_activations(small.network, broken, ["4"], k=22)
    assert all(s.image != 3 for s in top.of("4", 0))


def test_it_goes_on_from_where_it_stopped(small, images, tmp_path, monkeypatch):
    """After an interruption the images that were seen are not read again, and the same is found."""
    # The function of that name hides the file in which it is.
    monkeypatch.setattr(import_module("striate.explain.top_activations"), "_SAVE_SECONDS", 0.0)
    file = tmp_path / "top" / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        top_activations(small.network, Watched(images, stop=12), LAYERS, batch_size=5, state=file)
    rest = Watched(images)
    told = []
    again = top_activations(
        small.network, rest, LAYERS, batch_size=5, state=file, on_progress=lambda *done: told.append(done)
    )
    assert told == [(15, 23), (20, 23), (23, 23)]
    assert 7 not in rest.asked
    assert same(again, top_activations(small.network, images, LAYERS))
    finished = Watched(images)
    assert same(again, top_activations(small.network, finished, LAYERS, state=file))
    assert set(finished.asked) == {0, 22}  # to know that it is the same data


def test_it_keeps_no_more_than_it_finds(small, images):
    """What is kept does not grow with the images."""
    few, many = (top_activations(small.network, images[:n], LAYERS, k=3) for n in (5, 23))
    for name in LAYERS:
        assert few.found[name][0].shape == many.found[name][0].shape == (small.network.layer(name).shape[0], 3)
    assert {field.name for field in dataclasses.fields(many)} == {"layers", "k", "seen", "found"}


@pytest.mark.refusal
def test_the_state_of_another_search_is_refused(small, images, tmp_path):
    """Other images, or a file that is none; nothing is overwritten."""
    file = tmp_path / "state.safetensors"
    top_activations(small.network, images, ["4"], state=file)
    before = file.read_bytes()
    with pytest.raises(OptionError) as error:
        top_activations(small.network, images + (torch.arange(23) == 11).view(-1, 1, 1, 1), ["4"], state=file)
    assert str(error.value) == (
        "top_activations: this file is not the state of this search.\n"
        f"  file    {file}\n"
        "  reason  it is of another network, other layers, other images, or another k\n"
        "Name another file, or remove this one to begin anew."
    )
    assert file.read_bytes() == before
    file.write_bytes(before[:50])
    with pytest.raises(OptionError, match="it cannot be read"):
        top_activations(small.network, images, ["4"], state=file)


@pytest.mark.refusal
def test_what_cannot_be_found_is_refused(small, images):
    """No images; a feature that was not looked for."""
    with pytest.raises(OptionError) as error:
        top_activations(small.network, images[:0])
    assert str(error.value) == (
        "top_activations: there is nothing to look for.\n  images  0\n  k       9\n"
        "Pass 1 image or more, and k of 1 or more."
    )
    top = top_activations(small.network, images[:2], ["4", "9"])
    with pytest.raises(OptionError) as error:
        top.of("4", 8)
    assert str(error.value) == (
        "top_activations: this was not looked for.\n  layer    4\n  feature  8\n"
        "Layers and features: 4 (0 to 7), 9 (0 to 4)."
    )
