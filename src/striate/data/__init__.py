"""Labelled pictures: one reader per kind of data, all giving the same parts; transforms; batches."""

from striate.data.dataset import DataOptions, Dataset, Part, judged_by
from striate.data.describe import Description, describe
from striate.data.image import read_image
from striate.data.listing import EXTENSIONS
from striate.data.preprocess import Preprocess
from striate.data.problems import Problem
from striate.data.readers import READERS, Reader, inspect_dataset, open_dataset
from striate.data.sheet import contact_sheet
from striate.data.transforms import Augment

__all__ = [
    "EXTENSIONS",
    "READERS",
    "Augment",
    "DataOptions",
    "Dataset",
    "Description",
    "Part",
    "Preprocess",
    "Problem",
    "Reader",
    "contact_sheet",
    "describe",
    "inspect_dataset",
    "judged_by",
    "open_dataset",
    "read_image",
]
