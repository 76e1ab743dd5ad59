"""The demo clip through the real models, from file to files: what `make run` shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from media import beginning

from ahdetect.analysis import analyze, summary
from ahdetect.config import Settings
from ahdetect.engine import Models
from ahdetect.export.picture import draw_timeline
from ahdetect.export.tables import write_tables
from ahdetect.models.cues import Channel
from ahdetect.models.lexicon import PHRASES, token
from ahdetect.models.posterior import Presence
from ahdetect.timeline import Timeline

pytestmark = pytest.mark.models

DEMO = Path(__file__).parent.parent / "assets" / "demo.mp4"
PLAIN_S = 24.0
"""The hesitant part of the demo clip ends before this, and its traces have faded after it."""


@pytest.fixture(scope="module")
def models() -> Models:
    return Models.load(Settings())


@pytest.fixture(scope="module")
def timeline(models: Models) -> Timeline:
    return analyze(DEMO, models=models)


def test_every_frame_has_a_row_and_a_face(timeline: Timeline) -> None:
    with_face = sum(r.face_seen for r in timeline.rows)
    assert len(timeline.rows) == timeline.info["frames"]
    assert with_face / len(timeline.rows) >= 0.95


def test_the_words_are_right_but_for_few(timeline: Timeline) -> None:
    heard = " ".join(w.text for w in timeline.words).lower()
    for phrase in (
        "i guess",
        "maybe i could try to quit",
        "i don't know",
        "not sure",
        "walk to work every day",
        "noon",
    ):
        assert phrase in heard
    assert sum(token(w.text) in PHRASES["filler"] for w in timeline.words) >= 2


def test_the_hesitant_part_rises_above_the_plain_part(timeline: Timeline) -> None:
    t, p = timeline.t_s, timeline.p
    hesitant, plain = p[(t > 6) & (t < 18)], p[t > PLAIN_S + 4]
    assert hesitant.mean() > 0.5 > 0.3 > plain.mean()
    assert len(timeline.segments) == 1
    assert timeline.segments[0].end_ns / 1e9 < PLAIN_S
    said = timeline.segments[0].phrases  # each names the words
    assert any(p.startswith(("a hedge (", "a contrast (but")) for p in said), said


def test_words_alone_and_voice_alone_point_the_same_way(timeline: Timeline) -> None:
    t = timeline.t_s
    for channel in (Channel.LANGUAGE, Channel.VOICE):
        lane = timeline.contribution(channel)
        assert lane[(t > 8) & (t < 18)].mean() > lane[t > PLAIN_S + 4].mean() + 0.3


def test_contributions_explain_every_row_exactly(timeline: Timeline) -> None:
    for row in timeline.rows[::50]:
        log_odds = row.prior_log_odds + sum(row.contributions.values())
        assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(row.p, abs=1e-9)
        assert row.low <= row.p <= row.high


def test_the_books_balance_and_no_sound_is_lost(timeline: Timeline) -> None:
    told = summary(timeline)
    assert told["ledger"]["balances"]
    assert told["audio_gaps"] == 0
    assert told["audio_samples"] == pytest.approx(told["duration_s"] * 16_000, abs=1600)
    assert told["stage_errors"] == []
    wanted = {"duration_s", "frames", "frames_with_face", "audio_samples", "audio_gaps", "words", "segments",
              "mean_p", "realtime_factor", "ledger"}  # fmt: skip
    assert wanted <= told.keys()


def test_settled_rows_have_every_channel_present_or_a_reason(timeline: Timeline) -> None:
    for row in timeline.rows[::25]:
        for state in row.states.values():
            assert state.presence is Presence.PRESENT or state.reason


def test_the_kind_of_prompt_moves_the_prior_not_the_evidence(
    timeline: Timeline, models: Models, tmp_path: Path
) -> None:
    short = beginning(DEMO, tmp_path / "short.mkv", 4.0)
    blind, neutral = analyze(short, models=models), analyze(short, models=models, prompt_kind="neutral")
    assert neutral.rows[0].p < blind.rows[0].p
    assert [w.text for w in neutral.words] == [w.text for w in blind.words]


def test_the_same_clip_twice_gives_byte_equal_tables(models: Models, tmp_path: Path) -> None:
    short = beginning(DEMO, tmp_path / "short.mkv", 5.0)
    for name in ("a", "b"):
        write_tables(analyze(short, models=models), tmp_path / name)
    for file in ("frames.parquet", "words.jsonl", "events.jsonl"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_files_and_picture_are_written_and_read_back(timeline: Timeline, tmp_path: Path) -> None:
    write_tables(timeline, tmp_path)
    draw_timeline(timeline, tmp_path / "timeline.png", DEMO)
    table = pq.read_table(tmp_path / "frames.parquet")
    assert table.num_rows == len(timeline.rows)
    assert "face_smile" in table.column_names
    info = json.loads((tmp_path / "session.json").read_text())
    assert info["models"]["face_landmarker.task"].startswith("64184e22")
    assert (tmp_path / "timeline.png").stat().st_size > 50_000
