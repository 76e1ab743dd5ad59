"""The voice channel: its cues mean what the table says, are causal, and do not depend on packets."""

from __future__ import annotations

import numpy as np
import pytest
from voices import LevelVad, Pcm, noise, packets, say, silence, syllables, voiced

from ahdetect.capture.clock import NS_PER_MS, NS_PER_S
from ahdetect.models.cues import OF_CHANNEL, Channel, CueFrame
from ahdetect.models.pitch import PitchTracker
from ahdetect.models.voice import GAP, RunningQuantiles, VoiceModel, VoiceStream

pytestmark = pytest.mark.filterwarnings("error")

SENTENCE = "The boat left the harbour early in the morning."


@pytest.fixture(scope="module")
def model() -> VoiceModel:
    return VoiceModel()


@pytest.fixture(scope="module")
def by_level() -> VoiceModel:
    return VoiceModel(LevelVad())


def hear(model: VoiceModel, *parts: Pcm, size: int = 640, prompt_s: float | None = None) -> list[CueFrame]:
    stream = VoiceStream(model)
    if prompt_s is not None:
        stream.mark_prompt(round(prompt_s * NS_PER_S))
    return [f for p in packets(np.concatenate(parts), size) for f in stream.step(p)] + stream.flush()


def at(frames: list[CueFrame], seconds: float) -> CueFrame:
    return next(f for f in frames if f.t_ns >= seconds * NS_PER_S - 1)


# Time


def test_there_is_one_frame_per_40_ms_stamped_at_its_end(by_level: VoiceModel) -> None:
    frames = hear(by_level, noise(1.01))
    assert [f.t_ns for f in frames] == [40 * NS_PER_MS * i for i in range(1, 26)] + [1010 * NS_PER_MS]
    assert {f.channel for f in frames} == {Channel.VOICE}


@pytest.mark.parametrize("size", [160, 1000, 7777])
def test_packets_do_not_matter(model: VoiceModel, size: int) -> None:
    sound = (noise(0.5), say(SENTENCE), noise(0.7), say(SENTENCE))
    whole, cut = hear(model, *sound), hear(model, *sound, size=size)
    assert [f.t_ns for f in cut] == [f.t_ns for f in whole]
    assert [f.values.tobytes() for f in cut] == [f.values.tobytes() for f in whole]


def test_the_future_changes_nothing(model: VoiceModel) -> None:
    sound = np.concatenate((noise(0.5), say(SENTENCE), noise(0.7), say(SENTENCE)))
    whole, early = hear(model, sound), hear(model, sound[: 640 * 60])
    assert [f.values.tobytes() for f in early] == [f.values.tobytes() for f in whole[:60]]


def test_the_rest_of_a_chunk_is_heard_at_its_own_level(by_level: VoiceModel) -> None:
    frames = hear(by_level, noise(0.41, -30.0))
    assert frames[-1]["voice_intensity"] == pytest.approx(-30.0, abs=1.0)


def test_lost_samples_are_an_error(by_level: VoiceModel) -> None:
    stream = VoiceStream(by_level)
    first, _, third = packets(noise(0.12))
    stream.step(first)
    with pytest.raises(ValueError, match="640 to 1280"):
        stream.step(third)


# Pitch and level


@pytest.mark.parametrize("f0", [90.0, 140.0, 220.0, 330.0])
def test_pitch_of_a_vowel_is_within_a_tenth_of_a_semitone(f0: float) -> None:
    pitch = PitchTracker().step(voiced(f0, 1.0).astype(np.float32) / 32768)
    held = pitch.f0[10:]
    assert not np.isnan(held).any()
    assert np.abs(12 * np.log2(held / f0)).max() < 0.1
    assert pitch.voicing[10:].min() > 0.9


def test_noise_has_no_pitch() -> None:
    pitch = PitchTracker().step(noise(2.0, -20.0).astype(np.float32) / 32768)
    assert np.isnan(pitch.f0).mean() > 0.97


