"""Losses that pull a character's appearances together and push others away, from pytorch-metric-learning."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

Loss = Literal["contrastive", "triplet", "multi_similarity", "tuplet", "triplet_contrastive"]


class MetricLoss(nn.Module):
    """A loss on unit vectors (B, D) and identity codes (B,), every two different codes being different characters.

    ``contrastive``: distances d of all pairs, [d - 0]+ of one character and [1 - d]+ of two, each averaged over its
    non-zero terms. ``triplet``: [d_ap - d_an + margin]+ over triplets of the pairs that a multi-similarity miner with
    epsilon = ``margin`` keeps. ``multi_similarity``: alpha 2, beta 50, base 0.5 (Wang et al., CVPR 2019). ``tuplet``:
    tuplet margin plus half the intra-pair variance (Yu & Tao, ICCV 2019). ``triplet_contrastive``: the sum of both.
    These are the set-ups of gsoykan/comic_char_reid; without a pair to learn from the loss is zero.
    """

    def __init__(self, name: Loss, margin: float) -> None:
        super().__init__()
        from pytorch_metric_learning import losses, miners  # slow to import, needed by who trains only

        def contrastive() -> Any:
            return losses.ContrastiveLoss(pos_margin=0, neg_margin=1)

        self.miner: Any = None
        mined: list[Any] = []
        plain: list[Any] = []
        if name in ("triplet", "triplet_contrastive"):
            self.miner = miners.MultiSimilarityMiner(epsilon=margin)
            mined.append(losses.TripletMarginLoss(margin=margin))
        if name in ("contrastive", "triplet_contrastive"):
            plain.append(contrastive())
        if name == "multi_similarity":
            plain.append(losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5))
        if name == "tuplet":
            plain.append(
                losses.MultipleLosses([losses.TupletMarginLoss(), losses.IntraPairVarianceLoss()], weights=[1, 0.5])
            )
        self.mined, self.plain = nn.ModuleList(mined), nn.ModuleList(plain)

    def forward(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        """The loss, a scalar."""
        total = sum((loss(embeddings, identities) for loss in self.plain), embeddings.new_zeros(()))
        if self.miner is not None:
            kept = self.miner(embeddings, identities)
            total = total + sum((loss(embeddings, identities, kept) for loss in self.mined), embeddings.new_zeros(()))
        return total
