"""Functions of tensors, and the arithmetic of their shapes."""

from striate.ops.geometry import named, output_size
from striate.ops.receptive import Reach, grow, spread

__all__ = ["Reach", "grow", "named", "output_size", "spread"]
