"""Particles on simulated people: what they find out about a person, from the past only. All data is simulated."""

from __future__ import annotations

import numpy as np
import pytest

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.particles import Known, Particles
from ahdetect.calibration.rows import KINDS, RowFilter, row_of
from ahdetect.models import population
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.evidence import logit
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.simulate import SimulatedSession, optimal, simulate

FPS = 2.5
LEVELS = [i for i, e in enumerate(EFFECTS) if e.kind is Kind.LEVEL]


def rows(session: SimulatedSession, *, kinds: bool = True) -> Array:
    return np.stack(
        [
            row_of(x, x.dur_ns / 1e9, k if kinds else None)
            for x, k in zip(session.frames(), session.kinds(), strict=True)
        ]
    )


def told(x: Array, particles: Particles | None = None) -> tuple[Array, Particles]:
    particles = particles or Particles(RowFilter())
    return np.array([particles.take(row) for row in x]), particles


@pytest.fixture(scope="module")
def sessions() -> list[SimulatedSession]:
    return simulate(8, 41, minutes=6, fps=FPS)


@pytest.fixture(scope="module")
def found(sessions: list[SimulatedSession]) -> list[tuple[Array, Known]]:
    return [(p, particles.known()) for p, particles in (told(rows(s)) for s in sessions)]


def off(known: Known, session: SimulatedSession, channel: Channel) -> float:
    """Root mean square error of the locations of a channel, in the population's scales."""
    model, true = RowFilter(), session.person.usual
    of = [i for i in LEVELS if EFFECTS[i].channel is channel]
    wrong = [(known.location[i] - true[EFFECTS[i].cue].location) / model.scale[i] for i in of]
    return float(np.sqrt(np.mean(np.square(wrong))))


def test_usual_values_are_found_and_ah_does_not_pass_for_them(
    sessions: list[SimulatedSession], found: list[tuple[Array, Known]]
) -> None:
    """People differ by .5 to .7 of the population's scale; of slow cues (10 s) six minutes are few looks."""
    for channel, most in ((Channel.FACE, 0.15), (Channel.VOICE, 0.3)):
        k = list(Channel).index(channel)
        wrong = [off(known, s, channel) for s, (_, known) in zip(sessions, found, strict=True) if s.present[:, k].any()]
        assert np.mean(wrong) < most
    face = [i for i in LEVELS if EFFECTS[i].channel is Channel.FACE]
    ratio = [
        known.scale[i] / s.person.usual[EFFECTS[i].cue].scale
        for s, (_, known) in zip(sessions, found, strict=True)
        for i in face
        if s.present[:, 0].any()
    ]
    assert np.abs(np.log(ratio)).max() < 0.25


def test_how_often_people_are_in_ah_and_what_their_answers_always_say_are_found(
    sessions: list[SimulatedSession], found: list[tuple[Array, Known]]
) -> None:
    true = [[logit(s.person.prevalence), s.person.tilt] for s in sessions]
    guess = [[logit(known.prevalence), known.tilt] for _, known in found]
    odds, tilt = (np.corrcoef([t[k] for t in true], [g[k] for g in guess])[0, 1] for k in (0, 1))
    assert odds > 0.5
    assert tilt > 0.7


def test_it_tells_more_than_who_knows_nobody_and_less_than_who_knows_everything(
    sessions: list[SimulatedSession], found: list[tuple[Array, Known]]
) -> None:
    def loss(p: Array, s: SimulatedSession) -> float:
        return float(-np.where(s.truth, np.log(p), np.log1p(-p)).mean())

    source = np.mean([loss(RowFilter().filtered(rows(s), (Personal(),))[:, 0], s) for s in sessions])
    here = np.mean([loss(np.clip(p, 1e-6, 1 - 1e-6), s) for s, (p, _) in zip(sessions, found, strict=True)])
    best = np.mean([loss(np.clip(optimal(s), 1e-6, 1 - 1e-6), s) for s in sessions])
    assert best < here < source
    assert source - here > 0.5 * (source - best)


def test_the_same_rows_tell_the_same_and_a_state_comes_back_bit_by_bit(sessions: list[SimulatedSession]) -> None:
    x = rows(sessions[0])
    (first, one), (second, _) = told(x[:300]), told(x[:300])
    assert np.array_equal(first, second)
    state = one.state()
    after, _ = told(x[300:500], one)
    later = repr(one.known())
    one.restore(state)
    assert np.array_equal(told(x[300:500], one)[0], after)
    assert repr(one.known()) == later


