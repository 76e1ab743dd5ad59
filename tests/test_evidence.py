"""The evidence filter against what is known of hidden Markov models."""

from __future__ import annotations

import itertools
from math import exp, log

import numpy as np
import pytest

from ahdetect.models.cues import INDEX, Channel, CueFrame, empty_values
from ahdetect.models.effects import ABSENT_SPREAD, EFFECTS, Kind, local_log_ratio, shift_of, shrinkage
from ahdetect.models.evidence import (
    PREVALENCE,
    PREVALENCE_OF_PROMPT,
    EvidenceFilter,
    EvidenceSettings,
    logit,
    prevalence_for,
    sigmoid,
    smooth,
    worded,
)
from ahdetect.models.personal import PREVALENCE_BOUNDS, Personal, Usual
from ahdetect.models.posterior import Band, ChannelState, EvidenceFrame, Presence

STEP = 33_000_000
PRESENT, ABSENT = ChannelState(Presence.PRESENT), ChannelState(Presence.ABSENT, reason="no words yet")


def frame(i: int, **language: float) -> EvidenceFrame:
    """A moment with language cues only; without any, every channel is absent."""
    states = dict.fromkeys(Channel, ABSENT)
    cues: dict[Channel, CueFrame | None] = dict.fromkeys(Channel)
    if language:
        values = empty_values(Channel.LANGUAGE)
        for name, value in language.items():
            values[INDEX[f"language_{name}"]] = value
        cues[Channel.LANGUAGE] = CueFrame(Channel.LANGUAGE, i * STEP, values)
        states[Channel.LANGUAGE] = PRESENT
    return EvidenceFrame(i * STEP, STEP if i else 0, cues, states, True)


HESITANT = {"hedge": 1.0, "contrast": 1.0, "filler": 1.0, "negation": 1.0}
PLAIN = {"hedge": 0.0, "contrast": 0.0, "filler": 0.0, "negation": 0.0}


def test_without_evidence_it_stays_at_the_prevalence() -> None:
    filter_ = EvidenceFilter()
    for i in range(300):
        assert filter_.step(frame(i)).p == pytest.approx(PREVALENCE)


@pytest.mark.parametrize("kind", PREVALENCE_OF_PROMPT)
def test_the_kind_of_prompt_is_a_prior(kind: str) -> None:
    assert EvidenceFilter(prompt_kind=kind).step(frame(0)).p == pytest.approx(PREVALENCE_OF_PROMPT[kind])


def test_an_unknown_kind_of_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="none of neutral"):
        EvidenceFilter(prompt_kind="angry")


def test_hesitant_words_raise_it_and_plain_words_let_it_fall_again() -> None:
    filter_ = EvidenceFilter()
    up = [filter_.step(frame(i, **HESITANT)).p for i in range(200)]
    down = [filter_.step(frame(200 + i, **PLAIN)).p for i in range(400)]
    assert up[-1] > 0.4 > 0.2 > down[-1]
    assert all(b >= a for a, b in itertools.pairwise(up))


def test_contributions_and_prior_sum_to_the_log_odds_at_every_row() -> None:
    filter_, rng = EvidenceFilter(), np.random.default_rng(0)
    for i in range(500):
        said = filter_.step(frame(i, **{name: float(rng.random()) for name in HESITANT}))
        assert said.prior_log_odds + sum(said.contributions.values()) == pytest.approx(logit(said.p), abs=1e-9)


def test_evidence_that_lasts_one_segment_counts_about_once() -> None:
    """Without forgetting, one mean segment of constant evidence adds its log-likelihood ratio."""
    filter_ = EvidenceFilter(EvidenceSettings(segment_s=1e9, prevalence=0.5))
    rows = round(4.25e9 / STEP)
    for i in range(rows + 1):
        said = filter_.step(frame(i, hedge=1.0))
    effect = next(e for e in EFFECTS if e.cue == "language_hedge")
    expected = (effect.weight - effect.offset) * shrinkage(Channel.LANGUAGE)
    assert logit(said.p) == pytest.approx(expected, rel=0.02)


def test_a_restored_state_goes_on_exactly_as_the_first_time() -> None:
    filter_ = EvidenceFilter()
    for i in range(50):
        filter_.step(frame(i, **HESITANT))
    state = filter_.state()
    first = [filter_.step(frame(50 + i, **PLAIN)).p for i in range(20)]
    filter_.restore(state)
    assert [filter_.step(frame(50 + i, **PLAIN)).p for i in range(20)] == first


def test_a_missing_channel_widens_the_band_and_is_no_zero() -> None:
    with_words = EvidenceFilter().step(frame(1, **PLAIN))
    without = EvidenceFilter().step(frame(1))
    assert without.high - without.low > with_words.high - with_words.low
    assert without.contributions[Channel.LANGUAGE] == 0.0
    assert without.p == pytest.approx(PREVALENCE)


def test_top_cues_name_what_pushes_up_strongest_first() -> None:
    filter_ = EvidenceFilter()
    for i in range(100):
        said = filter_.step(frame(i, hedge=1.0, contrast=1.0, filler=0.0))
    assert [c.name for c in said.top] == ["language_contrast", "language_hedge"]
    assert said.top[1].phrase == "a hedge"
    assert said.top[0].log_odds > said.top[1].log_odds


