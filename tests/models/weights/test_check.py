"""models.weights.check: every file of the cache is held against what is known of it."""

from published_files import described, state_dict, write_torch

from striate.models.weights import check
from striate.models.weights.convert import convert


def test_an_empty_cache_has_nothing_to_check(tmp_path, cache):
    """And is not made by checking."""
    assert check([described(write_torch(tmp_path / "net.pth", state_dict()))]) == []
    assert not cache.exists()


def test_whole_files_have_no_problem_and_damaged_ones_are_named(tmp_path, cache):
    """The kept tensors and the published file, each by itself; nothing is removed."""
    file = write_torch(tmp_path / "net.pth", state_dict())
    row = described(file)
    convert(row, file)
    (cache / "net.pth").write_bytes(file.read_bytes())
    found = check([row])
    assert [(one.path.name, one.problem) for one in found] == [("lenet5.test.safetensors", None), ("net.pth", None)]
    for path in (cache / "net.pth", cache / "lenet5.test.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    damaged = check([row])
    assert [one.path for one in damaged] == [one.path for one in found]
    assert "is damaged" in str(damaged[0].problem)
    assert "its digest is not the published one" in str(damaged[1].problem)
    assert len(list(cache.iterdir())) == 3
