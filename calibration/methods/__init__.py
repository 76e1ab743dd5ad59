"""Methods of adaptation for a table of features: training people flow in, an `Adapter` for a new person flows out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ahdetect.calibration.adapt import Adapter
from ahdetect.calibration.methods.fixed import Fixed
from ahdetect.calibration.methods.online import Online
from ahdetect.calibration.methods.source import Source

Maker = Callable[[Source, int], Adapter]
"""Training people and a seed in, an adapter that has seen nobody else out."""

METHODS: Final[dict[str, Maker]] = {
    "source-only": lambda source, seed: Fixed(source),
    "normalise": lambda source, seed: Online(source),
}
