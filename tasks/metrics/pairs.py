"""Similarity of a painted image to the true one: PSNR, L1 and SSIM of uint8 images."""

from __future__ import annotations

from functools import cache

import numpy as np

MOST = 100.0
"""dB of images that are equal, where the ratio has no bound; one level of one pixel off is less, up to 391 x 391 px."""
WINDOW, SIGMA = 11, 1.5
"""Side of the Gaussian window of SSIM and its deviation, px."""


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Compute 10 log10(255^2 / mean squared error) of two images uint8 (h, w, 3) in dB, at most ``MOST``."""
    error = float(np.mean((image.astype(np.float64) - truth.astype(np.float64)) ** 2))
    return MOST if error == 0 else min(float(10 * np.log10(255.0**2 / error)), MOST)


def l1(image: np.ndarray, truth: np.ndarray) -> float:
    """Compute the mean absolute difference of two images uint8 (h, w, 3), in [0, 1]."""
    return float(np.abs(image.astype(np.float64) - truth.astype(np.float64)).mean() / 255)


def ssim(image: np.ndarray, truth: np.ndarray) -> float:
    """Compute the structural similarity of two images uint8 (h, w, 3), 1 where equal; NaN under ``WINDOW`` px.

    Wang et al., IEEE TIP 2004: a Gaussian window of 11 x 11 px with sigma 1.5, data range 255, population covariances,
    edges reflected, the mean over all pixels and channels. Equal to torchmetrics 1.9 in float64, where a window is one
    convolution over both sides; here it is a product with a matrix for each side, some hundred times faster. Wang's own
    code and scikit-image leave out the border of 5 px where no window is whole: up to .05 apart on small faces.
    """
    if min(image.shape[:2]) < WINDOW:
        return float("nan")
    down, along = _gaussian(image.shape[0]), _gaussian(image.shape[1]).T
    x, y = (of.transpose(2, 0, 1).astype(np.float64) for of in (image, truth))
    mean_x, mean_y, square_x, square_y, product = (down @ of @ along for of in (x, y, x * x, y * y, x * y))
    variance = np.maximum(square_x - mean_x**2, 0) + np.maximum(square_y - mean_y**2, 0)
    covariance = product - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    light = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return float((light * (2 * covariance + c2) / (variance + c2)).mean())


@cache
def _gaussian(length: int) -> np.ndarray:
    """Return the matrix (length, length) that averages a row of pixels under the window, edges reflected."""
    reach = WINDOW // 2
    window = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * SIGMA**2))
    window /= window.sum()
    matrix = np.zeros((length, length))
    for offset, weight in zip(range(-reach, reach + 1), window, strict=True):
        place = np.abs(np.arange(length) + offset)
        np.add.at(matrix, (np.arange(length), np.minimum(place, 2 * (length - 1) - place)), weight)
    return matrix
