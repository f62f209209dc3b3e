"""models.weights.packed: the weights are those of the card, or they are refused."""

import pickle
import shutil

import pytest

from striate.errors import WeightsError
from striate.models.weights import own, own_weights, read_packed


@pytest.fixture
def files(tmp_path):
    """The two files of LeNet-5's weights, to be spoilt."""
    source = own.__file__.replace("__init__.py", "lenet5-digits")
    for suffix in (".safetensors", ".json"):
        shutil.copy(source + suffix, tmp_path)
    return tmp_path / "lenet5-digits.safetensors", tmp_path / "lenet5-digits.json"


def test_both_are_read(files):
    """The same from anywhere."""
    assert read_packed(files[0]).card == own_weights("lenet5", "digits").card


@pytest.mark.refusal
@pytest.mark.parametrize("which", [0, 1])
def test_a_missing_file_is_named(which, files):
    """Either of the two."""
    files[which].unlink()
    with pytest.raises(WeightsError) as error:
        read_packed(files[0])
    assert str(error.value) == (
        f"weights: {files[which]} cannot be read: No such file or directory.\n"
        "Name the .safetensors file that `striate pack` wrote; its card, .json, lies beside it."
    )


@pytest.mark.refusal
def test_other_weights_than_the_card_s_are_refused(files):
    """One byte is enough."""
    content = bytearray(files[0].read_bytes())
    content[-1] ^= 1
    files[0].write_bytes(content)
    expected = own_weights("lenet5", "digits").card.sha256
    with pytest.raises(WeightsError) as error:
        read_packed(files[0])
    found = str(error.value).splitlines()[2].split()[-1]
    assert found != expected
    assert str(error.value) == (
        f"weights: {files[0]} is not what its card tells of.\n"
        f"  expected  {expected}\n"
        f"  found     {found}\n"
        "Restore the two files that were written together."
    )


class Exploit:
    """A pickle that runs code where it is read."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.mark.refusal
def test_a_pickle_is_refused_and_not_run(files, tmp_path):
    """Even where the card vouches for it."""
    import hashlib

    content = pickle.dumps(Exploit(tmp_path / "marker"))
    files[0].write_bytes(content)
    true, false = own_weights("lenet5", "digits").card.sha256, hashlib.sha256(content).hexdigest()
    files[1].write_text(files[1].read_text().replace(true, false))
    with pytest.raises(WeightsError) as error:
        read_packed(files[0])
    first, reported, last = str(error.value).splitlines()
    assert first == f"weights: {files[0]} is not a safetensors file."
    assert reported.startswith("  reported  ")
    assert last == "Only safetensors and JSON are read here: a pickle could run code."
    assert not (tmp_path / "marker").exists()
