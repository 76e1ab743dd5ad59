"""What a minute of talk says of a person: robust, shrunk, and said in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ahdetect.calibration.baseline import NOT_HERE, Baseline, BaselineBuilder
from ahdetect.calibration.usual import GRID_S, Array, apart_s, usual_of
from ahdetect.models.cues import INDEX, Channel, CueFrame, empty_values
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.evidence import REFERENCE_WEIGHT_S, EvidenceFilter
from ahdetect.models.personal import SCALE_BOUNDS, Personal, Usual
from ahdetect.models.posterior import FIXED_REASONS, ChannelState, EvidenceFrame, Presence
from ahdetect.models.reference import Reference, reference
from ahdetect.models.words import Word

FPS = 10
STEP = 1_000_000_000 // FPS
POPULATION = Reference(0.0, 1.0, 300.0, 7)
LEVELS = [e for e in EFFECTS if e.kind is Kind.LEVEL]
PRESENT = ChannelState(Presence.PRESENT)


def absent(reason: str) -> ChannelState:
    return ChannelState(Presence.ABSENT, reason=reason)


def vector(channel: Channel, t_ns: int, rng: np.random.Generator, shift: float = 0.0, **cues: float) -> CueFrame:
    """Cues of a person who is `shift` of the population's standard deviations from it, in good conditions."""
    values = empty_values(channel)
    for e in LEVELS:
        if e.channel is channel:
            people = reference(e.cue)
            values[INDEX[e.cue]] = people.location + people.scale * (shift + rng.normal())
    good = {"face_quality": 0.9, "face_light": 120.0, "face_yaw": 2.0} if channel is Channel.FACE else {}
    for name, value in ({"voice_speech": 0.9} if channel is Channel.VOICE else good).items():
        values[INDEX[name]] = value
    for name, value in cues.items():
        values[INDEX[name]] = value
    return CueFrame(channel, t_ns, values)


def talk(
    seconds: float,
    *,
    seed: int = 0,
    shift: float = 0.0,
    missing: dict[Channel, str] | None = None,
    start: int = 0,
    **cues: float,
) -> list[EvidenceFrame]:
    rng, frames = np.random.default_rng(seed), []
    for i in range(start, start + round(seconds * FPS)):
        t_ns = i * STEP
        there = {c: vector(c, t_ns, rng, shift, **{n: v for n, v in cues.items() if n.startswith(c.value)})
                 for c in (Channel.FACE, Channel.BODY, Channel.VOICE)}  # fmt: skip
        states: dict[Channel, ChannelState] = dict.fromkeys(there, PRESENT)
        found: dict[Channel, CueFrame | None] = dict(there)
        for channel, reason in (missing or {}).items():
            states[channel], found[channel] = absent(reason), None
        frames.append(EvidenceFrame(t_ns, STEP, found, states, True))
    return frames


def built(*parts: list[EvidenceFrame], aim_s: float = 75.0) -> BaselineBuilder:
    builder = BaselineBuilder(aim_s=aim_s)
    for part in parts:
        for frame in part:
            builder.take(frame)
    return builder


def times(n: int) -> tuple[Array, Array]:
    return np.arange(n) / FPS, np.full(n, 1 / FPS)


def usual(x: Array, population: Reference = POPULATION) -> Usual:
    t, lasted = times(len(x))
    found = usual_of(t, x, lasted, population)
    assert found is not None
    return found


# Statistics.


def test_the_population_weighs_as_much_as_thirty_seconds_of_the_person() -> None:
    x = np.random.default_rng(0).normal(2.0, 1.0, round(REFERENCE_WEIGHT_S * FPS))
    found = usual(x)
    assert found.location == pytest.approx(x.mean() / 2, abs=0.01)
    assert found.seconds == pytest.approx(REFERENCE_WEIGHT_S)


def test_it_agrees_with_what_the_filter_learns_where_nothing_is_odd() -> None:
    frames = talk(75, shift=0.5, seed=3)
    filter_ = EvidenceFilter()
    for frame in frames:
        filter_.step(frame)
    learned = filter_._s
    found = built(frames).result().usual
    assert set(found) == {e.cue for e in LEVELS}
    for e in LEVELS:
        people, i = reference(e.cue), EFFECTS.index(e)
        assert found[e.cue].location == pytest.approx(learned.mean[i], abs=0.05 * people.scale)
        assert found[e.cue].scale == pytest.approx(np.sqrt(learned.var[i]), rel=0.12)
        assert found[e.cue].seconds == pytest.approx(75, rel=0.02)


