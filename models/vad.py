"""Voice activity: 16 kHz mono sound flows in, speech probabilities per 32 ms and utterance on- and offsets flow out.

`VadModel` holds the weights (Silero VAD v6, the ONNX file inside the faster-whisper package), `VadStream` is one
session with its recurrent state, `SpeechGate` turns probabilities into on- and offsets, causally. They count in samples
since the start of the stream, so nothing depends on how the sound was cut into packets; whoever knows the clock turns
samples into time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ahdetect.errors import AssetError

ort.disable_telemetry_events()  # `ahdetect/__init__.py` keeps it from beginning; this is for a host that had it running

WINDOW: Final = 512
"""Samples per probability: 32 ms at 16 kHz, fixed by the network (faster_whisper/vad.py, `num_samples`)."""

CONTEXT: Final = 64
"""Samples of the window before that the network sees again (faster_whisper/vad.py, `context_size_samples`)."""

STATE: Final = (1, 1, 128)
"""Shape of each of the two recurrent states (inputs `h` and `c` of the network)."""

FULL_SCALE: Final = np.float32(32768.0)
"""int16 full scale; the network wants -1 to 1."""


@dataclass(frozen=True, slots=True)
class SpeechWindows:
    """Speech probabilities of consecutive windows.

    Attributes:
        p: probability of speech, float32, shape (n,).
        end_sample: where each window ends (exclusive), in samples since the start of the stream, int64, shape (n,).
    """

    p: NDArray[np.float32]
    end_sample: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.p)


class VadModel:
    """The weights, one thread; any number of streams may share it.

    Args:
        path: the ONNX file; by default the one inside the installed faster-whisper package.

    Raises:
        AssetError: the file is not there or is not the network.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _inside_faster_whisper()
        if not self.path.is_file():
            raise AssetError(
                f"The voice activity model {self.path} is missing; reinstall faster-whisper.", value=self.path
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise AssetError(
                f"The voice activity model {self.path} is damaged; reinstall faster-whisper.", value=self.path
            ) from error

    def run(
        self, window: NDArray[np.float32], h: NDArray[np.float32], c: NDArray[np.float32]
    ) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
        """One window of shape (1, 576), context first; returns the probability and the next states."""
        p, h, c = self._session.run(None, {"input": window, "h": h, "c": c})
        return float(p[0]), h, c


class VadStream:
    """One session of the network; the same sound gives the same bits however it is cut up.

    Windows are run one at a time although the file takes batches: a batch of another length may round differently, and
    a replay has to give what was live.
    """

    def __init__(self, model: VadModel) -> None:
        self._model = model
        self._h = np.zeros(STATE, dtype=np.float32)
        self._c = np.zeros(STATE, dtype=np.float32)
        self._buffer = np.zeros(CONTEXT, dtype=np.float32)  # the context, then sound not yet run
        self._end_sample = 0

    def step(self, pcm: NDArray[np.int16] | NDArray[np.float32]) -> SpeechWindows:
        """Take in sound; return the windows that it completes.

        Args:
            pcm: 16 kHz mono, int16 or float32 in -1 to 1, shape (n,), any n.
        """
        self._buffer = np.concatenate((self._buffer, as_float(pcm)))
        count = (len(self._buffer) - CONTEXT) // WINDOW
        p = np.empty(count, dtype=np.float32)
        for i in range(count):
            p[i] = self._run(self._buffer[i * WINDOW : i * WINDOW + CONTEXT + WINDOW])
        self._buffer = self._buffer[count * WINDOW :]
        first = self._end_sample
        self._end_sample += count * WINDOW
        return SpeechWindows(p, first + WINDOW * np.arange(1, count + 1, dtype=np.int64))

    def flush(self) -> SpeechWindows:
        """Run what is left, filled up with silence; its window ends where the sound ends."""
        left = len(self._buffer) - CONTEXT
        if left == 0:
            return SpeechWindows(np.empty(0, np.float32), np.empty(0, np.int64))
        p = self._run(np.pad(self._buffer, (0, WINDOW - left)))
        self._buffer = np.zeros(CONTEXT, dtype=np.float32)
        self._end_sample += left
        return SpeechWindows(np.array([p], np.float32), np.array([self._end_sample], np.int64))

    def _run(self, window: NDArray[np.float32]) -> float:
        p, self._h, self._c = self._model.run(window[np.newaxis], self._h, self._c)
        return p


@dataclass(frozen=True, slots=True)
class GateConfig:
    """When speech is taken to begin and to end.

    Attributes:
        on: probability at which speech begins.
        off: probability under which it ends; between the two the gate stays as it is (hysteresis).
        clear: an offset is dated to the last window that was at least this probable; Silero's own threshold.
        min_speech_s: how long the probability has to stay up before an onset is believed.
        hangover_s: how long it has to stay down before an offset is believed.

    The defaults were measured on 13 meeting clips (390 s, far microphones) with turns by `tools/measure_vad.py`:
    accuracy .88, 2 % false alarms; Silero's own .5 / .35 misses 30 % of the speech there (.82). Still lower thresholds
    (.2 / .05) score .90, but turns count the short pauses inside them as speech, and the pause is a cue of ours.
    """

    on: float = 0.2
    off: float = 0.1
    clear: float = 0.5
    min_speech_s: float = 0.064
    hangover_s: float = 0.16


@dataclass(frozen=True, slots=True)
class SpeechEdge:
    """An utterance begins or ends.

    Attributes:
        speaking: True for an onset, False for an offset.
        sample: when it happened, in samples since the start of the stream.
        known_sample: when it could be known (minimum speech or hangover later), in samples.
    """

    speaking: bool
    sample: int
    known_sample: int


class SpeechGate:
    """Probabilities in, on- and offsets out, causally: nothing after `known_sample` was used.

    Attributes:
        speaking: whether an utterance is under way.
        since_sample: when the present utterance or pause began.
    """

    def __init__(self, config: GateConfig | None = None, sample_rate: int = 16_000) -> None:
        self.config = config or GateConfig()
        self._min_speech = round(self.config.min_speech_s * sample_rate)
        self._hangover = round(self.config.hangover_s * sample_rate)
        self.speaking = False
        self.since_sample = 0
        self._turn: int | None = None  # where the trial of the other state began
        self._fade: int | None = None  # since when an utterance has been under `clear`
        self._end = 0

    def step(self, windows: SpeechWindows) -> list[SpeechEdge]:
        """Take in the next windows; return the edges that became known with them."""
        return list(self._edges(windows))

    def flush(self) -> list[SpeechEdge]:
        """End of the stream: an utterance under way ends where its speech did."""
        if not self.speaking:
            return []
        edge = SpeechEdge(False, self._end if self._turn is None else self._dated(self._turn), self._end)
        self.speaking, self.since_sample, self._turn = False, edge.sample, None
        return [edge]

    def _edges(self, windows: SpeechWindows) -> Iterator[SpeechEdge]:
        for p, end in zip(windows.p.tolist(), windows.end_sample.tolist(), strict=True):
            start, self._end = self._end, end
            # A trial of the other state is called off only by a clear value, not by one between the thresholds.
            low, high = p < self.config.off, p >= self.config.on
            if p >= self.config.clear or not self.speaking:
                self._fade = None
            elif self._fade is None:
                self._fade = start
            turned, called_off = (low, high) if self.speaking else (high, low)
            if called_off:
                self._turn = None
            elif turned and self._turn is None:
                self._turn = start
            if self._turn is not None and end - self._turn >= (self._hangover if self.speaking else self._min_speech):
                self.since_sample = self._dated(self._turn)
                self.speaking, self._turn = not self.speaking, None
                yield SpeechEdge(self.speaking, self.since_sample, end)

    def _dated(self, turn: int) -> int:
        """When the change that was tried from `turn` on happened.

        An offset is dated to the last clear speech, at most one hangover before the trial, because the probability
        fades slowly: with noise at -45 dBFS it falls under .1 .14 s after the end of a sentence (median of 18 by
        espeak-ng), under .5 .04 s after it. Onsets are dated right as they are (.01 s early).
        """
        if not self.speaking or self._fade is None:
            return turn
        return max(self._fade, turn - self._hangover)


def as_float(pcm: NDArray[np.int16] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Sound as float32 in -1 to 1, shape (n,)."""
    if pcm.dtype == np.int16:
        return pcm.astype(np.float32) / FULL_SCALE
    return pcm.astype(np.float32, copy=False)


def _inside_faster_whisper() -> Path:
    spec = find_spec("faster_whisper")  # finds it without importing it, which would load CTranslate2
    if spec is None or not spec.submodule_search_locations:
        raise AssetError(
            "The voice activity model comes with faster-whisper, which is not installed; run `make setup`."
        )
    return Path(spec.submodule_search_locations[0]) / "assets" / "silero_vad_v6.onnx"
