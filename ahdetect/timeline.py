"""Timeline: rows, words and segments of one session flow in; what a program, a picture or a file needs flows out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ahdetect.models.cues import Channel
from ahdetect.models.evidence import smooth
from ahdetect.models.posterior import Band, ChannelState, Presence, TopCue
from ahdetect.models.words import Word

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """The estimate at one video frame (or at one of 10 moments a second where there is no video).

    Attributes:
        id: number of the row in the session, from 0; a settled row replaces a provisional one with the same id.
        t_ns: session time, ns.
        settled: False while later words may still change it.
        p: probability of signs consistent with ambivalence/hesitancy, 0-1, causal (nothing after `t_ns` was used).
        low: lower end of the 80 % band of `p`.
        high: upper end of it.
        band: the estimate in words.
        prior_log_odds: log-odds of the prevalence in force.
        contributions: log-odds per channel; with the prior they sum to logit(p).
        states: per channel present, stale or absent, with age and reason.
        cues: per channel the cue vector used, or None; order of `models.cues.OF_CHANNEL`.
        top: cues that push up most, in words.
        p_smoothed: probability given the whole recording (forward-backward), NaN until the session is closed.
        latency_ns: from the frame in the world to this row, live; -1 in replay and where there was no frame.
    """

    id: int
    t_ns: int
    settled: bool
    p: float
    low: float
    high: float
    band: Band
    prior_log_odds: float
    contributions: dict[Channel, float]
    states: dict[Channel, ChannelState]
    cues: dict[Channel, NDArray[np.float32] | None]
    top: tuple[TopCue, ...] = ()
    p_smoothed: float = float("nan")
    latency_ns: int = -1

    @property
    def t_s(self) -> float:
        """Session time in seconds."""
        return self.t_ns / NS_PER_S

    @property
    def face_seen(self) -> bool:
        """Whether a face was found at this row."""
        return self.states[Channel.FACE].presence is Presence.PRESENT


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch in which the estimate is elevated.

    Attributes:
        start_ns: onset.
        end_ns: offset.
        peak_p: highest probability in it.
        mean_p: mean probability in it.
        phrases: what was seen and heard, in words, strongest first.
        words: what was said in it.
    """

    start_ns: int
    end_ns: int
    peak_p: float
    mean_p: float
    phrases: tuple[str, ...] = ()
    words: str = ""


@dataclass(slots=True)
class Timeline:
    """All settled rows, words and segments of one session or clip.

    Attributes:
        rows: settled, in order.
        words: settled, in order.
        segments: stretches of elevated estimate.
        duration_s: length of the recording.
        info: what stands in `session.json`: devices, configuration, model hashes, ledger totals, latency table.
        events: what else happened, each with "t_ns" and "kind": steps of adaptation.
    """

    rows: list[Row]
    words: list[Word]
    segments: list[Segment]
    duration_s: float
    info: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def t_s(self) -> NDArray[np.float64]:
        """Row times in seconds, shape (rows,)."""
        return np.array([r.t_ns for r in self.rows], dtype=np.float64) / NS_PER_S

    @property
    def p(self) -> NDArray[np.float64]:
        """Best estimate per row, shape (rows,): smoothed where known, else causal."""
        causal = np.array([r.p for r in self.rows])
        smoothed = np.array([r.p_smoothed for r in self.rows])
        return np.where(np.isnan(smoothed), causal, smoothed)

    def contribution(self, channel: Channel) -> NDArray[np.float64]:
        """Log-odds that `channel` adds, shape (rows,)."""
        return np.array([r.contributions.get(channel, 0.0) for r in self.rows])

    def with_smoothed(self, p_smoothed: Sequence[float]) -> list[Row]:
        """The rows with their smoothed probabilities filled in."""
        return [replace(row, p_smoothed=float(p)) for row, p in zip(self.rows, p_smoothed, strict=True)]


def smooth_rows(rows: Sequence[Row], segment_s: float) -> list[float]:
    """Forward-backward over settled rows: the probability at each given the whole recording."""
    durations = [0, *(b.t_ns - a.t_ns for a, b in itertools.pairwise(rows))][: len(rows)]
    p = smooth([r.p for r in rows], [r.prior_log_odds for r in rows], durations, segment_s)
    return [float(value) for value in p]
