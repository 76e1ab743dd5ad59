"""Prevalence: what a network says of a person as of a stranger flows in; how often they are in A/H flows out.

A network that does not know how often a person is in A/H says at each step how likely it is that they are, p, against
what the prompt has in people, pi. Somebody who is in A/H more often is above pi more of the time, is sure more often,
and more so under prompts that bring A/H out; somebody whose face or voice is merely like that is above it all the time.
On training people, the person's log-odds are regressed on means of a few such figures over their past. That gives the
mean of what people with such figures had, an empirical Bayes estimate (Robbins 1956), shrunk as far as a few minutes
are worth. The network that is listened to never gets the estimate, so it cannot confirm itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.models.evidence import PREVALENCE, logit, sigmoid
from ahdetect.models.personal import PREVALENCE_BOUNDS

Array = NDArray[np.float64]

FIGURES: Final = 8
"""Figures of a step, see `figures_of`."""

HALF_S: Final = 100.0
"""Seconds after which an estimate counts half; of 30, 100 and 300 the one with the least error on simulated people."""

WORTH: Final = 0.5
"""Share of an estimate that is used: a person whose face or voice is taken for A/H has too high an estimate, and the
network says too much of them already. Of 0, .5 and 1 the one with the best average precision on 60 simulated people."""


def figures_of(log_odds: Array, prior: Array) -> Array:
    """Figures (T, FIGURES) of steps.

    Args:
        log_odds: that the network says of a stranger, (T,).
        prior: log-odds of the prevalence of the prompt in people, (T,).
    """
    p, pi = 1.0 / (1.0 + np.exp(-log_odds)), 1.0 / (1.0 + np.exp(-prior))
    more = p - pi
    sure = [p > share for share in (0.3, 0.5, 0.7)]
    return np.stack(
        [more, p**2 - pi**2, sure[0] - pi, sure[1] - pi / 2, 1.0 * sure[2], pi, pi * (1.0 - pi), more * pi], axis=-1
    )


@dataclass(frozen=True)
class Estimator:
    """How the means of a person's figures tell their log-odds; part of the network's file.

    Attributes:
        centre: mean of each figure over people, (FIGURES,).
        spread: standard deviation, (FIGURES,), > 0.
        weight: log-odds per standard deviation, (FIGURES,).
        base: log-odds of the average person, beside the setting's.
    """

    centre: Array
    spread: Array
    weight: Array
    base: float

    def design(self, means: Array, seconds: Array) -> Array:
        """What is weighed, (..., FIGURES + 1): the last is for `base`."""
        z = (means - self.centre) / self.spread
        one = np.ones_like(z[..., :1])
        return np.asarray(np.concatenate([z, one], axis=-1) * (seconds / (seconds + HALF_S))[..., None])

    def log_odds(self, means: Array, seconds: float) -> float:
        """What is used of the estimate of a person's log-odds beside the setting's.

        Args:
            means: of the figures, (FIGURES,).
            seconds: that they are means of.
        """
        return WORTH * float(self.design(means, np.array(seconds)) @ np.append(self.weight, self.base))

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return {
            "centre": self.centre.tolist(),
            "spread": self.spread.tolist(),
            "weight": self.weight.tolist(),
            "base": self.base,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Estimator:
        """What `to_json` wrote. Raises ValueError, KeyError or TypeError where it is not that."""
        found = [np.array(raw[name], dtype=np.float64) for name in ("centre", "spread", "weight")]
        if any(x.shape != (FIGURES,) for x in found):
            raise ValueError(f"an estimator of the prevalence has {FIGURES} figures")
        return cls(found[0], found[1], found[2], float(raw["base"]))


def prevalence_of(log_odds: float, setting: float = PREVALENCE) -> float:
    """Share of time in A/H, within its bounds, of a person with log-odds beside those of the setting."""
    return float(np.clip(sigmoid(logit(setting) + log_odds), *PREVALENCE_BOUNDS))
