"""Bad input and faults, through the real command line: one sentence, the documented exit code, nothing lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreed import OPTIONS
from full_disk import no_file_longer_than
from media import grey, tone, write_clip

from ahdetect import cli
from ahdetect import engine as engine_module
from ahdetect.capture.packets import Packet, VideoPacket
from ahdetect.commands import analyze as analyze_command
from ahdetect.config import Settings
from ahdetect.engine import Models
from ahdetect.gui import app as gui
from ahdetect.models.cues import Channel, CueFrame, empty_values
from ahdetect.models.language import LanguageModel
from ahdetect.models.posterior import Presence
from ahdetect.models.voice import VoiceModel
from ahdetect.store.media import open_media, read_pcm
from ahdetect.store.reader import Session, open_session
from ahdetect.store.writer import SessionWriter

DEMO = Path(__file__).parent.parent / "assets" / "demo.mp4"
SENTENCE = re.compile(r"ahdetect: [^\n]+\.\n")


def run(*args: object) -> int:
    agreed = OPTIONS if args[0] == "record" else ()
    with pytest.raises(SystemExit) as left:
        cli.main([str(a) for a in (*args, *agreed)])
    return left.value.code if isinstance(left.value.code, int) else 0


def told(capfd: pytest.CaptureFixture[str]) -> str:
    """The one sentence on stderr; nothing else may be there, and nothing on stdout."""
    out, err = capfd.readouterr()
    assert SENTENCE.fullmatch(err), err
    assert out == ""
    return err


def without_notes(err: str) -> str:
    """stderr without what MediaPipe's own threads write between the start of a graph and its first picture, which
    slips past `quiet` where the machine is loaded."""
    return re.sub(r"(?m)^[IW]\d{4} \d\d:\d\d:[^\n]*\n", "", err)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Settings that load no model file."""
    path = tmp_path / "plain.toml"
    path.write_text("[channels]\nface = false\nbody = false\nvoice = false\nwords = false\n")
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mkv", grey(50), tone(200, 2.0))


@pytest.fixture(scope="module")
def weights() -> Models:
    return Models.load(Settings())


