"""Network adapters: evidence frames flow in; posteriors of a fusion network that learns its person flow out.

What moves is one figure, how often the person is in A/H (`models.prevalence`): the rest of what a network needs to know
of a person comes from a calibration or from its own inputs. `NetworkPrevalence` obeys `adapt.Adapter`, so that the
guards of the evidence filter watch it too; `AdaptiveNetworkFuser` obeys `models.posterior.Fuser`. Every `EVERY_S` of
settled frames the adapter learns, and the network goes on with what it learned: a row knows nothing of later ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.fuser import EVERY_S, LAYOUT, ROW_S
from ahdetect.calibration.guards import Guarded
from ahdetect.calibration.rows import WIDTH, latest, row_of
from ahdetect.calibration.sums import LEAST_S
from ahdetect.models.evidence import PREVALENCE, logit
from ahdetect.models.personal import Personal
from ahdetect.models.posterior import EvidenceFrame, Posterior
from ahdetect.models.prevalence import FIGURES, HALF_S, Estimator, figures_of, prevalence_of
from ahdetect.models.runtime import FusionModel, NetworkFuser

TOLD: Final = slice(WIDTH, WIDTH + 2)
"""Columns of a row behind those of `rows.row_of`: the network's log-odds of a stranger, and those of the prevalence."""


@dataclass(frozen=True, slots=True)
class _Learned:
    sums: Array
    seconds: float
    eta: float
    recent: tuple[Array, ...]


