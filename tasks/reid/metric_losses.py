"""Losses that pull a character's appearances together and push others away, from pytorch-metric-learning."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

Loss = Literal["contrastive", "triplet", "multi_similarity", "multi_similarity_cosine", "tuplet", "triplet_contrastive"]
EPSILON = 0.1
"""Of the miner of multi-similarity losses, whatever the margin."""


class MetricLoss(nn.Module):
    """A loss on unit vectors (B, D) and identity codes (B,), every two different codes being different characters.

    The set-ups of gsoykan/comic_char_reid, by their numbers there; d is the Euclidean distance.
    ``contrastive`` (7): d of all pairs, [d - 0]+ of one character and [1 - d]+ of two, each averaged over its non-zero
    terms. ``triplet`` (9 with ``margin`` 0.2, 10 with 0.5): [d_ap - d_an + margin]+ over triplets of the pairs that a
    multi-similarity miner on d with epsilon = ``margin`` keeps. ``multi_similarity`` (12): alpha 2, beta 50, base 0.5
    (Wang et al., CVPR 2019), on d, over pairs that such a miner with epsilon 0.1 keeps; ``multi_similarity_cosine``
    (4): both on the cosine. ``tuplet`` (11): tuplet margin plus half the intra-pair variance (Yu & Tao, ICCV 2019).
    ``triplet_contrastive`` (13): all triplets with ``margin``, not mined, plus ``contrastive``. Without a pair to learn
    from the loss is zero.
    """

    def __init__(self, name: Loss, margin: float) -> None:
        super().__init__()
        from pytorch_metric_learning import distances, losses, miners  # slow to import, needed by who trains only

        def similar(distance: Any) -> tuple[Any, Any]:
            loss = losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5, distance=distance)
            return [loss], miners.MultiSimilarityMiner(epsilon=EPSILON, distance=distance)

        def triplet() -> Any:
            return losses.TripletMarginLoss(margin=margin, distance=distances.LpDistance())

        def contrastive() -> Any:
            return losses.ContrastiveLoss(pos_margin=0, neg_margin=1)

        def tuplet() -> Any:
            return losses.MultipleLosses([losses.TupletMarginLoss(), losses.IntraPairVarianceLoss()], weights=[1, 0.5])

        made: dict[str, Any] = {
            "contrastive": lambda: ([contrastive()], None),
            "triplet": lambda: (
                [triplet()],
                miners.MultiSimilarityMiner(epsilon=margin, distance=distances.LpDistance()),
            ),
            "multi_similarity": lambda: similar(distances.LpDistance()),
            "multi_similarity_cosine": lambda: similar(distances.CosineSimilarity()),
            "tuplet": lambda: ([tuplet()], None),
            "triplet_contrastive": lambda: ([triplet(), contrastive()], None),
        }
        summed, self.miner = made[name]()
        self.summed = nn.ModuleList(summed)

    def forward(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        kept = None if self.miner is None else self.miner(embeddings, identities)
        return sum((loss(embeddings, identities, kept) for loss in self.summed), embeddings.new_zeros(()))
