"""How far gaze is predicted beside the background: a metric of one's own, for maps of saliency.

python run_benchmark.py --method random --task saliency --preset smoke --plugin examples/ink_contrast.py
"""

from inkbench.benchmark.api import ItemMetric
from inkbench.tasks.metrics.maps import resize_map


class InkContrast(ItemMetric):
    """Mean prediction where the truth is above its mean, less the mean elsewhere, in means of the prediction."""

    name = "contrast"
    task = "saliency"

    def value(self, prediction, truth):
        """One image; not a number where nothing stands out."""
        wanted = truth["map"] > truth["map"].mean()
        if not wanted.any():
            return float("nan")
        seen = resize_map(prediction["map"], *truth["map"].shape)
        return (seen[wanted].mean() - seen[~wanted].mean()) / seen.mean()
