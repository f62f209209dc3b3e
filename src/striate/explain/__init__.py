"""Looking into networks: what each layer has learnt, and what an answer rests on."""

from striate.explain.correspondence import correspondence, random_parts
from striate.explain.deconvnet import deconvnet
from striate.explain.evolution import Epoch, evolution, weights_of
from striate.explain.explanation import Explanation, Reading
from striate.explain.feature_maps import feature_maps
from striate.explain.filters import filters
from striate.explain.grad_cam import grad_cam
from striate.explain.grad_cam_plus_plus import grad_cam_plus_plus
from striate.explain.guided_backpropagation import guided_backpropagation
from striate.explain.integrated_gradients import integrated_gradients
from striate.explain.invariance import invariance
from striate.explain.layers import Layer, Network, capture
from striate.explain.look import Look, Looked, look
from striate.explain.methods import METHODS
from striate.explain.objectives import class_score, direction, feature_map, unit
from striate.explain.occlusion import Cover, occlusion
from striate.explain.optimization import Climb, maximise
from striate.explain.paint import Canvas
from striate.explain.pictures import Images, Pictures
from striate.explain.saliency import saliency
from striate.explain.sanity import Sanity, sanity
from striate.explain.smooth_grad import smooth_grad
from striate.explain.subject import Subject, subject
from striate.explain.top_activations import Strongest, TopActivations, top_activations
from striate.explain.views import View, views

__all__ = [
    "METHODS",
    "Canvas",
    "Climb",
    "Cover",
    "Epoch",
    "Explanation",
    "Images",
    "Layer",
    "Look",
    "Looked",
    "Network",
    "Pictures",
    "Reading",
    "Sanity",
    "Strongest",
    "Subject",
    "TopActivations",
    "View",
    "capture",
    "class_score",
    "correspondence",
    "deconvnet",
    "direction",
    "evolution",
    "feature_map",
    "feature_maps",
    "filters",
    "grad_cam",
    "grad_cam_plus_plus",
    "guided_backpropagation",
    "integrated_gradients",
    "invariance",
    "look",
    "maximise",
    "occlusion",
    "random_parts",
    "saliency",
    "sanity",
    "smooth_grad",
    "subject",
    "top_activations",
    "unit",
    "views",
    "weights_of",
]
