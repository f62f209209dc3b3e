"""The engine: what the machine can do, and (as it grows) which algorithm runs on it."""

from striate.engine.isa import isa, isas
from striate.engine.machine import Cache, Machine, Peaks, machine, peaks

__all__ = ["Cache", "Machine", "Peaks", "isa", "isas", "machine", "peaks"]