def test_a_filter_takes_it_over() -> None:
    baseline = built(talk(75, shift=1.0)).result()
    told, blank = EvidenceFilter(personal=baseline.personal()), EvidenceFilter()
    p = [[f.step(frame).p for frame in talk(5, shift=1.0, seed=9)][-1] for f in (told, blank)]
    assert p[0] < p[1] - 0.05  # usual for this person, though not for people


def test_under_two_seconds_nothing_is_said() -> None:
    t, lasted = times(19)
    assert usual_of(t, np.ones(19), lasted, POPULATION) is None
    assert usual_of(*(a[:0] for a in (t, t, lasted)), POPULATION) is None


def test_few_seconds_stay_near_the_population() -> None:
    assert abs(usual(np.random.default_rng(0).normal(3.0, 1.0, 3 * FPS)).location) < 0.35


@pytest.mark.parametrize("seed", range(5))
def test_tracking_errors_move_neither_location_nor_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.5, 0.8, 75 * FPS)
    clean = usual(x)
    x[rng.random(len(x)) < 0.08] = 1e6
    odd = usual(x)
    assert odd.location == pytest.approx(clean.location, abs=0.1)
    assert odd.scale == pytest.approx(clean.scale, rel=0.1)


def test_tails_without_a_mean_do_no_harm() -> None:
    found = usual(np.random.default_rng(1).standard_cauchy(75 * FPS) * 0.5 + 1.0)
    assert found.location == pytest.approx(1.0 * 75 / 105, abs=0.2)
    assert found.scale < 2.0


def test_what_somebody_does_for_a_third_of_the_time_is_no_error() -> None:
    x = np.random.default_rng(2).normal(0.0, 0.3, 75 * FPS)
    x[: 25 * FPS] += 6.0
    assert usual(x).location > 0.5
    assert usual(x).scale > 1.0


def test_errors_that_last_long_are_bounded_though_not_left_out() -> None:
    x = np.random.default_rng(2).normal(0.0, 0.5, 75 * FPS)
    x[: 20 * FPS] = 1e6
    assert usual(x).location < 1.5


def test_a_cue_that_rests_at_one_value_keeps_a_spread_of_the_population_s() -> None:
    found = usual(np.full(75 * FPS, 0.4))
    assert found.location == pytest.approx(0.4 * 75 / 105)
    assert found.scale == pytest.approx(np.sqrt(30 / 105))
    assert usual(np.full(3600 * FPS, 0.4)).scale == SCALE_BOUNDS[0]


def test_a_scale_stays_within_its_bounds() -> None:
    assert usual(np.random.default_rng(0).normal(0.0, 50.0, 600 * FPS)).scale == SCALE_BOUNDS[1]


@pytest.mark.parametrize("window_s", [4, 10])
def test_values_of_a_window_are_a_window_apart(window_s: int) -> None:
    rng, n, k = np.random.default_rng(4), 600 * FPS, window_s * FPS
    x = np.convolve(rng.normal(size=n + k - 1), np.ones(k) / k, mode="valid")
    t, lasted = times(n)
    assert apart_s(t, x, lasted) == pytest.approx(window_s, rel=0.3)
    assert apart_s(t, rng.normal(size=n), lasted) < 2 * GRID_S


def test_a_slow_cue_counts_for_less_than_its_seconds() -> None:
    rng, k = np.random.default_rng(5), 40 * FPS
    x = np.convolve(rng.normal(size=300 * FPS + k - 1), np.ones(k) / np.sqrt(k), mode="valid")
    assert 50 < usual(x).seconds < 200


def test_gaps_do_not_make_a_cue_look_slow() -> None:
    t, lasted = times(75 * FPS)
    x = np.random.default_rng(6).normal(size=75 * FPS)
    keep = (t < 20) | (t > 55)
    assert apart_s(t[keep], x[keep], lasted[keep]) < 2 * GRID_S


def test_gaps_do_not_make_a_slow_cue_look_fast() -> None:
    rng, n, k = np.random.default_rng(8), 600 * FPS, 4 * FPS
    x = np.convolve(rng.normal(size=n + k - 1), np.ones(k) / k, mode="valid")
    t, lasted = times(n)
    keep = (rng.random(n) < 0.4)[(t / GRID_S).astype(int)]
    assert apart_s(t[keep], x[keep], lasted[keep]) == pytest.approx(4, rel=0.3)


