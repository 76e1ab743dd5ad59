"""A session folder holds what flowed in, survives kill -9 and a full disk, and opens or says in a sentence why not."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from killed import killed_recording
from timelines import FRAME_NS, make_row, make_rows, make_timeline, make_words, same_row
from typer.testing import CliRunner

from ahdetect.capture.clock import ManualClock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, Packet
from ahdetect.commands import session as session_command
from ahdetect.errors import DamagedError, StoreError
from ahdetect.export.tables import write_frames, write_tables
from ahdetect.models.cues import CUES, Channel
from ahdetect.models.words import Word
from ahdetect.store.frames import read_settled
from ahdetect.store.lock import FolderLock
from ahdetect.store.media import VideoFormat, read_pcm
from ahdetect.store.reader import open_session
from ahdetect.store.repair import repair
from ahdetect.store.schema import FRAMES_SCHEMA, rows_to_table, table_to_rows
from ahdetect.store.writer import SessionWriter, open_new
from ahdetect.timeline import Segment

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CHUNK_NS = 40_000_000


def new_writer(folder: Path, **options: Any) -> SessionWriter:
    options = {"video": VideoFormat(160, 120), "audio": True, **options}
    return SessionWriter(folder, {"devices": {"camera": "made up"}}, started_at=STARTED, **options)


def picture(i: int, height: int = 120, width: int = 160) -> np.ndarray:
    grey = np.add.outer(np.arange(height), np.arange(width)) + 3 * i
    return np.repeat((grey % 256).astype(np.uint8)[..., None], 3, axis=2)


def frame(i: int, t_ns: int | None = None, **size: int) -> Packet[np.ndarray]:
    t_ns = i * FRAME_NS if t_ns is None else t_ns
    return Packet("video", i, t_ns, FRAME_NS, t_ns, picture(i, **size))


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-2000, 2000, n).astype(np.int16)


def chunk(i: int, pcm: np.ndarray, start_ns: int = 0) -> Packet[AudioBlock]:
    block = AudioBlock(pcm[i * 640 : (i + 1) * 640], i * 640)
    return Packet("audio", i, start_ns + i * CHUNK_NS, CHUNK_NS, 0, block)


def video_times(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [round(f.pts * f.time_base * 1000) * 1_000_000 for f in container.decode(video=0)]


class QuotaFile:
    """A file on a disk that is full after `room` bytes."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        if self._file.tell() + len(data) > self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)

    def __enter__(self) -> QuotaFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def quota(name: str, room: int) -> Any:
    return lambda path: QuotaFile(open_new(path), room) if path.name == name else open_new(path)


# -- rows and tables


def test_rows_come_back_from_the_table_as_they_went_in() -> None:
    rows = make_timeline(4.0).rows
    back = table_to_rows(rows_to_table(rows))
    assert len(back) == len(rows)
    assert all(map(same_row, rows, back))
    assert {s.reason for r in back for s in r.states.values()} >= {"no face", "words 1.2 s behind"}


def test_every_cue_is_a_float32_column_with_its_unit_and_nan_is_null() -> None:
    table = rows_to_table(make_timeline(1.0).rows)
    assert FRAMES_SCHEMA.names[-len(CUES) :] == [cue.name for cue in CUES]
    assert FRAMES_SCHEMA.field("face_yaw").metadata[b"unit"] == b"deg"
    assert str(FRAMES_SCHEMA.field("face_yaw").type) == "float"
    assert table.column("voice_f0").null_count == table.num_rows


def test_nothing_of_the_machine_goes_into_the_table() -> None:
    rows = list(make_rows(20))
    slower = [replace(r, latency_ns=r.latency_ns + 5_000_000) for r in rows]
    assert rows_to_table(rows).equals(rows_to_table(slower), check_metadata=True)
    assert "latency_ns" not in FRAMES_SCHEMA.names


