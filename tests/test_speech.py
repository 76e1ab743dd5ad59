"""Streaming transcription: what settles, when, and what it says when it cannot keep up.

Time and faults are tested with a recogniser that reads words off the sound itself (each word is a level of the signal)
and takes as long as the test wants; hearing is tested with Whisper and speech of espeak-ng.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_S, ManualClock, ReplayClock
from ahdetect.capture.packets import SAMPLE_RATE, AudioBlock, AudioPacket, Packet
from ahdetect.errors import AssetError
from ahdetect.models.agreement import Margins, agreeing, settling
from ahdetect.models.speech import SpeechModel, SpeechStream
from ahdetect.models.vad import VadModel
from ahdetect.models.whisper import HeardWord, Whisper
from ahdetect.models.words import Transcript, Word, WordUpdate

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

NS_PER_SAMPLE = NS_PER_S // SAMPLE_RATE
WORD_S = 0.3


def packets(pcm: NDArray[np.int16], chunk: int = 640) -> list[AudioPacket]:
    return [
        Packet("audio", n, at * NS_PER_SAMPLE, len(part) * NS_PER_SAMPLE, (at + len(part)) * NS_PER_SAMPLE, block)
        for n, at in enumerate(range(0, len(pcm), chunk))
        for part in [pcm[at : at + chunk]]
        for block in [AudioBlock(part, at)]
    ]


def silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def coded(first: int, count: int) -> NDArray[np.int16]:
    """`count` words of `WORD_S`, each a level that says its number."""
    return np.repeat(np.arange(first + 1, first + count + 1, dtype=np.int16) * 100, round(WORD_S * SAMPLE_RATE))


class LevelVad(VadModel):
    """Speech is where the signal is not nought."""

    def __init__(self) -> None:
        pass

    def run(
        self, window: NDArray[np.float32], h: NDArray[np.float32], c: NDArray[np.float32]
    ) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
        return float(np.mean(window[0, 64:] > 0) > 0.5), h, c


@dataclass
class LevelRecogniser:
    """Reads coded words off the sound; hears the last one of a running word wrong; takes `takes_s` for a pass."""

    clock: ManualClock = field(default_factory=ManualClock)
    takes_s: float = 0.0
    passes: list[tuple[float, bool, int]] = field(default_factory=list)  # length of the sound, prompted, beam

    def hear(
        self, sound: NDArray[np.float32], prefix: Sequence[int], new_s: float, *, beam: int, prompted: bool
    ) -> list[HeardWord]:
        assert 0 <= new_s <= len(sound) / SAMPLE_RATE
        self.clock.advance(self.takes_s)
        self.passes.append((len(sound) / SAMPLE_RATE, prompted, beam))
        levels = np.rint(sound * 327.68).astype(int)
        edges = np.flatnonzero(np.diff(levels, prepend=0, append=0))
        words = []
        for start, end in pairwise(edges):
            number = int(levels[start]) - 1
            if number < 0 or (prefix and number <= prefix[-1]):
                continue
            cut = end == len(sound) and end - start < 0.95 * WORD_S * SAMPLE_RATE
            text = f"cut{number}" if cut else f"word{number}"
            words.append(HeardWord(text, (number,), start / SAMPLE_RATE, end / SAMPLE_RATE, 0.9))
        return words


def fake_model(recogniser: LevelRecogniser) -> SpeechModel:
    return SpeechModel(recogniser=recogniser, vad=LevelVad())


def drive(stream: SpeechStream, clock: ManualClock, pcm: NDArray[np.int16], chunk: int = 640) -> list[WordUpdate]:
    """As a thread would: packets come when they end, passes take their time meanwhile."""
    updates, waiting = [], packets(pcm, chunk)
    while waiting:
        clock.advance_to(waiting[0].end_ns)
        while True:
            while waiting and waiting[0].end_ns <= clock.now_ns():
                stream.push(waiting.pop(0))
            update = stream.step()
            if update is None:
                break
            updates.append(update)
    return [*updates, stream.flush()]


def settled(updates: list[WordUpdate]) -> list[Word]:
    return [word for update in updates for word in update.settled]


def heard(*words: str, gap: float = 0.3, confidence: float = 0.9) -> list[HeardWord]:
    return [HeardWord(w, (n,), n * gap, (n + 1) * gap, confidence) for n, w in enumerate(words)]


# --- local agreement


def test_passes_agree_up_to_the_first_word_that_differs_whatever_its_case_and_punctuation() -> None:
    assert agreeing(heard("Well,", "I", "might"), heard("well", "I", "may", "go")) == 2


def test_a_word_at_the_edge_of_the_sound_never_settles() -> None:
    words = heard("I", "want")
    assert settling(words, words, words[-1].end_s + 0.1, Margins()) < 2


def test_an_agreed_word_settles_earlier_than_one_heard_once() -> None:
    words, margins = heard("I", "want"), Margins(agreed_s=0.4, sure_s=0.8)
    sound_s = words[-1].end_s + 0.5
    assert settling(words, words, sound_s, margins) == 2
    assert settling([], words, sound_s, margins) == 1


def test_a_doubtful_word_waits_longer_and_holds_back_what_follows() -> None:
    doubtful = [*heard("I"), *heard("I", "once", confidence=0.2)[1:], *heard("I", "once", "had")[2:]]
    assert settling([], doubtful, doubtful[-1].end_s + 1.0, Margins(sure_s=0.8, doubtful_s=2.0)) == 1
    assert settling([], doubtful, doubtful[-1].end_s + 2.1, Margins(sure_s=0.8, doubtful_s=2.0)) == 3


# --- the stream, on a recogniser that makes no errors of its own


def test_every_word_settles_once_in_order_and_at_its_time() -> None:
    clock = ManualClock()
    pcm = np.concatenate((silence(0.5), coded(0, 20), silence(0.6), coded(20, 5), silence(2.0), coded(25, 3)))
    words = settled(drive(SpeechStream(fake_model(LevelRecogniser(clock)), True, clock), clock, pcm))
    assert [w.text for w in words] == [f"word{n}" for n in range(28)]
    assert all(w.settled for w in words)
    assert [w.utterance for w in words] == [0] * 20 + [1] * 5 + [2] * 3
    assert words[0].start_ns == pytest.approx(0.5 * NS_PER_S, abs=0.04 * NS_PER_S)
    assert words[20].start_ns == pytest.approx((0.5 + 6.0 + 0.6) * NS_PER_S, abs=0.04 * NS_PER_S)


def test_words_settle_within_three_seconds_in_speech_without_any_pause() -> None:
    clock = ManualClock()
    recogniser = LevelRecogniser(clock, takes_s=0.2)
    pcm = np.concatenate((silence(0.5), coded(0, 100), silence(1.0)))
    updates = drive(SpeechStream(fake_model(recogniser), True, clock), clock, pcm)
    delays = [(u.created_ns - w.end_ns) / NS_PER_S for u in updates for w in u.settled]
    assert [w.text for w in settled(updates)] == [f"word{n}" for n in range(100)]
    assert np.quantile(delays, 0.95) < 3.0
    assert np.median(delays) < 1.5
    assert max(seconds for seconds, _, _ in recogniser.passes) <= 10.2


def test_provisional_words_come_first_and_only_live() -> None:
    pcm = np.concatenate((silence(0.5), coded(0, 12), silence(1.0)))
    clock = ManualClock()
    live = drive(SpeechStream(fake_model(LevelRecogniser(clock)), True, clock), clock, pcm)
    first = next(n for n, u in enumerate(live) if u.provisional)
    assert not any(u.settled for u in live[: first + 1])
    assert not any(word.settled for u in live for word in u.provisional)
    assert not live[-1].provisional
    clock = ManualClock()
    replay = drive(SpeechStream(fake_model(LevelRecogniser(clock)), False, clock), clock, pcm)
    assert not any(u.provisional for u in replay)
    assert settled(replay) == settled(live)


def test_no_settled_word_starts_before_a_watermark_that_was_given_out() -> None:
    rng = np.random.default_rng(5)
    parts, number = [silence(0.4)], 0
    for _ in range(12):
        count = int(rng.integers(1, 12))
        parts += [coded(number, count), silence(float(rng.uniform(0.05, 1.6)))]
        number += count
    clock, mark, start = ManualClock(), -1, -1
    for update in drive(
        SpeechStream(fake_model(LevelRecogniser(clock, 0.1)), True, clock), clock, np.concatenate(parts)
    ):
        for word in update.settled:
            assert word.start_ns >= mark
            assert word.end_ns > word.start_ns >= start
            start = word.start_ns
        assert update.watermark_ns >= mark
        mark = update.watermark_ns
    assert mark == sum(map(len, parts)) * NS_PER_SAMPLE


def test_in_silence_the_watermark_follows_the_sound_without_a_single_pass() -> None:
    clock, recogniser = ManualClock(), LevelRecogniser()
    stream = SpeechStream(fake_model(recogniser), True, clock)
    transcript = Transcript()
    for packet in packets(silence(20.0)):
        clock.advance_to(packet.end_ns)
        stream.push(packet)
        while (update := stream.step()) is not None:
            transcript.apply(update)
        assert packet.end_ns - transcript.watermark_ns < 0.4 * NS_PER_S
    assert not recogniser.passes


def test_memory_of_sound_is_bounded() -> None:
    stream = SpeechStream(fake_model(LevelRecogniser()), False, ReplayClock())
    for packet in packets(np.concatenate((silence(30.0), coded(0, 200), silence(30.0)))):
        stream.push(packet)
        while stream.step() is not None:
            pass
        assert len(stream._pcm) < 12 * SAMPLE_RATE


def test_a_slow_recogniser_loses_partials_first_and_says_that_it_is_behind() -> None:
    pcm = np.concatenate((silence(0.5), coded(0, 60), silence(3.0)))
    runs = {}
    for takes_s in (0.05, 0.7, 3.0):
        clock = ManualClock()
        recogniser = LevelRecogniser(clock, takes_s)
        updates = drive(SpeechStream(fake_model(recogniser), True, clock), clock, pcm)
        assert [w.text for w in settled(updates)] == [f"word{n}" for n in range(60)]
        runs[takes_s] = (recogniser.passes, max(u.behind_s for u in updates))
    partials = {t: sum(not prompted for _, prompted, _ in passes) for t, (passes, _) in runs.items()}
    settling_passes = {t: sum(prompted for _, prompted, _ in passes) for t, (passes, _) in runs.items()}
    assert partials[0.05] > 10
    assert partials[0.7] < partials[0.05] * 2 / 3
    assert settling_passes[0.7] == settling_passes[0.05], "words inside an utterance settle as before"
    assert runs[0.05][1] < 0.5
    assert settling_passes[3.0] < settling_passes[0.05] / 2
    assert runs[3.0][1] > 2.5
    assert any(beam == 1 and prompted for _, prompted, beam in runs[3.0][0])


def test_behind_stays_bounded_when_a_pass_takes_longer_than_the_sound_between_two() -> None:
    clock = ManualClock()
    updates = drive(
        SpeechStream(fake_model(LevelRecogniser(clock, 1.5)), True, clock),
        clock,
        np.concatenate((silence(0.5), coded(0, 300), silence(2.0))),
    )
    assert [w.text for w in settled(updates)] == [f"word{n}" for n in range(300)]
    assert max(u.behind_s for u in updates) < 6.0


@pytest.mark.parametrize("chunk", [160, 511, 16_000])
def test_the_cut_into_packets_changes_nothing(chunk: int) -> None:
    pcm = np.concatenate((silence(0.5), coded(0, 40), silence(0.7), coded(40, 20)))
    clocks = ReplayClock(), ReplayClock()
    one = drive(SpeechStream(fake_model(LevelRecogniser()), False, clocks[0]), clocks[0], pcm)
    other = drive(SpeechStream(fake_model(LevelRecogniser()), False, clocks[1]), clocks[1], pcm, chunk)
    assert settled(one) == settled(other)


def test_word_times_follow_the_times_on_the_packets() -> None:
    stream = SpeechStream(fake_model(LevelRecogniser()), False, ReplayClock())
    for p in packets(np.concatenate((silence(0.5), coded(0, 5), silence(1.0)))):
        late = 7 * NS_PER_S + p.t_ns * 101 // 100  # the device's clock runs 1 % slow and began late
        stream.push(Packet("audio", p.seq, late, p.dur_ns * 101 // 100, late, p.data))
    words = stream.flush().settled
    assert words[0].start_ns == pytest.approx((7 + 0.505) * NS_PER_S, abs=0.04 * NS_PER_S)


def test_a_folder_without_the_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="ahdetect assets pull"):
        Whisper(tmp_path)


# --- the stream, on Whisper


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return SpeechModel()


@pytest.fixture(scope="module")
def spoken() -> tuple[NDArray[np.int16], list[tuple[str, float]]]:
    """About 17 s of espeak-ng with fillers, and its words with their true onsets, NaN where not known."""
    from make_speech_clips import HESITANT, Voice

    voice, parts, words = Voice(), [silence(0.5)], []
    for text in HESITANT[:3]:
        at = sum(map(len, parts)) / SAMPLE_RATE
        pcm, said = voice.speak(text)
        parts += [pcm, silence(1.2)]
        words += [(w.text, np.nan if w.start_s is None else at + w.start_s) for w in said]
    return np.concatenate(parts), words


@pytest.fixture(scope="module")
def replayed(model: SpeechModel, spoken: tuple[NDArray[np.int16], list[tuple[str, float]]]) -> list[Word]:
    clock = ReplayClock()
    return settled(drive(SpeechStream(model, False, clock), clock, spoken[0]))


def matches(words: list[Word], spoken: list[tuple[str, float]]) -> list[tuple[Word, float]]:
    """Words that were said, with their true onsets, by alignment."""
    from measure_speech import align, norm

    _, pairs = align([norm(text) for text, _ in spoken], [norm(w.text) for w in words])
    return [(words[j], spoken[i][1]) for i, j in pairs]


@pytest.mark.models
def test_the_words_are_right_but_for_a_few_and_fillers_are_kept(
    replayed: list[Word], spoken: tuple[NDArray[np.int16], list[tuple[str, float]]]
) -> None:
    from measure_speech import align, spell

    truth, words = spell([text for text, _ in spoken[1]]), spell([w.text for w in replayed])
    assert align(truth, words)[0] / len(truth) < 0.2
    assert sum(w in {"um", "uh"} for w in words) >= 5, "of six"
    assert all(0 <= w.confidence <= 1 for w in replayed)


@pytest.mark.models
def test_word_onsets_are_within_200_ms_on_the_median(
    replayed: list[Word], spoken: tuple[NDArray[np.int16], list[tuple[str, float]]]
) -> None:
    errors = [abs(w.start_ns / NS_PER_S - onset) for w, onset in matches(replayed, spoken[1]) if onset == onset]
    assert len(errors) > 25
    assert np.median(errors) < 0.1, "well inside, so that a drift shows"
    assert np.quantile(errors, 0.9) < 0.4


@pytest.mark.models
def test_live_settles_the_words_of_the_replay_and_so_does_another_cut(
    model: SpeechModel, spoken: tuple[NDArray[np.int16], list[tuple[str, float]]], replayed: list[Word]
) -> None:
    clock = ManualClock()
    assert settled(drive(SpeechStream(model, True, clock), clock, spoken[0], chunk=1000)) == replayed


@pytest.mark.models
@pytest.mark.parametrize("sound", ["silence", "white noise", "music"])
def test_no_words_where_nobody_speaks(model: SpeechModel, sound: str) -> None:
    from measure_speech import noises

    clock = ReplayClock()
    assert settled(drive(SpeechStream(model, False, clock), clock, noises()[sound], chunk=4000)) == []


def test_a_phrase_that_is_repeated_without_sound_is_left_out() -> None:
    """The alignment squeezes words that were not spoken into the last windows; fast talkers stay under 8 words a s."""
    from ahdetect.models.speech import _crowded

    spoken = [(i * 2000, (i + 1) * 2000) for i in range(5)]  # 8 words a second
    squeezed = [(10_000 + i * 500, 10_000 + (i + 1) * 500) for i in range(5)]
    assert _crowded(spoken) == 0
    assert _crowded([*spoken, *squeezed]) == 5
    assert _crowded([*spoken, *squeezed[:2]]) == 0  # two short words may stand close
