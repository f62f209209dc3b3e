"""Why shortcuts: 56 layers learn the training digits worse than 20, unless each block adds to what it is given.

Two plain and two residual networks are trained alike; their training errors are drawn, epoch by epoch.
Run: python examples/04_degradation.py [--epochs 10] [--size 32] [--out runs]
"""

import argparse
from importlib.resources import files
from pathlib import Path

import striate
from striate.evaluate.charts import Curve, curves
from striate.train import read_epochs

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--size", type=int, default=32)
parser.add_argument("--out", type=Path, default=Path("runs"))
options = parser.parse_args()

history = [{"epoch": float(epoch + 1)} for epoch in range(options.epochs)]
for network in ("plain20", "resnet20", "plain56", "resnet56"):
    recipe = striate.recipe_for(network, "small images").changed(
        image_size=(options.size, options.size), batch_size=32, epochs=options.epochs, pad=0, flip=False
    )
    run = striate.train("digits", recipe=recipe, out=options.out)
    for row, epoch in zip(history, read_epochs(run.path), strict=True):
        row[network] = 1 - epoch["train_accuracy"]
    print(f"{network}: training error of the last epoch {history[-1][network]:.1%}")

page = f"<style>{files('striate.evaluate').joinpath('report.css').read_text()}</style><h1>Training error</h1>"
for kind in ("plain", "resnet"):
    lines = [Curve(f"{kind}20", "20 layers", "first"), Curve(f"{kind}56", "56 layers", "second")]
    page += f"<h2>{kind}</h2>{curves(history, lines, label=f'{kind}, training error', unit='%')}"
(options.out / "degradation.html").write_text(page)
print(options.out / "degradation.html")