def test_the_own_running_mean_takes_a_steady_face_out_of_the_evidence() -> None:
    """A person whose brows always move more is not always hesitant: the same value weighs less and less."""

    def run(personal: bool) -> float:
        filter_ = EvidenceFilter(EvidenceSettings(personal=personal))
        for i in range(3600):
            values = empty_values(Channel.FACE)
            values[INDEX["face_brow_lower_sd"]] = 1.0
            states = {**dict.fromkeys(Channel, ABSENT), Channel.FACE: PRESENT}
            cues = {**dict.fromkeys(Channel), Channel.FACE: CueFrame(Channel.FACE, i * STEP, values)}
            said = filter_.step(EvidenceFrame(i * STEP, STEP, cues, states, True))
        return said.contributions[Channel.FACE]

    assert run(personal=True) < 0.5 * run(personal=False)


def face_frame(i: int, value: float) -> EvidenceFrame:
    values = empty_values(Channel.FACE)
    values[INDEX["face_brow_lower_sd"]] = value
    states = {**dict.fromkeys(Channel, ABSENT), Channel.FACE: PRESENT}
    cues = {**dict.fromkeys(Channel), Channel.FACE: CueFrame(Channel.FACE, i * STEP, values)}
    return EvidenceFrame(i * STEP, STEP if i else 0, cues, states, True)


KNOWN = Personal(
    usual={"face_brow_lower_sd": Usual(1.0, 0.5, 60.0)},
    gain={Channel.LANGUAGE: 0.5},
    offset={Channel.LANGUAGE: 0.4, Channel.FACE: -0.3},
    prevalence=0.3,
)


def test_personal_parameters_that_say_nothing_change_no_bit_of_any_row() -> None:
    plain, known = EvidenceFilter(), EvidenceFilter(personal=Personal())
    for i in range(200):
        if i == 100:
            known.set_personal(Personal())
        x = frame(i, **HESITANT) if i % 3 else face_frame(i, 0.7)
        assert repr(plain.step(x)) == repr(known.step(x))


def test_with_personal_parameters_the_explanation_stays_exact_also_across_a_change_of_them() -> None:
    filter_ = EvidenceFilter(personal=KNOWN)
    for i in range(300):
        if i == 100:
            filter_.set_personal(Personal(offset={Channel.LANGUAGE: -1.0}, prevalence=0.05))
        if i == 200:
            filter_.set_prompt("hesitant")
        said = filter_.step(frame(i, **HESITANT) if i % 3 else face_frame(i, 1.4))
        assert said.prior_log_odds + sum(said.contributions.values()) == pytest.approx(logit(said.p), abs=1e-9)


def test_a_known_usual_value_is_no_evidence_and_counts_as_already_seen() -> None:
    fresh, known = EvidenceFilter(), EvidenceFilter(personal=KNOWN)
    for i in range(300):
        a, b = fresh.step(face_frame(i, 1.0)), known.step(face_frame(i, 1.0))
    assert b.contributions[Channel.FACE] < 0.0 < a.contributions[Channel.FACE]
    moved = EvidenceFilter(personal=Personal(usual={"face_brow_lower_sd": Usual(1.0, 0.5, 0.0)}))
    for i in range(300):
        known.step(face_frame(i, 3.0))
        moved.step(face_frame(i, 3.0))
    place = known._place["face_brow_lower_sd"]
    assert 1.0 < known._s.mean[place] < moved._s.mean[place]


def test_an_offset_adds_its_nats_once_per_mean_segment_and_only_while_the_channel_is_there() -> None:
    personal = Personal(offset={Channel.LANGUAGE: 0.4, Channel.VOICE: 1.0})
    settings = EvidenceSettings(segment_s=1e9)
    plain, known = EvidenceFilter(settings), EvidenceFilter(settings, personal=personal)
    for i in range(round(4.25e9 / STEP) + 1):
        a, b = plain.step(frame(i, **PLAIN)), known.step(frame(i, **PLAIN))
    added = b.contributions[Channel.LANGUAGE] - a.contributions[Channel.LANGUAGE]
    assert added == pytest.approx(0.4, rel=0.02)
    assert b.contributions[Channel.VOICE] == 0.0


def test_a_gain_multiplies_what_its_channel_says() -> None:
    plain, half = EvidenceFilter(), EvidenceFilter(personal=Personal(gain={Channel.LANGUAGE: 0.5}))
    a, b = plain.step(frame(1, **HESITANT)), half.step(frame(1, **HESITANT))
    assert b.contributions[Channel.LANGUAGE] == pytest.approx(0.5 * a.contributions[Channel.LANGUAGE])


