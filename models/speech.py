"""Streaming transcription: 16 kHz mono packets flow in, provisional words first and settled words after flow out.

    packets ── VAD, 32 ms ── gate ──┬─ pause ──────────── pass over the window: everything settles
                                    ├─ every settle_s ─── pass over the window: old and agreed words settle
                                    └─ every partial_s ── pass over the window: provisional words (live only)

The *window* is the sound since some settled word, at most `window_s` long. It outlives short pauses, so that an "um"
between two of them is heard in its context. Every pass is forced through the settled words of the window and goes on
from them: what is settled stays settled.

Where passes fall depends on the sound alone, counted in VAD windows. So a replay settles the words that were settled
live, on any machine and however the sound was cut into packets. Only a machine that cannot keep up live departs from
it: it leaves out partials, then narrows the beam, then leaves out passes inside an utterance, and `behind_s` says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.assets.cache import locate
from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.capture.packets import SAMPLE_RATE, AudioPacket
from ahdetect.models.agreement import Margins, plain, settling
from ahdetect.models.lexicon import PHRASES
from ahdetect.models.vad import WINDOW, GateConfig, SpeechGate, SpeechWindows, VadModel, VadStream, as_float
from ahdetect.models.whisper import HeardWord, Recogniser, Whisper
from ahdetect.models.words import Word, WordUpdate

_FASTEST_S = 0.06
"""Seconds per word under which a run of words cannot have been spoken: twice as fast as the fastest talkers (about 8
words a second)."""


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """When passes fall and what they may cost. Values without a source are measured by `tools/measure_speech.py`.

    Attributes:
        settle_s: sound between two settling passes inside an utterance.
        partial_s: sound between two passes of any kind, live.
        window_s: longest window; beyond it settled words are let go from its front. Under the encoder's 10 s.
        keep_s: sound that stays when words are let go.
        forget_s: a pause after which a new window begins.
        lead_s: sound before an onset that is heard with it; a plosive is late for the VAD.
        beam: width of settling passes.
        margins: when a word inside an utterance may settle.
        gate: when an utterance begins and ends.
        skip_partial_s: behind by this, partials are left out.
        narrow_s: behind by this, settling passes are greedy.
        skip_settle_s: behind by this, settling passes inside an utterance are left out.
        speech_p: VAD probability under which no part of a word is taken to lie.
        quiet_db: nor in a window this far below the loudest tenth; the VAD alone smooths over short pauses.
        report_s: silence between two updates that only move the watermark.
    """

    settle_s: float = 1.0
    partial_s: float = 0.5
    window_s: float = 9.0
    keep_s: float = 4.0
    forget_s: float = 1.0
    lead_s: float = 0.3
    beam: int = 3
    margins: Margins = field(default_factory=Margins)
    gate: GateConfig = field(default_factory=lambda: GateConfig(hangover_s=0.25))
    skip_partial_s: float = 0.4
    narrow_s: float = 1.0
    skip_settle_s: float = 2.0
    speech_p: float = 0.2
    quiet_db: float = 30.0
    report_s: float = 0.1


class SpeechModel:
    """Weights of the recogniser and the VAD, shared by streams that run one after another.

    Args:
        path: folder of the recogniser's files; by default that of `ahdetect assets pull`.
        threads: of the recogniser. One is enough on the machines we aim at and leaves the other core to the face.
        config: when passes fall.
        recogniser: another recogniser in its place.
        vad: another VAD in its place.

    Raises:
        AssetError: model files are missing or damaged.
    """

    def __init__(
        self,
        path: Path | None = None,
        threads: int = 1,
        config: SpeechConfig | None = None,
        *,
        recogniser: Recogniser | None = None,
        vad: VadModel | None = None,
    ) -> None:
        self.config = config or SpeechConfig()
        self.recogniser = recogniser or Whisper(path or locate("whisper_tiny_en"), threads)
        self.vad = vad or VadModel()


class _Pass(Enum):
    PARTIAL = "provisional words only"
    SETTLE = "old and agreed words settle"
    FINAL = "a pause: everything settles"


@dataclass(frozen=True, slots=True)
class _Due:
    kind: _Pass
    end: int  # sample up to which it hears
    speech_end: int  # where the speech in it ended, for FINAL


_EDGE: Final = round(0.1 * SAMPLE_RATE)
"""What a word may begin before the VAD's onset, in samples."""

_PAUSE: Final = 5
"""VAD windows without speech (160 ms) that split a word's span in two: more than the closure of a plosive."""

_FILLERS: Final = frozenset(PHRASES["filler"])


