"""data.loader: the same numbers whoever makes them, and a clear word when one cannot."""

import faulthandler
import multiprocessing
import os
import re
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from striate.data import Preprocess
from striate.data.dataset import Part
from striate.data.loader import Loader
from striate.data.names import Names
from striate.data.order import Order
from striate.data.piece import random_pieces, ten
from striate.data.readers import open_dataset
from striate.data.transforms import Augment
from striate.errors import DataError, OptionError

SIZE = 23
EVERYTHING = Augment(flip=True, pad=1, rotate=10.0, zoom=0.1, shift=0.1, erase=0.3)
parts_of = pytest.mark.parametrize("parts", [1, 3])


def part_of(kind=Part, **changes):
    """Build a part of random pictures, each with its index as its label."""
    held = np.random.default_rng(0).random((SIZE, 1, 6, 5)).astype(np.float32)
    sizes, grey = np.full((SIZE, 2), 6, dtype=np.int32), np.ones(SIZE, dtype=bool)
    preprocess = Preprocess((6, 5), 1, (0.5,), (0.25,))
    fields = {"names": Names.of(f"pets/{i}.png" for i in range(SIZE)), "labels": np.arange(SIZE, dtype=np.int64)}
    fields |= {"sizes": sizes, "grey": grey, "root": "/nowhere", "preprocess": preprocess, "held": held}
    return kind(**{**fields, **changes})


def loader_of(part=None, workers=0, augment=EVERYTHING):
    part = part or part_of()
    return Loader(part, part.preprocess, Order(SIZE, 6, seed=3), augment, 7, workers)


def assert_same(one, other):
    """Two lists of batches have the same bits."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.labels, b.labels)
        np.testing.assert_array_equal(a.indices, b.indices)


@pytest.mark.parametrize("workers", [0, 2])
def test_random_pieces_are_those_that_the_key_names(workers, pets):
    """Each sample's, of each epoch, whoever reads it and whichever batch it is in."""
    part = open_dataset(pets(20, shape=(30, 20))).parts["train"]
    changed = Augment(random_crop=(1.0, 2.0))
    loader = Loader(part, part.preprocess, Order(len(part), 5, seed=3), changed, 7, workers)
    mean, std = part.preprocess.mean[0], part.preprocess.std[0]
    last = 2 * loader.order.steps_per_epoch
    steps = 0
    for step, batch in enumerate(loader.batches(0, last)):
        steps += 1
        epoch = loader.order.epoch(step)
        for image, index in zip(batch.images, batch.indices, strict=True):
            key = {"seed": 7, "epoch": epoch, "indices": np.array([index])}
            pieces = random_pieces(part.preprocess.middle, (1.0, 2.0), part.sizes[[index]], **key)
            want = torch.from_numpy(part.read_pieces(int(index), pieces)[0])
            torch.testing.assert_close(image, (want - mean) / std)
    assert steps == last


def test_colour_noise_is_the_same_with_workers(pets, noise):
    """Every batch, bit for bit; and it is there."""
    part = open_dataset(pets(9, {f"cat/c{i}.png": noise(i, 9, 9, 3) for i in range(6)})).parts["train"]
    order = Order(len(part), 5, seed=3)
    plain, changed = Augment(), Augment(color_noise=0.1, random_crop=(1.1, 1.1))
    one, two = (list(Loader(part, part.preprocess, order, changed, 7, w).batches(0, 6)) for w in (0, 2))
    assert_same(one, two)
    assert not torch.equal(one[0].images, next(Loader(part, part.preprocess, order, plain, 7).batches(0, 1)).images)


def test_pieces_come_one_after_the_other(pets):
    """Ten of the first picture, then ten of the second; one label a picture."""
    part = open_dataset(pets()).parts["train"]
    pieces = ten(replace(part.preprocess, enlarge=1.5).middle)
    batch = next(Loader(part, part.preprocess, Order(len(part), 2, seed=None), pieces=pieces).batches(0, 1))
    assert (len(batch.images), len(batch.labels)) == (20, 2)
    mirrored = batch.images.unflatten(0, (2, 2, 5))
    assert torch.equal(mirrored[:, 0].flip(-1), mirrored[:, 1])


