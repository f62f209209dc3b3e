"""A network that reads digits learns odd from even, by 40 pictures it was not trained on; a fresh one tries as well.

Run: python examples/05_transfer.py [--epochs 12] [--out runs]
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import striate

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--out", type=Path, default=Path("runs"))
options = parser.parse_args()

began, data = time.monotonic(), options.out / "odd-or-even"
digits = striate.open_dataset("digits", striate.DataOptions(image_size=(16, 16)))
for name, part in [("val", digits.parts["val"]), ("test", digits.parts["test"])]:
    for i, label in enumerate(part.labels):
        to = name if name == "test" else "train" if i < 40 else "val"
        folder = data / to / ("even", "odd")[label % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.round(part.read(i)[0] * 255).astype(np.uint8)).save(folder / f"{i}.png")

ways: dict[str, dict[str, Any]] = {
    "fresh weights": {"image_size": digits.preprocess.image_size},
    "digits, all learns": {"weights": "digits", "layer_decay": 0.7},
    "digits, the head learns": {"weights": "digits", "freeze": ("conv1", "stage1", "stage2", "stage3")},
}
settings = {"epochs": options.epochs, "batch_size": 8, "learning_rate": 0.02, "pad": 0, "flip": False}
runs = {way: striate.train(data, model="resnet20", out=options.out, **settings, **own) for way, own in ways.items()}
for way, run in runs.items():
    print(f"{way:24} {striate.evaluate(run).metrics.accuracy:7.2%} of {len(digits.parts['test'])} held-out pictures")
print(f"{time.monotonic() - began:.0f} seconds")