class SpeechStream:
    """One session of transcription.

    Args:
        model: shared weights.
        live: whether provisional words are wanted and falling behind is possible; False in replay, where every pass
            is made.
        clock: session time, for `created_ns` and, live, for how far behind we are.

    Call `push` with every packet and `step` until it returns None; each call makes one pass at most.
    """

    def __init__(self, model: SpeechModel, live: bool, clock: Clock) -> None:
        self.config = model.config
        self._recogniser = model.recogniser
        self._live = live
        self._clock = clock
        self._vad = VadStream(model.vad)
        self._gate = SpeechGate(self.config.gate, SAMPLE_RATE)
        self._times = _SampleTimes()
        self._waiting: deque[tuple[float, int]] = deque()  # VAD windows not yet looked at: probability, end sample
        self._pcm = np.empty(0, dtype=np.int16)  # sound from sample `_pcm_from` on
        self._p = np.empty(0, dtype=np.float32)  # its VAD probabilities; `_pcm_from` is a multiple of WINDOW
        self._pcm_from = 0
        self._heard = 0  # samples looked at
        self._window_from: int | None = None
        self._kept: list[tuple[tuple[int, ...], int]] = []  # settled words of the window: tokens, start sample
        self._before: list[HeardWord] = []  # unsettled words of the last settling pass, times from `_window_from`
        self._utterance = -1
        self._last_end = 0  # where the last utterance ended
        self._next_settle = self._next_partial = 0
        self._settled_end = 0  # where the last settled word ended
        self._watermark = 0  # samples
        self._reported_ns = -1
        self._provisional: tuple[Word, ...] = ()

    def push(self, packet: AudioPacket) -> None:
        """Take in sound; costs the VAD only."""
        block = packet.data
        hole = block.first_sample - self._times.samples
        if hole > 0:  # cannot be: capture fills gaps; but times would shift for good
            self._listen(np.zeros(hole, dtype=np.int16))
        self._times.add(block.first_sample, packet.t_ns, packet.dur_ns, len(block.pcm))
        self._listen(block.pcm)

    def step(self) -> WordUpdate | None:
        """Make the next pass that is due, if any; None where there is nothing new to say."""
        while self._waiting:
            p, end = self._waiting.popleft()
            due = self._look(p, end)
            if due is not None and not self._left_out(due):
                return self._update(self._run(due))
        if self._times.at(self._watermark) - self._reported_ns >= self.config.report_s * NS_PER_S:
            return self._update(())
        return None

    def flush(self) -> WordUpdate:
        """End of the stream: everything that is left settles; the watermark moves to its end."""
        settled: list[Word] = []
        self._enqueue(self._vad.flush())
        while self._waiting or self._gate.speaking:
            if self._waiting:
                due = self._look(*self._waiting.popleft())
            else:
                edge = self._gate.flush()[0]
                due = _Due(_Pass.FINAL, self._heard, edge.sample)
            if due is not None and due.kind is not _Pass.PARTIAL:
                settled += self._run(due)
        self._watermark = self._times.samples
        self._provisional = ()
        return self._update(tuple(settled))

    def _listen(self, pcm: NDArray[np.int16]) -> None:
        self._pcm = np.concatenate((self._pcm, pcm))
        self._enqueue(self._vad.step(pcm))

    def _enqueue(self, windows: SpeechWindows) -> None:
        self._p = np.concatenate((self._p, windows.p))
        self._waiting.extend(zip(windows.p.tolist(), windows.end_sample.tolist(), strict=True))

    def _look(self, p: float, end: int) -> _Due | None:
        """One VAD window: keep the gate, the windows and the timetable; say which pass is due at its end."""
        config = self.config
        self._heard = end
        for edge in self._gate.step(SpeechWindows(np.array([p], np.float32), np.array([end], np.int64))):
            if not edge.speaking:
                self._last_end = edge.sample
                return _Due(_Pass.FINAL, end, edge.sample)
            self._utterance += 1
            if self._window_from is None or edge.sample - self._last_end > config.forget_s * SAMPLE_RATE:
                self._open(max(edge.sample - round(config.lead_s * SAMPLE_RATE), self._pcm_from))
            self._next_settle = edge.sample + round(config.settle_s * SAMPLE_RATE)
            self._next_partial = edge.sample + round(config.partial_s * SAMPLE_RATE)
        if not self._gate.speaking:
            quiet = end - round(config.gate.min_speech_s * SAMPLE_RATE) - _EDGE
            self._watermark = max(self._watermark, quiet)
            if self._window_from is None or end - self._last_end > config.forget_s * SAMPLE_RATE:
                self._open(None)
                self._forget(end - round(2 * config.lead_s * SAMPLE_RATE))
            return None
        if end >= self._next_settle:
            self._next_settle = end + round(config.settle_s * SAMPLE_RATE)
            self._next_partial = end + round(config.partial_s * SAMPLE_RATE)
            return _Due(_Pass.SETTLE, end, end)
        if self._live and end >= self._next_partial:
            self._next_partial = end + round(config.partial_s * SAMPLE_RATE)
            return _Due(_Pass.PARTIAL, end, end)
        return None

    def _left_out(self, due: _Due) -> bool:
        if not self._live or due.kind is _Pass.FINAL:
            return False
        if due.kind is _Pass.PARTIAL:
            return self._behind_s() > self.config.skip_partial_s
        full = self._window_from is not None and due.end - self._window_from > self.config.window_s * SAMPLE_RATE
        return self._behind_s() > self.config.skip_settle_s and not full

    def _run(self, due: _Due) -> tuple[Word, ...]:
        """Make a pass; returns the words that settle with it."""
        config, origin = self.config, self._window_from
        assert origin is not None  # a pass is due only inside an utterance, which opened a window
        sound = as_float(self._pcm[origin - self._pcm_from : due.end - self._pcm_from])
        new_s = (due.end - max(origin, self._settled_end)) / SAMPLE_RATE
        final = due.kind is _Pass.FINAL
        beam = 1 if due.kind is _Pass.PARTIAL or (self._live and self._behind_s() > config.narrow_s) else config.beam
        prefix = [token for tokens, _ in self._kept for token in tokens]
        heard = self._recogniser.hear(sound, prefix, new_s, beam=beam, prompted=due.kind is not _Pass.PARTIAL)
        where = self._spans(heard, origin, due.end)
        heard = [word for word, span in zip(heard, where, strict=True) if span is not None]
        spans = [span for span in where if span is not None]
        possible = len(spans) - _crowded(spans)
        heard, spans = heard[:possible], spans[:possible]
        if due.kind is _Pass.PARTIAL:
            self._provisional = self._words(heard, spans, settled=False)
            return ()
        count = len(heard) if final else settling(self._before, heard, len(sound) / SAMPLE_RATE, config.margins)
        words = self._words(heard[:count], spans[:count], settled=True)
        for word, (start, end) in zip(heard[:count], spans[:count], strict=True):
            self._kept.append((word.tokens, start))
            self._settled_end = max(self._settled_end, end)
        self._before = heard[count:]
        self._provisional = self._words(heard[count:], spans[count:], settled=False) if self._live else ()
        if final:
            mark = due.speech_end
        elif count < len(heard):
            mark = spans[count][0] - _EDGE
        else:
            mark = due.end - round(config.margins.sure_s * SAMPLE_RATE)
        self._watermark = max(self._watermark, self._settled_end, mark)
        if due.end - origin > config.window_s * SAMPLE_RATE:
            self._shorten(due.end)
        return words

    def _spans(self, heard: list[HeardWord], origin: int, sound_end: int) -> list[tuple[int, int] | None]:
        """Where each word lies, in samples; None where nothing was spoken.

        The alignment has no pauses: a word's end is the next one's start, so words beside a pause reach into it. Each
        keeps its longest stretch of speech. A filler is mostly found too late, its sound given to the word before; so
        that word keeps its first stretch, and the filler begins with the next.
        """
        spoken = self._spoken(origin, sound_end)
        spans: list[tuple[int, int] | None] = []
        ends = self._settled_end
        fillers = [plain(word.text) in _FILLERS for word in heard]
        for number, word in enumerate(heard):
            start = origin + round(word.start_s * SAMPLE_RATE)
            end = min(origin + round(word.end_s * SAMPLE_RATE), sound_end)
            first = start // WINDOW
            if fillers[number]:
                first = max(min(first, -(-ends // WINDOW)), origin // WINDOW)
            runs = _runs(spoken, first, max(-(-end // WINDOW), start // WINDOW + 1))
            if not runs:
                spans.append(None)
                continue
            if fillers[number]:
                run = (runs[0][0], runs[-1][1])
                start = min(start, run[0] * WINDOW)
            elif number + 1 < len(heard) and fillers[number + 1]:
                run = runs[0]
            else:
                run = max(runs, key=lambda run: run[1] - run[0])
            lo = max(start, run[0] * WINDOW)
            ends = max(min(end, run[1] * WINDOW), lo + WINDOW)
            spans.append((lo, ends))
        return spans

    def _spoken(self, origin: int, sound_end: int) -> NDArray[np.intp]:
        """Numbers of the VAD windows with speech in them: likely to the VAD, and not far below the loudest."""
        first, last = (origin - self._pcm_from) // WINDOW, (sound_end - self._pcm_from) // WINDOW
        sound = as_float(self._pcm[first * WINDOW : last * WINDOW]).reshape(-1, WINDOW)
        power = np.mean(np.square(sound), axis=1)
        loud = power >= np.quantile(power, 0.9) * 10 ** (-self.config.quiet_db / 10)
        return self._pcm_from // WINDOW + first + np.flatnonzero(loud & (self._p[first:last] >= self.config.speech_p))

    def _words(self, heard: list[HeardWord], spans: list[tuple[int, int]], *, settled: bool) -> tuple[Word, ...]:
        words = []
        floor = self._watermark
        for word, (start, end) in zip(heard, spans, strict=True):
            floor = max(floor, start)
            words.append(
                Word(
                    word.text,
                    self._times.at(floor),
                    self._times.at(max(end, floor + WINDOW)),
                    word.confidence,
                    settled,
                    self._utterance,
                )
            )
        return tuple(words)

    def _open(self, start: int | None) -> None:
        self._window_from = start
        self._kept.clear()
        self._before = []

    def _shorten(self, end: int) -> None:
        """Let settled words go from the front of the window, so that the next passes stay short."""
        assert self._window_from is not None
        latest = end - round(self.config.keep_s * SAMPLE_RATE)
        gone = bisect_right([start for _, start in self._kept], latest)
        if gone:  # begin with the newest word that is old enough
            origin = max(self._kept[gone - 1][1] - _EDGE, self._window_from)
            self._kept = self._kept[gone - 1 :]
        else:
            origin = latest
            self._kept.clear()
        shift = (origin - self._window_from) / SAMPLE_RATE
        self._before = [
            HeardWord(w.text, w.tokens, w.start_s - shift, w.end_s - shift, w.confidence) for w in self._before
        ]
        self._window_from = origin
        self._forget(origin)

    def _forget(self, before: int) -> None:
        """Drop sound, in whole VAD windows, that no pass will hear again."""
        windows = min((before - self._pcm_from) // WINDOW, len(self._p))
        if windows > 0:
            self._pcm = self._pcm[windows * WINDOW :]
            self._p = self._p[windows:]
            self._pcm_from += windows * WINDOW
            self._times.forget(self._pcm_from)

    def _behind_s(self) -> float:
        return max(0.0, (self._clock.now_ns() - self._times.at(self._heard)) / NS_PER_S) if self._live else 0.0

    def _update(self, settled: tuple[Word, ...]) -> WordUpdate:
        mark = self._reported_ns = max(self._times.at(self._watermark), self._reported_ns)
        return WordUpdate(settled, self._provisional, mark, self._clock.now_ns(), self._behind_s())


def _crowded(spans: list[tuple[int, int]]) -> int:
    """How many words at the end were said faster than anybody speaks: Whisper says a phrase again, without the sound.

    The alignment then squeezes the repeated words into the last windows. The longest tail of at least three words is
    meant that begins with a word under `_FASTEST_S` and has less than that per word.
    """
    fastest = _FASTEST_S * SAMPLE_RATE
    for count in range(len(spans), 2, -1):
        start, end = spans[-count]
        if end - start < fastest and spans[-1][1] - start < count * fastest:
            return count
    return 0


def _runs(spoken: NDArray[np.intp], first: int, last: int) -> list[tuple[int, int]]:
    """Stretches [from, to) of speech among the windows first <= n < last, parted by pauses."""
    part = spoken[np.searchsorted(spoken, first) : np.searchsorted(spoken, last)]
    if not len(part):
        return []
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(part, np.flatnonzero(np.diff(part) > _PAUSE) + 1)]


class _SampleTimes:
    """When each sample happened: sample numbers in, session time out, by the times on the packets."""

    def __init__(self) -> None:
        self.samples = 0
        self._first: list[int] = []
        self._packets: list[tuple[int, int, int]] = []  # t_ns, dur_ns, samples

    def add(self, first: int, t_ns: int, dur_ns: int, count: int) -> None:
        if count:
            self._first.append(first)
            self._packets.append((t_ns, dur_ns, count))
            self.samples = first + count

    def at(self, sample: int) -> int:
        if not self._first:
            return 0
        at = max(bisect_right(self._first, sample) - 1, 0)
        t_ns, dur_ns, count = self._packets[at]
        return t_ns + round((sample - self._first[at]) * dur_ns / count)

    def forget(self, sample: int) -> None:
        at = bisect_right(self._first, sample) - 1
        if at > 64:  # in batches: each costs a move of what stays
            del self._first[:at]
            del self._packets[:at]
