"""Speech with known words flows in; figures of words, fillers, times, delays, cost and hallucinations flow out.

    python tools/measure_speech.py [--whole] [--set FIELD=VALUE ...]

Read speech is Debian's `pocketsphinx-testdata` (LibriVox, BSD), the rest is made by `make_speech_clips.py`.
Delays are of a simulated live run: the session clock is a ManualClock, moved on by the time that each pass took.
`--whole` measures one pass over each VAD utterance instead, as a yardstick for the words.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import wave
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from make_speech_clips import FILLERS, HESITANT, PLAIN, RATE, clips
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_S, ManualClock, ReplayClock
from ahdetect.capture.packets import AUDIO_CHUNK, AudioBlock, AudioPacket, Packet
from ahdetect.models.agreement import plain
from ahdetect.models.speech import SpeechConfig, SpeechModel, SpeechStream
from ahdetect.models.words import Word

READ: Final = Path("/usr/share/pocketsphinx/test/data/librivox")
NUMBERS: Final = {"10": "ten", "3": "three", "2": "two", "1": "one", "im": "iam", "dont": "donot", "mr": "mister"}
SPOKEN: Final = {"er": "uh", "ah": "uh", "hmm": "um", "erm": "um", "umm": "um", "uhh": "uh"}


@dataclass
class Case:
    """Sound and what is said in it; `words` carry times where those are known."""

    name: str
    pcm: NDArray[np.int16]
    words: list[str]
    starts: list[float | None] | None = None


@dataclass
class Run:
    """What came out of one run."""

    settled: list[tuple[Word, float]] = field(default_factory=list)  # with the session time of its update, s
    first_seen: dict[int, float] = field(default_factory=dict)  # number of the word -> when it was first shown
    cpu_s: float = 0.0
    wall_s: float = 0.0
    worst_behind_s: float = 0.0


def cases() -> list[Case]:
    """The material."""
    made = []
    for texts, name in ((HESITANT, "hesitant"), (PLAIN, "plain")):
        made += [
            Case(clip.name, clip.pcm, [w.text for w in clip.words], [w.start_s for w in clip.words])
            for clip in clips(texts, name)
        ]
    lines = (READ / "transcription").read_text().splitlines()
    read, words = [np.zeros(RATE // 2, np.int16)], []
    for line in lines:
        text, name = line.removeprefix("<s> ").rsplit(" </s> (", 1)
        with wave.open(str(READ / (name.rstrip(")") + ".wav"))) as sound:
            pcm = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        made.append(Case("read " + name[-5:-1], np.concatenate((read[0], pcm, np.zeros(RATE, np.int16))), text.split()))
        read.append(pcm)
        words += text.split()
    made.append(Case("read, on and on", np.concatenate(read), words))
    return made


def packets(pcm: NDArray[np.int16], chunk: int = AUDIO_CHUNK) -> list[AudioPacket]:
    """The sound as the microphone hands it over, 0 s delay."""
    ns = NS_PER_S // RATE
    blocks = [AudioBlock(pcm[at : at + chunk], at) for at in range(0, len(pcm), chunk)]
    return [
        Packet("audio", n, b.first_sample * ns, len(b.pcm) * ns, (b.first_sample + len(b.pcm)) * ns, b)
        for n, b in enumerate(blocks)
    ]


def replay(model: SpeechModel, pcm: NDArray[np.int16]) -> Run:
    """As a clip is analysed."""
    run, stream = Run(), SpeechStream(model, False, ReplayClock())
    wall, cpu = time.perf_counter(), time.process_time()
    for packet in packets(pcm):
        stream.push(packet)
        while (update := stream.step()) is not None:
            run.settled += [(word, 0.0) for word in update.settled]
    run.settled += [(word, 0.0) for word in stream.flush().settled]
    run.cpu_s, run.wall_s = time.process_time() - cpu, time.perf_counter() - wall
    return run


def live(model: SpeechModel, pcm: NDArray[np.int16], slower: float = 1.0) -> Run:
    """As a microphone is heard: packets come when they end, each pass takes the time it takes (times `slower`)."""
    clock, run = ManualClock(), Run()
    stream, waiting = SpeechStream(model, True, clock), packets(pcm)
    cpu = time.process_time()
    while waiting:
        clock.advance_to(waiting[0].end_ns)
        while waiting and waiting[0].end_ns <= clock.now_ns():
            stream.push(waiting.pop(0))
        while True:
            began = time.process_time()  # of the process: others on the machine are not our delay
            update = stream.step()
            clock.advance((time.process_time() - began) * slower)
            if update is None:
                break
            now = clock.now_ns() / NS_PER_S
            run.worst_behind_s = max(run.worst_behind_s, update.behind_s)
            for word in (*update.settled, *update.provisional):
                key = round(word.end_ns / 3e8)
                if not any(abs(key - k) <= 1 for k in run.first_seen):
                    run.first_seen[key] = now - word.end_ns / NS_PER_S
            run.settled += [(word, now) for word in update.settled]
    now = clock.now_ns() / NS_PER_S
    run.settled += [(word, now) for word in stream.flush().settled]
    run.cpu_s = time.process_time() - cpu
    return run


def norm(word: str) -> str:
    """As words are compared: numbers written out, one spelling for each filler."""
    bare = plain(word)
    return SPOKEN.get(bare, NUMBERS.get(bare, bare))


def spell(words: list[str]) -> list[str]:
    """Words as compared, contractions taken apart."""
    out: list[str] = []
    for word in words:
        text = word.lower().replace("don't", "do not").replace("i'm", "i am")
        out += [norm(part) for part in text.replace("-", " ").split()]
    return [word for word in out if word]


def align(truth: list[str], heard: list[str]) -> tuple[int, list[tuple[int, int]]]:
    """Least edits between two lists of words, and the pairs that match."""
    cost = np.zeros((len(truth) + 1, len(heard) + 1), dtype=int)
    cost[:, 0], cost[0] = np.arange(len(truth) + 1), np.arange(len(heard) + 1)
    for i, a in enumerate(truth, 1):
        for j, b in enumerate(heard, 1):
            cost[i, j] = min(cost[i - 1, j - 1] + (a != b), cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    i, j, pairs = len(truth), len(heard), []
    while i and j:
        if cost[i, j] == cost[i - 1, j - 1] + (truth[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            if truth[i] == heard[j]:
                pairs.append((i, j))
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return int(cost[-1, -1]), pairs[::-1]


def whole(model: SpeechModel, pcm: NDArray[np.int16]) -> list[str]:
    """One pass over each stretch of sound between long pauses: what the weights can do without haste."""
    stream = SpeechStream(
        SpeechModel(
            config=replace(
                model.config,
                settle_s=30.0,
                window_s=29.0,
                gate=replace(model.config.gate, hangover_s=0.7),
            ),
            recogniser=model.recogniser,
            vad=model.vad,
        ),
        False,
        ReplayClock(),
    )
    words: list[str] = []
    for packet in packets(pcm):
        stream.push(packet)
        while (update := stream.step()) is not None:
            words += [w.text for w in update.settled]
    return words + [w.text for w in stream.flush().settled]


def quantiles(values: list[float]) -> str:
    """Median, p90 and p95."""
    return " / ".join(f"{np.quantile(values, q):.2f}" for q in (0.5, 0.9, 0.95)) if values else "-"


def noises() -> dict[str, NDArray[np.int16]]:
    """60 s each of what is no speech."""
    rng, n = np.random.default_rng(1), 60 * RATE
    t = np.arange(n) / RATE
    white = rng.normal(0, 1, n)
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 1)), n)
    notes = 220 * 2 ** (rng.integers(0, 13, 120) / 12)
    pitch = np.repeat(notes, n // 120)
    music = sum(np.sin(2 * np.pi * np.cumsum(pitch) * k / RATE) / k for k in (1, 2, 3, 4)) * np.exp(-4 * (t % 0.5))
    clicks = np.zeros(n)
    clicks[rng.integers(0, n, 200)] = 1
    keys = np.convolve(clicks, rng.normal(0, 1, 400) * np.exp(-np.arange(400) / 60), "same")
    breath = white * np.clip(np.sin(2 * np.pi * 0.3 * t), 0, 1) ** 2
    made = {"silence": 0 * t, "white noise": white, "pink noise": pink, "music": music, "keys": keys, "breath": breath}
    return {k: (v / max(np.abs(v).max(), 1e-9) * 9000).astype(np.int16) for k, v in made.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true", help="one pass over each utterance, words only")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--no-live", action="store_true")
    parser.add_argument("--no-noise", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slower", type=float, default=1.0, help="make passes this many times slower")
    parser.add_argument("--context", type=float, help="length to which the encoder's input is padded, s")
    parser.add_argument("--words", action="store_true", help="print them")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="of SpeechConfig, or margins.X")
    args = parser.parse_args()
    config = SpeechConfig()
    for item in args.set:
        name, value = item.split("=")
        number = json.loads(value)
        if name.startswith("margins."):
            config = replace(config, margins=replace(config.margins, **{name[8:]: number}))
        elif name.startswith("gate."):
            config = replace(config, gate=replace(config.gate, **{name[5:]: number}))
        else:
            config = replace(config, **{name: number})
    model = SpeechModel(threads=args.threads, config=config)
    if args.context:
        model.recogniser.context_s = args.context  # type: ignore[attr-defined]
    groups: dict[str, list[float]] = {}
    errors: list[float] = []
    shown: list[float] = []
    delays: dict[str, list[float]] = {"pauses": [], "on and on": []}
    kept = asked = invented = 0
    differ = total = 0
    cpu = seconds = live_cpu = behind = 0.0
    for case in cases():
        if args.only not in case.name:
            continue
        group = groups.setdefault(case.name.split()[0].split("_")[0] + (" on" if " on" in case.name else ""), [0, 0])
        truth = spell(case.words)
        run = Run() if args.whole else replay(model, case.pcm)
        heard = spell(whole(model, case.pcm)) if args.whole else spell([w.text for w, _ in run.settled])
        if args.words:
            print(case.name, "|", " ".join(w.text for w, _ in run.settled) or " ".join(heard))
        edits, pairs = align(truth, heard)
        group[0] += edits
        group[1] += len(truth)
        asked += sum(w in FILLERS for w in truth)
        kept += sum(truth[i] in FILLERS for i, _ in pairs)
        matched = {j for _, j in pairs}
        invented += sum(w in FILLERS and j not in matched for j, w in enumerate(heard))
        if args.whole:
            continue
        cpu += run.cpu_s
        seconds += len(case.pcm) / RATE
        if case.starts is not None:
            plain_truth, plain_heard = [norm(w) for w in case.words], [norm(w.text) for w, _ in run.settled]
            _, exact = align(plain_truth, plain_heard)
            onsets = [(case.starts[i], run.settled[j][0].start_ns / NS_PER_S) for i, j in exact]
            errors += [at - onset for onset, at in onsets if onset is not None]
        if args.no_live:
            continue
        alive = live(model, case.pcm, args.slower)
        live_cpu += alive.cpu_s
        behind = max(behind, alive.worst_behind_s)
        differ += align([w.text for w, _ in run.settled], [w.text for w, _ in alive.settled])[0]
        total += len(run.settled)
        key = "on and on" if "on and on" in case.name else "pauses"
        delays[key] += [at - word.end_ns / NS_PER_S for word, at in alive.settled]
        shown += list(alive.first_seen.values())
    for name, (edits, count) in groups.items():
        print(f"word error, {name:9} {edits / count:.3f}  ({count:.0f} words)")
    print(f"fillers: {kept} of {asked} kept, {invented} invented")
    if not args.whole:
        absolute = [abs(e) for e in errors]
        print(f"word start error, s: |e| median/p90/p95 {quantiles(absolute)}, bias {np.median(errors or [0]):+.3f}")
        print(f"replay: {cpu / max(seconds, 1):.3f} CPU s per second of sound ({seconds:.0f} s)")
    if not args.whole and not args.no_live:
        print(f"live:   {live_cpu / seconds:.3f} CPU s per second, at most {behind:.2f} s behind")
        print(f"words of live and replay that differ: {differ} of {total}")
        print(f"shown after the word ended, s: {quantiles(shown)}")
        for key, values in delays.items():
            print(f"settled after the word ended, speech with {key}, s: {quantiles(values)}")
    if not args.no_noise:
        for name, pcm in noises().items():
            words = [w.text for w, _ in replay(model, pcm).settled]
            print(f"words in 60 s of {name}: {len(words)} {words[:8] if words else ''}")
    print(f"resident at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
