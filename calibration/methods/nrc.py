"""NRC: a person's unlabelled rows flow in; predictions that agree with those of their neighbours flow out.

Yang et al. 2021, NeurIPS, "Exploiting the intrinsic neighborhood structure for source-free domain adaptation":
neighbours in feature space share a class, reciprocal ones more surely, neighbours of neighbours a little.
"""

from __future__ import annotations

from typing import Any, Final

import torch

from ahdetect.calibration.methods.network import Networked, diversity

NEIGHBOURS: Final = 3
FAR: Final = 0.1
"""Weight of neighbours that are not reciprocal, and of neighbours of neighbours; the paper's."""


class Nrc(Networked):
    """Neighbourhood reciprocity clustering."""

    name = "nrc"

    def parameters(self) -> list[Any]:
        """All but the normalisation's running statistics."""
        return list(self.network.parameters())

    def begin(self) -> None:
        """Memory banks: predictions, and each row's share of every other row's vote."""
        with torch.no_grad():
            features = torch.nn.functional.normalize(self.network[0](self.seen), dim=1)
            self.bank = self.network(self.seen).softmax(1)
            near = (features @ features.T).fill_diagonal_(-2.0).topk(min(NEIGHBOURS, len(features) - 1)).indices
            link = torch.zeros(len(features), len(features)).scatter_(1, near, 1.0)
            self.vote = link * torch.where(link.T > 0, 1.0, FAR) + FAR * (link @ link).fill_diagonal_(0.0)

    def loss(self, x: Any) -> Any:
        """Disagreement with the neighbours' banked predictions, and with the row's own; diverse classes."""
        logits = self.network(x)
        p = logits.softmax(1)
        agreement = (self.vote * (p @ self.bank.T)).sum(1).mean() + (p * self.bank).sum(1).mean()
        return -agreement - diversity(logits)