@pytest.mark.refusal
def test_colour_noise_needs_the_covariance():
    """A preprocessing without it cannot say along what the noise would be."""
    with pytest.raises(OptionError) as error:
        loader_of(augment=Augment(color_noise=0.1))
    assert str(error.value) == (
        "load: there is to be colour noise, but how the colours vary is not known.\n"
        "  color_noise  0.1\n"
        "Pass a preprocessing with the covariance of the training part, or color_noise=0."
    )


class Fatal(Part):
    """Kills whoever reads sample 11, as a broken decoder does."""

    def read(self, index):
        if index == 11:
            faulthandler.disable()  # pytest's would fill the screen
            os.abort()
        return super().read(index)


class Signalled(Part):
    """Is sent what Ctrl-C and a scheduler send, in the middle of its reading."""

    def read(self, index):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        return super().read(index)


class Wrong(Part):
    """Has a mistake of ours in it."""

    def read(self, index):
        raise RuntimeError("a mistake")


@parts_of
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_no_bit(workers, parts):
    """With and without worker processes, over an epoch's border, the batches are the same."""
    here = list(loader_of().batches(1, 7, parts=parts))
    assert_same(list(loader_of(workers=workers).batches(1, 7, parts=parts)), here)


def test_any_batch_can_be_had_alone():
    """Starting at a step gives that step's batch as it comes after all those before it."""
    loader = loader_of()
    for step, batch in enumerate(loader.batches(0, 9)):
        assert_same(list(loader.batches(step, step + 1)), [batch])


def test_parts_make_up_the_batch():
    """The parts of a step, one after the other, are its batch; a batch of another size changes no sample's numbers."""
    loader = loader_of()
    whole, cut = list(loader.batches(0, 5)), list(loader.batches(0, 5, parts=3))
    assert len(cut) == 15
    for step, batch in enumerate(whole):
        mine = cut[3 * step : 3 * step + 3]
        assert torch.equal(torch.cat([b.images for b in mine]), batch.images)
        assert torch.equal(torch.cat([b.labels for b in mine]), batch.labels)


def test_batches_hold_what_they_say():
    """Without augmentation a batch is the samples that its indices name, normalised, with their labels."""
    part = part_of()
    for batch in loader_of(part, augment=Augment()).batches(0, 4):
        assert batch.labels.tolist() == batch.indices.tolist()
        want = torch.from_numpy(np.stack([part.read(int(i)) for i in batch.indices]))
        assert torch.equal(batch.images, (want - 0.5) / 0.25)


def test_epochs_are_augmented_anew():
    """The same sample differs from epoch to epoch, and from seed to seed."""
    loader = loader_of()
    steps = loader.order.steps_per_epoch

    def seen(which):
        return {int(i): x for b in which.batches(steps, 2 * steps) for i, x in zip(b.indices, b.images, strict=True)}

    first = {int(i): x for b in loader.batches(0, steps) for i, x in zip(b.indices, b.images, strict=True)}
    assert not any(torch.equal(first[i], seen(loader)[i]) for i in range(SIZE))
    assert not any(torch.equal(seen(replace(loader, seed=8))[i], seen(loader)[i]) for i in range(SIZE))


def test_workers_leave_signals_to_their_parent():
    """Ctrl-C and SIGTERM reach the whole process group; a worker reads on, so that the parent can save in peace."""
    assert_same(list(loader_of(part_of(Signalled), workers=1).batches(0, 4)), list(loader_of().batches(0, 4)))


def no_process_is_left():
    """Whether this process has no children."""
    return not any(child.is_alive() for child in multiprocessing.active_children())


def test_it_can_be_left_early():
    """Whoever stops taking batches leaves no worker behind."""
    batches = loader_of(workers=2).batches(0, 1000)
    next(batches)
    assert not no_process_is_left()
    batches.close()
    assert no_process_is_left()


