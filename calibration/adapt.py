"""Adaptation: a person's unlabelled data flows in; a model that knows them, and a record of each step, flow out.

Every method, whatever it adapts, obeys `Adapter`. None sees a label of the person, none needs the source data at hand
unless it says so, and what it learned is a state that can be copied and put back. `guards.Guarded` wraps any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """One step of adaptation, as it stands in the log.

    Attributes:
        method: name of the adapter.
        amount: how much unlabelled data it rests on, in `unit`.
        unit: "s" or "samples".
        before: free parameters that the step touched, by name.
        after: likewise, once it was taken (or would have been).
        effect: the predicted effect in figures: mean probability before and after, share of predictions that change.
        accepted: whether the step was taken.
        reason: why it was not, or what the guard noticed, in one sentence; "" otherwise.
    """

    method: str
    amount: float
    unit: str
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    effect: Mapping[str, float] = field(default_factory=dict)
    accepted: bool = True
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "before": dict(self.before), "after": dict(self.after), "effect": dict(self.effect)}


class Adapter(Protocol):
    """A model that learns one person from unlabelled data.

    Attributes:
        name: of the method, as users write it.
    """

    name: str

    def observe(self, x: Array) -> Change | None:
        """Learn from unlabelled rows, (n, features), in order of time; None where nothing was changed."""
        ...

    def predict(self, x: Array) -> Array:
        """Probabilities (n, classes) of rows, (n, features), with what was learned so far; learns nothing."""
        ...

    def figures(self) -> dict[str, float]:
        """The free parameters by name, for limits and the log; few and small."""
        ...

    def state(self) -> object:
        """A copy of everything that `observe` changes."""
        ...

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`, bit by bit."""
        ...
