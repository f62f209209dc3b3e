"""The engine: what the machine can do, which algorithm runs on it, and convolution by it."""

from striate.engine.choice import accuracy, algorithms, reproducible, use
from striate.engine.conv2d import conv2d
from striate.engine.isa import isa, isas
from striate.engine.limits import Limits, limit, limits
from striate.engine.machine import Cache, Machine, Peaks, machine, peaks
from striate.engine.plan import Candidate, Plan, explain, plan
from striate.engine.problem import Problem

__all__ = [
    "Cache",
    "Candidate",
    "Limits",
    "Machine",
    "Peaks",
    "Plan",
    "Problem",
    "accuracy",
    "algorithms",
    "conv2d",
    "explain",
    "isa",
    "isas",
    "limit",
    "limits",
    "machine",
    "peaks",
    "plan",
    "reproducible",
    "use",
]