def test_intensity_is_relative_to_full_scale(by_level: VoiceModel) -> None:
    t = np.arange(16_000) / 16_000
    frames = hear(by_level, np.round(32767 * np.sin(2 * np.pi * 200 * t)).astype(np.int16))
    assert frames[-1]["voice_intensity"] == pytest.approx(-3.01, abs=0.02)


def test_digital_silence_has_no_level_no_pitch_and_no_pause_yet(model: VoiceModel) -> None:
    last = hear(model, silence(3.0))[-1]
    assert last.absent == ""
    assert last["voice_speech"] < 0.1
    assert last["voice_voicing"] == last["voice_filled_pause"] == 0.0
    for name in ("f0", "intensity", "noise", "f0_sd", "pause", "pause_share", "articulation_rate", "slow"):
        assert np.isnan(last[f"voice_{name}"]), name


def test_pitch_outside_speech_is_not_the_persons(model: VoiceModel) -> None:
    hum = np.round(300 * np.sin(2 * np.pi * 100 * np.arange(32_000) / 16_000)).astype(np.int16)
    last = hear(model, hum)[-1]
    assert last["voice_voicing"] > 0.9
    assert np.isnan(last["voice_f0"])


def test_a_voice_that_rises_is_above_its_own_median(by_level: VoiceModel) -> None:
    frames = hear(by_level, voiced(110.0, 8.0), voiced(110.0 * 2 ** (4 / 12), 3.0))
    assert at(frames, 7.5)["voice_f0_shift"] == pytest.approx(0.0, abs=0.2)
    assert frames[-1]["voice_f0_shift"] == pytest.approx(4.0, abs=0.3)


def test_a_wavering_pitch_and_volume_spread_more_than_steady_ones(by_level: VoiceModel) -> None:
    t = np.arange(4 * 16_000) / 16_000
    steady = hear(by_level, voiced(120.0, 4.0))[-1]
    wavering = hear(by_level, voiced(120.0 * 2 ** (np.sin(2 * np.pi * t) / 4), 4.0))[-1]
    swelling = hear(by_level, (voiced(120.0, 4.0) * 10 ** ((np.sin(2 * np.pi * t) - 1) / 3)).astype(np.int16))[-1]
    assert steady["voice_f0_sd"] < 0.1
    assert wavering["voice_f0_sd"] > 1.5
    assert steady["voice_intensity_sd"] < 1.0
    assert swelling["voice_intensity_sd"] > 3.0


def test_noise_floor_is_the_level_between_the_words(model: VoiceModel) -> None:
    last = hear(model, noise(1.0), say(SENTENCE), noise(1.0))[-1]
    assert last["voice_noise"] == pytest.approx(-60.0, abs=1.0)


# Pauses


def test_pause_grows_from_where_speech_ended(model: VoiceModel) -> None:
    speech = say(SENTENCE)
    end = 0.5 + len(speech) / 16_000
    frames = hear(model, noise(0.5), speech, noise(2.0))
    assert at(frames, end - 0.3)["voice_pause"] == 0.0
    assert at(frames, end + 1.0)["voice_pause"] == pytest.approx(1.0, abs=0.12)
    assert frames[-1]["voice_pause"] == pytest.approx(2.0, abs=0.12)


def test_silence_before_the_first_speech_is_a_pause_only_after_a_prompt(model: VoiceModel) -> None:
    assert np.isnan(hear(model, noise(3.0))[-1]["voice_pause"])
    frames = hear(model, noise(3.0), prompt_s=1.0)
    assert np.isnan(at(frames, 0.8)["voice_pause"])
    assert frames[-1]["voice_pause"] == pytest.approx(2.0, abs=0.01)
    assert frames[-1]["voice_pause_share"] == pytest.approx(1.0)


def test_pause_share_and_rate_count_what_was_put_in(by_level: VoiceModel) -> None:
    phrase = [voiced(120.0, 1.5), silence(0.5)]
    last = hear(by_level, *phrase * 12)[-1]
    assert last["voice_pause_share"] == pytest.approx(0.25, abs=0.03)
    assert last["voice_pause_rate"] == pytest.approx(30.0, abs=3.0)


