"""Raw blocks of sound flow in (any rate, any channels), audio packets of 16 kHz mono flow out, without holes.

What a microphone and a host that pushes sound have in common. What did not come, because samples were lost or nothing
was heard for a while, is silence marked synthetic and a "gap" row in the ledger: samples heard + samples filled ==
duration x rate, always.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

import numpy as np

from ahdetect.capture.audio_time import NORMAL_NS, SUSPECT_NS, AudioTimeline, GapFinder, RawBlock
from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AUDIO_CHUNK, SAMPLE_RATE, AudioBlock, Packet
from ahdetect.capture.resample import Blocks, Resampler, to_mono
from ahdetect.capture.source import Source

SILENT_AFTER_NS = 1 * NS_PER_S
"""Without a block for this long the device counts as lost: a dozen times the longest gap seen (EVIDENCE: 84 ms)."""

FILL_LAG_NS = NS_PER_S // 2
"""How far behind now silence is filled in, so that what a returning device brings is rarely in the filled past."""


class Hearing(Source):
    """Turns raw blocks into packets on session time.

    Args:
        name: of the stage.
        clock: session time.
        ledger: receives gaps, device_lost and device_back.
        suspect_ns: lateness of a block from which samples may be missing.
        normal_ns: lateness below which nothing is.
    """

    def __init__(
        self, name: str, clock: Clock, ledger: Ledger, *, suspect_ns: int = SUSPECT_NS, normal_ns: int = NORMAL_NS
    ) -> None:
        super().__init__(name, clock, ledger)
        self._limits = suspect_ns, normal_ns
        self._blocks = Blocks()
        self._seq = 0
        self._emitted = 0, 0  # time and length of the last block, ns
        self._lost_at: int | None = None  # sample number at which the device was lost
        self._timeline: AudioTimeline | None = None  # None until the first sound
        self._base = 0.0  # output sample number at which the timeline's sample 0 lies
        self._skip = 0  # device samples to pass over: silence was put in their place already

    @property
    @abstractmethod
    def device(self) -> str:
        """What the ledger calls it."""

    @property
    def true_rate(self) -> float:
        """16 kHz samples a session second, as fitted: what a recording needs to be laid beside the video."""
        timeline = self._timeline
        return SAMPLE_RATE * timeline.true_rate / timeline.rate if timeline is not None else float(SAMPLE_RATE)

    def _begin(self, rate: int) -> None:
        """A new run of sound: its clock is unknown until its first blocks are judged."""
        self._gaps = GapFinder(AudioTimeline(rate), *self._limits)
        self._resampler = Resampler(rate)

    def _take(self, block: RawBlock) -> None:
        """Hand out what can be judged by now."""
        for missing, judged in self._gaps.feed(block):
            self._hear(missing, judged)

    def _end_run(self) -> None:
        """Hand out what is still held of this run."""
        for missing, judged in self._gaps.flush():
            self._hear(missing, judged)
        if self._timeline is not None:
            self._emit(self._blocks.push(self._resampler.feed(np.zeros(0, np.float32), last=True)))

    def _end(self) -> None:
        """Hand out what is still held, up to now where the device is lost."""
        for missing, judged in self._gaps.flush():
            self._hear(missing, judged)
        if self._lost_at is not None:
            self._fill_until(self.clock.now_ns())
            self._write_gap(self._lost_at, "device lost")
        elif self._timeline is not None:
            self._emit(self._blocks.push(self._resampler.feed(np.zeros(0, np.float32), last=True)))
        self._emit(self._blocks.flush())

    def _lose(self, now_ns: int, reason: str) -> None:
        """Nothing comes any more: silence from here on, until something does."""
        self._end_run()
        self._lost_at = self._blocks.pushed
        self.ledger.write(now_ns, "device_lost", self.name, device=self.device, reason=reason)

    def _fill_silence(self, now_ns: int) -> None:
        if self._lost_at is not None and self._timeline is not None:
            self._fill_until(now_ns - FILL_LAG_NS, whole_chunks=True)

    def _hear(self, missing: int, block: RawBlock) -> None:
        """Resample and hand out a block, after the silence for what is missing before it."""
        new = self._gaps.timeline
        if self._timeline is not new:
            self._join(new)
        if missing:
            self._emit(self._blocks.push(self._resampler.feed(np.zeros(0, np.float32), last=True)))
            at = self._blocks.pushed
            self._emit(self._blocks.fill(round(missing * SAMPLE_RATE / new.rate)))
            self._write_gap(at, "samples lost by the driver" if block.overflow else "samples lost")
        channels = len(block.data) // (2 * block.count)
        mono = to_mono(np.frombuffer(block.data, np.int16), channels)[self._skip :]
        self._skip -= block.count - len(mono)
        self._emit(self._blocks.push(self._resampler.feed(mono)))

    def _join(self, new: AudioTimeline) -> None:
        """The first judged block of a run: fill up to it and go over to its timeline."""
        if self._timeline is not None:
            self._fill_until(new.time_of(0))
            doubled_ns = self._time_of(self._blocks.pushed) - new.time_of(0)
            self._skip = max(0, round(doubled_ns * new.rate / NS_PER_S))
        if self._lost_at is not None:
            self._write_gap(self._lost_at, "device lost")
            self.ledger.write(self.clock.now_ns(), "device_back", self.name, device=self.device)
            self._lost_at = None
        self._base = self._blocks.pushed - self._skip * SAMPLE_RATE / new.rate
        self._timeline = new

    def _fill_until(self, t_ns: int, whole_chunks: bool = False) -> None:
        count = int((t_ns - self._time_of(self._blocks.pushed)) * self.true_rate / NS_PER_S)
        if whole_chunks:
            count -= count % AUDIO_CHUNK
        if count > 0:
            self._emit(self._blocks.fill(count))

    def _write_gap(self, first_sample: int, reason: str) -> None:
        """One row a gap, when its length is known."""
        count = self._blocks.pushed - first_sample
        if count <= 0:
            return
        self.totals.gaps += 1
        self.ledger.write(self.clock.now_ns(), "gap", "audio", first_sample=first_sample, samples=count, reason=reason)

    def _time_of(self, sample: int) -> int:
        """Session time of an output sample."""
        assert self._timeline is not None
        return self._timeline.time_of((sample - self._base) * self._timeline.rate / SAMPLE_RATE)

    def _in_order(self, t_ns: int, dur_ns: int) -> int:
        """The time of a block, where the line was just laid earlier moved so that time never goes back.

        On a machine that was busy at first, the first callbacks are all late, and the line moves when the first one
        comes in time. From there on a block begins half a block after the one before it, at least, until the line is
        reached: 100 ms are made up for within five blocks.
        """
        before, last_dur_ns = self._emitted
        t_ns = max(t_ns, before + last_dur_ns // 2, before + last_dur_ns - dur_ns) if last_dur_ns else t_ns
        self._emitted = t_ns, dur_ns
        return t_ns

    def _emit(self, blocks: Iterable[AudioBlock]) -> None:
        for block in blocks:
            dur_ns = len(block.pcm) * NS_PER_S // SAMPLE_RATE
            t_ns = self._in_order(self._time_of(block.first_sample), dur_ns)
            self._emit_audio(Packet("audio", self._seq, t_ns, dur_ns, self.clock.now_ns(), block))
            self._seq += 1
