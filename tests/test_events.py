"""Segments: hysteresis, merging, and what they are said to consist of."""

from __future__ import annotations

import pytest

from ahdetect.events import SegmentWatcher, find_segments
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, ChannelState, Presence, TopCue
from ahdetect.models.words import Word
from ahdetect.timeline import Row

S = 1_000_000_000


def rows_of(p: list[float], top: tuple[TopCue, ...] = ()) -> list[Row]:
    """Ten rows a second."""
    states = dict.fromkeys(Channel, ChannelState(Presence.PRESENT))
    return [Row(i, i * S // 10, True, v, v, v, Band.UNCLEAR, 0.0, {}, states, {}, top) for i, v in enumerate(p)]


def spans(p: list[float]) -> list[tuple[float, float]]:
    return [(s.start_ns / S, s.end_ns / S) for s in find_segments(rows_of(p), p, [])]


def test_a_segment_begins_at_one_half_and_ends_below_the_lower_threshold() -> None:
    assert spans([0.2] * 10 + [0.6] * 20 + [0.4] * 10 + [0.3] * 10) == [(1.0, 3.9)]


def test_a_wavering_estimate_is_one_segment() -> None:
    assert spans([0.6, 0.45] * 20 + [0.1] * 10) == [(0.0, 3.9)]


def test_a_blip_is_left_out() -> None:
    assert spans([0.2] * 10 + [0.6] * 5 + [0.2] * 10) == []


def test_close_neighbours_are_joined_and_far_ones_are_not() -> None:
    assert spans([0.6] * 15 + [0.2] * 5 + [0.6] * 15) == [(0.0, 3.4)]
    assert len(spans([0.6] * 15 + [0.2] * 15 + [0.6] * 15)) == 2


def test_a_segment_that_is_still_going_at_the_end_is_kept() -> None:
    assert spans([0.2] * 10 + [0.7] * 20) == [(1.0, 2.9)]


def test_a_segment_names_its_cues_and_its_words() -> None:
    p = [0.7] * 30
    top = (TopCue("language_hedge", 1.0, 0.9, "a hedge"), TopCue("voice_pause_share", 0.5, 0.2, "long silences"))
    words = [Word("maybe", S, 2 * S, 0.9, True, 0), Word("later", 9 * S, 10 * S, 0.9, True, 1)]
    (segment,) = find_segments(rows_of(p, top), p, words)
    assert segment.phrases == ("a hedge (maybe)", "long silences")
    assert segment.words == "maybe"
    assert segment.mean_p == pytest.approx(0.7)


def test_live_onset_and_offset_come_once_each() -> None:
    watcher = SegmentWatcher()
    p = [0.2] * 5 + [0.6, 0.45, 0.6] + [0.3] * 5
    events = [e for row in rows_of(p) if (e := watcher.step(row)) is not None]
    assert [(e.kind, e.t_ns) for e in events] == [("segment_onset", 5 * S // 10), ("segment_offset", 8 * S // 10)]
    assert events[1].detail["length_s"] == pytest.approx(0.3)