@pytest.fixture
def loaded(weights: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands get weights that are loaded once for all tests."""
    monkeypatch.setattr(Models, "load", staticmethod(lambda *_, **__: weights))


# -- clips that cannot be read


def unreadable(name: str, folder: Path) -> Path:
    path = folder / name
    if name == "empty.mp4":
        path.touch()
    elif name in ("text.mp4", "text.txt"):
        path.write_text("This is no clip.\n")
    elif name == "subtitles.mp4":
        path.write_text("1\n00:00:00,000 --> 00:00:01,000\nNor is this.\n")
    elif name == "folder.mp4":
        path.mkdir()
    elif name == "pipe.mp4":
        os.mkfifo(path)
    elif name == "unfinished.mp4":  # the index of an mp4 is written last
        whole = write_clip(folder / "whole.mp4", grey(50)).read_bytes()
        path.write_bytes(whole[: whole.index(b"moov") - 4])
    elif name == "noise.mkv":
        path.write_bytes(np.random.default_rng(0).bytes(20_000))
    return path


UNREADABLE = {
    "missing.mp4": ("There is no file", 4),
    "empty.mp4": ("is empty", 4),
    "text.mp4": ("is not a clip", 4),
    "text.txt": ("is not a clip", 4),
    "subtitles.mp4": ("is text", 4),
    "unfinished.mp4": ("was cut off while it was recorded", 4),
    "noise.mkv": ("is not a clip", 4),
    "pipe.mp4": ("is not a file", 4),
    "folder.mp4": ("is not a session", 6),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_clip_that_cannot_be_read_is_named_and_leaves_no_folder(
    name: str, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    what, code = UNREADABLE[name]
    assert run("analyze", unreadable(name, tmp_path), "--settings", plain, "--out", tmp_path / "out") == code
    sentence = told(capfd)
    assert name in sentence
    assert what in sentence
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["missing.mp4", "empty.mp4", "text.mp4"])
def test_nor_can_it_be_recorded_or_measured(
    name: str, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = unreadable(name, tmp_path)
    args = ("record", "--video", path, "--audio", "none", "--settings", plain, "--out", tmp_path / "s")
    assert run(*args) == 4
    assert name in told(capfd)
    assert not (tmp_path / "s").exists()
    assert run("bench", "realtime", "--video", path, "--seconds", 1) == 4
    assert name in told(capfd)


def test_a_clip_that_was_cut_off_is_analysed_as_far_as_it_goes(
    clip: Path, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = clip.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) * 2 // 5])
    assert run("analyze", cut, "--settings", plain, "--out", tmp_path / "out", "--json") == 0
    result = json.loads(capfd.readouterr().out)
    assert 5 <= result["frames"] < 30
    assert result["rows"] == result["frames"]
    assert result["notes"][0].startswith("It ends after")
    assert "of 2.0 s" in result["notes"][0]
    assert run("analyze", cut, "--settings", plain, "--out", tmp_path / "out", "--no-picture") == 0
    assert "It ends after" in capfd.readouterr().err


def test_of_several_clips_the_broken_one_is_told_and_the_others_go_on(
    clip: Path, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clips = (unreadable("text.mp4", tmp_path), clip, tmp_path / "missing.mp4")
    out = tmp_path / "out"
    assert run("analyze", *clips, "--settings", plain, "--out", out, "--json", "--no-picture") == 4
    streams = capfd.readouterr()
    results = json.loads(streams.out)
    assert [r["source"] for r in results] == ["text.mp4", "clip.mkv", "missing.mp4"]
    assert [r.get("exit_code") for r in results] == [4, None, 4]
    assert results[1]["frames"] == 50
    assert [line.split()[1] for line in streams.err.splitlines()] == ["text.mp4", "There"]
    assert [p.name for p in out.iterdir()] == ["clip"]


def test_an_error_that_nobody_expected_does_not_take_the_other_clips_along(
    clip: Path, tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = analyze_command.analyze

    def fails_once(path: Path, **how: Any) -> Any:
        if path.name == "first.mkv":
            raise ZeroDivisionError("somewhere deep")
        return real(path, **how)

    monkeypatch.setattr(analyze_command, "analyze", fails_once)
    args = ("--settings", plain, "--out", tmp_path / "out", "--json", "--no-picture")
    assert run("analyze", tmp_path / "first.mkv", clip, *args) == 1
    results = json.loads(capfd.readouterr().out)
    assert "ZeroDivisionError: somewhere deep" in results[0]["error"]
    assert results[1]["rows"] == 50


def test_a_name_that_looks_like_markup_is_printed_as_it_is(
    clip: Path, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = clip.rename(tmp_path / "[bold]me.mkv")
    assert run("analyze", odd, "--settings", plain, "--out", tmp_path / "[red]", "--no-picture") == 0
    assert capfd.readouterr().err.startswith("[bold]me.mkv: 2.0 s")


def test_an_analysis_never_overwrites_a_recording(
    clip: Path, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    assert run("record", "--video", clip, "--audio", clip, "--settings", plain, "--out", folder, "--no-plot") == 0
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    capfd.readouterr()
    assert run("analyze", folder, "--settings", plain, "--out", tmp_path) == 6
    assert "holds a recording" in told(capfd)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_clips_of_one_name_get_a_folder_each(clip: Path, tmp_path: Path, plain: Path) -> None:
    (tmp_path / "other").mkdir()
    clips = (clip, shutil.copy(clip, tmp_path / "clip-2.mkv"), shutil.copy(clip, tmp_path / "other" / "clip.mkv"))
    assert run("analyze", *clips, "--settings", plain, "--out", tmp_path / "out", "--no-picture") == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["clip", "clip-2", "clip-3"]


def test_a_recording_of_which_one_file_is_damaged_is_analysed_from_the_other(
    clip: Path, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    plain.write_text(plain.read_text().replace("voice = false", "voice = true"))
    args = ("--video", clip, "--audio", clip, "--settings", plain, "--out", folder, "--no-plot", "--plaintext")
    assert run("record", *args) == 0
    for name, note in (("audio.flac", "It has no sound"), ("video.mkv", "It has no picture")):
        hurt = tmp_path / f"hurt {name}"
        shutil.copytree(folder, hurt)
        (hurt / name).write_bytes((folder / name).read_bytes()[:30])
        capfd.readouterr()
        assert run("analyze", hurt, "--settings", plain, "--out", tmp_path / "out", "--json", "--no-picture") == 0
        result = json.loads(capfd.readouterr().out)
        assert note in result["notes"][0]
        assert (result["frames"] == 50, result["audio_samples"] == 32_000) == (
            name != "video.mkv",
            name != "audio.flac",
        )


def test_sound_keeps_its_place_where_session_json_is_lost(
    clip: Path, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    args = ("--video", clip, "--audio", clip, "--settings", plain, "--out", folder, "--no-plot", "--plaintext")
    assert run("record", *args) == 0
    capfd.readouterr()
    offset_ns = open_session(folder).audio_offset_ns
    assert offset_ns > 0
    (folder / "session.json").unlink()
    assert run("session", "repair", folder, "--json") == 0
    assert json.loads(capfd.readouterr().out)["state"] == "repaired"
    assert open_session(folder).audio_offset_ns == offset_ns


# -- clips that hold little

SPARSE: dict[str, tuple[dict[str, Any], int, str]] = {
    "no_face.mkv": ({"frames": grey(12, width=320, height=240), "pcm": tone(0, 0.5)}, 12, "No face was seen"),
    "no_sound.mkv": ({"frames": grey(12)}, 12, "It has no sound"),
    "one_frame.mkv": ({"frames": grey(1)}, 1, "It has no sound"),
    "silence.wav": ({"pcm": tone(0, 1.0)}, 10, "It has no picture"),
    "noise.wav": ({"pcm": np.random.default_rng(1).integers(-9000, 9000, 16_000).astype(np.int16)}, 10, "no picture"),
    "short.wav": ({"pcm": tone(300, 0.1)}, 1, "It has no picture"),
}


@pytest.mark.models
@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", SPARSE)
def test_a_clip_that_holds_little_gives_every_row_and_says_what_is_not_there(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content, rows, note = SPARSE[name]
    path = write_clip(tmp_path / name, **content)
    assert run("analyze", path, "--out", tmp_path / "out", "--json") == 0
    out, err = capfd.readouterr()
    assert without_notes(err) == ""
    result = json.loads(out)
    assert abs(result["rows"] - rows) <= (0 if "frames" in content else 1)
    assert result["frames_with_face"] == 0
    assert result["words"] == 0
    assert result["text"] == ""
    assert note in " ".join(result["notes"])
    folder = tmp_path / "out" / path.stem
    assert {p.name for p in folder.iterdir()} == {
        "frames.parquet", "words.jsonl", "events.jsonl", "session.json", "timeline.png"
    }  # fmt: skip
    for row in open_session(folder).timeline().rows:
        assert row.settled
        assert 0.0 < row.p < 1.0
        face = row.states[Channel.FACE]
        assert face.presence is Presence.ABSENT
        assert face.reason


# -- settings and arguments

SETTINGS = {
    "typo": ("[channels]\nfase = false", "channels.fase is not a setting; there are face, body, voice, words"),
    "type": ('[channels]\nface = "perhaps"', "channels.face = 'perhaps'"),
    "range": ("[camera]\nfps = 0", "camera.fps = 0"),
    "flat": ("camera = 3", "camera is a table; write [camera]"),
    "toml": ("[channels\n", "is not valid TOML"),
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("command", [("analyze", "clip.mp4"), ("record",)])
def test_a_settings_file_with_a_mistake_names_file_key_and_what_is_allowed(
    name: str, command: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text, what = SETTINGS[name]
    path = tmp_path / f"{name}.toml"
    path.write_text(text)
    assert run(*command, "--settings", path, "--out", tmp_path / "out") == 2
    sentence = told(capfd)
    assert str(path) in sentence
    assert what in sentence
    assert not (tmp_path / "out").exists()


def test_a_settings_file_that_is_missing_or_no_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("analyze", "clip.mp4", "--settings", tmp_path / "none.toml") == 2
    assert "none.toml" in told(capfd)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    assert run("analyze", "clip.mp4", "--settings", tmp_path / "binary.toml") == 2
    assert "is not valid TOML" in told(capfd)


def test_an_unknown_kind_of_prompt_lists_the_seven(
    clip: Path, plain: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    how = ("--settings", plain, "--prompt-kind", "rude", "--out", tmp_path / "out")
    for command in (("analyze", clip), ("record", "--video", clip, "--audio", "none")):
        assert run(*command, *how) == 2
        sentence = told(capfd)
        assert "'rude'" in sentence
        assert "neutral, positive, negative, ambivalent, willing, resistant, hesitant" in sentence
        assert not (tmp_path / "out").exists()


def test_results_go_nowhere_where_a_file_is_in_the_way(
    clip: Path, plain: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("mine")
    for out in (in_the_way, in_the_way / "deeper"):
        assert run("analyze", clip, "--settings", plain, "--out", out) == 6
        assert str(in_the_way) in told(capfd)
        assert run("record", "--video", clip, "--audio", "none", "--settings", plain, "--out", out) == 6
        assert str(in_the_way) in told(capfd)
    assert in_the_way.read_text() == "mine"


def test_a_recording_never_overwrites_another(
    clip: Path, plain: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args = ("record", "--video", clip, "--audio", clip, "--settings", plain, "--out", tmp_path / "s", "--no-plot")
    assert run(*args, "--seconds", 0.2, "--json") == 0
    capfd.readouterr()
    before = {p.name: p.read_bytes() for p in (tmp_path / "s").iterdir()}
    assert run(*args) == 6
    assert "is not empty" in told(capfd)
    assert {p.name: p.read_bytes() for p in (tmp_path / "s").iterdir()} == before


# -- devices

GONE = {
    "camera": (("--video", "97", "--audio", "none"), 3, "camera 97"),
    "stream": (("--video", "http://127.0.0.1:9/live", "--audio", "none"), 3, "http://127.0.0.1:9/live"),
    "microphone": (("--video", "none", "--audio", "no such microphone"), 3, "microphone"),
    "picture of a sound": (("--video", "SOUND", "--audio", "none"), 4, "has sound but no picture"),
    "sound of a picture": (("--video", "none", "--audio", "PICTURE"), 4, "has a picture but no sound"),
    "nothing": (("--video", "none", "--audio", "none"), 2, "at least one"),
}


@pytest.mark.parametrize("name", GONE)
def test_a_source_that_is_not_there_is_named_and_no_session_is_begun(
    name: str, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args, code, what = GONE[name]
    sound = write_clip(tmp_path / "sound.wav", pcm=tone(200, 0.2))
    picture = write_clip(tmp_path / "picture.mkv", grey(5))
    made = [{"SOUND": str(sound), "PICTURE": str(picture)}.get(a, a) for a in args]
    assert run("record", *made, "--settings", plain, "--out", tmp_path / "s") == code
    assert what in told(capfd)
    assert not (tmp_path / "s").exists()


def test_the_password_of_an_address_is_not_repeated(
    tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    address = "http://me:secret@127.0.0.1:9/live"
    assert run("record", "--video", address, "--audio", "none", "--settings", plain, "--out", tmp_path / "s") == 3
    assert "secret" not in told(capfd)


def test_without_pyaudio_its_microphones_are_one_sentence(
    tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    args = ("--video", "none", "--audio", "pyaudio:default", "--settings", plain, "--out", tmp_path / "s")
    assert run("record", *args) == 2
    assert "PyAudio cannot be loaded" in told(capfd)
    assert run("devices", "--json") == 0
    assert any("PyAudio" in note for note in json.loads(capfd.readouterr().out)["notes"])


def test_without_qt_the_window_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("PyQt6", "PyQt6.QtWidgets"):
        monkeypatch.setitem(sys.modules, name, None)
    assert gui.main([]) == 2
    err = capfd.readouterr().err
    assert re.fullmatch(r"ahdetect-gui: The window needs the package PyQt6[^\n]+\n", err)


# -- model files


@pytest.mark.parametrize("command", ["analyze", "record", "bench"])
def test_a_missing_model_file_is_named_with_the_command_that_fetches_it(
    command: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AHDETECT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AHDETECT_MODELS", raising=False)
    args = {
        "analyze": (clip, "--out", tmp_path / "out"),
        "record": ("--video", clip, "--audio", "none", "--out", tmp_path / "s"),
        "bench": ("realtime", "--video", clip, "--seconds", 1),
    }[command]
    assert run(command, *args) == 5
    sentence = told(capfd)
    assert "face_landmarker.task is missing" in sentence
    assert "`ahdetect assets pull`" in sentence
    assert not (tmp_path / "s").exists()


@pytest.mark.models
def test_a_damaged_model_file_is_found_before_it_is_used(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from ahdetect.assets.cache import locate

    content = bytearray(locate("face_landmarker").read_bytes())
    content[len(content) // 2] ^= 0xFF
    monkeypatch.setenv("AHDETECT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AHDETECT_MODELS", raising=False)
    (tmp_path / "cache" / "models").mkdir(parents=True)
    (tmp_path / "cache" / "models" / "face_landmarker.task").write_bytes(content)
    assert run("analyze", clip, "--out", tmp_path / "out") == 5
    assert "is damaged" in told(capfd)


# -- while it records


class CrashingFace:
    """Face cues whose library gives up at the tenth frame."""

    def __init__(self, _model: object) -> None:
        pass

    def detect(self, packet: VideoPacket) -> None:
        if packet.seq >= 10:
            raise RuntimeError("the graph gave up")

    def describe(self, packet: Packet[None]) -> CueFrame:
        return CueFrame(Channel.FACE, packet.t_ns, empty_values(Channel.FACE))

    def close(self) -> None:
        pass


def test_a_stage_that_crashes_is_told_and_the_rest_is_recorded_to_its_end(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    weights = Models(object(), None, VoiceModel(), None, LanguageModel())  # type: ignore[arg-type]
    monkeypatch.setattr(Models, "load", staticmethod(lambda *_, **__: weights))
    monkeypatch.setattr(engine_module, "FaceStream", CrashingFace)
    folder = tmp_path / "s"
    assert run("record", "--video", clip, "--audio", clip, "--out", folder, "--json", "--no-plot") == 1
    out, err = capfd.readouterr()
    assert SENTENCE.fullmatch(err)
    assert "The stage face was stopped by an error (RuntimeError: the graph gave up)" in err
    report = json.loads(out)
    assert report["ledger"]["balances"]
    assert report["ledger"]["entries"]["stage_crashed"] == 1
    session = open_session(folder)
    assert [e["stage"] for e in session.events() if e["kind"] == "stage_crashed"] == ["face"]
    last = session.timeline().rows[-5]
    assert last.states[Channel.FACE].reason == "face stopped by an error"
    assert last.states[Channel.VOICE].presence is Presence.PRESENT
    assert len(read_pcm(session.audio)) == 32_000
    assert report["ledger"]["video"]["frames"] == 50


def test_a_folder_that_is_removed_while_it_records_is_one_sentence(
    clip: Path, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    write_row = SessionWriter.write_row

    def remove_and_write(writer: SessionWriter, row: Any) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        write_row(writer, row)

    monkeypatch.setattr(SessionWriter, "write_row", remove_and_write)
    args = ("--video", clip, "--audio", clip, "--settings", plain, "--seconds", 0.5, "--out", folder)
    assert run("record", *args, "--json") == 6
    out, err = capfd.readouterr()
    assert SENTENCE.fullmatch(err)
    assert f"{folder} was removed" in err
    assert json.loads(out)["ledger"]["balances"]


def test_a_disk_that_takes_no_more_ends_one_file_and_not_the_session(
    plain: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    quiet = write_clip(tmp_path / "quiet.mkv", grey(60), tone(0, 2.4), video_codec="libx264", audio_codec="flac")
    folder = tmp_path / "s"
    args = ("--video", quiet, "--audio", quiet, "--settings", plain, "--out", folder, "--json", "--no-plot")
    with no_file_longer_than(60_000):
        assert run("record", *args) == 6
    out, err = capfd.readouterr()
    assert SENTENCE.fullmatch(err)
    report = json.loads(out)
    assert report["errors"]
    assert report["ledger"]["balances"]
    assert report["ledger"]["video"]["frames"] == 60
    session = open_session(folder)
    assert list(session.info["sinks_off"]) == ["frames.arrow"]
    assert 10 < len(session.timeline().rows) < 60
    assert len(read_pcm(session.audio)) == 38_400


# -- signals, in a process of their own


class Recording:
    """`ahdetect record` in a process of its own."""

    def __init__(self, folder: Path, *args: object, after_s: float) -> None:
        command = [sys.executable, "-m", "ahdetect.cli", "record", "--out", str(folder), *OPTIONS, *map(str, args)]
        self.folder = folder
        self.process = subprocess.Popen(
            [*command, "--json", "--no-plot"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 200 for path in folder.glob("video.mkv*")):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)
        threading.Event().wait(after_s)

    def end(self, number: int) -> tuple[float, str, str]:
        """Wall time of the signal, stdout, stderr."""
        at = time.time()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return at, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_closes_the_session_in_good_order(number: signal.Signals, plain: Path, tmp_path: Path) -> None:
    long = write_clip(tmp_path / "long.mkv", grey(500), tone(200, 20.0))
    recording = Recording(tmp_path / "s", "--video", long, "--audio", long, "--settings", plain, after_s=0.7)
    _, out, err = recording.end(number)
    assert recording.process.returncode == 130
    assert err == ""
    report = json.loads(out)
    assert report["stopped_by"] == "interrupt"
    assert report["ledger"]["balances"]
    session = open_session(recording.folder)
    assert session.state == "closed"
    assert not list(recording.folder.glob("frames.arrow*"))
    books = report["ledger"]
    assert len(read_pcm(session.audio)) == books["audio"]["samples"]
    rows = session.timeline().rows
    assert all(row.settled for row in rows)
    assert len(rows) >= books["video"]["frames"] >= 10


def seconds_lost(session: Session, killed_at: float) -> dict[str, float]:
    """Seconds of each stream that are missing before the kill."""
    began = datetime.fromisoformat(session.info["started_at"]).timestamp()
    assert session.video is not None
    with open_media(session.video) as container:
        pictures = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None]
    sound_s = session.audio_offset_ns / 1e9 + len(read_pcm(session.audio)) / 16_000
    ends = {"video": pictures[-1], "audio": sound_s, "rows": session.timeline().rows[-1].t_s}
    return {name: round(killed_at - began - end, 3) for name, end in ends.items()}


@pytest.mark.models
@pytest.mark.usefixtures("loaded")
def test_a_killed_recording_holds_all_but_the_last_second_and_is_repaired_and_analysed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    recording = Recording(folder, "--video", DEMO, "--audio", DEMO, after_s=5.0)
    killed_at, out, err = recording.end(signal.SIGKILL)
    assert (recording.process.returncode, out, without_notes(err)) == (-signal.SIGKILL, "", "")
    lost = seconds_lost(open_session(folder), killed_at)
    assert max(lost.values()) < 1.0, lost

    assert run("session", "show", folder, "--json") == 0
    shown = json.loads(capfd.readouterr().out)
    assert shown["state"] == "recording"
    live = {row.t_ns: row.p for row in open_session(folder).timeline().rows if row.settled}
    assert run("session", "repair", folder, "--json") == 0
    mended = json.loads(capfd.readouterr().out)
    assert (mended["state"], mended["rows"], mended["words"]) == ("repaired", shown["rows"], shown["words"])

    assert run("analyze", folder, "--out", tmp_path / "out", "--json", "--no-picture") == 0
    result = json.loads(capfd.readouterr().out)
    again = {row.t_ns: row.p for row in open_session(tmp_path / "out" / "s").timeline().rows}
    assert len(again) >= result["frames"] > 100
    assert set(live) <= set(again)
    difference = np.abs([p - again[t] for t, p in live.items()])
    assert difference.mean() < 0.02  # live frames that a busy machine had no time for are looked at here

    words = {w.text.strip(" .,?!").casefold() for w in open_session(tmp_path / "out" / "s").words()}
    stored = open_session(folder)
    written = stored.files.read("ledger.jsonl").read().decode() + json.dumps(stored.info)
    assert words
    assert not {w for w in words if len(w) > 4} & set(re.findall(r"[a-z']+", written.casefold()))


@pytest.mark.models
def test_an_interrupted_analysis_leaves_nothing_half_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ahdetect.cli", "analyze", str(DEMO), "--out", str(tmp_path / "out")]

    def obey() -> None:  # what a shell starts in the background ignores Ctrl-C, and so would its children
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=obey)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _threads(process.pid) < 15:  # the stages start
        threading.Event().wait(0.05)
    threading.Event().wait(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, without_notes(err)) == ("", "")
    assert not list((tmp_path / "out").rglob("*.*"))


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").glob("*")))
