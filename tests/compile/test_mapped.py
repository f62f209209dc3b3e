"""compile.mapped: tensors where they lie in a file."""

import json

import pytest
import safetensors.torch
import torch
from small_graphs import drawn

from striate.compile.mapped import mapped


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net"


def written(path, header, content=b""):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


def test_every_kind_of_number_is_as_it_was_written(path):
    """By safetensors itself, with what the header says besides."""
    kinds = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
    kinds += [torch.float16, torch.bfloat16, torch.float32, torch.float64]
    tensors = {str(kind): (4 * drawn(2, 3)).to(kind) for kind in kinds}
    tensors |= {"one": torch.tensor(3.0), "none": torch.zeros(2, 0)}
    safetensors.torch.save_file(tensors, path, {"who": "we"})
    found = mapped(path)
    assert found.notes == {"who": "we"}
    assert found.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(found.tensors[name], tensor, rtol=0, atol=0)


def test_what_is_forgotten_is_read_again(path):
    """And stays when the file has lost its name."""
    tensor = drawn(300, 300)
    safetensors.torch.save_file({"w": tensor}, path)
    found = mapped(path)
    path.unlink()
    for _ in range(2):
        assert torch.equal(found.tensors["w"], tensor)
        found.forget()


def test_numbers_lie_at_multiples_of_their_size(path):
    """Also where the file's do not."""
    header = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    for spaces in range(4):
        text = json.dumps(header).encode() + b" " * spaces
        path.write_bytes(len(text).to_bytes(8, "little") + text + torch.ones(1).numpy().tobytes())
        tensor = mapped(path).tensors["w"]
        assert tensor.data_ptr() % 4 == 0
        assert torch.equal(tensor, torch.ones(1))


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("shape", "offsets", "error"),
    [
        ([2], [0, 12], "a tensor of size [2] does not lie in bytes 0 to 12"),
        ([4], [0, 16], "a tensor of size [4] does not lie in bytes 0 to 16"),
        ([2], [-8, 0], "a tensor of size [2] does not lie in bytes -8 to 0"),
        ([-2, -1], [0, 8], "a tensor is of size [-2, -1]"),
        ([2.0], [0, 8], "a tensor is of size [2.0]"),
    ],
)
def test_what_reaches_beyond_the_file_is_refused(path, shape, offsets, error):
    """Nothing of a header is believed."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its whole text is compared
        mapped(written(path, {"w": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}, b"\0" * 12))
    assert str(caught.value) == error


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", "it is empty"), (b"short", "its header is longer"), (b"\xff" * 64, "its header is longer than the file")],
)
def test_what_is_no_such_file_is_refused(path, content, error):
    """Before it is looked into."""
    path.write_bytes(content)
    with pytest.raises(ValueError, match=error):
        mapped(path)
