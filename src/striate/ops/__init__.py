"""Functions of tensors, and the arithmetic of their shapes."""

from striate.ops.geometry import Reach, grow, named, out_size, pair, spread

__all__ = ["Reach", "grow", "named", "out_size", "pair", "spread"]