def test_a_short_stop_is_no_pause(by_level: VoiceModel) -> None:
    last = hear(by_level, *[voiced(120.0, 0.8), silence(0.2)] * 10)[-1]
    assert last["voice_pause_rate"] == 0.0


@pytest.mark.parametrize("latency", [0.3, 0.8, 2.1])
def test_response_latency_is_measured_within_60_ms(model: VoiceModel, latency: float) -> None:
    frames = hear(model, noise(1.0 + latency), say(SENTENCE), prompt_s=1.0)
    assert np.isnan(at(frames, 1.0 + latency)["voice_response_latency"])
    assert frames[-1]["voice_response_latency"] == pytest.approx(latency, abs=0.06)


def test_a_prompt_marked_late_gives_the_same_latency(model: VoiceModel) -> None:
    stream = VoiceStream(model)
    frames = []
    for i, packet in enumerate(packets(np.concatenate((noise(1.8), say(SENTENCE))))):
        frames += stream.step(packet)
        if i == 60:  # at 2.44 s
            stream.mark_prompt(1 * NS_PER_S)
    assert np.isnan(at(frames, 2.4)["voice_response_latency"])
    assert frames[-1]["voice_response_latency"] == pytest.approx(0.8, abs=0.06)


def test_the_tail_of_the_prompt_is_no_answer_but_talking_on_is(by_level: VoiceModel) -> None:
    heard_prompt = hear(by_level, voiced(200.0, 2.1), silence(0.9), voiced(120.0, 1.0), prompt_s=2.0)
    assert heard_prompt[-1]["voice_response_latency"] == pytest.approx(1.0, abs=0.06)
    talked_on = hear(by_level, voiced(120.0, 4.0), prompt_s=2.0)
    assert talked_on[-1]["voice_response_latency"] == 0.0


def test_a_new_prompt_begins_a_new_answer(by_level: VoiceModel) -> None:
    stream = VoiceStream(by_level)
    stream.mark_prompt(0)
    stream.mark_prompt(5 * NS_PER_S)
    sound = np.concatenate((silence(1.0), voiced(120.0, 2.0), silence(4.0), voiced(120.0, 2.0)))
    frames = [f for p in packets(sound) for f in stream.step(p)]
    assert at(frames, 4.9)["voice_response_latency"] == pytest.approx(1.0, abs=0.06)
    assert np.isnan(at(frames, 6.0)["voice_response_latency"])
    assert at(frames, 6.0)["voice_pause"] == pytest.approx(1.0, abs=0.05)
    assert frames[-1]["voice_response_latency"] == pytest.approx(2.0, abs=0.06)


# Gaps


def hear_gap(model: VoiceModel, before: Pcm, gap: Pcm, after: Pcm, prompt_s: float | None = None) -> list[CueFrame]:
    stream = VoiceStream(model)
    if prompt_s is not None:
        stream.mark_prompt(round(prompt_s * NS_PER_S))
    runs = (
        packets(before),
        packets(gap, first_sample=len(before), synthetic=True),
        packets(after, first_sample=len(before) + len(gap)),
    )
    return [f for run in runs for p in run for f in stream.step(p)]


def test_a_microphone_gap_is_absent_with_its_reason(by_level: VoiceModel) -> None:
    frames = hear_gap(by_level, voiced(120.0, 2.0), silence(1.0), voiced(120.0, 2.0))
    reasons = [f.absent for f in frames]
    assert reasons == [""] * 50 + [GAP] * 25 + [""] * 50
    assert np.isnan(frames[60].values).all()


def test_a_gap_is_neither_speech_nor_pause(by_level: VoiceModel) -> None:
    frames = hear_gap(by_level, voiced(120.0, 4.0), silence(2.0), silence(1.0))
    assert frames[-1]["voice_pause"] == pytest.approx(1.0, abs=0.05)
    assert frames[-1]["voice_pause_share"] == pytest.approx(0.2, abs=0.02)


