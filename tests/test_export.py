"""The picture shows every lane at any length and says what is missing; tables are written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from timelines import make_row, make_timeline

from ahdetect.errors import MediaError, StoreError
from ahdetect.export import picture
from ahdetect.export.picture import clock_text, draw_timeline, pauses, runs
from ahdetect.export.stills import Stills
from ahdetect.export.tables import whole_file, write_lines, write_session_json, write_tables
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, ChannelState, Presence
from ahdetect.timeline import Timeline

GREYS = [20, 90, 160, 230]


def write_steps(path: Path, *, rotate: int = 0, start: int = 0) -> Path:
    """A clip of 4 s at 10 fps whose picture is 64 x 48 and gets lighter every second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 10
        for i in range(40):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), GREYS[i // 10], np.uint8), format="rgb24")
            frame.pts = i + start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def painted(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return np.asarray(imread(path))[..., :3]


def texts(timeline: Timeline) -> list[str]:
    """Everything that stands written in the picture."""
    from matplotlib.text import Text

    page = picture._Page(timeline, [])
    return [t.get_text() for t in page.draw().findobj(Text) if t.get_text()]


def silent(timeline: Timeline) -> Timeline:
    gone = {c: ChannelState(Presence.ABSENT, 0, "switched off") for c in Channel}
    rows = [
        replace(r, states=gone, cues=dict.fromkeys(Channel), band=Band.LOW, p_smoothed=float("nan"))
        for r in timeline.rows
    ]
    return replace(timeline, rows=rows, words=[], segments=[])


# -- the picture


@pytest.mark.parametrize("seconds", [0.2, 3.0, 40.0, 400.0])
def test_a_clip_of_any_length_gives_a_picture_of_readable_size(tmp_path: Path, seconds: float) -> None:
    draw_timeline(make_timeline(seconds), tmp_path / "t.png")
    height, width, _ = painted(tmp_path / "t.png").shape
    assert 1500 <= width <= 2700
    assert 1000 <= height <= 1500


def test_the_picture_says_what_it_is_and_names_every_lane() -> None:
    written = texts(make_timeline(12.0))
    assert "Signs consistent with ambivalence/hesitancy, model estimate" in written
    assert {"A/H", "face", "body", "voice", "language", "discord", "sound", "words"} <= set(written)
    assert {"low", "unclear", "elevated"} <= set(written)
    assert not [t for t in written if "is ambivalent" in t]


def test_a_missing_channel_is_named_with_its_reason() -> None:
    written = texts(make_timeline(12.0))
    assert "no face" in written
    assert "words 1.2 s behind" in written
    assert texts(silent(make_timeline(5.0))).count("switched off") == len(Channel)


def test_nothing_heard_and_nothing_found_is_said_in_words() -> None:
    written = texts(silent(make_timeline(5.0)))
    assert {"no sound", "no words", "No stretch of this recording is elevated."} <= set(written)


def test_all_words_of_a_short_clip_are_shown_and_only_marked_ones_of_a_long_one() -> None:
    short, long = make_timeline(12.0), make_timeline(400.0)
    assert {w.text for w in short.words} <= set(texts(short))
    written = texts(long)
    assert "I guess" in written
    assert "carrots" not in written


def test_words_do_not_overlap() -> None:
    timeline = make_timeline(40.0)
    page = picture._Page(timeline, [])
    figure = page.draw()
    words = {w.text for w in timeline.words}
    lane = figure.axes[-1]
    boxes = [t.get_window_extent() for t in lane.texts if t.get_text() in words]
    assert len(boxes) > 0.8 * len(timeline.words)
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.overlaps(b)]


def test_a_segment_is_numbered_and_listed_with_what_was_seen_and_said() -> None:
    timeline = make_timeline(12.0)
    [line] = [t for t in texts(timeline) if t.startswith("1    ")]
    assert "a 'but', a pause, pressed lips" in line
    assert timeline.segments[0].words.split()[0] in line


def test_the_moments_on_top_come_from_the_clip(tmp_path: Path) -> None:
    clip = write_steps(tmp_path / "steps.mp4")
    draw_timeline(make_timeline(4.0), tmp_path / "with.png", clip)
    draw_timeline(make_timeline(4.0), tmp_path / "without.png")
    row = painted(tmp_path / "with.png")[110, 180:-40]  # through the strip, margins left out
    seen = {round(float(v) * 255) for v in row[:, 0]}
    assert all(min(abs(s - grey) for s in seen) <= 4 for grey in GREYS)
    assert painted(tmp_path / "with.png").shape[0] > painted(tmp_path / "without.png").shape[0]


def test_a_sound_file_has_no_strip_and_still_a_picture(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.flac"), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        stream.codec_context.format = "s16"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    draw_timeline(make_timeline(3.0), tmp_path / "t.png", tmp_path / "a.flac")
    assert (tmp_path / "t.png").stat().st_size > 10_000


def test_a_picture_without_rows_or_without_a_place_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no rows to draw"):
        draw_timeline(Timeline([], [], [], 0.0), tmp_path / "t.png")
    with pytest.raises(StoreError, match="Cannot write the picture"):
        draw_timeline(make_timeline(1.0), tmp_path / "nowhere" / "t.png")


# -- its parts


def test_pauses_are_measured_from_the_end_of_the_word_before() -> None:
    timeline = make_timeline(8.0)
    found = pauses(timeline.rows)
    gaps = [(a.end_ns / 1e9, b.start_ns / 1e9) for a, b in zip(timeline.words, timeline.words[1:], strict=False)]
    long = [gap for gap in gaps if gap[1] - gap[0] > 0.5]
    assert np.array(found[: len(long)]) == pytest.approx(np.array(long), abs=0.07)


def test_runs_cover_the_whole_time_once() -> None:
    found = runs(list("aabca"), np.array([0.0, 0.1, 0.2, 0.3, 0.4]), 0.5)
    assert [(v, r.start, r.end, r.first, r.last) for v, r in found] == [
        ("a", 0.0, 0.2, 0, 2), ("b", 0.2, 0.3, 2, 3), ("c", 0.3, 0.4, 3, 4), ("a", 0.4, 0.5, 4, 5)
    ]  # fmt: skip


def test_times_read_as_seconds_in_short_clips_and_as_minutes_in_long_ones() -> None:
    assert [clock_text(2.5, False), clock_text(125.4, True), clock_text(59.6, True)] == ["2.5", "2:05", "1:00"]


# -- stills


def test_a_still_is_the_picture_that_was_on(tmp_path: Path) -> None:
    with Stills(write_steps(tmp_path / "c.mkv")) as stills:
        for t, grey in [(0.05, 20), (3.4, 230), (1.02, 90), (2.98, 160), (0.99, 20), (99.0, 230), (-1.0, 20)]:
            found = stills.at(t)
            assert found is not None
            assert found.shape == (48, 64, 3)
            assert abs(int(found.mean()) - grey) <= 3, t


def test_a_clip_that_starts_late_starts_at_zero_unless_told_otherwise(tmp_path: Path) -> None:
    clip = write_steps(tmp_path / "c.mkv", start=20)  # its first picture is at 2 s
    with Stills(clip) as by_start, Stills(clip, origin_s=0.0) as by_itself:
        for stills, t in ((by_start, 1.5), (by_itself, 3.5)):
            found = stills.at(t)
            assert found is not None
            assert abs(int(found.mean()) - 90) <= 3


def test_a_still_can_be_made_small(tmp_path: Path) -> None:
    with Stills(write_steps(tmp_path / "c.mp4")) as stills:
        found = stills.at(0.0, height=12)
    assert found is not None
    assert found.shape == (12, 16, 3)


def test_stills_of_no_clip_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"nothing")
    with pytest.raises(MediaError, match=r"Cannot open .*no\.mp4 as a video"):
        Stills(tmp_path / "no.mp4")


# -- tables


def test_a_file_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def break_off() -> None:
        with whole_file(path) as file:
            file.write(b"new")
            raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        break_off()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_json_files_hold_what_every_reader_takes(tmp_path: Path) -> None:
    write_session_json({"p95": float("inf"), "n": np.int64(3), "where": tmp_path, "é": (1, 2)}, tmp_path / "s.json")
    write_lines([{"kind": "a", "x": np.float32(0.5)}, {"kind": "b", "x": float("nan")}], tmp_path / "e.jsonl")
    assert json.loads((tmp_path / "s.json").read_text()) == {"p95": None, "n": 3, "where": str(tmp_path), "é": [1, 2]}
    assert [json.loads(line)["x"] for line in (tmp_path / "e.jsonl").read_text().splitlines()] == [0.5, None]


def test_tables_into_a_place_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"Cannot write to .*choose another --out folder"):
        write_tables(make_timeline(1.0), tmp_path / "file" / "out")


def test_one_row_is_enough_for_everything(tmp_path: Path) -> None:
    timeline = Timeline([make_row(0)], [], [], 0.0, {})
    write_tables(timeline, tmp_path / "out")
    draw_timeline(timeline, tmp_path / "t.png")
    assert (tmp_path / "t.png").exists()
