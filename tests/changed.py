"""Changes that leave an image the same to a person: what the leak check must see through."""

import io

import numpy as np
from PIL import Image, ImageEnhance


def rescaled(image: Image.Image) -> Image.Image:
    return image.resize((max(round(image.width * 0.5), 8), max(round(image.height * 0.5), 8)), Image.Resampling.LANCZOS)


def jpeg40(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


def brighter(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.3)


def darker(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(0.7)


def cut(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    return image.crop((round(width * left), round(height * top), round(width * (1 - right)),
                       round(height * (1 - bottom))))  # fmt: skip


def cropped(image: Image.Image) -> Image.Image:
    """5 % less of each side's length, the middle left."""
    return cut(image, 0.025, 0.025, 0.025, 0.025)


def cropped_all_round(image: Image.Image) -> Image.Image:
    """5 % off each of the four edges."""
    return cut(image, 0.05, 0.05, 0.05, 0.05)


def cropped_one_edge(image: Image.Image) -> Image.Image:
    return cut(image, 0.05, 0, 0, 0)


def cropped_anyhow(image: Image.Image) -> Image.Image:
    """Up to 5 % off each edge, drawn by the image's size."""
    return cut(image, *np.random.default_rng([image.width, image.height]).uniform(0, 0.05, 4))


def all_at_once(image: Image.Image) -> Image.Image:
    return jpeg40(rescaled(cropped_anyhow(darker(image))))


CHANGES = (
    rescaled, jpeg40, brighter, darker, cropped, cropped_all_round, cropped_one_edge, cropped_anyhow, all_at_once,
)  # fmt: skip
