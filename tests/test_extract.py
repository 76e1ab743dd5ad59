"""Extraction: from a corpus to a file per clip, killed and resumed, and what the network's evaluation makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from media import grey, tone, write_clip
from timelines import make_rows

import ahdetect.cli as cli
from ahdetect import extraction
from ahdetect.batch import Make, Stopped, Task, Tell, Wish, attempt
from ahdetect.commands import engines
from ahdetect.config import Settings
from ahdetect.errors import ConfigError, MediaError
from ahdetect.extraction import find_clips, open_output
from ahdetect.models.training.sequences import read_folder, read_sequence
from ahdetect.store.schema import FRAMES_SCHEMA
from ahdetect.timeline import Timeline

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import make_bah_layout as maker


def run(*args: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main([str(a) for a in args])
    return left.value.code if isinstance(left.value.code, int) else 0


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Clips are done in this process, without a model: rows at the times of the frames. Stops after so many."""
    after: list[int | None] = [None]

    def analyze(clip: Path, **_: Any) -> Timeline:
        if clip.stat().st_size < 1000:
            raise MediaError(f"{clip.name} is broken.", value=clip)
        times = [round(t * 1e3) * 1_000_000 for t in extraction.frame_times(clip)]
        rows = [replace(row, t_ns=t) for row, t in zip(make_rows(len(times)), times, strict=True)]
        timeline = Timeline(rows, [], [], 0.5)
        timeline.info = {"stage_errors": [], "notes": ["no face"], "duration_s": 0.5}
        return timeline

    def runner(tasks: Sequence[Task], make: Make, tell: Tell, stopped: Wish) -> None:
        work = make()
        for i, task in enumerate(tasks):
            if i == after[0]:
                raise Stopped
            tell(attempt(work, task))

    def stop_after(n: int) -> None:
        after[0] = n

    monkeypatch.setattr(extraction, "analyze", analyze)
    monkeypatch.setattr(extraction.Models, "load", lambda *_, **__: None)
    monkeypatch.setattr(engines, "chosen", lambda *_: runner)
    return stop_after


@pytest.fixture
def release(tmp_path: Path) -> Path:
    maker.make(tmp_path / "BAH_DB", people=2, questions=3, seconds=0.5, missing=1, broken=1)
    return tmp_path / "BAH_DB"


