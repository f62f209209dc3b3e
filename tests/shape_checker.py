"""The checker that `make shapes` runs the suite under: every annotated shape and type is held to at each call."""

from beartype import BeartypeConf, beartype

__all__ = ["checked"]

# An int where a float is asked for is fine, as it is for every other type checker (PEP 484).
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