def test_an_answer_that_may_have_begun_in_a_gap_has_no_latency(by_level: VoiceModel) -> None:
    frames = hear_gap(by_level, silence(1.0), silence(1.0), voiced(120.0, 2.0), prompt_s=0.5)
    assert np.isnan(frames[-1]["voice_response_latency"])


# Rate and filled pauses


@pytest.mark.parametrize("rate", [2.5, 4.0, 5.5])
def test_articulation_rate_counts_syllables(by_level: VoiceModel, rate: float) -> None:
    last = hear(by_level, syllables(rate, 7.0))[-1]
    assert last["voice_articulation_rate"] == pytest.approx(rate, abs=0.25)


def test_slow_is_measured_against_the_persons_own_rate(by_level: VoiceModel) -> None:
    frames = hear(by_level, syllables(5.0, 14.0), syllables(2.5, 5.0))
    assert abs(at(frames, 13.5)["voice_slow"]) < 1.0
    assert frames[-1]["voice_slow"] > 3.0


def test_real_speech_is_slower_when_it_is_said_more_slowly(model: VoiceModel) -> None:
    fast, slow = (hear(model, np.tile(say(SENTENCE, wpm), 3))[-1]["voice_articulation_rate"] for wpm in (200, 100))
    assert slow < 0.75 * fast


def test_a_drawn_out_um_is_a_filled_pause_candidate(model: VoiceModel) -> None:
    begin, um, end = say("I would like to change"), voiced(110.0, 0.7), say("something, but maybe not today")
    frames = hear(model, begin, um, end)
    score = np.array([f["voice_filled_pause"] for f in frames])
    t = np.array([f.t_ns for f in frames]) / NS_PER_S
    first, last = len(begin) / 16_000, (len(begin) + len(um)) / 16_000
    held = (t > first + 0.35) & (t < last)
    assert score[held].min() > 0.8
    assert score[(t < first) | (t > last + 0.2)].mean() < 0.1


def test_an_um_drawn_out_by_espeak_stands_out_of_its_sentence(model: VoiceModel) -> None:
    plain = hear(model, say("I would like to change something, but maybe not today."))
    with_um = '<prosody rate="x-slow">um</prosody>'
    filled = hear(model, say(f"I would like to change something, {with_um}, but maybe not today."))
    assert max(f["voice_filled_pause"] for f in filled) > 0.5
    assert max(f["voice_filled_pause"] for f in plain) < 0.25


def test_a_glide_or_a_changing_vowel_is_no_filled_pause(by_level: VoiceModel) -> None:
    glide = voiced(np.geomspace(90.0, 250.0, 16_000), 1.0)
    vowels = np.concatenate([voiced(120.0, 0.1, f) for f in ((300.0, 2200.0, 3000.0), (700.0, 1100.0, 2400.0)) * 5])
    for sound in (glide, vowels):
        assert max(f["voice_filled_pause"] for f in hear(by_level, sound)) < 0.3


# The table


def test_every_voice_cue_of_the_table_is_computed(model: VoiceModel) -> None:
    frames = hear(model, noise(0.8), *[np.concatenate((say(SENTENCE), noise(0.5)))] * 5, prompt_s=0.2)
    present = ~np.isnan(np.stack([f.values for f in frames])).all(axis=0)
    assert [c.name for c, p in zip(OF_CHANNEL[Channel.VOICE], present, strict=True) if not p] == []


def test_running_quantiles_are_those_of_everything_seen() -> None:
    values = np.random.default_rng(1).normal(50.0, 10.0, 2000)
    seen = RunningQuantiles(0.0, 100.0, 0.1)
    assert np.isnan(seen.quantile(0.5))
    for value in values.tolist():
        seen.add(value)
    for q in (0.16, 0.5, 0.84):
        assert seen.quantile(q) == pytest.approx(float(np.quantile(values, q)), abs=0.2)