def test_the_same_rows_give_the_same_parquet_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_frames(list(make_rows(50)), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_table_of_no_rows_is_still_a_table() -> None:
    assert table_to_rows(rows_to_table([])) == []


# -- a session, written and closed


def test_a_closed_session_holds_what_flowed_in(tmp_path: Path) -> None:
    folder, pcm, words = tmp_path / "s", noise(50 * 640), make_words(2.0)
    rows = [make_row(i, duration_s=2.0) for i in range(60)]
    segment = Segment(500_000_000, 1_500_000_000, 0.9, 0.8, ("a pause",), "well")
    clock, ledger = ManualClock(), Ledger()
    ledger.write(0, "note", "before", text="written before the folder was there")
    writer = new_writer(folder)
    ledger.attach(writer.write_ledger)
    for i in range(60):
        writer.write_video(frame(i))
        writer.write_row(rows[i])
    for i in range(50):
        writer.write_audio(chunk(i, pcm, start_ns=12_000_000))
    for word in words:
        writer.write_word(word)
    writer.write_event({"t_ns": 5, "kind": "marker", "text": "hier é"})
    ledger.write(clock.now_ns(), "drop", "camera->face", seq=3)
    writer.close(
        {"ledger": {"edges": {}}, "latency": {"p95_ms": float("nan")}}, segments=[segment], p_smoothed={59: 0.25}
    )

    session = open_session(folder)
    timeline = session.timeline()
    assert session.state == "closed"
    assert session.damage == []
    assert all(map(same_row, timeline.rows, [*rows[:-1], replace(rows[-1], p_smoothed=0.25)]))
    assert timeline.words == words
    assert timeline.segments == [segment]
    assert [e["text"] for e in session.events() if e["kind"] == "marker"] == ["hier é"]
    assert session.video is not None
    assert video_times(session.video) == [i * FRAME_NS for i in range(60)]
    assert session.audio is not None
    np.testing.assert_array_equal(read_pcm(session.audio), pcm)
    assert session.audio_offset_ns == 12_000_000
    assert [json.loads(line)["kind"] for line in (folder / "ledger.jsonl").read_text().splitlines()] == ["note", "drop"]
    assert session.info["started_at"] == STARTED.isoformat()
    assert session.info["devices"] == {"camera": "made up"}
    assert session.info["latency"] == {"p95_ms": None}
    assert session.info["consent"] is None
    assert session.info["duration_s"] == pytest.approx(2.012)
    assert not (folder / "frames.arrow").exists()


def test_only_the_owner_may_read_a_session(tmp_path: Path) -> None:
    with new_writer(tmp_path / "s") as writer:
        writer.write_video(frame(0))
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "s").iterdir()} == {0o600}


def test_a_settled_row_replaces_the_provisional_one_whatever_comes_last(tmp_path: Path) -> None:
    early, late = make_row(0, settled=False), replace(make_row(0), p=0.75)
    with new_writer(tmp_path / "s") as writer:
        for row in (early, make_row(1, settled=False), late, early):
            writer.write_row(row)
    rows = open_session(tmp_path / "s").timeline().rows
    assert [(r.id, r.settled) for r in rows] == [(0, True), (1, False)]
    assert rows[0].p == 0.75


def test_rows_can_be_read_back_before_the_end_to_be_smoothed(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "s")
    for row in make_rows(40):
        writer.write_row(row)
    rows = writer.end_rows()
    writer.close(p_smoothed={r.id: 0.5 for r in rows})
    assert len(rows) == 40
    assert {r.p_smoothed for r in open_session(tmp_path / "s").timeline().rows} == {0.5}


def test_frame_times_survive_to_the_millisecond_at_an_uneven_rate(tmp_path: Path) -> None:
    times = [35_000_000, 68_000_000, 69_000_000, 500_000_000, 3_000_000_000]
    with new_writer(tmp_path / "s", audio=False) as writer:
        for i, t_ns in enumerate(times):
            writer.write_video(frame(i, t_ns))
    assert video_times(tmp_path / "s" / "video.mkv") == times


def test_odd_and_changing_picture_sizes_are_recorded(tmp_path: Path) -> None:
    with new_writer(tmp_path / "s", audio=False, video=VideoFormat(0, 0, 0.0)) as writer:
        writer.write_video(frame(0, height=121, width=163))
        writer.write_video(frame(1, height=240, width=320))
    with av.open(str(tmp_path / "s" / "video.mkv")) as container:
        assert [(f.width, f.height) for f in container.decode(video=0)] == [(162, 120)] * 2


def test_a_hole_in_the_sound_is_kept_as_silence_so_that_later_samples_stay_in_place(tmp_path: Path) -> None:
    pcm = noise(10 * 640)
    with new_writer(tmp_path / "s", video=None) as writer:
        for i in (0, 1, 5, 6):
            writer.write_audio(chunk(i, pcm))
    stored = read_pcm(tmp_path / "s" / "audio.flac")
    np.testing.assert_array_equal(stored[5 * 640 :], pcm[5 * 640 : 7 * 640])
    assert not stored[2 * 640 : 5 * 640].any()


