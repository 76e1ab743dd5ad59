"""Evidence sums on simulated people: what they take for a habit, what for A/H, and the way back. All is simulated."""

from __future__ import annotations

import numpy as np
import pytest

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.rows import KINDS, RowFilter, row_of
from ahdetect.calibration.sums import LEAST_S, EvidenceSums
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.evidence import PREVALENCE
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.simulate import SimulatedSession, simulate

FPS = 2.5


def rows(session: SimulatedSession, kinds: bool = False) -> Array:
    return np.stack(
        [
            row_of(x, x.dur_ns / 1e9, k if kinds else None)
            for x, k in zip(session.frames(), session.kinds(), strict=True)
        ]
    )


def taught(x: Array, personal: Personal | None = None) -> EvidenceSums:
    sums = EvidenceSums(personal=personal)
    for i in range(0, len(x), 13):
        sums.observe(x[i : i + 13])
    return sums


def known(session: SimulatedSession) -> Personal:
    return Personal(usual={n: Usual(u.location, u.scale, 75.0) for n, u in session.person.usual.items()})


@pytest.fixture(scope="module")
def sessions() -> list[SimulatedSession]:
    return simulate(6, 11, minutes=6, fps=FPS)


def louder(x: Array, session: SimulatedSession, channels: tuple[Channel, ...], by: float) -> Array:
    """The rows with every level cue of some channels up by so many own scales."""
    x = x.copy()
    for i, e in enumerate(EFFECTS):
        if e.channel in channels and e.kind is Kind.LEVEL:
            x[:, 2 + i] += by * session.person.usual[e.cue].scale
    return x


def test_what_one_channel_always_says_too_much_is_taken_off_and_is_hardly_prevalence(
    sessions: list[SimulatedSession],
) -> None:
    s = next(s for s in sessions if s.present.mean(axis=0).min() > 0.5)
    x = rows(s)
    plain, up = taught(x, known(s)).personal, taught(louder(x, s, (Channel.FACE,), 0.5), known(s)).personal
    added = 0.5 * sum(e.weight for e in EFFECTS if e.channel is Channel.FACE) * 0.22
    off = plain.offset[Channel.FACE] - up.offset[Channel.FACE]
    assert 0.6 * added < off <= 1.05 * added
    assert up.prevalence is not None
    assert plain.prevalence is not None
    assert 0.0 < up.prevalence - plain.prevalence < 0.1


def test_all_channels_together_are_prevalence_sooner_than_one_alone(sessions: list[SimulatedSession]) -> None:
    s = next(s for s in sessions if s.present.mean(axis=0).min() > 0.5)
    x = rows(s)

    def prevalence(*channels: Channel) -> float:
        return taught(louder(x, s, channels, 0.4), known(s)).personal.prevalence or 0.0

    alone = max(prevalence(Channel.FACE), prevalence(Channel.VOICE))
    assert prevalence(Channel.FACE, Channel.VOICE) > alone > prevalence()


def test_location_and_scale_of_a_calibration_stay(sessions: list[SimulatedSession]) -> None:
    found = known(sessions[0])
    assert taught(rows(sessions[0]), found).personal.usual == found.usual


def test_nothing_is_learned_from_too_little(sessions: list[SimulatedSession]) -> None:
    sums = EvidenceSums()
    assert sums.observe(rows(sessions[0])[: round(0.5 * LEAST_S * FPS)]) is None
    assert sums.figures() == EvidenceSums().figures()
    assert sums.figures()["prevalence"] == PREVALENCE


def test_an_absent_channel_stays_where_it_was(sessions: list[SimulatedSession]) -> None:
    x = rows(sessions[0])
    x[:, [2 + i for i, e in enumerate(EFFECTS) if e.channel is Channel.VOICE]] = np.nan
    assert taught(x).personal.offset[Channel.VOICE] == 0.0


def test_the_state_comes_back_bit_by_bit_and_a_channel_is_forgotten_alone(sessions: list[SimulatedSession]) -> None:
    x = rows(sessions[1])
    sums = taught(x[:400])
    state, figures, p = sums.state(), sums.figures(), sums.predict(x)
    sums.forget(frozenset({"voice"}))
    changed = {n for n, v in sums.figures().items() if v != figures[n]}
    assert changed == {"voice.offset"}
    sums.observe(x[400:800])
    sums.restore(state)
    assert sums.figures() == figures
    assert np.array_equal(sums.predict(x), p)


def test_calibrated_and_learning_the_log_loss_is_under_that_of_the_population(sessions: list[SimulatedSession]) -> None:
    loss = {"source": 0.0, "learned": 0.0}
    for s in sessions:
        x, y = rows(s, kinds=True), s.truth
        half = len(x) // 2
        learned = taught(x[:half], known(s)).personal
        p = RowFilter().filtered(x[half:], (Personal(), learned))
        for k, name in enumerate(loss):
            loss[name] -= float(np.where(y[half:], np.log(p[:, k]), np.log1p(-p[:, k])).mean())
    assert loss["learned"] < loss["source"]


def test_a_known_prompt_makes_its_kind_the_measure(sessions: list[SimulatedSession]) -> None:
    """The same rows are less of a sign of the person where the prompt made them likely."""
    s = sessions[0]
    x = rows(s)
    kinds = {kind: x.copy() for kind in ("neutral", "ambivalent")}
    for kind, of in kinds.items():
        of[:, 1] = KINDS.index(kind)
    found = {kind: taught(of, known(s)).personal.prevalence or 0.0 for kind, of in kinds.items()}
    assert found["neutral"] > found["ambivalent"]
