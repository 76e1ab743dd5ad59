"""Network methods: a person's unlabelled steps flow in; the fusion network's own weights, adapted, flow out (torch).

TENT and SHOT as in `methods.tent` and `methods.shot`, on the fusion network in place of a classifier of single rows. A
row is one step, in order of time: features, mask and context side by side (`rows_of`); a channel with a NaN, as guards
make of one that stands still, is absent. The network has no normalisation layers, so TENT's affine parameters are those
by which each channel enters; SHOT moves everything in front of the last layer, which stays. A/H is rare, so what counts
as diverse is the prevalence in force, not half and half.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, Final, cast

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.errors import ConfigError
from ahdetect.models.cues import Channel
from ahdetect.models.fusion_inputs import CONTEXT, PRIOR, Floats

try:
    import torch
    from torch.nn import functional
except ModuleNotFoundError as missing:
    raise ConfigError(
        "TENT and SHOT on the fusion network need torch; run `pip install 'ahdetect[train]'`.", value="torch"
    ) from missing

MEMORY_STEPS: Final = 600
"""Steps of the person that are learned from, the newest: two minutes at 5 a second; assumed."""

LEAST_STEPS: Final = 50
"""Steps below which nothing is learned."""

UPDATES: Final = 3
"""Steps of the optimiser at each call; assumed."""

PSEUDO: Final = 0.3
"""Weight of SHOT's pseudo-labels, the paper's."""


def rows_of(features: Floats, mask: Floats, context: Floats) -> Array:
    """Rows (T, F + channels + CONTEXT) of what a network takes."""
    return np.concatenate([features, mask, context], axis=1).astype(np.float64)


class NetworkMethod(ABC):
    """What both share: a copy of the network, the steps kept, state; obeys `Adapter`.

    Args:
        network: a trained `models.fusion.FusionNetwork`; left as it is.
        rate: of learning.
    """

    name = "network"

    def __init__(self, network: Any, rate: float = 1e-3) -> None:
        self._network = copy.deepcopy(network).cpu().eval()
        self._rate = rate
        for p in self._network.parameters():
            p.requires_grad_(False)
        self._free = self._parameters()
        for p in self._free:
            p.requires_grad_(True)
        self._first = [p.detach().clone() for p in self._free]
        self._seen: Any = None

    def observe(self, x: Array) -> Change | None:
        """Keep the rows, and take `UPDATES` steps on those kept."""
        rows = self._rows(x)
        self._seen = rows if self._seen is None else torch.cat([self._seen, rows])[-MEMORY_STEPS:]
        if len(self._seen) < LEAST_STEPS:
            return None
        before, p = self.figures(), self.predict(x)[:, 1]
        optimiser = torch.optim.SGD(self._free, lr=self._rate)
        for _ in range(UPDATES):
            optimiser.zero_grad()
            self._loss(self._logits(self._seen), self._seen).backward()
            optimiser.step()
        q = self.predict(x)[:, 1]
        effect = {
            "mean_p_before": float(p.mean()),
            "mean_p_after": float(q.mean()),
            "changed": float(((p >= 0.5) != (q >= 0.5)).mean()),
        }
        return Change(self.name, float(len(self._seen)), "samples", before, self.figures(), effect)

    def predict(self, x: Array) -> Array:
        """Probabilities (n, 2) of not A/H and A/H of consecutive steps, from rest, past only."""
        with torch.no_grad():
            p = torch.sigmoid(self._logits(self._rows(x))).double().numpy()
        return np.stack([1.0 - p, p], axis=1)

    def figures(self) -> dict[str, float]:
        """How far the parameters that may move have moved."""
        moved = sum(float(((p.detach() - q) ** 2).sum()) for p, q in zip(self._free, self._first, strict=True))
        return {"moved": moved**0.5}

    def state(self) -> object:
        """A copy of the parameters that may move, and the steps kept."""
        return [p.detach().clone() for p in self._free], self._seen

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`, bit by bit."""
        free, self._seen = cast(tuple[list[Any], Any], state)
        with torch.no_grad():
            for p, was in zip(self._free, free, strict=True):
                p.copy_(was)

    @abstractmethod
    def _parameters(self) -> list[Any]:
        """Those of the copy that move."""

    @abstractmethod
    def _loss(self, logits: Any, rows: Any) -> Any:
        """What a step makes smaller, of the log-odds and the rows that they are of."""

    def _rows(self, x: Array) -> Any:
        rows, encoders = torch.tensor(x, dtype=torch.float32), self._network.encoders
        for k in range(len(Channel)):
            gone = torch.isnan(rows[:, getattr(encoders, f"place_{k}")]).any(dim=1)
            rows[gone, k - CONTEXT - len(Channel)] = 0.0
        return torch.nan_to_num(rows)

    def _logits(self, rows: Any) -> Any:
        """Log-odds (n,) of consecutive steps."""
        parts = rows.split([rows.shape[1] - len(Channel) - CONTEXT, len(Channel), CONTEXT], dim=1)
        return self._network(*(part[None] for part in parts))[0]


class NetworkTent(NetworkMethod):
    """Entropy minimisation of the affine parameters (Wang et al. 2021)."""

    name = "tent"

    def _parameters(self) -> list[Any]:
        return [entry.bias for entry in self._network.encoders.entries]

    def _loss(self, logits: Any, rows: Any) -> Any:  # noqa: ARG002
        return _entropy(torch.sigmoid(logits)).mean()


class NetworkShot(NetworkMethod):
    """Information maximisation with pseudo-labels, the last layer fixed (Liang et al. 2020)."""

    name = "shot"

    def _parameters(self) -> list[Any]:
        return [
            p for name, p in self._network.named_parameters()
            if name.split(".")[0] in ("encoders", "fusion", "entry", "memory")
        ]  # fmt: skip

    def _loss(self, logits: Any, rows: Any) -> Any:
        p = torch.sigmoid(logits)
        prior = torch.sigmoid(rows[:, PRIOR - CONTEXT])
        share, usual = p.mean(), prior.mean()
        far = share * torch.log(share / usual) + (1 - share) * torch.log((1 - share) / (1 - usual))
        # A pseudo-label is the side on which the step is surer than its prompt is.
        labels = (p.detach() > torch.sqrt(prior * 0.5)).float()
        return _entropy(p).mean() + far + PSEUDO * functional.binary_cross_entropy_with_logits(logits, labels)


def _entropy(p: Any) -> Any:
    q = p.clamp(1e-6, 1.0 - 1e-6)
    return -(q * torch.log(q) + (1 - q) * torch.log(1 - q))