def test_a_release_becomes_a_file_per_clip_with_its_labels(
    release: Path, tmp_path: Path, in_process: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("extract", release, "--out", tmp_path / "cues", "--json") == 4, "one is broken, one missing"
    said = json.loads(capsys.readouterr().out)
    assert (said["clips"], said["done"], said["failed"], said["missing"]) == (5, 4, 1, 1)
    assert said["labelled_rows"] == said["rows"] == 4 * 12
    found = list(read_folder(tmp_path / "cues"))
    assert {(c.person, c.prompt_kind) for c in found} >= {("82550", "neutral"), ("82550", "positive")}
    assert {c.split for c in found} <= {"train", "val", "test"}
    assert all(c.video_label == np.nanmax(c.truth) for c in found)
    path = next((tmp_path / "cues" / "clips").rglob("*.parquet"))
    assert pq.read_schema(path).names == [*FRAMES_SCHEMA.names, "truth"]
    assert json.loads(pq.read_schema(path).metadata[extraction.NOTES_KEY]) == ["no face"]


def test_failures_are_named_with_their_sentence_and_tried_again(
    release: Path, tmp_path: Path, in_process: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cues"
    run("extract", release, "--out", out)
    failures = json.loads((out / "failures.json").read_text())
    assert [f["exit_code"] for f in failures] == [4, 4]
    assert "is broken" in failures[0]["error"]
    assert "listed and not there" in failures[1]["error"]
    maker.make(tmp_path / "whole", people=2, questions=3, seconds=0.5, missing=0)
    for failure in failures:
        (release / failure["clip"]).parent.mkdir(exist_ok=True)
        (release / failure["clip"]).write_bytes((tmp_path / "whole" / failure["clip"]).read_bytes())
    capsys.readouterr()
    assert run("extract", release, "--out", out, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["done_before"], said["done"]) == (4, 2)
    assert json.loads((out / "failures.json").read_text()) == []


def test_a_stopped_run_goes_on_to_the_same_bytes(
    release: Path, tmp_path: Path, in_process: Callable[[int], None]
) -> None:
    run("extract", release, "--out", tmp_path / "plain")
    in_process(2)
    assert run("extract", release, "--out", tmp_path / "stopped") == 130
    assert len(list((tmp_path / "stopped").rglob("*.parquet"))) == 2
    (tmp_path / "stopped" / "clips" / ".x.parquet.1.part").write_bytes(b"half")
    in_process(99)
    run("extract", release, "--out", tmp_path / "stopped")
    assert files(tmp_path / "stopped") == files(tmp_path / "plain")


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(table: Any, file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", breaks)
    with pytest.raises(extraction.StoreError, match="room on the disk"):
        extraction.write_table(FRAMES_SCHEMA.empty_table(), tmp_path / "a" / "x.parquet")
    assert files(tmp_path) == {}


def test_a_crashed_stage_is_a_failure_and_leaves_no_file(
    tmp_path: Path, in_process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "a.mkv", grey(5))
    timeline = Timeline(list(make_rows(3)), [], [], 0.2)
    timeline.info = {"stage_errors": ["ValueError: oh"], "notes": [], "duration_s": 0.2}
    monkeypatch.setattr(extraction, "analyze", lambda *_, **__: timeline)
    assert run("extract", clip, "--out", tmp_path / "cues") == 4
    assert not list((tmp_path / "cues").rglob("*.parquet"))
    assert "a stage failed (ValueError: oh)" in (tmp_path / "cues" / "failures.json").read_text()


def test_other_settings_need_another_folder(tmp_path: Path) -> None:
    open_output(tmp_path / "cues", Settings())
    open_output(tmp_path / "cues", Settings())
    other = Settings.model_validate({"channels": {"face": False}})
    with pytest.raises(ConfigError, match="other configuration and models"):
        open_output(tmp_path / "cues", other)


def test_a_folder_a_list_and_one_clip_are_corpora(tmp_path: Path) -> None:
    for name in ("in/a.mp4", "in/b/a.wav", "in/.hidden.mp4", "in/notes.txt", "in/out/c.mp4", "in/s/video.mkv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "in/s/session.json").write_text("{}")
    folder = find_clips(tmp_path / "in", tmp_path / "in/out")
    assert [c.name for c in folder.clips] == ["a.mp4", "b/a.wav", "s"], "a session is one clip, with its consent"
    (tmp_path / "list.txt").write_text("# mine\nin/a.mp4\nin/b/a.wav\nin/gone.mp4\n")
    listed = find_clips(tmp_path / "list.txt", tmp_path / "out")
    assert [c.name for c in listed.clips] == ["a.mp4", "b/a.wav"]
    assert [Path(m).name for m in listed.missing] == ["gone.mp4"]
    assert [c.name for c in find_clips(tmp_path / "in/a.mp4", tmp_path / "out").clips] == ["a.mp4"]


@pytest.mark.parametrize("corpus", ["gone", "empty"])
def test_no_clips_is_one_sentence(corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert run("extract", tmp_path / corpus, "--out", tmp_path / "out") == 7
    assert "There is no" in capsys.readouterr().err


def test_an_address_needs_ray(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("extract", tmp_path, "--out", tmp_path / "out", "--ray-address", "1.2.3.4:5") == 2
    assert "--ray-address needs --engine ray" in capsys.readouterr().err


def test_sessions_and_profiles_stay_off_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("analyze", tmp_path, "--out", tmp_path / "out", "--engine", "ray") == 2
    assert "keys and profiles stay here" in capsys.readouterr().err


@pytest.mark.models
def test_two_clips_through_the_real_engine_killed_in_between_and_resumed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(2):
        write_clip(tmp_path / "in" / f"{i}.mkv", grey(8), tone(200 + 50 * i, 0.32))
    settings = tmp_path / "s.toml"
    settings.write_text("[channels]\nface = false\nbody = false\nwords = false\n")  # seconds of loading less
    args = ["extract", str(tmp_path / "in"), "--jobs", "1", "--settings", str(settings), "--out"]
    running = subprocess.Popen([sys.executable, "-m", "ahdetect.cli", *args, str(tmp_path / "b")])
    until = time.monotonic() + 60
    while not list((tmp_path / "b").rglob("*.parquet")) and running.poll() is None and time.monotonic() < until:
        time.sleep(0.02)  # another process: no clock of ours
    running.kill()
    running.wait()
    assert [run(*args, tmp_path / out) for out in ("a", "b")] == [0, 0]
    assert files(tmp_path / "a") == files(tmp_path / "b")
    cues = read_sequence(tmp_path / "a" / "clips" / "1.mkv.parquet")
    assert len(cues.t_ns) >= 8
    assert cues.present.any()
    assert np.isnan(cues.truth).all()
