"""Adaptive fusers: evidence frames flow in; posteriors of a fuser that learns its person flow out.

`AdaptiveFuser` wraps the evidence filter or a fusion network and obeys `models.posterior.Fuser` like them. Every
`EVERY_S` of settled frames the adapter learns from them, under guard, and the fuser goes on with what it learned: a row
knows nothing of later ones. The fuser's own running mean is off: it would take A/H for what is usual. Provisional
frames teach nothing, and a walk over them starts from a copied state, so they leave no trace. The same frames give the
same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.bayes import EvidenceBayes
from ahdetect.calibration.guards import Guarded, Layout
from ahdetect.calibration.rows import CHANNEL_OF, row_of
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.evidence import PREVALENCE, EvidenceFilter, EvidenceSettings
from ahdetect.models.personal import Personal
from ahdetect.models.posterior import EvidenceFrame, Fuser, Posterior
from ahdetect.models.reference import Reference
from ahdetect.models.runtime import FusionModel, NetworkFuser

EVERY_S: Final = 5.0
"""Seconds of settled frames between two steps: about a segment."""

ROW_S: Final = 0.4
"""One row for the adapter in so many seconds: cues look back on 2 s or more."""

LAYOUT: Final = Layout(
    0,
    {c.value: tuple((2 + np.flatnonzero(k == CHANNEL_OF)).tolist()) for k, c in enumerate(Channel)},
    frozenset(2 + i for i, e in enumerate(EFFECTS) if e.kind is Kind.LEVEL),
)
"""The rows of `rows.row_of`, by channel."""


@dataclass(frozen=True, slots=True)
class _State:
    fuser: object
    guarded: object
    rows: tuple[Array, ...]
    since_s: float
    waited_s: float
    kind: str | None
    applied: Personal


class Adaptable(Fuser, Protocol):
    """A fuser whose personal parameters can be put in force in the middle of a session."""

    def set_personal(self, personal: Personal) -> None:
        """Put these personal parameters in force."""
        ...


def adaptive_filter(
    settings: EvidenceSettings | None = None,
    prompt_kind: str | None = None,
    personal: Personal | None = None,
    references: Mapping[str, Reference] | None = None,
    *,
    on_change: Callable[[Change], None] | None = None,
) -> AdaptiveFuser:
    """An evidence filter that learns its person.

    Args:
        settings: of the filter.
        prompt_kind: as `EvidenceFilter`.
        personal: what is known of the person beforehand, from a calibration or a profile.
        references: as `EvidenceFilter`.
        on_change: told of every step and every refusal.
    """
    settings = replace(settings or EvidenceSettings(), personal=False)
    plain = EvidenceFilter(settings, prompt_kind, references, personal)
    return AdaptiveFuser(plain, EvidenceBayes(settings, personal, references), prompt_kind, on_change)


def adaptive_network(
    model: FusionModel,
    prompt_kind: str | None = None,
    prevalence: float = PREVALENCE,
    personal: Personal | None = None,
    *,
    on_change: Callable[[Change], None] | None = None,
) -> AdaptiveFuser:
    """A fusion network that learns its person, by what the evidence filter's population says of people.

    Args:
        model: weights.
        prompt_kind: as `NetworkFuser`.
        prevalence: likewise.
        personal: what is known of the person beforehand, from a calibration or a profile.
        on_change: told of every step and every refusal.
    """
    network = NetworkFuser(model, prompt_kind, prevalence, running=False)
    network.set_personal(personal or Personal())
    learned = EvidenceBayes(EvidenceSettings(prevalence=prevalence), personal)
    return AdaptiveFuser(network, learned, prompt_kind, on_change)


class AdaptiveFuser:
    """One session of a fuser with online adaptation; `adaptive_filter` and `adaptive_network` make one.

    Args:
        fuser: what is adapted.
        adapter: what learns.
        prompt_kind: that `fuser` was made with.
        on_change: told of every step and every refusal.
    """

    def __init__(
        self,
        fuser: Adaptable,
        adapter: EvidenceBayes,
        prompt_kind: str | None = None,
        on_change: Callable[[Change], None] | None = None,
    ) -> None:
        self._fuser = fuser
        self._adapter = adapter
        self._guarded = Guarded(adapter, LAYOUT)
        self._on_change = on_change
        self._rows: tuple[Array, ...] = ()
        self._since_s = self._waited_s = 0.0
        self._kind = prompt_kind
        self._applied = adapter.personal
        self.changes: list[Change] = []

    @property
    def personal(self) -> Personal:
        """What is in force now."""
        return self._adapter.personal

    def set_prompt(self, kind: str | None) -> None:
        """The kind of prompt now being answered; None for not known."""
        self._fuser.set_prompt(kind)
        self._kind = kind

    def step(self, frame: EvidenceFrame) -> Posterior:
        """Take in the next moment and say what is known at it; then, where it is due, learn."""
        said = self._fuser.step(frame)
        if frame.settled:
            self._gather(frame)
        return said

    def state(self) -> object:
        """A copy of everything that `step` and `set_prompt` change, except the log."""
        return _State(
            self._fuser.state(),
            self._guarded.state(),
            self._rows,
            self._since_s,
            self._waited_s,
            self._kind,
            self._applied,
        )

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`, also that of another fuser made alike."""
        assert isinstance(state, _State)
        self._fuser.restore(state.fuser)
        self._guarded.restore(state.guarded)
        self._rows, self._since_s, self._waited_s = state.rows, state.since_s, state.waited_s
        self._kind, self._applied = state.kind, state.applied

    def _gather(self, frame: EvidenceFrame) -> None:
        self._since_s += frame.dur_ns / 1e9
        self._waited_s += frame.dur_ns / 1e9
        if self._since_s < ROW_S - 1e-6:
            return
        self._rows = (*self._rows, row_of(frame, self._since_s, self._kind))
        self._since_s = 0.0
        if self._waited_s >= EVERY_S - 1e-6:
            self._learn()

    def _learn(self) -> None:
        change = self._guarded.observe(np.stack(self._rows))
        self._rows, self._waited_s = (), 0.0
        if self._adapter.personal is not self._applied:
            self._applied = self._adapter.personal
            self._fuser.set_personal(self._applied)
        if change is not None:
            self.changes.append(change)
            if self._on_change is not None:
                self._on_change(change)
