"""Online adaptation on simulated people: what it learns, what it refuses, and the way back. All data is simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.bayes import EvidenceBayes
from ahdetect.calibration.em import EFFECTS, LEAST_S, EvidenceEM
from ahdetect.calibration.fuser import LAYOUT, adaptive_filter
from ahdetect.calibration.guards import HOLD_S, Guarded, Layout
from ahdetect.calibration.rows import KINDS, WIDTH, row_of
from ahdetect.models.cues import Channel
from ahdetect.models.evidence import logit
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.simulate import SimulatedSession, joined, muted, shifted, simulate

FPS = 2.5


def rows(session: SimulatedSession) -> Array:
    """One row of the adapter per simulated frame."""
    return np.stack([row_of(x, x.dur_ns / 1e9, None) for x in session.frames()])


def blocks(x: Array, n: int = 13) -> Iterable[Array]:
    return (x[i : i + n] for i in range(0, len(x), n))


Make = Callable[[], EvidenceEM | EvidenceBayes]


both = pytest.mark.parametrize("make", [EvidenceEM, EvidenceBayes], ids=["em", "bayes"])


def guarded(make: Make = EvidenceEM, **settings: float) -> Guarded:
    return Guarded(make(), LAYOUT, **settings)  # type: ignore[arg-type]


def taught(g: Guarded, x: Array) -> list[Change]:
    return [c for block in blocks(x) if (c := g.observe(block)) is not None]


def refusals(changes: list[Change]) -> list[str]:
    return [c.reason for c in changes if not c.accepted]


@pytest.fixture(scope="module")
def sessions() -> list[SimulatedSession]:
    return simulate(6, 11, minutes=6, fps=FPS)


def distance(em: EvidenceEM, session: SimulatedSession) -> float:
    """Mean distance of the level cues' locations from the truth, in true scales; cues that were seen only."""
    seen = {n for n, u in em.personal.usual.items() if u.seconds > 60}
    true = session.person.usual
    return float(np.mean([abs(em.personal.usual[n].location - true[n].location) / true[n].scale for n in seen]))


def test_a_row_holds_seconds_the_kind_of_prompt_and_every_effect(sessions: list[SimulatedSession]) -> None:
    frame = next(iter(sessions[0].frames()))
    row = row_of(frame, 5.0, "hesitant")
    assert row.shape == (WIDTH,)
    assert row[0] == 1.0  # a gap counts as a second
    assert KINDS[int(row[1])] == "hesitant"
    assert np.isnan(row_of(frame, 0.4, None)[1])


def test_em_finds_where_a_person_s_cues_usually_are_online_and_in_batch(sessions: list[SimulatedSession]) -> None:
    ratios = []
    for session in sessions[:3]:
        online, batch, x = EvidenceEM(), EvidenceEM(), rows(session)
        for block in blocks(x):
            online.observe(block)
        batch.fit(x, rounds=2)
        before = EvidenceEM(personal=Personal(usual={n: Usual(u.location, u.scale, 61.0) for n, u in
                                                     EvidenceEM().personal.usual.items()}))  # fmt: skip
        start = distance(before, session)
        ratios.append((distance(online, session) / start, distance(batch, session) / start))
    assert np.mean(ratios, axis=0).max() < 0.4


def test_the_share_of_ah_does_not_pass_for_the_person_s_usual_value(sessions: list[SimulatedSession]) -> None:
    """Half of the time in A/H, every face cue is up; its location outside of A/H lies below its mean."""
    em, x = EvidenceEM(personal=Personal(prevalence=0.5)), rows(sessions[0])
    em.fit(x, rounds=3)
    place = 2 + next(i for i, e in enumerate(EFFECTS) if e.cue == "voice_slow")
    ref = EvidenceEM().personal.usual["voice_slow"]
    n = 0.4 * np.isfinite(x[:, place]).sum()
    shrunk = ref.location + (np.nanmean(x[:, place]) - ref.location) * n / (n + 30.0)
    assert em.personal.usual["voice_slow"].location < shrunk


def test_nothing_is_learned_from_too_little(sessions: list[SimulatedSession]) -> None:
    em, x = EvidenceEM(), rows(sessions[0])
    assert em.observe(x[: round(0.5 * LEAST_S * FPS)]) is None
    assert em.figures() == EvidenceEM().figures()


def test_the_em_s_state_comes_back_bit_by_bit(sessions: list[SimulatedSession]) -> None:
    em, x = EvidenceEM(), rows(sessions[0])
    em.observe(x[:200])
    state, figures, p = em.state(), em.figures(), em.predict(x[:200])
    em.observe(x[200:400])
    assert em.figures() != figures
    em.restore(state)
    assert em.figures() == figures
    assert np.array_equal(em.predict(x[:200]), p)


