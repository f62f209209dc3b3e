"""Make the pictures of docs/explain.md: look into ResNet-20 on the digits, and on pieces of two photographs.

The photographs are those that scikit-learn carries. Run as `make looks`; it takes some minutes.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

import striate
from striate.explain import Look, look

__all__ = ["FIGURES", "photographs", "row", "side_of", "write"]

FOLDER = Path(__file__).parent / "figures"
PAPER, INK = (255, 255, 255), (60, 64, 70)
SIDE, LABEL, GAP = 148, 22, 10

METHODS = {
    "saliency": "saliency",
    "smooth_grad": "SmoothGrad",
    "integrated_gradients": "integrated gradients",
    "grad_cam": "Grad-CAM",
    "occlusion": "occlusion",
    "guided_backpropagation": "guided backprop.",
    "deconvnet": "deconvnet",
}
MAP = {"pieces": "pieces", "projections": "projections", "optimised": "made to excite it"}


def explained(folder: str) -> list[tuple[str, str]]:
    """List an image with what the methods say of it."""
    return [(f"{folder}/image.png", "image"), *((f"{folder}/{name}.png", label) for name, label in METHODS.items())]


def exciting(layer: str, *numbers: int) -> list[tuple[str, str]]:
    """List what excites maps of a layer."""
    return [(f"{layer}/map-{n:03}-{part}.png", f"map {n}: {label}") for n in numbers for part, label in MAP.items()]


EPOCHS = [("stage1.1.conv2", 4), ("stage1.1.conv2", 13), ("stage2.1.conv1", 0), ("stage2.1.conv1", 31)]

# By the figure's name: which look, and the pictures of it, in rows of so many.
FIGURES: dict[str, tuple[str, list[tuple[str, str]], int]] = {
    "look_digit": ("digits", explained("image-02"), 4),
    "look_digit_maps": ("digits", exciting("stage2.1.conv1", 0, 31), 3),
    "look_digit_deep": ("digits", exciting("stage3.2.conv2", 9, 0), 3),
    "look_china": ("photographs", explained("image-01"), 4),
    "look_flower": ("photographs", explained("image-02"), 4),
    "look_photo_first": ("photographs", [("conv1/kernels.png", "kernels"), *exciting("conv1", 4, 9)[:2]], 3),
    "look_photo_maps": ("photographs", exciting("stage1.1.conv2", 4, 13), 3),
    "look_photo_epochs": (
        "photographs",
        [(f"{name}/map-{n:03}-epochs.png", f"{name}, map {n}: epochs 1, 2, 4, 8") for name, n in EPOCHS],
        2,
    ),
    "look_photo_layers": (
        "photographs",
        [(f"image-02/maps/{name}.png", name) for name in ("conv1", "stage1.1.conv2", "stage2.1.conv1")],
        3,
    ),
}


def photographs(folder: Path, count: int = 240, side: int = 96) -> list[Path]:
    """Write the two photographs, and pieces of each as a folder of its class.

    Returns:
        The photographs' files.
    """
    draw = np.random.default_rng(0)
    files: list[Path] = []
    for name, pixels in zip(("china", "flower"), load_sample_images().images, strict=True):
        (folder / "pieces" / name).mkdir(parents=True, exist_ok=True)
        files.append(folder / f"{name}.png")
        Image.fromarray(pixels).save(files[-1])
        for i in range(count):
            top, left = (int(draw.integers(0, size - side)) for size in pixels.shape[:2])
            Image.fromarray(pixels[top : top + side, left : left + side]).save(folder / f"pieces/{name}/{i:03}.png")
    return files


def row(pictures: Sequence[tuple[Path, str]], columns: int) -> Image.Image:
    """Put pictures side by side, each enlarged pixel by pixel and with its label below."""
    font = ImageFont.load_default(12)
    side = side_of(columns)
    sized = [_sized(path, side) for path, _ in pictures]
    rows, height = -(-len(pictures) // columns), max(image.height for image in sized)
    size = (columns * (side + GAP) - GAP, rows * (height + LABEL + GAP) - GAP)
    made = Image.new("RGB", size, PAPER)
    for i, (image, (_, label)) in enumerate(zip(sized, pictures, strict=True)):
        left, top = i % columns * (side + GAP), i // columns * (height + LABEL + GAP)
        made.paste(image, (left, top))
        ImageDraw.Draw(made).text((left + side / 2, top + height + 5), label, INK, font=font, anchor="mt")
    return made


def side_of(columns: int) -> int:
    """Say how large a picture of so many columns has each of its parts, in pixels a side: fewer are larger."""
    return SIDE if columns > 2 else 2 * SIDE


def _sized(path: Path, side: int) -> Image.Image:
    with Image.open(path) as image:
        scale = side / max(image.size)
        how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
        return image.convert("RGB").resize((round(image.width * scale), round(image.height * scale)), how)


def write(work: Path) -> None:
    """Look, and write every figure."""
    where = striate.Where(threads=1)
    files = photographs(work)
    at = Look(weights="digits", methods=tuple(METHODS))
    look("resnet20", data="digits", out=work / "digits", at=at, where=where)
    kept = replace(where, keep_epochs=(1, 2, 4, 8))
    run = striate.train(work / "pieces", model="resnet20", epochs=8, image_size=(48, 48), out=work / "runs", where=kept)
    look(run, files, out=work / "photographs", at=Look(methods=tuple(METHODS)), where=where)
    for name, (which, pictures, columns) in FIGURES.items():
        found = [(work / which / "explain" / path, label) for path, label in pictures]
        row(found, columns).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
