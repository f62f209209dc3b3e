"""The methods that explain images, by name. To add one: write its file, add one line to the table."""

from collections.abc import Callable
from typing import Final

from striate.explain.deconvnet import deconvnet
from striate.explain.explanation import Explanation
from striate.explain.grad_cam import grad_cam
from striate.explain.grad_cam_plus_plus import grad_cam_plus_plus
from striate.explain.guided_backpropagation import guided_backpropagation
from striate.explain.integrated_gradients import integrated_gradients
from striate.explain.occlusion import occlusion
from striate.explain.saliency import saliency
from striate.explain.smooth_grad import smooth_grad

__all__ = ["METHODS"]

METHODS: Final[dict[str, Callable[..., Explanation]]] = {
    "saliency": saliency,
    "smooth_grad": smooth_grad,
    "integrated_gradients": integrated_gradients,
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "occlusion": occlusion,
    "guided_backpropagation": guided_backpropagation,
    "deconvnet": deconvnet,
}