def test_simulated_people_are_met_better_than_by_the_population_and_with_errors_better_than_by_the_running_scale() -> (
    None
):
    rng, misses = np.random.default_rng(7), []
    for _ in range(60):
        location, scale = rng.normal(0.0, 0.55), 0.84 * np.exp(rng.normal(0.0, 0.3))
        k = 2 * FPS
        x = location + scale * np.convolve(rng.normal(size=75 * FPS + k - 1), np.ones(k) / np.sqrt(k), mode="valid")
        for at in np.flatnonzero(rng.random(len(x)) < 0.1 / FPS):
            x[at : at + FPS] = location + 10 * rng.standard_t(1)
        found, mean, var, seen = usual(x), 0.0, 1.0, 0.0
        for value in x:  # the filter's own recursion
            gain, reach = 0.1 / (REFERENCE_WEIGHT_S + seen + 0.1), 3.0 * np.sqrt(var)
            delta = min(max(value, mean - reach), mean + reach) - mean
            mean, var, seen = mean + gain * delta, (1 - gain) * (var + gain * delta**2), seen + 0.1
        misses.append((found.location - location, location, np.log(found.scale / scale), np.log(var**0.5 / scale)))
    ours, nothing, scale_ours, scale_running = np.sqrt(np.mean(np.square(misses), axis=0))
    assert ours < 0.5 * nothing
    assert scale_ours < 0.7 * scale_running


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e30, 1e30), min_size=25, max_size=120), st.integers(1, 40))
def test_whatever_the_values_a_personal_can_be_made_of_them(values: list[float], every: int) -> None:
    x = np.array(values)
    t = np.cumsum(np.full(len(x), every / 10))
    found = usual_of(t, x, np.full(len(x), 0.1), reference("face_smile_sd"))
    assert found is not None
    Personal({"face_smile_sd": found})
    low, high = (bound * reference("face_smile_sd").scale for bound in SCALE_BOUNDS)
    assert low <= found.scale <= high
    assert 0 < found.seconds <= len(x) / 10 + 1e-9


# What is gathered, and what is said of it.


def sentences(baseline: Baseline) -> str:
    return " ".join(baseline.verdict.sentences)


def test_a_good_minute_is_called_good() -> None:
    builder = built(talk(75))
    progress = builder.progress()
    assert progress.done
    assert progress.missing == ()
    assert progress.share == 1.0
    result = builder.result()
    assert result.verdict.good
    assert sentences(result) == (
        "Enough speech: 75 s. Face seen in 100 % of the time. Shoulders seen in 100 % of the time. Light is good."
    )
    assert result.seconds[Channel.FACE] == pytest.approx(75)


def test_it_says_how_much_speech_is_missing() -> None:
    builder = built(talk(22), talk(53, start=220, voice_speech=0.1))
    voice = builder.progress().channels[Channel.VOICE]
    assert (voice.missing, voice.share) == ("8 s more of speech", pytest.approx(22 / 30))
    assert not builder.progress().done
    assert builder.result().verdict.good
    assert "Too little speech: 10 s of 30 s." in sentences(
        built(talk(10), talk(65, start=100, voice_speech=0.1)).result()
    )


@pytest.mark.parametrize(
    ("cues", "advice"),
    [
        ({"face_quality": 0.1}, "sit nearer"),
        ({"face_quality": 0.1, "face_light": 9.0}, "more light on the face"),
        ({"face_quality": 0.1, "face_light": 240.0}, "less light on the face"),
        ({"face_quality": 0.1, "face_yaw": -60.0}, "face the camera"),
    ],
)
def test_it_says_why_the_face_does_not_count(cues: dict[str, float], advice: str) -> None:
    builder = built(talk(30), talk(45, start=300, **cues))
    assert builder.progress().channels[Channel.FACE].missing == f"face seen in 40 % of the time: {advice}"
    assert not builder.result().verdict.good
    assert "Face seen in 40 % of the time, too little" in sentences(builder.result())


def test_a_bad_face_teaches_nothing() -> None:
    good = built(talk(30)).result().usual["face_brow_lower_sd"]
    also_bad = built(talk(30), talk(45, start=300, shift=5.0, face_quality=0.1)).result().usual["face_brow_lower_sd"]
    assert also_bad == good


