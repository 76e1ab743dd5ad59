"""Voice: audio packets flow in (16 kHz mono), the cues of the voice channel flow out, one `CueFrame` per 40 ms.

`VoiceModel` holds the weights, `VoiceStream` is one session. The stream keeps its own grid of 40 ms chunks, counted in
samples, so that the values do not depend on how the sound was cut into packets: a replay gives what was live. A frame
is stamped with the end of its chunk and uses nothing after it; its `t_ns` is the watermark. Three delays follow: an
onset counts as speech 64 ms late and an offset 160 ms late (the trial times of the gate; both are then dated back), and
f0 describes the moment 20 ms before the end of the chunk. What every cue means, and where it is absent, stands in
`docs/cues-voice.md`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.packets import AUDIO_CHUNK, SAMPLE_RATE, AudioPacket
from ahdetect.models.cues import INDEX, Channel, CueFrame, absent_frame, empty_values
from ahdetect.models.pitch import HOP, Pitch, PitchTracker
from ahdetect.models.vad import GateConfig, SpeechEdge, SpeechGate, VadModel, VadStream, as_float

CHUNKS_PER_S: Final = SAMPLE_RATE // AUDIO_CHUNK
CHUNK_S: Final = AUDIO_CHUNK / SAMPLE_RATE

GAP: Final = "microphone gap"
"""Why a frame is absent where the sound was not recorded."""

MIN_PAUSE_S: Final = 0.25
"""A silence from here on counts as a pause (Goldman-Eisler 1968; also the row `voice_pause_rate` of the cue table)."""

DIP_DB: Final = 2.0
"""A syllable nucleus stands out by this much on both sides (de Jong & Wempe 2009)."""

NUCLEUS_RANGE_DB: Final = 25.0
"""A nucleus lies at most this far under the loudest speech (de Jong & Wempe 2009, silence threshold of -25 dB)."""

STEADY_S: Final = 0.2
"""A voiced sound held steady for this long is a filled-pause candidate (Goto et al. 1999)."""

EARLY_ANSWER_S: Final = 0.5
"""Speech that began before the prompt ended and goes on for this long after it is an answer without latency; shorter
speech is the tail of the prompt itself, heard by the microphone."""

_ONSET_SLACK_NS = NS_PER_S // 10
"""An onset this little before the end of the prompt still follows it: both are known to some tens of ms only."""

_ENOUGH = 10
"""Chunks of speech (.4 s) needed in a window of 3 s before a spread is given."""

_LEAST_RATE_SD = 0.3
"""Nuclei per s. One nucleus more or less in 3 s of speech is no change of rate."""


class RunningQuantiles:
    """Quantiles of everything seen so far, from a histogram: constant memory, and the same for the same input.

    Args:
        low: values under it count as it.
        high: values over it count as it.
        step: width of a bin; the resolution of the answer.
    """

    def __init__(self, low: float, high: float, step: float) -> None:
        self._low, self._step = low, step
        self._counts = np.zeros(round((high - low) / step) + 1)
        self.total = 0

    def add(self, value: float) -> None:
        """Take in one value."""
        at = round((value - self._low) / self._step)
        self._counts[min(max(at, 0), len(self._counts) - 1)] += 1
        self.total += 1

    def quantile(self, q: float) -> float:
        """The value below which the share `q` lies; NaN before the first value."""
        if not self.total:
            return float("nan")
        return self._low + self._step * float(np.searchsorted(np.cumsum(self._counts), q * self.total))


class SyllableCounter:
    """Levels every 10 ms flow in, syllable nuclei flow out: voiced peaks of intensity between dips of 2 dB.

    The method of de Jong & Wempe (2009, Behavior Research Methods 41), made causal: a peak is known once the level has
    fallen 2 dB below it, and "loud" is the 99th percentile of the speech so far instead of that of the whole file.
    """

    def __init__(self) -> None:
        self._rising = True
        self._extreme = -np.inf  # highest level while rising, lowest while falling
        self._voiced = False  # at the extreme
        self._loud = RunningQuantiles(-100.0, 0.0, 0.5)

    def step(self, level_db: NDArray[np.float64], voiced: NDArray[np.bool_], speaking: bool) -> int:
        """Take in frames (n,) of smoothed level and voicing; the number of nuclei that became known."""
        nuclei = 0
        for level, is_voiced in zip(level_db.tolist(), voiced.tolist(), strict=True):
            if speaking:
                self._loud.add(level)
            if self._rising:
                if level >= self._extreme:
                    self._extreme, self._voiced = level, is_voiced
                elif level < self._extreme - DIP_DB:
                    nuclei += self._voiced and self._extreme > self._loud.quantile(0.99) - NUCLEUS_RANGE_DB
                    self._rising, self._extreme = False, level
            elif level <= self._extreme:
                self._extreme = level
            elif level > self._extreme + DIP_DB:
                self._rising, self._extreme, self._voiced = True, level, is_voiced
        return nuclei


class Steadiness:
    """Pitch frames every 10 ms flow in, a filled-pause candidate 0-1 flows out.

    Goto, Itou & Hayamizu (1999, Eurospeech) find filled pauses where both f0 and the spectral envelope hardly move.
    Here: the standard deviation of f0 over the last 200 ms, in semitones, and of the envelope (20 mel bands from 100 Hz
    to 5 kHz, in dB, freed of level), root mean square over the bands. 1 where f0 moves less than .3 semitones and the
    envelope less than 2 dB, 0 from 1 semitone or 4 dB on, the product of two ramps between: with these, drawn-out
    vowels of a read speech and 6 % of the ordinary words of meetings still reach .5 (`docs/cues-voice.md`), so it is a
    candidate and no more.
    """

    _FRAMES = round(STEADY_S * SAMPLE_RATE / HOP)
    _BANDS = 20
    _RANGE_DB = 40.0  # what lies deeper under the strongest band is noise

    def __init__(self) -> None:
        edges = _mel_inverse(np.linspace(_mel(100.0), _mel(5000.0), self._BANDS + 2))[:, np.newaxis]
        hz = np.arange(513) * SAMPLE_RATE / 1024
        up, down = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2]), (edges[2:] - hz) / (edges[2:] - edges[1:-1])
        self._filters = np.maximum(0.0, np.minimum(up, down)).T.astype(np.float32)
        self._semitones = np.full(self._FRAMES, np.nan)
        self._envelope = np.zeros((self._FRAMES, self._BANDS))

    def step(self, pitch: Pitch) -> float:
        """Take in the frames of a chunk; the candidate at its end, 0 where the sound is not voiced throughout."""
        bands = 10 * np.log10(np.einsum("tf,fb->tb", pitch.power, self._filters) + 1e-9)
        bands = np.maximum(bands, bands.max(axis=1, keepdims=True) - self._RANGE_DB)
        bands -= bands.mean(axis=1, keepdims=True)
        self._semitones = np.concatenate((self._semitones[len(bands) :], semitones(pitch.f0)))
        self._envelope = np.concatenate((self._envelope[len(bands) :], bands))
        if np.isnan(self._semitones).any():
            return 0.0
        f0_sd, envelope_sd = self._semitones.std(), np.sqrt(self._envelope.var(axis=0).mean())
        return float(np.clip((1.0 - f0_sd) / 0.7, 0, 1) * np.clip(2 - envelope_sd / 2.0, 0, 1))


class _History:
    """The last 20 s, one column per chunk, newest last; NaN where nothing was measured."""

    CHUNKS = 20 * CHUNKS_PER_S
    SPEAKING, LEVEL, HEIGHT, NUCLEI, PAUSES = range(5)

    def __init__(self) -> None:
        self._rows = np.full((5, self.CHUNKS), np.nan)

    def push(self, column: tuple[float, float, float, float, float]) -> None:
        self._rows[:, :-1] = self._rows[:, 1:]
        self._rows[:, -1] = column

    def correct(self, speaking: bool, chunks: int) -> None:
        """The gate dated an edge back: the last `chunks` were speech, or were not."""
        if chunks > 0:
            part = self._rows[self.SPEAKING, -min(chunks, self.CHUNKS) :]
            part[~np.isnan(part)] = float(speaking)

    def last(self, row: int, chunks: int) -> NDArray[np.float64]:
        """The measured values of a row among the last `chunks`."""
        if chunks <= 0:
            return np.empty(0)
        part: NDArray[np.float64] = self._rows[row, -min(chunks, self.CHUNKS) :]
        return part[~np.isnan(part)]

    def in_speech(self, row: int, chunks: int) -> NDArray[np.float64]:
        """The measured values of a row among the last `chunks`, those in speech only."""
        speaking = self._rows[self.SPEAKING, -chunks:] == 1.0
        part: NDArray[np.float64] = self._rows[row, -chunks:][speaking]
        return part[~np.isnan(part)]


@dataclass(frozen=True, slots=True)
class VoiceConfig:
    """Settings of the channel.

    Attributes:
        gate: when speech begins and ends.
        baseline_s: voiced sound needed before pitch is compared with the person's own median, s.
        baseline_speech_s: speech needed before the articulation rate is compared with the person's own, s.
    """

    gate: GateConfig = field(default_factory=GateConfig)
    baseline_s: float = 3.0
    baseline_speech_s: float = 10.0


class VoiceModel:
    """The weights of the channel (the voice activity network); any number of streams may share it.

    Raises:
        AssetError: the network's file is missing or damaged.
    """

    def __init__(self, vad: VadModel | None = None, config: VoiceConfig | None = None) -> None:
        self.vad = vad or VadModel()
        self.config = config or VoiceConfig()

    def stream(self) -> VoiceStream:
        """A new session."""
        return VoiceStream(self)


class VoiceStream:
    """One session of the voice channel; on a thread of its own, or `step()` by hand."""

    def __init__(self, model: VoiceModel) -> None:
        self._config = model.config
        self._vad = VadStream(model.vad)
        self._gate = SpeechGate(model.config.gate)
        self._pitch = PitchTracker()
        self._syllables = SyllableCounter()
        self._steadiness = Steadiness()
        self._history = _History()
        self._f0_seen = RunningQuantiles(-9.0, 32.0, 0.1)  # semitones re 100 Hz: 59 to 635 Hz
        self._rate_seen = RunningQuantiles(0.0, 12.0, 0.05)
        self._power_tail = np.zeros(4)  # of the last hops, for the smoothing of the level
        self._pcm = np.empty(0, dtype=np.int16)  # not a whole chunk yet
        self._synthetic = np.empty(0, dtype=np.bool_)
        self._next_sample: int | None = None
        # Moments are samples since the first one that came, `_known_*` the same without those that were not recorded.
        self._sample = 0
        self._known = 0
        self._end_ns = 0  # session time of `_sample`
        self._gap_end_ns = -1
        self._speech = float("nan")
        self._known_turn = 0  # when the present utterance or pause began
        self._pause_counted = True
        self._first_speech: int | None = None  # of the answer
        self._onsets_ns: deque[int] = deque(maxlen=64)
        self._marks_ns: deque[int] = deque()  # as they come, maybe from another thread
        self._prompts_ns: list[int] = []  # still to come
        self._prompt_ns: int | None = None
        self._prompt_sample = 0
        self._latency_s = float("nan")

    def mark_prompt(self, end_ns: int) -> None:
        """Say that a prompt ends (or ended) at `end_ns`, session clock; a new answer begins there.

        Frames that were given before the call stay as they are; those after it count from `end_ns`. Any thread may
        call it.
        """
        self._marks_ns.append(end_ns)

    def step(self, packet: AudioPacket) -> list[CueFrame]:
        """Take in a packet of any length; return a frame for each 40 ms that it completes.

        Raises:
            ValueError: samples are missing or come twice; capture fills every gap with a synthetic block.
        """
        block = packet.data
        if self._next_sample is not None and block.first_sample != self._next_sample:
            raise ValueError(f"audio jumps from sample {self._next_sample} to {block.first_sample}")
        n, waiting = len(block.pcm), len(self._pcm)
        self._next_sample = block.first_sample + n
        self._pcm = np.concatenate((self._pcm, block.pcm))
        self._synthetic = np.concatenate((self._synthetic, np.full(n, block.synthetic)))
        frames = []
        for end in range(AUDIO_CHUNK, len(self._pcm) + 1, AUDIO_CHUNK):
            part = slice(end - AUDIO_CHUNK, end)
            end_ns = packet.t_ns + packet.dur_ns * (end - waiting) // n
            frames.append(self._chunk(self._pcm[part], bool(self._synthetic[part].any()), end_ns))
        done = len(self._pcm) // AUDIO_CHUNK * AUDIO_CHUNK
        self._pcm, self._synthetic = self._pcm[done:], self._synthetic[done:]
        return frames

    def flush(self) -> list[CueFrame]:
        """End of the stream: what is left (less than 40 ms) is judged as a chunk filled up with silence."""
        left = len(self._pcm)
        if not left:
            return []
        pcm = np.pad(self._pcm, (0, AUDIO_CHUNK - left))
        end_ns = self._end_ns + left * NS_PER_S // SAMPLE_RATE
        frame = self._chunk(pcm, bool(self._synthetic.any()), end_ns, recorded=left)
        self._pcm, self._synthetic = self._pcm[:0], self._synthetic[:0]
        return [frame]

    def _chunk(self, pcm: NDArray[np.int16], synthetic: bool, end_ns: int, recorded: int = AUDIO_CHUNK) -> CueFrame:
        sound = as_float(pcm)
        self._sample += AUDIO_CHUNK
        self._known += 0 if synthetic else AUDIO_CHUNK
        self._end_ns = end_ns
        self._reach_prompts()
        windows = self._vad.step(sound)
        if len(windows):
            self._speech = float(windows.p[-1])
        for edge in self._gate.step(windows):
            self._turn(edge, synthetic)
        pitch = self._pitch.step(sound)
        steady = self._steadiness.step(pitch)
        if synthetic:
            self._gap_end_ns = end_ns
            self._history.push((np.nan,) * 5)
            return absent_frame(Channel.VOICE, end_ns, GAP)
        hops = np.square(sound, dtype=np.float64).reshape(-1, HOP).mean(axis=1) * (AUDIO_CHUNK / recorded)
        pause_s = 0.0 if self._gate.speaking else (self._known - self._known_turn) / SAMPLE_RATE
        f0 = self._remember(pitch, hops, pause_s)
        cues = {
            "voice_speech": self._speech,
            "voice_f0": f0,
            "voice_voicing": float(pitch.voicing.mean()),
            "voice_intensity": _decibel(hops.mean()),
            "voice_filled_pause": steady if self._heard else 0.0,
            "voice_response_latency": self._latency(),
            "voice_noise": self._noise(),
            **self._melody(),
            **self._pauses(pause_s),
            **self._rate(),
        }
        values = empty_values(Channel.VOICE)
        values[[INDEX[name] for name in cues]] = list(cues.values())
        return CueFrame(Channel.VOICE, end_ns, values)

    @property
    def _heard(self) -> bool:
        """Whether the newest window may be speech; pitch of a hum or of music is not the person's."""
        return self._speech >= self._config.gate.off

    def _turn(self, edge: SpeechEdge, synthetic: bool) -> None:
        """An utterance began or ended, some windows ago."""
        ago = self._sample - edge.sample
        self._history.correct(edge.speaking, round(ago / AUDIO_CHUNK) - 1)
        self._known_turn = self._known if synthetic else max(0, self._known - ago)
        self._pause_counted = edge.speaking
        if edge.speaking:
            self._onsets_ns.append(self._end_ns - ago * NS_PER_S // SAMPLE_RATE)
            if self._first_speech is None:
                self._first_speech = edge.sample

    def _reach_prompts(self) -> None:
        while self._marks_ns:
            self._prompts_ns = sorted([*self._prompts_ns, self._marks_ns.popleft()])
        while self._prompts_ns and self._prompts_ns[0] <= self._end_ns:
            self._prompt_ns = self._prompts_ns.pop(0)
            ago = (self._end_ns - self._prompt_ns) * SAMPLE_RATE // NS_PER_S
            self._prompt_sample = max(0, self._sample - ago)
            self._latency_s = float("nan")
            since = [ns for ns in self._onsets_ns if ns >= self._prompt_ns - _ONSET_SLACK_NS]
            self._first_speech = None
            if since or self._gate.speaking:
                self._first_speech = self._prompt_sample
            if not self._gate.speaking:
                self._known_turn = max(self._known_turn, self._known - ago)
                # Waiting for the answer is latency, not a pause in it.
                self._pause_counted |= self._first_speech is None

    def _remember(self, pitch: Pitch, hops: NDArray[np.float64], pause_s: float) -> float:
        """Add the chunk to the history and to the person's own distributions; its f0 in Hz, NaN where unvoiced."""
        speaking = self._gate.speaking
        is_voiced = ~np.isnan(pitch.f0)
        voiced = self._heard and is_voiced.mean() >= 0.5  # a lone frame is more often an error than a voice
        f0 = float(np.median(pitch.f0[is_voiced])) if voiced else float("nan")
        height = float(semitones(np.float64(f0)))
        if speaking and voiced:
            self._f0_seen.add(height)
        power = np.concatenate((self._power_tail, hops))
        self._power_tail = power[-4:]
        smooth = 10 * np.log10(np.convolve(power, np.full(5, 0.2), "valid") + 1e-10)
        nuclei = self._syllables.step(smooth, is_voiced, speaking)
        counts = not self._pause_counted and pause_s >= MIN_PAUSE_S
        self._pause_counted |= counts
        self._history.push((float(speaking), _decibel(hops.mean()), height, float(nuclei), float(counts)))
        return f0

    def _melody(self) -> dict[str, float]:
        chunks = 3 * CHUNKS_PER_S
        cues = {}
        heights = self._history.in_speech(_History.HEIGHT, chunks)
        if len(heights) >= _ENOUGH:
            cues["voice_f0_sd"] = _half_range(heights)
            if self._f0_seen.total >= self._config.baseline_s * CHUNKS_PER_S:
                cues["voice_f0_shift"] = float(np.median(heights)) - self._f0_seen.quantile(0.5)
        levels = self._history.in_speech(_History.LEVEL, chunks)
        if len(levels) >= _ENOUGH:
            cues["voice_intensity_sd"] = _half_range(levels)
        return cues

    def _pauses(self, pause_s: float) -> dict[str, float]:
        """Nothing before the first speech, unless a prompt said when the answer was due."""
        if self._first_speech is None and self._prompt_ns is None:
            return {}
        cues = {"voice_pause": pause_s}
        begin = self._first_speech if self._prompt_ns is None else self._prompt_sample
        spoken = self._history.last(_History.SPEAKING, self._chunks_since(begin, 10))
        if len(spoken) >= 2 * CHUNKS_PER_S:
            cues["voice_pause_share"] = 1.0 - float(spoken.mean())
        pauses = self._history.last(_History.PAUSES, self._chunks_since(self._first_speech, 20))
        if len(pauses) >= 5 * CHUNKS_PER_S:
            cues["voice_pause_rate"] = float(pauses.sum()) * 60 / (len(pauses) * CHUNK_S)
        return cues

    def _rate(self) -> dict[str, float]:
        chunks = 5 * CHUNKS_PER_S
        speech_s = float(self._history.last(_History.SPEAKING, chunks).sum()) * CHUNK_S
        if speech_s < 1.0:
            return {}
        rate = float(self._history.last(_History.NUCLEI, chunks).sum()) / speech_s
        cues = {"voice_articulation_rate": rate}
        seen = self._rate_seen
        if seen.total >= self._config.baseline_speech_s * CHUNKS_PER_S:
            sd = max((seen.quantile(0.84) - seen.quantile(0.16)) / 2, _LEAST_RATE_SD)
            cues["voice_slow"] = (seen.quantile(0.5) - rate) / sd
        if self._gate.speaking:
            seen.add(rate)
        return cues

    def _latency(self) -> float:
        if self._prompt_ns is None or not np.isnan(self._latency_s):
            return self._latency_s
        if self._gap_end_ns > self._prompt_ns:  # the answer may have begun where nothing was recorded
            return float("nan")
        since = [ns for ns in self._onsets_ns if ns >= self._prompt_ns - _ONSET_SLACK_NS]
        if since:
            self._latency_s = max(0, since[0] - self._prompt_ns) / NS_PER_S
        elif self._gate.speaking and self._end_ns - self._prompt_ns >= EARLY_ANSWER_S * NS_PER_S:
            self._latency_s = 0.0
        return self._latency_s

    def _noise(self) -> float:
        levels = self._history.last(_History.LEVEL, _History.CHUNKS)
        if len(levels) < 2 * CHUNKS_PER_S:
            return float("nan")
        return float(np.partition(levels, len(levels) // 10)[len(levels) // 10])

    def _chunks_since(self, sample: int | None, at_most_s: int) -> int:
        since = 0 if sample is None else (self._sample - sample) // AUDIO_CHUNK
        return min(since, at_most_s * CHUNKS_PER_S)


def semitones(hz: NDArray[np.float32] | np.float64) -> NDArray[np.float64]:
    """Height in semitones above 100 Hz, same shape; NaN stays NaN."""
    return np.asarray(12 * np.log2(np.asarray(hz, dtype=np.float64) / 100.0))


def _decibel(power: float) -> float:
    """Level re full scale; digital zero has none."""
    return 10 * float(np.log10(power)) if power > 0 else float("nan")


def _half_range(values: NDArray[np.float64]) -> float:
    """Half the distance from the 16th to the 84th percentile: a standard deviation that octave errors do not move."""
    ordered, n = np.sort(values), len(values) - 1
    return float(ordered[round(0.84 * n)] - ordered[round(0.16 * n)]) / 2


def _mel(hz: float) -> float:
    return 2595.0 * float(np.log10(1 + hz / 700.0))


def _mel_inverse(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700.0 * (10 ** (mel / 2595.0) - 1)
