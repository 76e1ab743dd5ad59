"""The adapter on simulated people: steps, limits, log and the way back. All data is simulated."""

from __future__ import annotations

import numpy as np
import pytest

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.bayes import LEAST, MOST, EvidenceBayes
from ahdetect.calibration.guards import STEP
from ahdetect.calibration.rows import RowFilter, row_of
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS
from ahdetect.models.evidence import PREVALENCE
from ahdetect.models.personal import Personal
from ahdetect.models.simulate import SimulatedSession, simulate

FPS = 2.5


def rows(session: SimulatedSession) -> Array:
    return np.stack(
        [row_of(x, x.dur_ns / 1e9, k) for x, k in zip(session.frames(), session.kinds(), strict=True)]
    )  # fmt: skip


def taught(x: Array, adapter: EvidenceBayes | None = None) -> tuple[EvidenceBayes, list[Change]]:
    adapter = adapter or EvidenceBayes()
    steps = [adapter.observe(x[i : i + 13]) for i in range(0, len(x), 13)]
    return adapter, [c for c in steps if c is not None]


@pytest.fixture(scope="module")
def sessions() -> list[SimulatedSession]:
    return simulate(6, 11, minutes=5, fps=FPS)


def test_what_it_learned_lowers_the_log_loss_of_the_next_minutes(sessions: list[SimulatedSession]) -> None:
    loss = np.zeros(2)
    for s in sessions:
        x, half = rows(s), len(s.truth) // 2
        learned = taught(x[:half])[0].personal
        p = RowFilter().filtered(x[half:], (Personal(), learned))
        loss -= np.where(s.truth[half:, None], np.log(p), np.log1p(-p)).mean(axis=0)
    assert loss[1] < loss[0]


def test_a_step_goes_no_further_than_people_differ_and_leaves_alone_what_nobody_would_see(
    sessions: list[SimulatedSession],
) -> None:
    x = rows(sessions[0])
    place = next(i for i, e in enumerate(EFFECTS) if e.cue == "face_smile_sd")
    x[:, 2 + place] += 6.0 * RowFilter().scale[place]  # very much of a smile, from the first second on
    _, steps = taught(x)
    name, scale = "face_smile_sd.location", RowFilter().scale[place]
    moves = [c.after[name] - c.before[name] for c in steps if name in c.after]
    assert moves[0] <= 1.01 * MOST * STEP["location"] * scale
    assert sum(moves) > 4.0 * scale
    for c in steps:
        assert set(c.before) == set(c.after)
        for n in c.after:
            kind = n.rpartition(".")[2]
            by = abs(c.after[n] - c.before[n])
            if kind in ("gain", "offset", "prevalence"):
                assert LEAST[kind] <= by + 1e-9
                assert by <= STEP[kind]


def test_nothing_is_learned_from_too_little(sessions: list[SimulatedSession]) -> None:
    adapter = EvidenceBayes()
    assert adapter.observe(rows(sessions[0])[:10]) is None
    assert adapter.figures() == EvidenceBayes().figures()
    assert adapter.figures()["prevalence"] == PREVALENCE
    x = rows(sessions[0])[:100]
    x[:, 2:] = np.nan
    assert taught(x)[1] == []


def test_an_absent_channel_stays_where_it_was(sessions: list[SimulatedSession]) -> None:
    x = rows(sessions[0])
    x[:, [2 + i for i, e in enumerate(EFFECTS) if e.channel is Channel.VOICE]] = np.nan
    learned = taught(x)[0].personal
    plain = EvidenceBayes().personal
    assert learned.usual["voice_slow"] == plain.usual["voice_slow"]
    assert learned.gain[Channel.VOICE] == pytest.approx(1.0, abs=0.05)


def test_a_step_is_logged_with_how_much_data_and_its_effect(sessions: list[SimulatedSession]) -> None:
    steps = taught(rows(sessions[1]))[1]
    assert {c.method for c in steps} == {"bayes"}
    assert all(c.unit == "s" and c.amount > 0 and c.accepted for c in steps)
    assert all(set(c.effect) == {"mean_p_before", "mean_p_after", "changed"} for c in steps)
    assert [c.amount for c in steps] == sorted(c.amount for c in steps)
    early, late = (np.mean([len(c.after) for c in some]) for some in (steps[:10], steps[-10:]))
    assert late < early  # the better it is known, the less is worth a step


def test_the_state_comes_back_bit_by_bit_and_a_channel_is_forgotten_alone(sessions: list[SimulatedSession]) -> None:
    x = rows(sessions[1])
    adapter, _ = taught(x[:400])
    state, figures, p = adapter.state(), adapter.figures(), adapter.predict(x)
    adapter.forget(frozenset({"voice"}))
    changed = {n for n, v in adapter.figures().items() if v != figures[n]}
    assert changed
    assert {n.split("_")[0].split(".")[0] for n in changed} == {"voice"}
    fresh = EvidenceBayes().figures()
    assert all(adapter.figures()[n] == fresh[n] for n in changed)
    taught(x[400:], adapter)
    adapter.restore(state)
    assert adapter.figures() == figures
    assert np.array_equal(adapter.predict(x), p)


def test_what_one_session_found_is_where_the_next_begins(sessions: list[SimulatedSession]) -> None:
    first = taught(rows(sessions[2]))[0].personal
    second = EvidenceBayes(personal=Personal.from_json(first.to_json()))
    assert second.personal == first
    second.observe(rows(sessions[2])[:13])
    moved = {n for n, v in second.figures().items() if abs(v - EvidenceBayes(personal=first).figures()[n]) > 0}
    assert len(moved) < 0.5 * len(second.figures())
