"""Methods of adaptation for a table of features: training people flow in, an `Adapter` for a new person flows out."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, cast

from ahdetect.calibration.adapt import Adapter
from ahdetect.calibration.methods.classifier import Prepared

Maker = Callable[[Prepared], Adapter]
"""Training people in, an adapter that has seen nobody else out."""


def _later(module: str, kind: str) -> Maker:
    """The class `kind` of a module that is imported when it is first used: some need torch."""

    def make(prepared: Prepared) -> Adapter:
        return cast(Adapter, getattr(import_module(f"{__name__}.{module}"), kind)(prepared))

    return make


METHODS: Final[dict[str, Maker]] = {
    "source-only": _later("fixed", "Fixed"),
    "ahdetect": _later("person", "Person"),
    "normalise": _later("online", "Online"),
    "subjects": _later("subjects", "Subjects"),
    "cache": _later("cache", "Cache"),
    "network": _later("network", "Networked"),
    "tent": _later("tent", "Tent"),
    "shot": _later("shot", "Shot"),
    "nrc": _later("nrc", "Nrc"),
}
"""By the name that users write. "source-only" and "network" learn nothing; TENT, SHOT and NRC start at the latter."""

DEFAULT: Final = "ahdetect"