def test_a_session_never_overwrites_another(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        new_writer(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"Cannot make the session folder .*file/s: Not a directory"):
        new_writer(tmp_path / "file" / "s")


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "s")
    writer.close({"note": "first"})
    writer.close({"note": "second"})
    assert open_session(tmp_path / "s").info["note"] == "first"


# -- a disk that gives up


@pytest.mark.parametrize(
    ("name", "room"), [("video.mkv", 6000), ("audio.flac", 50_000), ("frames.arrow", 120_000), ("words.jsonl", 200)]
)
def test_a_full_disk_ends_one_sink_with_one_sentence_and_keeps_the_rest(tmp_path: Path, name: str, room: int) -> None:
    folder, pcm, errors = tmp_path / "s", noise(75 * 640), []
    writer = new_writer(folder, opener=quota(name, room), on_error=errors.append)
    for i in range(75):
        writer.write_video(frame(i))
        writer.write_audio(chunk(i, pcm))
        writer.write_row(make_row(i))
        writer.write_word(Word("word", i * FRAME_NS, i * FRAME_NS + 1, 1.0, True, 0))
    writer.close()
    assert [str(e.value) for e in errors] == [str(folder / name)]
    assert "No space left on device" in str(errors[0])
    session = open_session(folder)
    timeline = session.timeline()
    assert list(session.info["sinks_off"]) == [name]
    counts = {
        "video.mkv": len(video_times_until_tear(folder / "video.mkv")),
        "audio.flac": len(read_pcm(folder / "audio.flac")) // 640,
        "frames.arrow": len(timeline.rows),
        "words.jsonl": len(timeline.words),
    }
    assert 0 < counts.pop(name) < 75
    assert set(counts.values()) == {75}


def video_times_until_tear(path: Path) -> list[int]:
    times = []
    with av.open(str(path)) as container:
        try:
            for f in container.decode(video=0):
                times.append(f.pts)  # noqa: PERF401
        except (av.error.FFmpegError, EOFError):
            pass
    return times


def test_without_a_listener_the_first_failed_write_raises_and_later_ones_do_nothing(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "s", opener=quota("words.jsonl", 0))
    word = Word("word", 0, 1, 1.0, True, 0)
    with pytest.raises(StoreError, match=r"words\.jsonl could not be written"):
        writer.write_word(word)
    writer.write_word(word)
    writer.close()


def test_a_ledger_that_cannot_be_written_never_stops_the_stage_that_writes_to_it(tmp_path: Path) -> None:
    errors: list[StoreError] = []
    writer = new_writer(tmp_path / "s", opener=quota("ledger.jsonl", 0), on_error=errors.append)
    ledger = Ledger(writer.write_ledger)
    ledger.write(0, "drop", "camera->face", seq=1)
    ledger.write(1, "drop", "camera->face", seq=2)
    writer.close()
    assert errors == []
    assert list(open_session(tmp_path / "s").info["sinks_off"]) == ["ledger.jsonl"]


def test_a_folder_that_is_removed_under_the_session_is_told_when_it_closes(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "s")
    writer.write_row(make_row(0))
    shutil.rmtree(tmp_path / "s")
    with pytest.raises(StoreError, match="could not be written"):
        writer.close()


def test_a_real_full_disk(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        errors: list[StoreError] = []
        writer = new_writer(tmp_path / "s", on_error=errors.append)
        pcm = noise(250 * 640)
        for i in range(250):
            writer.write_video(frame(i))
            writer.write_audio(chunk(i, pcm))
            writer.write_row(make_row(i))
        with pytest.raises(StoreError):
            writer.close()
        assert errors
        session = open_session(tmp_path / "s")
        assert session.state == "recording"
        assert len(session.timeline().rows) > 10
        assert len(read_pcm(tmp_path / "s" / "audio.flac")) > 16_000
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)  # fails where a file was left open


