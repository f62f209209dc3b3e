"""What a network looks at: one held-out digit, which places count for it, and a page with all that there is to see.

Run: python examples/06_explain.py [--out explain-digits] [--steps 32]
"""

import argparse
from pathlib import Path

import torch

from striate import Where, create, explain, open_dataset
from striate.data import DataOptions

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--out", type=Path, default=Path("explain-digits"))
parser.add_argument("--steps", type=int, default=32)
options = parser.parse_args()

model = create("lenet5", weights="digits")
subject = explain.subject("lenet5", weights="digits")
digit = torch.from_numpy(open_dataset("digits", DataOptions(image_size=(32, 32))).parts["test"].read(0))
network = explain.capture(model, subject.normalized(digit[None]))

fall = explain.occlusion(network, subject.normalized(digit[None]), cover=explain.Cover(8, 4))
print(f"{fall.target}: {float(fall.score):.1%}; covering a place lowers it by up to {float(fall.values.max()):.1%}")
for line in torch.nn.functional.avg_pool2d(fall.values, 2)[0, 0].clamp(min=0) / fall.values.max():
    print("".join(" .:-=+*#%@"[min(9, int(10 * value))] * 2 for value in line))

looked = explain.look(
    "lenet5",
    data="digits",
    out=options.out,
    at=explain.Look(weights="digits", maps=6, steps=options.steps),
    where=Where(threads=1),
)
print(looked.page)