def test_a_step_is_logged_with_what_it_moved_how_much_data_and_its_effect(sessions: list[SimulatedSession]) -> None:
    steps = taught(guarded(), rows(sessions[0]))
    change = next(c for c in steps if c.accepted)
    assert change.unit == "s"
    assert change.amount > LEAST_S
    assert set(change.before) == set(change.after)
    assert set(change.effect) == {"mean_p_before", "mean_p_after", "changed"}


# -- the fuser


def test_the_same_frames_give_the_same_rows_and_the_explanation_is_exact(sessions: list[SimulatedSession]) -> None:
    frames = list(sessions[1].frames())[:400]
    first, second = adaptive_filter(), adaptive_filter()
    for x in frames:
        said = first.step(x)
        assert repr(said) == repr(second.step(x))
        assert said.prior_log_odds + sum(said.contributions.values()) == pytest.approx(logit(said.p), abs=1e-9)
    assert first.changes
    assert first.personal != Personal()


def test_provisional_frames_teach_nothing_and_leave_no_trace(sessions: list[SimulatedSession]) -> None:
    settled, live = list(sessions[1].frames())[:300], list(sessions[1].frames(live=True))[:300]
    plain, walked, walk = adaptive_filter(), adaptive_filter(), adaptive_filter()
    for i, x in enumerate(settled):
        assert repr(plain.step(x)) == repr(walked.step(x))
        if not i % 20:
            walk.restore(walked.state())
            for ahead in live[i + 1 : i + 10]:
                walk.step(ahead)
    assert walk.changes == []


def test_rollback_brings_the_old_rows_back_exactly(sessions: list[SimulatedSession]) -> None:
    frames = list(sessions[2].frames())
    fuser = adaptive_filter()
    for x in frames[:150]:
        fuser.step(x)
    state, other = fuser.state(), adaptive_filter()
    first = [repr(fuser.step(x)) for x in frames[150:400]]
    fuser.restore(state)
    other.restore(state)
    assert [repr(fuser.step(x)) for x in frames[150:400]] == first
    assert [repr(other.step(x)) for x in frames[150:400]] == first


# -- guards


def log_odds(p: Array) -> Array:
    return np.asarray(np.log(p) - np.log1p(-p))


def assert_way_back(g: Guarded, state: object, x: Array, old: Array) -> None:
    assert not np.array_equal(g.predict(x), old)
    g.restore(state)
    assert np.array_equal(g.predict(x), old)


@both
@pytest.mark.parametrize("state", ["plain", "ah"])
def test_an_hour_of_one_state_does_not_wear_the_model_out(state: str, make: Make) -> None:
    usual, test = simulate(2, 31, minutes=4, fps=FPS)
    hour = simulate(1, 31, minutes=60, fps=FPS, states=state)[0]  # type: ignore[arg-type]
    assert hour.person.prevalence == usual.person.prevalence
    g, x = guarded(make, window_s=300.0), rows(usual)
    taught(g, x)
    before, old = g.state(), g.predict(x)
    told = refusals(taught(g, rows(hour)))
    assert any("one state only" in r or "hardly move" in r or "More than half" in r for r in told)
    after = g.predict(rows(test))[:, 1]
    source = make().predict(rows(test))[:, 1]
    assert log_odds(after).std() > 0.5 * log_odds(source).std()
    assert 0.03 < after.mean() < 0.6
    assert_way_back(g, before, x, old)


@both
def test_another_person_is_noticed_and_learning_starts_anew(sessions: list[SimulatedSession], make: Make) -> None:
    g, x = guarded(make), rows(sessions[0])
    first = taught(g, x)
    before, old = g.state(), g.predict(x)
    told = [c for c in taught(g, rows(sessions[1])) if not c.accepted]
    assert not any("starts anew" in r for r in refusals(first))
    assert any("starts anew" in c.reason and c.after for c in told)
    assert_way_back(g, before, x, old)


@both
def test_another_lamp_is_noticed_in_the_face_and_only_the_face_goes_back(
    sessions: list[SimulatedSession], make: Make
) -> None:
    calm = sessions[0]
    changed = rows(shifted(calm, Channel.FACE, 2.5, 180.0))
    g = guarded(make)
    half = round(180 * FPS)
    assert not any("starts anew" in r for r in refusals(taught(g, changed[:half])))
    before, old = g.state(), g.predict(changed[:half])
    at = next(i for i, b in enumerate(blocks(changed[half:])) if "starts anew" in getattr(g.observe(b), "reason", ""))
    assert at * 13 / FPS < 60
    anew, fresh = g.figures(), make().figures()
    assert all(anew[n] == fresh[n] for n in fresh if n.startswith("face"))
    assert anew["voice_slow.location"] != fresh["voice_slow.location"]
    assert anew["prevalence"] != fresh["prevalence"]
    assert "face cues changed" in g.state().said  # type: ignore[attr-defined]
    held = changed[half + (at + 1) * 13 :][: round(0.9 * HOLD_S * FPS)]
    assert taught(g, held) == []
    assert g.figures() == anew
    assert_way_back(g, before, changed[:half], old)