def test_a_mistake_of_ours_in_a_worker_is_not_called_a_death():
    """An error that is no DataError comes as what it is; it leaves no worker, though its trace holds what made them."""
    with pytest.raises(RuntimeError, match="a mistake") as error:
        list(loader_of(part_of(Wrong), workers=1).batches(0, 2))
    assert not isinstance(error.value, DataError)
    assert no_process_is_left()


@pytest.mark.refusal
def test_a_bad_file_is_told_alike_by_workers(tmp_path):
    """The error is the same, word for word and part for part, from a worker as from this process."""
    part = part_of(held=None, root=str(tmp_path))
    told = []
    for workers in (0, 2):
        with pytest.raises(DataError) as error:
            list(loader_of(part, workers=workers).batches(0, 1))
        told.append(error.value)
    here, there = told
    assert str(there) == str(here)
    assert (there.rule, there.remedy, there.received) == (here.rule, here.remedy, here.received)
    assert f"{tmp_path}/pets/" in str(here)


@pytest.mark.refusal
def test_a_worker_that_dies_is_explained():
    """The message names the sample that the worker had in hand, and what PyTorch says of its end."""
    loader = loader_of(part_of(Fatal), workers=1)
    with pytest.raises(DataError) as error:
        list(loader.batches(0, 4))
    reported = str(error.value.received["reported"])
    assert re.fullmatch(
        r"DataLoader worker \(pid(\(s\))? \d+\) (is killed by signal: Aborted|exited unexpectedly)\.?", reported
    )
    assert str(error.value) == (
        "load: a worker process died.\n"
        "  workers   1\n"
        "  in_hand   pets/11.png\n"
        f"  reported  {reported}\n"
        "Look at the samples in hand, or run again with 0 workers: the error is then seen where it happens."
    )


@pytest.mark.refusal
def test_a_death_is_explained_wherever_it_is_noticed():
    """PyTorch's signal handler raises in the middle of anything; `watched` goes around all of it."""
    with pytest.raises(DataError) as error, loader_of(workers=2).watched():
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")
    assert str(error.value) == (
        "load: a worker process died.\n"
        "  workers   2\n"
        "  in_hand   none\n"
        "  reported  DataLoader worker (pid 7) is killed by signal: Killed.\n"
        "Look at the samples in hand, or run again with 0 workers: the error is then seen where it happens."
    )


def test_other_errors_pass_the_watch():
    """Only a death is explained."""
    with pytest.raises(RuntimeError, match="Caught"), loader_of(workers=2).watched():
        raise RuntimeError("Caught RuntimeError in DataLoader worker process 0.")


@pytest.mark.refusal
@pytest.mark.parametrize(("parts", "held", "samples"), [(1, 6, 6), (3, 8, 2)])
def test_too_little_shared_memory_is_said_before_training(monkeypatch, parts, held, samples):
    """The kernel would kill a worker in the middle of it: what waits, is handed over and is held is added up."""
    needed = held * samples * 6 * 5 * 4
    loader = loader_of(workers=2)
    monkeypatch.setattr(os.path, "isdir", lambda path: True)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=needed - 1, f_frsize=1))
    with pytest.raises(DataError) as error:
        next(loader.batches(0, 4, parts=parts))
    assert str(error.value) == (
        "load: /dev/shm is too small for the workers' batches.\n"
        f"  needed_bytes  {needed}\n"
        f"  free_bytes    {needed - 1}\n"
        "  workers       2\n"
        "Give it more room (docker run --shm-size), or use fewer workers, smaller batches, or 0 workers."
    )
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=needed, f_frsize=1))
    batches = loader.batches(0, 4, parts=parts)
    assert len(next(batches).labels) in (samples, samples - 1)
    batches.close()


def test_the_comparison_can_fail():
    """Another seed's batches are not the same."""
    with pytest.raises(AssertionError):
        assert_same(list(loader_of().batches(0, 2)), list(replace(loader_of(), seed=1).batches(0, 2)))
