"""models.weights.pickled: a state dict is read; whatever else such a file can be is refused, and runs nothing."""

import io
import os
import pickle
import random
import tarfile
import zipfile
from collections import OrderedDict

import pytest
import torch
from published_files import state_dict, write_torch
from torch import nn

from striate.errors import WeightsError
from striate.models.weights.pickled import read_pickled

MOST = 400_000
zipped = pytest.mark.parametrize("zipped", [True, False], ids=["zipped", "older"])
WAY_OUT = "It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights."


class Malicious:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


@zipped
@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_a_state_dict_is_read(tmp_path, zipped, kind):
    """Every tensor, every bit, in both forms that PyTorch has written."""
    content = kind(state_dict())
    found = read_pickled(write_torch(tmp_path / "net.pth", content, zipped=zipped), MOST)
    assert list(found) == list(content)
    assert all(torch.equal(found[name], content[name]) for name in content)


@zipped
def test_parameters_are_tensors_as_well(tmp_path, zipped):
    """Some save them instead of their data."""
    content = {"w": nn.Parameter(torch.randn(3))}
    found = read_pickled(write_torch(tmp_path / "net.pth", content, zipped=zipped), MOST)
    assert torch.equal(found["w"], content["w"].detach())


@pytest.mark.refusal
@zipped
def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(tmp_path, zipped):
    """The mark that it would leave is not there."""
    mark, path = tmp_path / "mark", tmp_path / "net.pth"
    write_torch(path, {"w": torch.ones(1), "x": Malicious(mark)}, zipped=zipped)
    with pytest.raises(WeightsError) as error:
        read_pickled(path, MOST)
    assert not mark.exists()
    assert str(error.value) == (
        "weights: net.pth is refused: it is damaged, or holds more than tensors.\n"
        f"  path      {path}\n"
        f"  reported  UnpicklingError: Weights only load failed\n{WAY_OUT}"
    )


def test_the_malicious_pickle_would_have_done_it(tmp_path):
    """Read without care, it leaves its mark: so the test above can fail."""
    path = write_torch(tmp_path / "net.pth", {"x": Malicious(tmp_path / "mark")})
    torch.load(path, weights_only=False)
    assert (tmp_path / "mark").exists()


@pytest.mark.refusal
def test_a_bare_pickle_is_refused_unread(tmp_path):
    """Only the two forms that torch.save writes are looked into."""
    path = tmp_path / "net.pth"
    path.write_bytes(pickle.dumps(Malicious(tmp_path / "mark")))
    with pytest.raises(WeightsError) as error:
        read_pickled(path, MOST)
    assert not (tmp_path / "mark").exists()
    begins = path.read_bytes()[:15]
    assert str(error.value) == (
        "weights: net.pth is refused: it is of neither form that torch.save writes.\n"
        f"  path    {path}\n  begins  {begins}\n{WAY_OUT}"
    )


@pytest.mark.refusal
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>404</html>", "tar"], ids=["empty", "page", "tar"])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    """An empty one, a server's page, the archive of PyTorch's first years."""
    path = tmp_path / "net.pth"
    if content == "tar":
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    else:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="it is of neither form"):
        read_pickled(path, MOST)


@pytest.mark.refusal
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_program_is_refused(tmp_path):
    """TorchScript lies in such archives as well."""
    path = tmp_path / "net.pth"
    torch.jit.script(nn.Linear(2, 2)).save(str(path))
    with pytest.raises(WeightsError) as error:
        read_pickled(path, MOST)
    assert str(error.value) == (
        f"weights: net.pth is refused: it is a program (TorchScript), not a state dict.\n  path  {path}\n{WAY_OUT}"
    )


@pytest.mark.refusal
def test_an_archive_of_something_else_is_refused(tmp_path):
    """What is in it is named."""
    path = tmp_path / "net.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/weights.csv", "1,2")
    with pytest.raises(WeightsError) as error:
        read_pickled(path, MOST)
    assert str(error.value) == (
        "weights: net.pth is refused: it is an archive, but not of torch.save.\n"
        f"  path   {path}\n  holds  weights.csv\n{WAY_OUT}"
    )


@pytest.mark.refusal
def test_an_archive_that_would_grow_is_refused(tmp_path):
    """torch.save compresses nothing; who does hides how much it is."""
    plain, path = write_torch(tmp_path / "plain.pth", {"w": torch.zeros(50_000)}), tmp_path / "net.pth"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in source.namelist():
            kept = {} if name.endswith("/data/0") else {"compress_type": zipfile.ZIP_STORED}
            packed.writestr(name, source.read(name), **kept)
        unpacked = sum(entry.file_size for entry in source.infolist())
    assert path.stat().st_size < 10_000
    with pytest.raises(WeightsError) as error:
        read_pickled(path, MOST)
    assert str(error.value) == (
        "weights: net.pth is refused: it would grow when it is unpacked, which torch.save never makes.\n"
        f"  path        {path}\n  compressed  plain/data/0\n  unpacked    {unpacked:,} bytes\n{WAY_OUT}"
    )


@pytest.mark.refusal
@zipped
@pytest.mark.parametrize(
    ("content", "holds"), [([torch.ones(1)], "list"), (torch.ones(1), "Tensor"), ({1: torch.ones(1)}, "dict")]
)
def test_other_things_than_a_state_dict_are_refused(tmp_path, zipped, content, holds):
    """Lists, bare tensors, numbered ones."""
    path = write_torch(tmp_path / "net.pth", content, zipped=zipped)
    with pytest.raises(WeightsError) as error:
        read_pickled(path, MOST)
    assert str(error.value) == (
        f"weights: net.pth is refused: it holds no tensors by name.\n  path   {path}\n  holds  {holds}\n{WAY_OUT}"
    )


@pytest.mark.refusal
@zipped
def test_a_checkpoint_with_more_than_tensors_is_refused(tmp_path, zipped):
    """A state dict within a dict is no state dict."""
    path = write_torch(tmp_path / "net.pth", {"state_dict": state_dict(), "epoch": 3}, zipped=zipped)
    with pytest.raises(WeightsError, match="'state_dict' is not a dense tensor of float32 or int64"):
        read_pickled(path, MOST)


@zipped
def test_a_damaged_file_is_refused_or_read_never_anything_else(tmp_path, zipped):
    """Cut anywhere, or one byte changed anywhere: our own error, or tensors; no other error, no warning."""
    path = write_torch(tmp_path / "whole.pth", {"a": torch.randn(30, 30), "b": torch.randn(3)}, zipped=zipped)
    whole, damaged, refusals, chance = path.read_bytes(), tmp_path / "net.pth", 0, random.Random(0)
    for i in range(300):
        content = bytearray(whole)
        if i % 3:
            content[chance.randrange(min(len(whole), 1500) if i % 2 else len(whole))] = chance.randrange(256)
        else:
            del content[chance.randrange(len(whole)) :]
        damaged.write_bytes(content)
        try:
            read_pickled(damaged, MOST)
        except WeightsError:
            refusals += 1
    assert refusals > 100
