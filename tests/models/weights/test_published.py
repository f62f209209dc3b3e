"""models.weights.published: a row says what there is to know, and how large its file can be at the most."""

from published_files import described, state_dict, write_torch

from striate.models.weights import Transform


def test_a_file_can_be_hardly_larger_than_published(tmp_path):
    """The size is published to a few digits; a fiftieth and a mebibyte are left for them."""
    row = described(write_torch(tmp_path / "net.pth", state_dict()), mebibytes=100.0)
    assert row.most_bytes == 103 * 2**20


def test_rows_and_transforms_are_said_in_few_words(tmp_path):
    """As the list shows them."""
    assert str(described(write_torch(tmp_path / "net.pth", state_dict()))) == "lenet5 test"
    assert str(Transform()) == "resize 256, crop 224"
    assert str(Transform(resize=(256, 256), crop=227)) == "resize 256 x 256, crop 227"