def test_a_row_knows_nothing_of_later_ones(sessions: list[SimulatedSession]) -> None:
    x = rows(sessions[1])[:300]
    other = x.copy()
    other[200:, 2:] = np.nan
    assert np.array_equal(told(x)[0][:200], told(other)[0][:200])


def test_absent_cues_and_channels_teach_nothing_and_harm_nothing(sessions: list[SimulatedSession]) -> None:
    s = next(s for s in sessions if s.present.mean(axis=0).min() > 0.5)
    x = rows(s)
    voice = [2 + i for i in LEVELS if EFFECTS[i].channel is Channel.VOICE]
    x[:, voice] = np.nan
    x[::2, 2 + LEVELS[0]] = np.nan  # one cue that comes and goes
    p, particles = told(x)
    known, model = particles.known(), RowFilter()
    assert np.isfinite(p).all()
    for i in LEVELS:
        if EFFECTS[i].channel is Channel.VOICE:
            assert known.location[i] == pytest.approx(model.location[i])
            assert known.seconds[i] == pytest.approx(0.0)
    assert off(known, s, Channel.FACE) < 0.2


def test_a_tracking_error_does_not_move_what_is_usual(sessions: list[SimulatedSession]) -> None:
    x = rows(sessions[0])[:500]
    wild = x.copy()
    wild[300, 2 + LEVELS[0]] += 1e4
    calm, shaken = told(x)[1].known(), told(wild)[1].known()
    scale = calm.scale[LEVELS[0]]
    assert abs(calm.location[LEVELS[0]] - shaken.location[LEVELS[0]]) < 0.3 * scale


def test_a_person_whose_windows_hang_together_for_longer_is_taken_to_tell_less(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for c, tau in list(population.TAU_S.items()):
            patch.setitem(population.TAU_S, c, 3.0 * tau)
        slow = simulate(2, 43, minutes=6, fps=FPS)
    for s in slow:
        known = told(rows(s))[1].known()
        assert 1.9 < known.tau_s[Channel.FACE] / population.TAU_S[Channel.FACE] < 4.1
        assert known.tau_s[Channel.VOICE] > population.TAU_S[Channel.VOICE]


def test_a_forgotten_channel_is_that_of_anybody_and_the_others_stay(sessions: list[SimulatedSession]) -> None:
    _, particles = told(rows(sessions[0])[:400])
    before = particles.known()
    particles.forget(frozenset({"face"}))
    after, model = particles.known(), RowFilter()
    for i in LEVELS:
        if EFFECTS[i].channel is Channel.FACE:
            assert after.location[i] == model.location[i]
        else:
            assert after.location[i] == before.location[i]
    assert after.gain[list(Channel).index(Channel.FACE)] == pytest.approx(1.0, abs=0.1)
    assert after.prevalence == before.prevalence


def test_what_is_known_beforehand_is_where_it_begins() -> None:
    place = LEVELS[0]
    cue, model = EFFECTS[place].cue, RowFilter()
    usual = Usual(model.location[place] + 2.0 * model.scale[place], 0.5 * model.scale[place], 75.0)
    known = Particles(
        model, Personal({cue: usual}, {Channel.VOICE: 1.4}, {Channel.LANGUAGE: -0.3}, prevalence=0.4)
    ).known()
    plain = Particles(model).known()
    assert known.location[place] == pytest.approx(usual.location)
    assert known.seconds[place] == pytest.approx(75.0)
    assert known.scale[place] == pytest.approx(usual.scale)
    assert known.tilt == pytest.approx(0.3)
    assert known.gain[list(Channel).index(Channel.VOICE)] > plain.gain[list(Channel).index(Channel.VOICE)]
    assert known.prevalence > plain.prevalence + 0.1


def test_a_known_prompt_is_the_measure_of_how_often(sessions: list[SimulatedSession]) -> None:
    """The same rows say less of the person where the prompt made them likely."""
    x, share = rows(sessions[2], kinds=False), {}
    for kind in ("neutral", "ambivalent"):
        x[:, 1] = KINDS.index(kind)
        share[kind] = told(x)[1].known().prevalence
    assert share["neutral"] > share["ambivalent"]


def test_an_answer_begins_without_ah_and_an_unknown_prompt_is_lived_with(sessions: list[SimulatedSession]) -> None:
    s = sessions[3]
    p, _ = told(rows(s))
    starts = np.searchsorted(s.t_ns, [q.t_ns for q in s.prompts][1:])
    changed = [i for i in starts if s.kinds()[i] != s.kinds()[i - 1]]
    assert np.abs(p[changed]).max() == 0.0
    blind, _ = told(rows(s, kinds=False))
    assert np.corrcoef(blind, s.truth)[0, 1] > 0.1
