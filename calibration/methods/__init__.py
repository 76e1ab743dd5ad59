"""Methods of adaptation for a table of features: training people flow in, an `Adapter` for a new person flows out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ahdetect.calibration.adapt import Adapter
from ahdetect.calibration.methods.classifier import Prepared
from ahdetect.calibration.methods.fixed import Fixed
from ahdetect.calibration.methods.online import Online
from ahdetect.calibration.methods.person import Person

Maker = Callable[[Prepared], Adapter]
"""Training people in, an adapter that has seen nobody else out."""

METHODS: Final[dict[str, Maker]] = {
    "source-only": Fixed,
    "ahdetect": Person,
    "normalise": Online,
}

DEFAULT: Final = "ahdetect"
