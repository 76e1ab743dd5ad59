"""Guards: an adapter's steps flow in; the steps that are safe, and a refusal in one sentence for each other, flow out.

Four guards, each against a way in which learning without labels goes wrong:

* thin evidence: a channel that is absent, or that has not moved at all for `FLAT_S` (a muted microphone, a frozen
  picture), teaches nothing; without `LEAST_S` of anything nothing is learned.
* drift: a CUSUM (Page 1954) per channel on how far its cues lie from their own past. A lamp or a microphone moves the
  cues of one channel at once and for good: what was learned of that channel goes back to the beginning (the population,
  or what a calibration found). Another person moves those of all: then everything does. Nothing is learned for
  `HOLD_S`, and learning starts anew.
* limits: no free parameter moves further in one step than people differ.
* collapse: a model that calls everything one class over `WINDOW_S` where that of the beginning does not, or over
  `LONG_S` where it does so too, is not taught further; nor is one that sees A/H in more than half of `WINDOW_S`; nor
  one whose predictions hardly move any more while those of the beginning do (entropy collapse: Niu et al. 2023, SAR).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

import numpy as np

from ahdetect.calibration.adapt import Adapter, Array, Change
from ahdetect.models.personal import PREVALENCE_BOUNDS

FLAT_S: Final = 10.0
"""A channel without any movement for so long is stuck: cues look back on 2 to 10 s; assumed."""

LEAST_S: Final = 5.0
"""Data in one step that may teach, at least half of it in each window of this length; assumed."""

HOLD_S: Final = 20.0
"""How long nothing is learned after a drift; assumed, an answer."""

SETTLE_S: Final = 120.0
"""How long the drift monitor only learns what is usual; assumed."""

SLACK: Final = 1.0
ALARM: Final = 20.0
"""CUSUM on the mean squared standardised distance of a channel's cues, 1 while nothing changes: what is forgiven per
block, and the sum that raises the alarm; the same for the mean over the channels. Set on 16 simulated people: one
false alarm in 16 times 12 minutes, 15 of 16 changes of person and 16 of 16 of a lamp (2 standard deviations) found."""

ALL: Final = "all"
"""Name of the sum over all channels."""

MOST: Final = 9.0
"""A block further off than three standard deviations counts as three."""

MEMORY_S: Final = 600.0
"""Longest past that the drift monitor takes as usual; assumed."""

WINDOW_S: Final = 600.0
"""Stretch over which a model that gives one class only, where that of the beginning gives both, has collapsed."""

LONG_S: Final = 1800.0
"""How long both may give one class only. A weak filter rarely crosses .5, so ten minutes of it are ordinary; half an
hour of one state, if it is that, would pass for what is usual in the person. Assumed."""

CHECK_S: Final = 60.0
"""How often the window is looked at."""

ONE_CLASS: Final = 0.995
"""Share of one class over `WINDOW_S` that is a collapse."""

MOST_AH: Final = PREVALENCE_BOUNDS[1]
"""Mean probability of A/H over the window that is more than adaptation may arrive at."""

STILL: Final = 1.0 / 3.0
"""Spread of the log-odds over the window, against the model's of the beginning, under which it hardly moves."""

UNTAKEN: Final = "the step was not taken."
"""End of the reason of a step that was taken back."""

STEP: Final[dict[str, float]] = {"location": 1.0, "scale": 0.7, "gain": 0.5, "offset": 0.6, "prevalence": 0.15}
"""Furthest that a parameter may move in one step, by the end of its name: a location in scales of its cue, a scale in
log, the others in their own units. About one standard deviation over people (`models.simulate`)."""


