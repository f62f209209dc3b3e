"""What makes a picture the input of published weights, in the words of our own data."""

from striate.data import Preprocess
from striate.errors import OptionError
from striate.models.weights import Published

__all__ = ["preprocess_of"]


def preprocess_of(row: Published) -> Preprocess:
    """Say what makes a picture the input that published weights were trained for.

    Raises:
        OptionError: Nobody has told.

    Example:
        >>> from striate.models.weights import published
        >>> preprocess_of(published("alexnet-owt", "imagenet1k-v1")).image_size
        (224, 224)
    """
    if row.transform is None:
        raise OptionError(
            f"weights: nobody has told what pictures {row} was trained on.", "Name other weights.", weights=row.name
        )
    t = row.transform
    resize, side = ("shorter", t.resize) if isinstance(t.resize, int) else ("stretch", t.resize[0])
    return Preprocess((t.crop, t.crop), 3, t.mean, t.std, resize, side / t.crop)
