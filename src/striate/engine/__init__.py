"""The engine: what the machine can do, which algorithm runs on it, and convolution by it."""

from striate.engine.accelerate import accelerate, accelerated, restore
from striate.engine.choice import accuracy, algorithms, locked, reproducible, use
from striate.engine.conv2d import conv2d, conv2d_input_gradient, conv2d_weight_gradient, spreads, takes
from striate.engine.depthwise_separable import depthwise_separable
from striate.engine.isa import isa, isas
from striate.engine.limits import Limits, limit, limits
from striate.engine.machine import Cache, Machine, Peaks, machine, peaks
from striate.engine.plan import Candidate, Plan, plan
from striate.engine.plan_volume import explain
from striate.engine.problem import Problem
from striate.engine.tuning import Tuned, tune
from striate.engine.volume import VolumeProblem

__all__ = [
    "Cache",
    "Candidate",
    "Limits",
    "Machine",
    "Peaks",
    "Plan",
    "Problem",
    "Tuned",
    "VolumeProblem",
    "accelerate",
    "accelerated",
    "accuracy",
    "algorithms",
    "conv2d",
    "conv2d_input_gradient",
    "conv2d_weight_gradient",
    "depthwise_separable",
    "explain",
    "isa",
    "isas",
    "limit",
    "limits",
    "locked",
    "machine",
    "peaks",
    "plan",
    "reproducible",
    "restore",
    "spreads",
    "takes",
    "tune",
    "use",
]