def test_a_person_s_prevalence_moves_every_kind_of_prompt_and_keeps_their_order() -> None:
    assert prevalence_for(None, 0.18, 0.3) == 0.3
    assert prevalence_for("hesitant", 0.18, None) == PREVALENCE_OF_PROMPT["hesitant"]
    assert prevalence_for("hesitant", 0.18, 0.18) == pytest.approx(PREVALENCE_OF_PROMPT["hesitant"])
    moved = [prevalence_for(kind, 0.18, 0.25) for kind in PREVALENCE_OF_PROMPT]
    assert np.argsort(moved).tolist() == np.argsort(list(PREVALENCE_OF_PROMPT.values())).tolist()
    assert prevalence_for("ambivalent", 0.18, 0.5) == PREVALENCE_BOUNDS[1]
    assert EvidenceFilter(personal=KNOWN).step(frame(0)).p == pytest.approx(0.3)


def test_a_restored_state_brings_the_personal_parameters_back() -> None:
    filter_ = EvidenceFilter(prompt_kind="hesitant", personal=KNOWN)
    state = filter_.state()
    first = [repr(filter_.step(frame(i, **HESITANT))) for i in range(20)]
    filter_.set_personal(Personal())
    filter_.set_prompt(None)
    other = EvidenceFilter()
    for again in (filter_, other):
        again.restore(state)
        assert again.personal is KNOWN
        assert [repr(again.step(frame(i, **HESITANT))) for i in range(20)] == first


def test_smoothing_is_the_forward_backward_answer() -> None:
    """Against a sum over all 2^n paths of states."""
    rng = np.random.default_rng(1)
    n, prevalence, segment_s, dt = 8, 0.3, 2.0, 0.4
    llr = rng.normal(size=n)
    leave = (1 - exp(-dt / segment_s / (1 - prevalence))) * (1 - prevalence)
    enter = leave * prevalence / (1 - prevalence)
    total = np.zeros((n, 2))
    for path in itertools.product((0, 1), repeat=n):
        weight = prevalence if path[0] else 1 - prevalence
        for a, b in itertools.pairwise(path):
            weight *= {(1, 0): leave, (1, 1): 1 - leave, (0, 1): enter, (0, 0): 1 - enter}[a, b]
        weight *= exp(sum(x for x, s in zip(llr, path, strict=True) if s))
        for i, s in enumerate(path):
            total[i, s] += weight
    exact = total[:, 1] / total.sum(axis=1)
    forward, p = [], prevalence
    for i, x in enumerate(llr):
        p = p if i == 0 else p * (1 - leave) + (1 - p) * enter
        p = sigmoid(logit(p) + x)
        forward.append(p)
    got = smooth(forward, [logit(prevalence)] * n, [round(dt * 1e9)] * n, segment_s)
    np.testing.assert_allclose(got, exact, rtol=1e-9)


def test_smoothing_nothing_gives_nothing() -> None:
    assert smooth([], [], []).shape == (0,)


@pytest.mark.parametrize(
    ("p", "low", "high", "band"),
    [
        (0.7, 0.5, 0.85, Band.ELEVATED),
        (0.7, 0.1, 0.95, Band.UNCLEAR),
        (0.1, 0.05, 0.3, Band.LOW),
        (0.1, 0.01, 0.6, Band.UNCLEAR),
        (0.4, 0.3, 0.49, Band.UNCLEAR),
    ],
)
def test_bands_in_words(p: float, low: float, high: float, band: Band) -> None:
    assert worded(p, low, high, PREVALENCE) is band


def test_every_effect_names_a_source_and_assumed_ones_stay_small() -> None:
    for effect in EFFECTS:
        assert effect.source, effect.cue
        assert effect.cue.startswith(effect.channel.value)
        if effect.assumed:
            assert abs(effect.weight) <= 0.1
    assert set(ABSENT_SPREAD) == set(Channel)


def test_face_effects_together_reach_the_published_accuracy_of_the_face_alone() -> None:
    """Equal effects d and correlation rho of k cues: D^2 = k d^2 / (1 + (k - 1) rho); AUC = Phi(D / sqrt 2)."""
    from scipy.stats import norm

    d = np.array([e.weight for e in EFFECTS if e.channel is Channel.FACE and e.kind is Kind.LEVEL])
    k = len(d)
    together = np.sqrt(k * d.mean() ** 2 / (1 + (k - 1) * 0.5))
    assert 0.58 < norm.cdf(together / np.sqrt(2)) < 0.64


def test_rank_biserial_becomes_a_shift() -> None:
    assert shift_of(0.0) == 0.0
    assert shift_of(0.19) == pytest.approx(0.34, abs=0.005)


def test_an_odds_ratio_over_answers_says_more_about_the_seconds_around_the_word() -> None:
    """All of the difference lies in the 31.6 % of the answer that is A/H; an uncertain ratio is shrunk first."""
    sure, unsure = local_log_ratio(log(2.1), 0.01, 0.27), local_log_ratio(log(2.1), 0.6, 0.27)
    assert sure > log(2.1) > 0
    assert unsure < sure
    plain, inside = -log(1 - 0.27), -log(1 - 0.27) * exp(sure)
    mixed_share = 1 - exp(-(0.316 * inside + 0.684 * plain))
    odds_ratio = mixed_share / (1 - mixed_share) / (0.27 / 0.73)
    assert odds_ratio == pytest.approx(2.1, rel=1e-3)
    assert local_log_ratio(log(0.3), 0.3, 0.09) < 0
