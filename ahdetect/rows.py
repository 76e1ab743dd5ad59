"""Rows: moments of the video and the channels' tracks flow in; provisional and settled `Row`s flow out.

A row is due at every video frame, and ten times a second while there is no video. Live, it is first *provisional*: as
soon as the sensed channels have come that far, or after `patience`. Once every channel, words included, is settled up
to its time, the same row comes again, *settled*, under the same id. A replay makes settled rows only.

Two fusers run. The settled one never looks back. The provisional one starts again from the settled one's state each
time words change, and walks over the rows in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ahdetect.capture.clock import NS_PER_MS, Clock
from ahdetect.capture.edges import Edge
from ahdetect.capture.packets import Frame, Packet
from ahdetect.capture.stage import Progress, Stage
from ahdetect.models.alignment import Aligner
from ahdetect.models.posterior import EvidenceFrame, Fuser, Posterior
from ahdetect.timeline import Row

PATIENCE_NS: Final = 400 * NS_PER_MS
"""How long a provisional row waits for a slow channel."""

IDLE_ROW_NS: Final = 100 * NS_PER_MS
"""Distance of rows while there is no video: 10 a second."""

VIDEO_GONE_NS: Final = 500 * NS_PER_MS
"""Without a frame for this long, rows go on by themselves."""

REWALK_ROWS: Final = 600
"""Provisional rows that are looked at again when words change, at most: 20 s at 30 fps, so that a transcription far
behind does not make fusion slow as well. Older ones wait for their words."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt put to the person.

    Attributes:
        t_ns: when it ended.
        kind: one of `models.evidence.PREVALENCE_OF_PROMPT`, or None.
    """

    t_ns: int
    kind: str | None


class _Walk:
    """A fuser with its place in the list of prompts."""

    def __init__(self, fuser: Fuser, prompts: list[Prompt]) -> None:
        self.fuser = fuser
        self._prompts = prompts
        self._next = 0

    def step(self, frame: EvidenceFrame) -> Posterior:
        while self._next < len(self._prompts) and self._prompts[self._next].t_ns <= frame.t_ns:
            self.fuser.set_prompt(self._prompts[self._next].kind)
            self._next += 1
        return self.fuser.step(frame)

    def go_to(self, other: _Walk) -> None:
        self.fuser.restore(other.fuser.state())
        self._next = other._next


@dataclass(frozen=True, slots=True)
class _Due:
    id: int
    t_ns: int
    dur_ns: int
    captured: bool


class RowMaker(Stage):
    """The fusion stage.

    Args:
        clock: session clock.
        aligner: joins the channels.
        make_fuser: makes a fresh fuser; called twice.
        emit: receives every row, on this stage's thread.
        ticks: edge with every video frame (only its time is used), or None without video.
        live: whether to make provisional rows.
        audio_until_ns: how far the sound has come, for rows without video.
    """

    def __init__(
        self,
        clock: Clock,
        aligner: Aligner,
        make_fuser: Callable[[], Fuser],
        emit: Callable[[Row], None],
        ticks: Edge[Frame] | None,
        *,
        live: bool,
        audio_until_ns: Callable[[], int],
    ) -> None:
        super().__init__("fusion", clock)
        self._aligner = aligner
        self._emit = emit
        self._ticks = ticks
        self._live = live
        self._audio_until_ns = audio_until_ns
        self._prompts: list[Prompt] = []
        self._settled = _Walk(make_fuser(), self._prompts)
        self._walk = _Walk(make_fuser(), self._prompts)
        self._due: deque[_Due] = deque()
        self._shown = 0
        self._rows = 0
        self._last_ns: int | None = None

    def mark_prompt(self, prompt: Prompt) -> None:
        """A prompt ended: later rows have its prevalence, and a new answer begins."""
        self._prompts.append(prompt)
        self._aligner.language.mark_prompt(prompt.t_ns)

    def step(self) -> Progress:
        """Collect due moments, settle what can be settled, show what can be shown."""
        came = self._collect()
        settled = self._settle()
        words = self._aligner.refresh_words()
        if self._live:
            if (settled or words) and self._shown:
                self._rewalk()
            came |= self._show()
        if self._finished():
            return Progress.DONE
        return Progress.WORKED if came or settled else Progress.IDLE

    @property
    def pending(self) -> int:
        """Rows that are due and not settled."""
        return len(self._due)

    # -- due moments

    def _collect(self) -> bool:
        came = False
        # The first look may wait a little, so that an idle stage does not spin.
        while (packet := self._next_tick(0.0 if came or self._backlog() else 0.02)) is not None:
            self._fill_until(packet.t_ns, ended=False)
            self._add(packet.t_ns, captured=True)
            came = True
        if self._ticks is None or self._ticks.exhausted:
            came |= self._fill_until(self._audio_until_ns(), ended=True)
        elif self._live:
            came |= self._fill_until(min(self._audio_until_ns(), self.clock.now_ns() - VIDEO_GONE_NS), ended=False)
        return came

    def _next_tick(self, timeout: float) -> Packet[Frame] | None:
        if self._ticks is None or self._ticks.exhausted:
            if timeout:
                self.stopping.wait(timeout)
            return None
        return self._ticks.take(timeout)

    def _backlog(self) -> bool:
        return bool(self._due) and self._aligner.tracks.settled_until() >= self._due[0].t_ns

    def _fill_until(self, t_ns: int, *, ended: bool) -> bool:
        """Rows of their own every 100 ms, where no frame came for `VIDEO_GONE_NS`, or none will come (`ended`).

        A frame that was just taken may be the last and its edge closed already: before it, video had not ended.
        """
        start = 0 if self._last_ns is None else self._last_ns
        if not ended and t_ns - start <= VIDEO_GONE_NS:
            return False
        filled = False
        while (at := (0 if self._last_ns is None else self._last_ns + IDLE_ROW_NS)) < t_ns:
            self._add(at)
            filled = True
        return filled

    def _add(self, t_ns: int, *, captured: bool = False) -> None:
        if self._last_ns is not None and t_ns <= self._last_ns:
            return
        dur = 0 if self._last_ns is None else t_ns - self._last_ns
        self._due.append(_Due(self._rows, t_ns, dur, captured))
        self._rows += 1
        self._last_ns = t_ns

    # -- rows

    def _settle(self) -> bool:
        if not self._due:
            return False
        until = self._aligner.tracks.settled_until()
        if self._due[0].t_ns > until:
            return False
        self._aligner.refresh_words()
        while self._due and self._due[0].t_ns <= until:
            due = self._due.popleft()
            frame = self._aligner.at(due.t_ns, due.dur_ns, settled=True)
            self._emit(_row(due.id, frame, self._settled.step(frame)))
            self._shown = max(0, self._shown - 1)
            settled_ns = due.t_ns
        self._aligner.tracks.forget_before(settled_ns)
        return True

    def _rewalk(self) -> None:
        self._walk.go_to(self._settled)
        for due in _first(self._due, min(self._shown, REWALK_ROWS)):
            self._walk.step(self._aligner.at(due.t_ns, due.dur_ns, settled=False))

    def _show(self) -> bool:
        now = self.clock.now_ns()
        ready = self._aligner.tracks.ready_until()
        shown = False
        for due in _from(self._due, self._shown):
            if due.t_ns > ready and now - due.t_ns < PATIENCE_NS:
                break
            if not self._shown:
                self._walk.go_to(self._settled)
            frame = self._aligner.at(due.t_ns, due.dur_ns, settled=False)
            self._emit(_row(due.id, frame, self._walk.step(frame), latency_ns=now - due.t_ns if due.captured else -1))
            self._shown += 1
            shown = True
        return shown

    def _finished(self) -> bool:
        if self._due or (self._ticks is not None and not self._ticks.exhausted):
            return False
        tracks = self._aligner.tracks
        return tracks.settled_until() >= 1 << 62 and not self._fill_until(self._audio_until_ns(), ended=True)


def _first(items: deque[_Due], n: int) -> Iterator[_Due]:
    return (items[i] for i in range(min(n, len(items))))


def _from(items: deque[_Due], start: int) -> list[_Due]:
    return [items[i] for i in range(start, len(items))]


def _row(row_id: int, frame: EvidenceFrame, said: Posterior, latency_ns: int = -1) -> Row:
    return Row(
        id=row_id,
        t_ns=frame.t_ns,
        settled=frame.settled,
        p=said.p,
        low=said.low,
        high=said.high,
        band=said.band,
        prior_log_odds=said.prior_log_odds,
        contributions=dict(said.contributions),
        states=dict(frame.states),
        cues={c: cues.values if cues is not None else None for c, cues in frame.cues.items()},
        top=said.top,
        latency_ns=latency_ns,
    )