def test_a_face_that_is_away_is_asked_back() -> None:
    builder = built(talk(20, missing={Channel.FACE: "no face"}))
    assert builder.progress().missing == (
        "face seen in 0 % of the time: come into the picture",
        "18 s more with the shoulders in the picture",
        "10 s more of speech",
    )


def test_low_light_is_said_where_it_still_does() -> None:
    assert "Light is low: face cues count less." in sentences(built(talk(75, face_light=20.0)).result())


def test_a_session_without_a_camera_can_be_good() -> None:
    off = {Channel.FACE: "no video", Channel.BODY: "no video"}
    builder = built(talk(40, missing=off))
    assert set(builder.progress().channels) == {Channel.VOICE}
    result = builder.result()
    assert result.verdict.good
    assert {cue.split("_")[0] for cue in result.usual} == {"voice"}
    assert "No face in this session: face cues keep the population's values." in sentences(result)


def test_shoulders_that_are_out_of_the_picture_do_not_spoil_it() -> None:
    result = built(talk(75, missing={Channel.BODY: "no body"})).result()
    assert result.verdict.good
    assert "Shoulders seen in 0 % of the time, too little: body cues keep the population's values." in sentences(result)


def test_without_voice_analysis_the_words_tell_how_much_was_said() -> None:
    builder = built(talk(75, missing={Channel.VOICE: "switched off"}))
    assert Channel.VOICE not in builder.progress().channels
    builder.words([Word("and", i * 10**9, i * 10**9 + 500_000_000, 0.9, True, 0) for i in range(50)])
    assert builder.progress().channels[Channel.VOICE].seconds == pytest.approx(25)


def test_every_reason_of_the_engine_that_lasts_is_known_as_one() -> None:
    assert set(FIXED_REASONS) <= set(NOT_HERE)


def test_nothing_at_all_is_not_good() -> None:
    builder = BaselineBuilder()
    assert builder.progress().share == 0.0
    assert len(builder.progress().missing) == 3
    result = builder.result()
    assert not result.verdict.good
    assert result.usual == {}
    assert result.change().effect == {}


def test_provisional_and_late_moments_are_passed_over() -> None:
    frames = talk(20)
    builder = built(frames)
    before = builder.result()
    for frame in (frames[5], frames[-1], EvidenceFrame(10**12, STEP, frames[0].cues, frames[0].states, False)):
        builder.take(frame)
    assert builder.result() == before


def test_a_pause_in_the_stream_is_not_counted_as_seen() -> None:
    frames = talk(10)
    later = talk(1, start=10_000)[0]
    builder = built(frames, [EvidenceFrame(later.t_ns, 990 * 10**9, later.cues, later.states, True)])
    assert builder.progress().elapsed_s == pytest.approx(11)


def test_the_aim_sets_what_is_wanted() -> None:
    assert built(talk(20), aim_s=25).progress().done
    with pytest.raises(ValueError, match="aim"):
        BaselineBuilder(aim_s=0)


def test_what_it_does_not_know_stays_as_it_was() -> None:
    before = Personal({"body_shrug": Usual(0.1, 0.02, 50.0)}, {Channel.FACE: 0.8}, {Channel.VOICE: 0.2}, 0.3)
    baseline = built(talk(75, missing={Channel.BODY: "no body"})).result()
    personal = baseline.personal(before)
    assert personal.usual["body_shrug"] == before.usual["body_shrug"]
    assert personal.usual["voice_slow"] == baseline.usual["voice_slow"]
    assert (personal.gain, personal.offset, personal.prevalence) == (before.gain, before.offset, before.prevalence)


def test_the_step_for_the_log_says_from_how_much_and_what_it_moves() -> None:
    baseline = built(talk(75, shift=1.0)).result()
    before = Personal({"voice_slow": Usual(0.0, 1.0, 10.0), "body_shrug": Usual(0.0, 0.02, 5.0)})
    step = baseline.change(before)
    assert (step.method, step.amount, step.unit, step.accepted) == ("baseline", pytest.approx(75), "s", True)
    assert step.before["voice_slow.location"] == 0.0
    assert step.after["voice_slow.location"] == baseline.usual["voice_slow"].location
    assert step.effect["mean_shift_sd"] == pytest.approx(75 / 105, abs=0.1)
    refused = built(talk(10, voice_speech=0.0)).result().change()
    assert not refused.accepted
    assert "speech" in refused.reason


def test_the_set_up_travels_with_the_result() -> None:
    builder = BaselineBuilder(setup={"camera": "A"})
    assert builder.result().setup == {"camera": "A"}