# -- kill -9


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A folder whose process was killed after two seconds, and the last times (ns) that it said it had written."""
    folder = tmp_path_factory.mktemp("killed") / "s"
    return folder, killed_recording(folder)


def ends_ns(folder: Path) -> list[int]:
    session = open_session(folder)
    assert session.video is not None
    assert session.audio is not None
    return [
        video_times(session.video)[-1],
        session.audio_offset_ns + len(read_pcm(session.audio)) * 62_500,
        session.timeline().rows[-1].t_ns,
    ]


def test_a_killed_session_opens_as_it_is_and_holds_all_but_the_last_second(killed: tuple[Path, list[int]]) -> None:
    folder, said = killed
    assert open_session(folder).state == "recording"
    lost = [s - e for s, e in zip(said, ends_ns(folder), strict=True)]
    assert max(lost) < 1_000_000_000, lost
    assert open_session(folder).timeline().words


def test_repair_finishes_a_killed_session_without_losing_more(killed: tuple[Path, list[int]], tmp_path: Path) -> None:
    folder = shutil.copytree(killed[0], tmp_path / "s")
    before = ends_ns(folder)
    with (folder / "words.jsonl").open("ab") as file:
        file.write(b'{"text":"to' + b"\xff")
    session = repair(folder)
    assert session.state == "repaired"
    assert ends_ns(folder) == before
    assert session.info["dropped_lines"] == {"words.jsonl": 1}
    assert max(session.info["lost_s"].values()) < 1.0
    assert min(session.info["lost_s"].values()) == 0.0
    with av.open(str(session.video)) as container:
        assert container.duration / 1e6 == pytest.approx(before[0] / 1e9, abs=0.1)
    with av.open(str(session.audio)) as container:
        assert container.duration / 1e6 == pytest.approx(before[1] / 1e9, abs=0.01)
    assert pq.read_table(folder / "frames.parquet").num_rows == len(session.timeline().rows)
    again = {p.name: p.read_bytes() for p in folder.iterdir()}
    repair(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == again


@pytest.mark.parametrize("part", [0.001, 0.1, 0.3])
def test_torn_tails_of_all_files_are_left_out(killed: tuple[Path, list[int]], tmp_path: Path, part: float) -> None:
    folder = shutil.copytree(killed[0], tmp_path / "s")
    for name in ("frames.arrow", "video.mkv", "audio.flac"):
        size = (folder / name).stat().st_size
        os.truncate(folder / name, size - max(1, round(size * part)))
    assert len(open_session(folder).timeline().rows) > 20
    session = repair(folder)
    assert len(session.timeline().rows) > 20
    assert session.video is not None
    assert len(video_times(session.video)) > 10
    assert session.audio is not None
    assert len(read_pcm(session.audio)) > 16_000


def test_repair_makes_a_lost_session_json_anew(killed: tuple[Path, list[int]], tmp_path: Path) -> None:
    folder = shutil.copytree(killed[0], tmp_path / "s")
    (folder / "session.json").write_text('{"schema_ver')
    with pytest.raises(StoreError, match=r"session\.json is damaged; run `ahdetect session repair"):
        open_session(folder)
    assert repair(folder).state == "repaired"


def test_a_session_that_is_being_recorded_is_not_repaired(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "s")
    with pytest.raises(StoreError, match="still being recorded"):
        repair(tmp_path / "s")
    writer.close()
    assert FolderLock(tmp_path / "s").take()


def test_a_session_killed_before_its_first_frame_can_be_repaired(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "s")
    writer._lock.release()  # as the end of the process does
    writer._syncer.close()
    assert open_session(tmp_path / "s").timeline().rows == []
    assert repair(tmp_path / "s").timeline().duration_s == 0.0


# -- folders that are no sessions, or damaged


def damage(folder: Path, kind: str) -> None:
    if kind == "missing":
        shutil.rmtree(folder)
    elif kind == "empty":
        shutil.rmtree(folder)
        folder.mkdir()
    elif kind == "json":
        (folder / "session.json").write_bytes(b"\x00\x01")
    elif kind == "newer":
        (folder / "session.json").write_text('{"schema_version": 99}')
    elif kind == "parquet":
        os.truncate(folder / "frames.parquet", 5000)
    elif kind == "rows":
        (folder / "frames.parquet").unlink()
    elif kind == "columns":
        table = pq.read_table(folder / "frames.parquet")
        pq.write_table(table.drop_columns(["p"]), folder / "frames.parquet")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "There is no session folder"),
        ("empty", "is not a session: session.json is missing"),
        ("json", "is damaged; run `ahdetect session repair"),
        ("newer", "was written by a newer ahdetect"),
        ("parquet", "frames.parquet is damaged"),
        ("rows", "holds no rows"),
        ("columns", "does not have the columns of a session"),
    ],
)
def test_a_damaged_folder_is_one_sentence(tmp_path: Path, kind: str, sentence: str) -> None:
    write_tables(make_timeline(1.0), tmp_path / "s")
    damage(tmp_path / "s", kind)
    with pytest.raises(StoreError) as caught:
        open_session(tmp_path / "s").timeline()
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 6


def test_an_analysis_opens_like_a_session(tmp_path: Path) -> None:
    timeline = make_timeline(6.0)
    write_tables(timeline, tmp_path, events=[{"t_ns": 1, "kind": "prompt"}])
    session = open_session(tmp_path)
    back = session.timeline()
    assert session.state == "analysed"
    assert session.video is None
    assert all(map(same_row, timeline.rows, back.rows))
    assert (back.words, back.segments, back.duration_s) == (timeline.words, timeline.segments, back.rows[-1].t_s)
    assert back.p.tolist() == timeline.p.tolist()
    assert back.contribution(Channel.FACE).tolist() == timeline.contribution(Channel.FACE).tolist()


# -- the command


def test_session_show_prints_what_is_there(killed: tuple[Path, list[int]]) -> None:
    result = CliRunner().invoke(session_command.app, ["show", str(killed[0]), "--json"])
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["state"] == "recording"
    assert found["rows"] > found["rows_settled"] > 0
    plain = CliRunner().invoke(session_command.app, ["show", str(killed[0])]).stdout
    assert "ahdetect session repair" in plain


def test_session_repair_repairs(killed: tuple[Path, list[int]], tmp_path: Path) -> None:
    folder = shutil.copytree(killed[0], tmp_path / "s")
    result = CliRunner().invoke(session_command.app, ["repair", str(folder), "--json"])
    assert json.loads(result.stdout)["state"] == "repaired"


def test_lines_that_are_json_and_say_nothing_sensible_are_left_out_and_told(tmp_path: Path) -> None:
    write_tables(make_timeline(), tmp_path / "s", [{"t_ns": 5, "kind": "marker"}])
    words = len(open_session(tmp_path / "s").words())
    with (tmp_path / "s" / "words.jsonl").open("a") as file:
        file.write(
            '{"text": null}\n{"text": "a", "start_ns": 1e999, "end_ns": 2, "confidence": 1, "utterance": 0}\n[1]\n'
        )
    with (tmp_path / "s" / "events.jsonl").open("a") as file:
        file.write('{"kind": "segment", "t_ns": 1}\n{"t_ns": "soon", "kind": "marker"}\n')
    info = json.loads((tmp_path / "s" / "session.json").read_text())
    (tmp_path / "s" / "session.json").write_text(
        json.dumps({**info, "duration_s": {}, "audio": [], "source": {"path": 7}})
    )

    session = open_session(tmp_path / "s")
    assert len(session.timeline().words) == words
    assert [e["kind"] for e in session.events()].count("marker") == 1
    assert session.damage == [
        "words.jsonl: 3 torn or damaged lines left out",
        "events.jsonl: 2 torn or damaged lines left out",
    ]
    assert session.clip is None
    assert session.audio_offset_ns == 0


def test_a_piece_of_rows_that_points_outside_of_its_file_is_left_out_and_told() -> None:
    whole = rows_to_table([make_row(i) for i in range(20)]).combine_chunks().to_batches()[0]
    n, at = whole.num_rows, whole.schema.get_field_index("reason_face")
    offsets = np.zeros(n + 1, dtype=np.int32)
    offsets[1] = 2**30  # Arrow would follow it, and the process would be gone
    wild = pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(b"short"))
    later = rows_to_table([make_row(i) for i in range(20, 40)]).combine_chunks().to_batches()[0]
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, FRAMES_SCHEMA) as stream:
        for batch in (whole.set_column(at, whole.schema.field(at), wild), later):
            stream.write_batch(batch)
    told: list[str] = []
    table = read_settled(lambda: io.BytesIO(sink.getvalue()), told.append)
    assert table.column("id").to_pylist() == list(range(20, 40))
    assert told == ["1 damaged piece of the rows left out"]


def test_a_stream_of_something_else_holds_no_rows() -> None:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, pa.schema([("id", pa.int64())])) as stream:
        stream.write_batch(pa.record_batch({"id": [1, 2]}))
    with pytest.raises(DamagedError, match="columns of a session"):
        read_settled(lambda: io.BytesIO(sink.getvalue()))
