"""SHOT: a person's unlabelled rows flow in; features that fit the fixed classifier flow out.

Liang et al. 2020, ICML, "Do we really need to access the source data?": information maximisation (certain rows, diverse
classes) and pseudo-labels of the nearest class centre, the last layer fixed.
"""

from __future__ import annotations

from typing import Any, Final

import torch

from ahdetect.calibration.methods.network import Networked, diversity, entropy

PSEUDO: Final = 0.3
"""Weight of the pseudo-labels, the paper's."""


class Shot(Networked):
    """Information maximisation with pseudo-labels."""

    name = "shot"

    def parameters(self) -> list[Any]:
        """Everything before the last layer."""
        return list(self.network[0].parameters())

    def begin(self) -> None:
        """Pseudo-labels: the nearest centre, in cosine, of the features; centres by soft classes, then by hard ones."""
        with torch.no_grad():
            features = torch.nn.functional.normalize(self.network[0](self.seen), dim=1)
            soft = self.network(self.seen).softmax(1)
            for _ in range(2):
                centres = torch.nn.functional.normalize(soft.T @ features, dim=1)
                there = soft.sum(0) > 0
                near = (features @ centres.T).masked_fill(~there, -2.0).argmax(1)
                soft = torch.nn.functional.one_hot(near, soft.shape[1]).float()
            self.pseudo = near

    def loss(self, x: Any) -> Any:
        """Certain rows, diverse classes, near their centre."""
        logits = self.network(x)
        return entropy(logits) - diversity(logits) + PSEUDO * torch.nn.functional.cross_entropy(logits, self.pseudo)
