"""TENT: a person's unlabelled rows flow in; normalisation and affine parameters of least entropy flow out.

Wang et al. 2021, ICLR, "Tent: fully test-time adaptation by entropy minimization". The batch is the rows kept so far;
its statistics take the place of the training people's.
"""

from __future__ import annotations

from typing import Any

import torch

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.methods.network import ENOUGH, Networked, entropy


class Tent(Networked):
    """Statistics of the person's rows, and affine parameters by entropy minimisation."""

    name = "tent"

    def parameters(self) -> list[Any]:
        """Scale and shift of the normalisation layers."""
        return [p for m in self.network.modules() if isinstance(m, torch.nn.BatchNorm1d) for p in m.parameters()]

    def loss(self, x: Any) -> Any:
        """Entropy under the batch's own statistics."""
        self.network.train()
        return entropy(self.network(x))

    def observe(self, x: Array) -> Change | None:
        """Take a step, then leave the statistics of the rows kept in the normalisation layers."""
        made = super().observe(x)
        if len(self.seen) >= ENOUGH:
            norms = [m for m in self.network.modules() if isinstance(m, torch.nn.BatchNorm1d)]
            for norm in norms:
                norm.momentum = 1.0
            self.network.train()
            with torch.no_grad():
                self.network(self.seen)
            self.network.eval()
        return made
