"""A trained network reads files that are not its data: held-out digits, written as PNG, one of them turned on its head.

Run: python examples/02_predict.py [--epochs 10] [--out runs]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import striate

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--out", type=Path, default=Path("runs"))
options = parser.parse_args()

run = striate.train("digits", epochs=options.epochs, out=options.out, where=striate.Where(threads=1))
digits = striate.open_dataset("digits")
test = digits.parts["test"]
folder = options.out / "loose-digits"
folder.mkdir(parents=True, exist_ok=True)
pictures = {
    f"a-{digits.classes[test.labels[i]]}": Image.fromarray(np.round(test.read(i)[0] * 255).astype(np.uint8))
    for i in range(0, len(test), 60)
}
pictures["a-7-on-its-head"] = pictures["a-7"].rotate(180)
for name, picture in pictures.items():
    picture.save(folder / f"{name}.png")
(folder / "no-image.png").write_text("This is not a picture.")

for said in striate.predict(run, [folder]):
    if said.prediction:
        likeliest = zip(said.prediction.classes, said.prediction.probabilities, strict=True)
        print(Path(said.path).name.ljust(26), "  ".join(f"{name} {p:6.1%}" for name, p in likeliest))
    else:
        print(Path(said.path).name.ljust(26), said.problem)
