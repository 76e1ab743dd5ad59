"""Simulated people against the published figures that they are made from, and the optimal filter against its model."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.evidence import PREVALENCE_OF_PROMPT, EvidenceFilter, EvidenceSettings
from ahdetect.models.posterior import Presence
from ahdetect.models.simulate import (
    COLUMNS,
    SimulatedSession,
    joined,
    muted,
    optimal,
    shifted,
    simulate,
    simulate_person,
    simulate_session,
)

FPS = 5.0


@pytest.fixture(scope="module")
def sessions() -> list[SimulatedSession]:
    return simulate(40, 0, minutes=10, fps=FPS)


def segments(session: SimulatedSession) -> np.ndarray:
    edges = np.flatnonzero(np.diff(session.truth.astype(int), prepend=0, append=0))
    return (edges[1::2] - edges[::2]) / FPS


def test_segments_onsets_and_prevalences_are_those_of_bah(sessions: list[SimulatedSession]) -> None:
    lengths = np.concatenate([segments(s) for s in sessions])
    assert lengths.mean() == pytest.approx(4.25, abs=0.25)
    assert lengths.std() == pytest.approx(2.47, abs=0.25)
    assert np.percentile(lengths, 90) == pytest.approx(7.8, abs=0.8)
    onsets, by_kind = [], {kind: [] for kind in PREVALENCE_OF_PROMPT}
    for s in sessions:
        kinds = np.array(s.kinds())
        for kind in set(kinds.tolist()):
            by_kind[kind].append(s.truth[kinds == kind])
        starts = [round(p.t_ns / 1e9 * FPS) for p in s.prompts]
        for a, b in pairwise(starts):
            if s.truth[a:b].any():
                onsets.append(s.truth[a:b].argmax() / FPS)
    assert np.median(onsets) == pytest.approx(5.7, abs=1.0)
    for kind, parts in by_kind.items():
        assert np.concatenate(parts).mean() == pytest.approx(PREVALENCE_OF_PROMPT[kind], abs=0.05), kind


def test_level_cues_differ_between_the_states_by_the_table_s_shift(sessions: list[SimulatedSession]) -> None:
    for channel in (Channel.FACE, Channel.VOICE):
        for k, e in enumerate(e for e in EFFECTS if e.channel is channel):
            if e.kind is not Kind.LEVEL:
                continue
            found = []
            for s in sessions:
                z = (s.cues[channel][:, k] - s.person.usual[e.cue].location) / s.person.usual[e.cue].scale
                if np.isfinite(z).sum() > 100 and s.truth.any():
                    found.append((np.nanmean(z[s.truth]) - np.nanmean(z[~s.truth])) / s.person.gain[channel])
            assert np.median(found) == pytest.approx(e.weight, abs=0.12), e.cue


def test_the_same_seed_gives_the_same_people_however_many(sessions: list[SimulatedSession]) -> None:
    again = simulate(2, 0, minutes=10, fps=FPS)
    other = simulate(1, 1, minutes=1, fps=FPS)[0]
    for a, b in zip(sessions, again, strict=False):
        assert a.person == b.person
        assert np.array_equal(a.truth, b.truth)
        assert all(np.array_equal(a.cues[c], b.cues[c], equal_nan=True) for c in Channel)
    assert other.person != sessions[0].person


def test_absent_is_nan_and_never_zero(sessions: list[SimulatedSession]) -> None:
    for s in sessions[:5]:
        assert s.present.shape == (len(s.truth), len(Channel))
        for k, channel in enumerate(Channel):
            assert s.cues[channel].shape == (len(s.truth), len(COLUMNS[channel]))
            assert s.cues[channel].dtype == np.float32
            assert np.isnan(s.cues[channel][~s.present[:, k]]).all()
    assert any(not s.present.all() for s in sessions)


def test_frames_say_what_the_matrices_say_and_late_words_are_stale(sessions: list[SimulatedSession]) -> None:
    s = next(x for x in sessions if x.present[:60, list(Channel).index(Channel.LANGUAGE)].all())
    settled, live = list(s.frames())[:60], list(s.frames(live=True))[:60]
    column = COLUMNS[Channel.LANGUAGE].index("language_answer")
    words = settled[40].cues[Channel.LANGUAGE]
    assert words is not None
    assert words["language_answer"] == s.cues[Channel.LANGUAGE][40, column]
    late = round(s.late_s * FPS)
    assert live[0].states[Channel.LANGUAGE].presence is Presence.ABSENT
    assert live[40].states[Channel.LANGUAGE].presence is Presence.STALE
    behind = live[40].cues[Channel.LANGUAGE]
    assert behind is not None
    assert behind["language_answer"] == s.cues[Channel.LANGUAGE][40 - late, column]
    assert all(x.settled for x in settled)
    assert not any(x.settled for x in live)


def test_the_optimal_filter_is_calibrated_and_past_only(sessions: list[SimulatedSession]) -> None:
    p, y = np.concatenate([optimal(s) for s in sessions]), np.concatenate([s.truth for s in sessions])
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.0)):
        bin_ = (p >= low) & (p < high)
        assert y[bin_].mean() == pytest.approx(p[bin_].mean(), abs=0.04)
    s = sessions[0]
    later = s.llr.copy()
    later[500:] = 5.0
    assert np.array_equal(optimal(replace(s, llr=later))[:500], optimal(s)[:500])


def test_no_filter_beats_the_optimal_one_and_the_oracle_beats_who_knows_nothing() -> None:
    some, scores = simulate(12, 3, minutes=4, fps=2.0), {}
    y = np.concatenate([s.truth for s in some])

    def run(s: SimulatedSession, known: bool) -> list[float]:
        personal = s.person.personal() if known else None
        filter_ = EvidenceFilter(EvidenceSettings(personal=False), personal=personal)
        return [filter_.step(x).p for x in s.frames()]

    for name, known in (("source", False), ("oracle", True)):
        scores[name] = np.concatenate([run(s, known) for s in some])
    scores["blind"] = np.concatenate([optimal(s, prompts=False) for s in some])
    scores["optimal"] = np.concatenate([optimal(s) for s in some])
    auc = [roc_auc_score(y, scores[n]) for n in ("source", "oracle", "blind", "optimal")]
    assert auc == sorted(auc)
    assert average_precision_score(y, scores["optimal"]) > average_precision_score(y, scores["oracle"])


def test_one_state_only_a_lamp_a_muted_microphone_and_two_people_on_one_clock() -> None:
    person = simulate_person(np.random.default_rng(3))
    plain = simulate_session(person, np.random.default_rng(4), minutes=1, fps=FPS, states="plain")
    ah = simulate_session(person, np.random.default_rng(4), minutes=1, fps=FPS, states="ah")
    assert not plain.truth.any()
    assert ah.truth.all()
    lamp = shifted(plain, Channel.FACE, 2.0, 30.0)
    moved = (lamp.cues[Channel.FACE] - plain.cues[Channel.FACE])[:, 0] / person.usual["face_brow_lower_sd"].scale
    assert np.nanmax(np.abs(moved[:150])) == 0.0
    assert np.nanmin(moved[150:]) == pytest.approx(2.0, abs=1e-3)
    quiet = muted(plain, 30.0)
    assert not quiet.present[150:, list(Channel).index(Channel.LANGUAGE)].any()
    assert (quiet.cues[Channel.VOICE][150:, COLUMNS[Channel.VOICE].index("voice_pause_share")] == 1.0).all()
    both = joined([plain, ah])
    assert len(both.t_ns) == 600
    assert (np.diff(both.t_ns) == np.diff(plain.t_ns)[0]).all()
    assert both.prompts[len(plain.prompts)].t_ns == 60_000_000_000


def test_too_few_frames_per_second_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        simulate(1, 0, minutes=1, fps=1.0)