@both
def test_a_muted_microphone_teaches_nothing_of_voice_and_words_and_is_told_once(
    sessions: list[SimulatedSession], make: Make
) -> None:
    x = rows(muted(sessions[0], 180.0))
    g, half = guarded(make), round(180 * FPS)
    taught(g, x[:half])
    before, figures, old = g.state(), g.figures(), g.predict(x[:half])
    told = refusals(taught(g, x[half:]))
    assert len([r for r in told if "voice cues have not moved" in r]) >= 1
    for cue in ("voice_pause_share", "voice_pause_rate", "voice_slow"):
        moved = abs(g.figures()[f"{cue}.location"] - figures[f"{cue}.location"])
        assert moved < 0.3 * figures[f"{cue}.scale"], cue  # of a jump by more than three
    assert g.figures()["language.offset"] == pytest.approx(figures["language.offset"], abs=0.05)
    assert_way_back(g, before, x[:half], old)


class Jump:
    """A scripted adapter: its one parameter goes where it is told."""

    name = "scripted"

    def __init__(self) -> None:
        self.offset = 0.0

    def observe(self, x: Array) -> Change | None:
        before, self.offset = self.offset, float(x[-1, 0])
        return Change(self.name, len(x), "s", {"voice.offset": before}, {"voice.offset": self.offset})

    def predict(self, x: Array) -> Array:
        p = 1.0 / (1.0 + np.exp(-x[:, :1] - self.offset))
        return np.concatenate([1.0 - p, p], axis=1)

    def figures(self) -> dict[str, float]:
        return {"voice.offset": self.offset}

    def state(self) -> object:
        return self.offset

    def restore(self, state: object) -> None:
        assert isinstance(state, float)
        self.offset = state


def test_a_step_too_far_is_refused_with_a_reason_and_leaves_nothing_behind() -> None:
    g = Guarded(Jump(), Layout(None, {"voice": (0,)}, frozenset({0})))
    small = g.observe(np.linspace(0.0, 0.3, 10)[:, None])
    far = g.observe(np.linspace(0.0, 2.0, 10)[:, None])
    assert small is not None
    assert small.accepted
    assert far is not None
    assert not far.accepted
    assert "too far for a person" in far.reason
    assert g.figures() == {"voice.offset": 0.3}
    assert g.observe(np.linspace(0.0, 3.0, 10)[:, None]) is None  # told once for a run of the same reason
    assert g.figures() == {"voice.offset": 0.3}
    assert g.observe(np.linspace(0.0, 0.4, 10)[:, None])
    assert g.observe(np.linspace(0.0, 2.0, 10)[:, None])  # another run


def lost(offset: float, x: np.ndarray) -> list[str]:
    """What is told of a model that has come to `offset`, over as many minutes as there are rows of a second."""
    model = Jump()
    g = Guarded(model, Layout(None, {"voice": (0,)}, frozenset({0})), limits={}, window_s=120.0)
    model.offset = offset
    model.observe = lambda _: None  # type: ignore[method-assign]
    return refusals([c for block in blocks(x, 5) if (c := g.observe(block)) is not None])


def test_one_class_is_a_collapse_only_where_the_model_of_the_beginning_gives_both() -> None:
    mixed = np.random.default_rng(0).normal(0.0, 1.0, (300, 1))
    assert any("one state only" in r for r in lost(-9.0, mixed))
    assert lost(0.0, mixed - 9.0) == []  # a weak filter that never crosses .5 has not collapsed
    long = np.random.default_rng(0).normal(-9.0, 1.0, (900, 1))
    assert any("one state only" in r for r in lost(0.0, long))  # but it is not taught one state for ever


@both
def test_calm_people_raise_no_alarm(sessions: list[SimulatedSession], make: Make) -> None:
    alarms = sum("starts anew" in r for s in sessions[2:5] for r in refusals(taught(guarded(make), rows(s))))
    assert alarms == 0


def test_a_change_of_person_in_the_stream_reaches_the_fuser_s_log(sessions: list[SimulatedSession]) -> None:
    told: list[Change] = []
    fuser = adaptive_filter(on_change=told.append)
    for x in joined([sessions[0], simulate(2, 11, minutes=2, fps=FPS)[1]]).frames():
        fuser.step(x)
    assert any("starts anew" in c.reason for c in told)
    assert told == fuser.changes
    assert set(fuser.personal.offset) == set(Channel)
