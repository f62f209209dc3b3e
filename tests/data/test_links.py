"""Links lead to the data itself or nowhere."""

import pytest

from striate.data.links import inside, require_inside
from striate.data.problems import Unreadable


def test_inside_is_by_folders_not_by_letters():
    """/data/pets2 is not in /data/pets."""
    assert inside("/data/pets/cat", "/data/pets")
    assert inside("/data/pets", "/data/pets")
    assert not inside("/data/pets2", "/data/pets")
    assert inside("/etc", "/")


def test_a_link_inside_is_followed(lay_out):
    """What is really meant is given back."""
    root = lay_out({"cat/a.png": b"1"})
    (root / "b.png").symlink_to("cat/a.png")
    assert require_inside(str(root), "b.png") == str(root / "cat/a.png")


@pytest.mark.parametrize(
    ("target", "kind", "why"),
    [
        ("/etc/hostname", "link", "leads out of the data, to '/etc/hostname'"),
        ("nowhere", "link", "leads nowhere: to 'nowhere'"),
        ("link", "link", "Too many levels of symbolic links"),
        (None, "missing", "there is no such file"),
    ],
)
def test_other_links_are_refused(target, kind, why, lay_out):
    """Out of the data, nowhere, in a circle: each is said."""
    root = lay_out({"a.png": b"1"})
    if target:
        (root / "link").symlink_to(target)
    with pytest.raises(Unreadable) as error:
        require_inside(str(root), "link")
    assert (error.value.kind, error.value.why) == (kind, why)


def test_a_folder_on_the_way_counts_too(lay_out, tmp_path):
    """A file behind a linked folder is where the folder really is."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.png").write_bytes(b"1")
    root = lay_out({"b.png": b"1"})
    (root / "dir").symlink_to(tmp_path / "outside")
    with pytest.raises(Unreadable, match="leads out of the data"):
        require_inside(str(root), "dir/a.png")
