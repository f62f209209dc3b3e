"""explain.scene: what the parts of the page share."""

import torch

from striate.explain.layers import capture
from striate.explain.scene import Scene
from striate.explain.shelf import Shelf
from striate.explain.subject import subject


def test_network_and_subject_are_one(tmp_path):
    """The captured network answers as the subject's own."""
    shown = subject("lenet5", weights="digits")
    scene = Scene(shown, capture(shown.model, torch.zeros(1, 1, 32, 32)), Shelf(tmp_path), "none")
    x = shown.normalized(torch.rand(2, 1, 32, 32))
    torch.testing.assert_close(scene.network.run(x)[0], scene.subject.model(x))