@runtime_checkable
class Forgetting(Protocol):
    """An adapter that can put aside what it learned of some channels and keep the rest."""

    def forget(self, channels: frozenset[str]) -> None:
        """Go back to the beginning for these channels, by their names in `Layout.groups`."""
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of the rows are.

    Attributes:
        seconds: column with the seconds that a row stands for; None where every row counts `row_s`.
        groups: per name of a channel the columns that belong to it.
        watched: columns that never rest in a person who is there, for the monitors of drift and of stillness; counts of
            rare events do rest.
        row_s: seconds of a row where there is no such column.
    """

    seconds: int | None
    groups: Mapping[str, tuple[int, ...]]
    watched: frozenset[int]
    row_s: float = 1.0

    def seconds_of(self, x: Array) -> Array:
        """Seconds of each row, (n,)."""
        return x[:, self.seconds] if self.seconds is not None else np.full(len(x), self.row_s)


@dataclass(frozen=True, slots=True)
class _State:
    adapter: object
    flat_s: dict[str, float]
    last: Array
    seen_s: Array
    mean: Array
    square: Array
    sums: dict[str, float]
    hold_s: float
    recent: tuple[Array, ...]
    check_in_s: float
    verdict: str
    said: str
    one_s: float


class Guarded:
    """An adapter whose every step is checked; obeys `Adapter` itself.

    Args:
        adapter: to guard. Its state now is the beginning to which a drift leads back.
        layout: of its rows.
        limits: see `STEP`.
        window_s: see `WINDOW_S`.
    """

    def __init__(
        self,
        adapter: Adapter,
        layout: Layout,
        *,
        limits: Mapping[str, float] = STEP,
        window_s: float = WINDOW_S,
    ) -> None:
        self.adapter = adapter
        self.name = adapter.name
        self._layout = layout
        self._limits = limits
        self._window_s = window_s
        self._beginning = adapter.state()
        n = 1 + max(i for columns in layout.groups.values() for i in columns)
        zeros = np.zeros(n)
        self._s = _State(
            self._beginning, dict.fromkeys(layout.groups, 0.0), np.full(n, np.nan), zeros, zeros, zeros,
            dict.fromkeys((*layout.groups, ALL), 0.0), 0.0, (), CHECK_S, "", "", 0.0,
        )  # fmt: skip

    def observe(self, x: Array) -> Change | None:
        """Let the adapter learn from rows if that is safe; a refusal is told when its reason is a new one."""
        seconds = float(self._layout.seconds_of(x).sum())
        taught, stuck = self._without_stuck(x)
        moved = self._drift(taught)
        if moved:
            return self._start_anew(moved, seconds)
        if self._s.hold_s > 0:
            self._s = replace(self._s, hold_s=max(0.0, self._s.hold_s - seconds))
            return None
        self._remember(x, seconds)
        if stuck and (told := self._tell(_stuck(stuck), seconds)):
            return told
        if self._thin(taught):
            return self._tell("Too little was seen or heard: nothing is learned from it.", seconds)
        if self._s.check_in_s == CHECK_S:
            self._judge()
        if self._s.verdict:
            return self._tell(self._s.verdict, seconds)
        return self._teach(taught)

    def predict(self, x: Array) -> Array:
        """As the guarded adapter."""
        return self.adapter.predict(x)

    def figures(self) -> dict[str, float]:
        """As the guarded adapter."""
        return self.adapter.figures()

    def state(self) -> object:
        """The adapter's state and that of the guards; no part is ever changed in place."""
        return replace(self._s, adapter=self.adapter.state())

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`, bit by bit."""
        assert isinstance(state, _State)
        self._s = state
        self.adapter.restore(state.adapter)

    # -- teaching

    def _teach(self, x: Array) -> Change | None:
        before, old = self.adapter.state(), self.adapter.figures()
        change = self.adapter.observe(x)
        if change is None:
            return None
        due = self._s.check_in_s == CHECK_S
        reason = self._too_far(old, self.adapter.figures()) or (self._still() if due else "")
        if not reason:
            self._s = replace(self._s, said="" if self._s.said.endswith(UNTAKEN) else self._s.said)
            return change
        self.adapter.restore(before)
        if self._s.said == reason:
            return None
        self._s = replace(self._s, said=reason)
        return replace(change, accepted=False, reason=reason)

    def _too_far(self, old: Mapping[str, float], new: Mapping[str, float]) -> str:
        for name in new:
            kind = name.rpartition(".")[2]
            limit = self._limits.get(kind)
            if limit is None or name not in old:
                continue
            by = abs(new[name] - old[name])
            if kind == "location":
                by /= max(old.get(name.removesuffix("location") + "scale", 1.0), 1e-12)
            elif kind == "scale":
                by = abs(float(np.log(new[name] / old[name])))
            if by > limit:
                return f"{name} would move too far for a person in one step: {UNTAKEN}"
        return ""

    def _window(self) -> Array | None:
        """The rows of the last `window_s`, None where there are fewer."""
        if not self._s.recent:
            return None
        x = np.concatenate(self._s.recent)
        return x if float(self._layout.seconds_of(x).sum()) >= 0.9 * self._window_s else None

    def _judge(self) -> None:
        """Look whether the window is all one class, and since when."""
        x = self._window()
        if x is None:
            return
        p = self.adapter.predict(x)
        if _too_much(p):
            minutes = self._window_s / 60.0
            verdict = f"More than half of {minutes:.0f} minutes would be in A/H: nothing is learned from them."
            self._s = replace(self._s, verdict=verdict, one_s=0.0)
            return
        if not _one_class(p):
            self._s = replace(self._s, verdict="", one_s=0.0)
            return
        one_s = self._s.one_s + CHECK_S if self._s.one_s else self._window_s
        now = self.adapter.state()
        self.adapter.restore(self._beginning)
        both = _one_class(self.adapter.predict(x))
        self.adapter.restore(now)
        verdict = ""
        if not both or one_s >= LONG_S / WINDOW_S * self._window_s:
            minutes = (one_s if both else self._window_s) / 60.0
            verdict = (
                self._s.verdict or f"{minutes:.0f} minutes look like one state only: nothing is learned from them."
            )
        self._s = replace(self._s, verdict=verdict, one_s=one_s)

    def _still(self) -> str:
        """Whether the predictions hardly move any more, although the model of the beginning's do."""
        x = self._window()
        if x is None:
            return ""
        after, now = self._spread(x), self.adapter.state()
        self.adapter.restore(self._beginning)
        first = self._spread(x)
        self.adapter.restore(now)
        return f"The estimate would hardly move any more: {UNTAKEN}" if after < STILL * first else ""

    def _spread(self, x: Array) -> float:
        p = np.clip(self.adapter.predict(x), 1e-9, 1.0)
        return float(np.log(p).std(axis=0).mean())

    def _remember(self, x: Array, seconds: float) -> None:
        recent, total = [x], seconds
        for old in reversed(self._s.recent):
            if total >= self._window_s:
                break
            recent.append(old)
            total += float(self._layout.seconds_of(old).sum())
        due_in = self._s.check_in_s - seconds
        self._s = replace(
            self._s, recent=tuple(reversed(recent)), check_in_s=CHECK_S if due_in <= 0 else min(due_in, CHECK_S - 1e-6)
        )

    def _tell(self, reason: str, seconds: float) -> Change | None:
        """A refusal, once for each run of the same reason."""
        if self._s.said == reason:
            return None
        self._s = replace(self._s, said=reason)
        return Change(self.name, seconds, "s", accepted=False, reason=reason)

    # -- thin evidence

    def _without_stuck(self, x: Array) -> tuple[Array, list[str]]:
        """The rows without the channels that stand still, and their names."""
        x, flat, stuck = x.copy(), dict(self._s.flat_s), []
        seconds = float(self._layout.seconds_of(x).sum())
        for name, columns in self._layout.groups.items():
            of = [i for i in columns if i in self._layout.watched]
            step = np.diff(np.vstack([self._s.last[of], x[:, of]]), axis=0)
            moves = bool((np.abs(step[np.isfinite(step)]) > 0).any())
            there = bool(np.isfinite(x[:, of]).any())
            flat[name] = 0.0 if moves or not there or not of else flat[name] + seconds
            if flat[name] >= FLAT_S:
                stuck.append(name)
        last = x[-1, : len(self._s.last)].copy()
        for name, columns in self._layout.groups.items():
            if flat[name] > 0:
                x[:, list(columns)] = np.nan
        self._s = replace(self._s, flat_s=flat, last=last)
        return x, stuck

    def _thin(self, x: Array) -> bool:
        columns = [i for of in self._layout.groups.values() for i in of]
        there = np.isfinite(x[:, columns]).any(axis=1)
        seconds = self._layout.seconds_of(x)
        return float(seconds[there].sum()) < min(0.5 * float(seconds.sum()), LEAST_S)

    # -- drift

    def _drift(self, x: Array) -> list[str]:
        """Names of the channels that are no longer what they were; takes the rows in as usual where there are none."""
        s, n = self._s, len(self._s.last)
        seconds = self._layout.seconds_of(x)[:, None]
        weight = np.where(np.isfinite(x[:, :n]), seconds, 0.0).sum(axis=0)
        block = np.where(np.isfinite(x[:, :n]), x[:, :n], 0.0)
        mean = (block * seconds).sum(axis=0) / np.maximum(weight, 1e-9)
        sums, moved = dict(s.sums), []
        far = np.minimum((mean - s.mean) ** 2 / np.maximum(s.square, 1e-18), MOST)
        known = (weight > 0) & (s.seen_s >= SETTLE_S)
        by_channel = {}
        for name, columns in self._layout.groups.items():
            if of := [i for i in columns if known[i] and i in self._layout.watched]:
                by_channel[name] = float(far[of].mean())
        if by_channel:
            by_channel[ALL] = sum(by_channel.values()) / len(by_channel)
        for name, distance in by_channel.items():
            sums[name] = max(0.0, sums[name] + distance - 1.0 - SLACK)
            if sums[name] > ALARM:
                moved.append(name)
        step = np.where(weight > 0, weight / (np.minimum(s.seen_s, MEMORY_S) + weight + 1e-9), 0.0)
        calm = np.where(known & (far > 4.0), 0.0, step)  # what is far off waits for the verdict
        new_mean = s.mean + calm * (mean - s.mean)
        square = s.square + calm * ((mean - s.mean) * (mean - new_mean) - s.square)
        self._s = replace(s, seen_s=s.seen_s + weight, mean=new_mean, square=square, sums=sums)
        return moved

    def _start_anew(self, moved: list[str], seconds: float) -> Change:
        old, s = self.adapter.figures(), self._s
        if ALL in moved or not isinstance(self.adapter, Forgetting):
            gone = frozenset(self._layout.groups)
            self.adapter.restore(self._beginning)
        else:
            gone = frozenset(moved)
            self.adapter.forget(gone)
        new = self.adapter.figures()
        which = "The cues of all channels" if ALL in moved else f"The {_list(moved)} cues"
        reason = (
            f"{which} changed at once and for good (another person, light or device): "
            "what was learned of them is put aside, and learning starts anew."
        )
        touched = [name for name in old if name in new and new[name] != old[name]]
        columns = [i for name in gone for i in self._layout.groups[name]]
        seen, mean, square = s.seen_s.copy(), s.mean.copy(), s.square.copy()
        for of in (seen, mean, square):
            of[columns] = 0.0
        self._s = replace(
            s, check_in_s=CHECK_S - 1e-6, verdict="", seen_s=seen, mean=mean, square=square, one_s=0.0,
            sums={name: 0.0 if name in gone or name == ALL else was for name, was in s.sums.items()},
            hold_s=HOLD_S, recent=(), said=reason,
        )  # fmt: skip
        return Change(
            self.name, seconds, "s", {n: old[n] for n in touched}, {n: new[n] for n in touched},
            accepted=False, reason=reason,
        )  # fmt: skip


def _one_class(p: Array) -> bool:
    """Whether nearly all of the probabilities (n, classes) are highest for the same class."""
    return bool((np.bincount(p.argmax(axis=1), minlength=2) / len(p)).max() >= ONE_CLASS)


def _too_much(p: Array) -> bool:
    """Whether by the probabilities (n, classes) of the two states the person is in A/H for longer than anybody."""
    return p.shape[1] == 2 and float(p[:, 1].mean()) > MOST_AH


def _stuck(names: list[str]) -> str:
    return f"The {_list(names)} cues have not moved for {FLAT_S:.0f} s (muted, or stuck): they do not teach."


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