class NetworkPrevalence:
    """Learns how often a person is in A/H from what a network says of them; obeys `Adapter`.

    Rows are those of `rows.row_of` with two more columns, see `TOLD`.

    Args:
        estimator: of the network.
        setting: share of time in A/H where neither prompt nor person is known.
        before: the person's own, from a profile; what is learned takes its place as the session goes on.
    """

    name = "network prevalence"

    def __init__(self, estimator: Estimator, setting: float = PREVALENCE, before: float | None = None) -> None:
        self._estimator, self._setting = estimator, setting
        self._before = 0.0 if before is None else logit(before) - logit(setting)
        self._s = _Learned(np.zeros(FIGURES), 0.0, self._before, ())

    @property
    def prevalence(self) -> float:
        """What was learned so far."""
        return prevalence_of(self._s.eta, self._setting)

    @property
    def seconds(self) -> float:
        """How much of this person was seen."""
        return self._s.seconds

    def observe(self, x: Array) -> Change | None:
        """Learn from rows, (n, WIDTH + 2); nothing changes until `LEAST_S` of any cue was seen."""
        s = self._s
        there = np.isfinite(x[:, 2:WIDTH]).any(axis=1) & np.isfinite(x[:, TOLD]).all(axis=1)
        rows = x[there]
        sums = s.sums + rows[:, 0] @ figures_of(rows[:, WIDTH], rows[:, WIDTH + 1])
        seconds, eta = s.seconds + float(rows[:, 0].sum()), s.eta
        if seconds >= LEAST_S:
            known = self._before * HALF_S / (seconds + HALF_S)
            eta = known + self._estimator.log_odds(sums / seconds, seconds)
        before, self._s = self.prevalence, _Learned(sums, seconds, eta, latest((*s.recent, x)))
        return None if eta == s.eta else self._change(before, s.eta)

    def predict(self, x: Array) -> Array:
        """Probabilities (n, 2) of not A/H and A/H: those of a stranger, moved by what was learned."""
        return self._with(x, self._s.eta)

    def figures(self) -> dict[str, float]:
        """The one free parameter."""
        return {"prevalence": self.prevalence}

    def state(self) -> object:
        """Everything that `observe` changes; values that are never changed in place, so the copy is free."""
        return self._s

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`."""
        assert isinstance(state, _Learned)
        self._s = state

    def _with(self, x: Array, eta: float) -> Array:
        moved = logit(prevalence_of(eta, self._setting)) - logit(self._setting)
        p = 1.0 / (1.0 + np.exp(-(np.nan_to_num(x[:, WIDTH]) + moved)))
        return np.stack([1.0 - p, p], axis=1)

    def _change(self, before: float, eta: float) -> Change:
        x = np.concatenate(self._s.recent)
        old, new = self._with(x, eta)[:, 1], self._with(x, self._s.eta)[:, 1]
        effect = {
            "mean_p_before": float(old.mean()),
            "mean_p_after": float(new.mean()),
            "changed": float(((old >= 0.5) != (new >= 0.5)).mean()),
        }
        return Change(self.name, self.seconds, "s", {"prevalence": before}, self.figures(), effect)


@dataclass(frozen=True, slots=True)
class _State:
    network: object
    guarded: object
    rows: tuple[Array, ...]
    since_s: float
    waited_s: float
    kind: str | None


class AdaptiveNetworkFuser:
    """One session of a fusion network with online adaptation.

    A person whose usual values a calibration told is measured against them all the time; where a guard puts aside what
    was learned (another person, light or device), the running mean goes on from there.

    Args:
        model: weights; `model.person` must be there.
        prompt_kind: as `NetworkFuser`.
        prevalence: likewise.
        personal: what is known of the person beforehand, from a calibration or a profile.
        on_change: told of every step and every refusal.

    Raises:
        ValueError: the network cannot tell how often a person is in A/H.
    """

    def __init__(
        self,
        model: FusionModel,
        prompt_kind: str | None = None,
        prevalence: float = PREVALENCE,
        personal: Personal | None = None,
        *,
        on_change: Callable[[Change], None] | None = None,
    ) -> None:
        if model.person is None:
            raise ValueError("the network was trained without telling how often a person is in A/H")
        self._known = personal or Personal()
        stranger = replace(self._known, prevalence=None)
        self._network = NetworkFuser(
            model, prompt_kind, prevalence, stranger, running=not self._known.usual, watched=True
        )  # fmt: skip
        self._learned = NetworkPrevalence(model.person, prevalence, self._known.prevalence)
        if self._known.prevalence is not None:
            self._network.set_estimate(self._learned.prevalence)
        self._guarded = Guarded(self._learned, LAYOUT)
        self._on_change = on_change
        self._rows: tuple[Array, ...] = ()
        self._since_s = self._waited_s = 0.0
        self._kind = prompt_kind
        self.changes: list[Change] = []

    @property
    def personal(self) -> Personal:
        """What is in force now."""
        return replace(self._known, prevalence=self._learned.prevalence) if self._learned.seconds else self._known

    def set_prompt(self, kind: str | None) -> None:
        """A prompt of this kind ended and its answer begins; None for not known."""
        self._network.set_prompt(kind)
        self._kind = kind

    def step(self, frame: EvidenceFrame) -> Posterior:
        """Take in the next moment and say what is known at it; then, where it is due, learn."""
        said = self._network.step(frame)
        if frame.settled:
            self._gather(frame)
        return said

    def state(self) -> object:
        """A copy of everything that `step` and `set_prompt` change, except the log."""
        return _State(
            self._network.state(), self._guarded.state(), self._rows, self._since_s, self._waited_s, self._kind
        )  # fmt: skip

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`, also that of another fuser made alike."""
        assert isinstance(state, _State)
        self._network.restore(state.network)
        self._guarded.restore(state.guarded)
        self._rows, self._since_s, self._waited_s = state.rows, state.since_s, state.waited_s
        self._kind = state.kind

    def _gather(self, frame: EvidenceFrame) -> None:
        self._since_s += frame.dur_ns / 1e9
        self._waited_s += frame.dur_ns / 1e9
        if self._since_s < ROW_S - 1e-6:
            return
        assert self._network.stranger is not None
        row = np.concatenate([row_of(frame, self._since_s, self._kind), self._network.stranger])
        self._rows, self._since_s = (*self._rows, row), 0.0
        if self._waited_s >= EVERY_S - 1e-6:
            self._learn()

    def _learn(self) -> None:
        seen = self._learned.seconds
        change = self._guarded.observe(np.stack(self._rows))
        self._rows, self._waited_s = (), 0.0
        if self._learned.seconds < seen:
            self._network.run()
        if change is not None:
            self._network.set_estimate(self.personal.prevalence)
            self.changes.append(change)
            if self._on_change is not None:
                self._on_change(change)
