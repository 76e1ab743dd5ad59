"""Nothing (or a folder of WAV files) flows in; cost and accuracy of pitch libraries on a live stream flow out.

    python tools/measure_pitch.py [FOLDER]

Each library is driven as the voice channel drives it, 40 ms at a time, and gives f0 every 10 or 16 ms. Synthetic voices
have a known f0; espeak-ng voices and the files of FOLDER are compared with Praat on the whole file (parselmouth).
Libraries that are not installed are left out.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

RATE, CHUNK, FLOOR, CEILING = 16_000, 640, 75.0, 500.0
Track = tuple[NDArray[np.float64], NDArray[np.float64]]  # times in s, f0 in Hz with NaN where unvoiced


def read(path: Path) -> NDArray[np.float32]:
    """The sound of a clip as 16 kHz mono float32."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(str(path)) as clip:
        frames = [out for frame in clip.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([f.to_ndarray()[0] for f in (*frames, *resampler.resample(None))])


def glottal(base: float, seed: int, snr_db: float, seconds: float = 8.0) -> tuple[NDArray[np.float32], Track]:
    """A voice of known f0: glottal pulses through three formants, phrases with pauses, noise at `snr_db`."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    f0 = base * 2 ** ((3 * np.sin(2 * np.pi * 0.4 * t + seed) + 2 * np.sin(2 * np.pi * 1.3 * t)) / 12)
    voiced = (t % 1.6) < 1.2
    phase = np.cumsum(f0 / RATE)
    pulses = np.diff(np.floor(phase), prepend=0.0) * voiced
    pulses *= 1 + 0.05 * rng.standard_normal(len(t))  # shimmer
    sound = lfilter([1.0], [1.0, -0.96], pulses) - lfilter([1.0], [1.0, -0.9], pulses)
    for centre, width in ((500 + 200 * rng.random(), 80), (1500, 120), (2500, 160)):
        r = np.exp(-np.pi * width / RATE)
        sound = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * centre / RATE), r * r], sound)
    sound = sound / np.abs(sound).max() * 0.5
    noise = rng.standard_normal(len(t)) * np.sqrt((sound[voiced] ** 2).mean()) * 10 ** (-snr_db / 20)
    return (sound + noise).astype(np.float32), (t[::80], np.where(voiced, f0, np.nan)[::80])


def espeak(voice: str, folder: Path) -> NDArray[np.float32]:
    path = folder / f"{voice.replace('+', '_')}.wav"
    text = "I would like to change something, but maybe not today. We have known each other for many long years."
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
    return read(path)


def praat(sound: NDArray[np.float32]) -> Track:
    import parselmouth

    pitch = parselmouth.Sound(sound.astype(float), RATE).to_pitch_ac(0.01, FLOOR, pitch_ceiling=CEILING)
    f0 = pitch.selected_array["frequency"]
    return pitch.xs(), np.where(f0 > 0, f0, np.nan)


def chunks(sound: NDArray[np.float32], context: int) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """End time of each 40 ms chunk with the last `context` samples up to it."""
    padded = np.concatenate((np.zeros(context, np.float32), sound))
    for end in range(CHUNK, len(sound) + 1, CHUNK):
        yield end / RATE, padded[end : end + context]


def own(sound: NDArray[np.float32]) -> Track:
    from ahdetect.models.pitch import DELAY_S, HOP, PitchTracker

    tracker = PitchTracker()
    f0 = np.concatenate([tracker.step(part).f0 for _, part in chunks(sound, CHUNK)])
    return np.arange(1, len(f0) + 1) * HOP / RATE - DELAY_S, f0.astype(float)


def parselmouth_rolling(sound: NDArray[np.float32]) -> Track:
    times, values = [], []
    for end, part in chunks(sound, 2400):
        t, f0 = praat(part)
        t = t + end - 0.15
        new = t > end - 0.021 - 0.04
        times.append(t[new][-4:])
        values.append(f0[new][-4:])
    return np.concatenate(times), np.concatenate(values)


def swift(sound: NDArray[np.float32]) -> Track:
    from swift_f0 import SwiftF0, concat

    stream = SwiftF0(threads=1, spin=False).stream(FLOOR, CEILING)
    result = concat([*(stream.push(part, RATE) for _, part in chunks(sound, CHUNK)), stream.flush()])
    return result.timestamps, np.where(result.confidence >= 0.5, result.pitch_hz, np.nan)


def world(sound: NDArray[np.float32]) -> Track:
    import pyworld

    times, values = [], []
    for end, part in chunks(sound, 3200):
        x = part.astype(float)
        f0, t = pyworld.dio(x, RATE, f0_floor=FLOOR, f0_ceil=CEILING, frame_period=10.0)
        f0 = pyworld.stonemask(x, f0, t, RATE)
        times.append(t[-8:-4] + end - 0.2)  # its last frames see half a window only
        values.append(np.where(f0 > 0, f0, np.nan)[-8:-4])
    return np.concatenate(times), np.concatenate(values)


def librosa_yin(sound: NDArray[np.float32]) -> Track:
    import librosa

    times, values = [], []
    for end, part in chunks(sound, 1024 + 480):
        f0 = librosa.yin(part, fmin=FLOOR, fmax=CEILING, sr=RATE, frame_length=1024, hop_length=160, center=False)
        times.append(end - 0.03 - 0.032 + np.arange(4) * 0.01)
        values.append(f0)
    return np.concatenate(times), np.concatenate(values)


LIBRARIES: dict[str, tuple[Callable[[NDArray[np.float32]], Track], str]] = {
    "models/pitch.py": (own, "20 ms"),
    "parselmouth, rolling 150 ms": (parselmouth_rolling, "20 ms"),
    "swift-f0 0.3.0 stream": (swift, "160-176 ms"),
    "pyworld dio + stonemask": (world, "40 ms"),
    "librosa yin (no voicing)": (librosa_yin, "32 ms"),
}


def compare(found: Track, truth: Track) -> NDArray[np.float64]:
    """Counts: frames, voicing agreed, both voiced, octave errors, other errors over 20 %; then the sum of |cents|."""
    t, f0 = found
    true_t, true_f0 = truth
    near = np.clip(np.searchsorted(true_t, t), 1, len(true_t) - 1)
    near -= np.abs(true_t[near - 1] - t) < np.abs(true_t[near] - t)
    true = true_f0[near]
    inside = (t >= true_t[0]) & (t <= true_t[-1])
    both = inside & ~np.isnan(f0) & ~np.isnan(true)
    octaves = np.log2(f0[both] / true[both])
    gross = np.abs(octaves) > np.log2(1.2)
    octave = gross & (np.abs(np.abs(octaves) - np.round(np.abs(octaves))) < 0.1)
    agreed = (np.isnan(f0) == np.isnan(true)) & inside
    cents = 1200 * np.abs(octaves[~gross])
    return np.array([inside.sum(), agreed.sum(), both.sum(), octave.sum(), (gross & ~octave).sum(), cents.sum()])


def main() -> None:
    warnings.simplefilter("ignore")
    sets: dict[str, list[tuple[NDArray[np.float32], Track]]] = {}
    for snr in (40.0, 10.0):
        sets[f"glottal pulses, {snr:.0f} dB"] = [glottal(f, i, snr) for i, f in enumerate((100.0, 160.0, 230.0))]
    with tempfile.TemporaryDirectory() as folder:
        sounds = [espeak(v, Path(folder)) for v in ("en-us", "en-us+f3", "en-gb+m7")]
    sets["espeak-ng, 3 voices"] = [(s, praat(s)) for s in sounds]
    if len(sys.argv) > 1:
        files = [read(path) for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix in {".wav", ".flac"}]
        sets["files"] = [(s, praat(s)) for s in files if len(s) > RATE]
    print("| library | look-ahead | set | voicing agreed | octave errors | other > 20 % | mean cents | CPU ms per s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (track, ahead) in LIBRARIES.items():
        for title, members in sets.items():
            try:
                track(members[0][0][: 2 * RATE])  # warm up
            except ImportError:
                continue
            total, cost = np.zeros(6), time.process_time()
            results = [track(sound) for sound, _ in members]
            cost = time.process_time() - cost
            for found, (_, truth) in zip(results, members, strict=True):
                total += compare(found, truth)
            frames, agreed, both, octave, other, cents = total
            seconds = sum(len(s) for s, _ in members) / RATE
            print(
                f"| {name} | {ahead} | {title} | {agreed / frames:.3f} | {octave / both:.4f} | {other / both:.4f} "
                f"| {cents / (both - octave - other):.1f} | {1e3 * cost / seconds:.1f} |"
            )


if __name__ == "__main__":
    main()
