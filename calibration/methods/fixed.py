"""No adaptation: rows flow in, the probabilities of a classifier of the whole population flow out."""

from __future__ import annotations

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.methods.classifier import Prepared


class Fixed:
    """The classifier of the training people, the same for everybody: the row that adaptation must beat."""

    name = "source-only"

    def __init__(self, prepared: Prepared) -> None:
        self.columns, self.classify = prepared.columns, prepared.population

    def observe(self, x: Array) -> Change | None:  # noqa: ARG002
        """Learn nothing."""
        return None

    def predict(self, x: Array) -> Array:
        """Probabilities of the population's classifier."""
        return self.classify(self.columns(x))

    def figures(self) -> dict[str, float]:
        """None are free."""
        return {}

    def state(self) -> object:
        """There is none."""
        return None

    def restore(self, state: object) -> None:
        """Nothing to put back."""
