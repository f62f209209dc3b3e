"""Looking into networks: what each layer has learnt, and what an answer rests on.

To add a method: write its file, add one line to the table.
"""

from collections.abc import Callable
from typing import Final

from striate.explain.deconvnet import deconvnet
from striate.explain.evolution import Epoch, evolution, weights_of
from striate.explain.explanation import Explanation, Reading
from striate.explain.grad_cam import grad_cam
from striate.explain.grad_cam_plus_plus import grad_cam_plus_plus
from striate.explain.guided_backpropagation import guided_backpropagation
from striate.explain.integrated_gradients import integrated_gradients
from striate.explain.layers import Layer, Network, capture
from striate.explain.pictures import Images, Pictures
from striate.explain.saliency import saliency
from striate.explain.sanity import Sanity, sanity
from striate.explain.smooth_grad import smooth_grad
from striate.explain.top_activations import Strongest, TopActivations, top_activations
from striate.explain.views import View, views

__all__ = [
    "METHODS",
    "Epoch",
    "Explanation",
    "Images",
    "Layer",
    "Network",
    "Pictures",
    "Reading",
    "Sanity",
    "Strongest",
    "TopActivations",
    "View",
    "capture",
    "deconvnet",
    "evolution",
    "grad_cam",
    "grad_cam_plus_plus",
    "guided_backpropagation",
    "integrated_gradients",
    "saliency",
    "sanity",
    "smooth_grad",
    "top_activations",
    "views",
    "weights_of",
]

METHODS: Final[dict[str, Callable[..., Explanation]]] = {
    "saliency": saliency,
    "guided_backpropagation": guided_backpropagation,
    "integrated_gradients": integrated_gradients,
    "smooth_grad": smooth_grad,
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "deconvnet": deconvnet,
}
