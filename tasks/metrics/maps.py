"""Saliency maps as arrays: one resizing rule, fixations on a map's grid, CC, SIM, KLD and NSS. Imports numpy only.

Predictions and truths are (h, w) of equal size and are worked on in float64.
"""

from __future__ import annotations

import numpy as np

EPS = 2.2204e-16
"""The literal of the MIT code; MATLAB's own eps (2.220446e-16) moves the sixth digit at hard zeros."""


SMALLEST, LARGEST = 2.0**-300, 2.0**300
"""Between which the largest size of a map lies so that no figure overflows or underflows on the way."""
DIGITS = 9
"""Digits of a place in pixels that count."""
CENTRE = 0.25
"""Deviation of the centre map, in sides."""


def resize_map(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a map (h, w) to ``height`` x ``width``, float64, each axis on its own: the image's aspect does not matter.

    Triangle filter, pixel centres at half integers, edges renormalised; where an axis shrinks, the filter is as
    wide as the ratio (antialiased), where it grows it is plain bilinear. A map of that size comes back as it is.
    Written out as sums over taps, so that the same input gives the same bits on every machine.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0 or height < 1 or width < 1:
        raise ValueError(f"a map of shape {array.shape} cannot become {height} x {width}; it must be (h, w)")
    return np.ascontiguousarray(_resize_rows(_resize_rows(array, height).T, width).T)


def _resize_rows(array: np.ndarray, size: int) -> np.ndarray:
    """Resize ``array`` (n, m) to ``size`` rows."""
    n = array.shape[0]
    if n == size:
        return array
    ratio = n / size
    support = max(ratio, 1.0)
    centres = (np.arange(size) + 0.5) * ratio
    first = np.floor(centres - support).astype(np.int64)
    taps = first[:, None] + np.arange(int(np.ceil(2 * support)) + 2)
    weights = np.maximum(1 - np.abs(taps + 0.5 - centres[:, None]) / support, 0.0)
    weights[(taps < 0) | (taps >= n)] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    taps = taps.clip(0, n - 1)
    result = np.zeros((size, array.shape[1]))
    for k in range(taps.shape[1]):
        result += weights[:, k, None] * array[taps[:, k]]
    return result


def in_range(values: np.ndarray) -> np.ndarray:
    """Scale a map, float64, so that its largest size lies far from the ends of float64's range; else the same map.

    Sums, squares and differences of 1e308, or of denormal numbers, overflow or lose their digits. Those maps are
    multiplied by a power of two, which changes no digit; no figure depends on a map's scale.
    """
    array = np.asarray(values, dtype=np.float64)
    largest = float(np.abs(array).max(initial=0.0))
    if largest == 0 or not np.isfinite(largest) or SMALLEST <= largest <= LARGEST:
        return array
    return np.ldexp(array, -int(np.frexp(largest)[1]))


def fixated_pixels(fixations: np.ndarray, image_size: tuple[int, int], map_size: tuple[int, int]) -> np.ndarray:
    """Return flat indices (k',) into a map (h, w) of fixations (k, 2), x and y in pixels of an image (width, height).

    A pixel's centre lies at its index; the map spans the whole image, whatever its aspect. Fixations outside the
    image are left out.
    """
    return pixels_at(relative_places(fixations, image_size), map_size)


def pixels_at(places: np.ndarray, map_size: tuple[int, ...]) -> np.ndarray:
    """Return flat indices (k,) into a map (h, w) of places (k, 2), x and y as shares of an image's sides in [0, 1).

    The one rounding of fixations, an image's own and those of others: down, where a place on the border of two pixels
    (to nine digits, which division leaves of it) belongs to the second.
    """
    rows, columns = map_size
    x, y = (np.floor(np.round(places[:, k] * side, DIGITS)).astype(np.int64) for k, side in enumerate((columns, rows)))
    flat: np.ndarray = y.clip(0, rows - 1) * columns + x.clip(0, columns - 1)
    return flat


def relative_places(fixations: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Convert fixations (k, 2), in pixels of an image (width, height), to shares of its sides; inside ones alone."""
    points = (np.asarray(fixations, dtype=np.float64).reshape(-1, 2) + 0.5) / image_size
    return points[((points >= 0) & (points < 1)).all(axis=1)]


def centre_map(height: int, width: int) -> np.ndarray:
    """Return a Gaussian on the centre, deviation a quarter of each side, float64 (height, width), not normalised."""
    y, x = ((np.arange(size) - (size - 1) / 2) / size for size in (height, width))
    return np.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * CENTRE**2))


def distribution(values: np.ndarray) -> np.ndarray:
    """Turn a map into a distribution: its minimum subtracted where it is negative, then divided by its sum.

    A map of zeros becomes uniform, as in pysaliency.
    """
    array = np.asarray(values, dtype=np.float64)
    lowest = array.min()
    if lowest < 0:
        array = array - lowest
    highest = array.max()
    if highest == 0:
        return np.full(array.shape, 1 / array.size)
    array = array / highest
    shares: np.ndarray = array / array.sum()
    return shares


def cc(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Compute Pearson's correlation in [-1, 1]; 0 for a constant prediction, NaN (undefined) for a constant truth."""
    g = _centred(truth)
    if g is None:
        return float("nan")
    p = _centred(prediction)
    if p is None:
        return 0.0
    return float(np.clip((p * g).sum() / np.sqrt((p * p).sum() * (g * g).sum()), -1, 1))


def sim(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Compute the similarity in [0, 1]: the sum of the smaller of two distributions (no scaling, as pysaliency)."""
    return float(np.minimum(distribution(prediction), distribution(truth)).sum())


def kld(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Compute KL(truth || prediction) in nats, MIT's form: sum_i g_i log(eps + g_i / (p_i + eps)), eps = 2.2204e-16."""
    p, g = distribution(prediction), distribution(truth)
    return float((g * np.log(EPS + g / (p + EPS))).sum())


def nss(prediction: np.ndarray, fixated: np.ndarray) -> float:
    """Compute the mean z-score (ddof 0) of the prediction at fixated pixels (k,), k >= 1; every fixation counts."""
    return float(z_scores(prediction).ravel()[fixated].mean())


def nss_density(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Compute the z-score expected at a fixation drawn from the truth map: another figure than NSS, for maps alone."""
    return float((z_scores(prediction) * distribution(truth)).sum())


def information_gain(prediction: np.ndarray, baseline: np.ndarray, fixated: np.ndarray) -> float:
    """Compute the gain in bits a fixation of prediction over baseline: mean of log2(eps + p) - log2(eps + b).

    Both as distributions, without min-max scaling (Kuemmerer et al. 2015); eps is that of float64 (MIT's InfoGain.m).
    ``fixated`` (k,) flat indices, k >= 1.
    """
    p, b = (distribution(values).ravel()[fixated] for values in (prediction, baseline))
    tiny = np.finfo(np.float64).eps
    return float((np.log2(tiny + p) - np.log2(tiny + b)).mean())


def z_scores(values: np.ndarray) -> np.ndarray:
    """Standardise a map to mean 0 and standard deviation 1 (ddof 0); zeros for a constant map."""
    centred = _centred(values)
    if centred is None:
        return np.zeros(np.shape(values))
    scaled: np.ndarray = centred / np.sqrt((centred * centred).mean())
    return scaled


def _centred(values: np.ndarray) -> np.ndarray | None:
    """Return ``values`` without their mean, scaled to at most 1; None where they are constant."""
    array = np.asarray(values, dtype=np.float64)
    lowest, highest = array.min(), array.max()
    # equal ends, not a small deviation: the mean of equal floats need not be that float
    if lowest == highest:
        return None
    array = array / max(abs(lowest), abs(highest))
    centred = array - array.mean()
    scaled: np.ndarray = centred / np.abs(centred).max()
    return scaled
