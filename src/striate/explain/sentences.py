"""Words as sentences, and names as titles."""

from typing import Final

__all__ = ["sentence", "title"]

# As their authors write them.
_WRITTEN: Final = {"grad_cam": "Grad-CAM", "grad_cam_plus_plus": "Grad-CAM++", "smooth_grad": "SmoothGrad"}


def sentence(words: str) -> str:
    """Begin with a capital and end with a full stop.

    >>> sentence("red: more"), sentence("It changes.")
    ('Red: more.', 'It changes.')
    """
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""


def title(name: str) -> str:
    """Write a method's name as a title.

    >>> title("grad_cam"), title("integrated_gradients")
    ('Grad-CAM', 'Integrated gradients')
    """
    return _WRITTEN.get(name, name.replace("_", " ").capitalize())
