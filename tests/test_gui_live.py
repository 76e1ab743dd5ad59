"""The live model records behind the window and says what happens; the live screen shows it and is driven by keys."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreed import AGREED
from media import grey, tone, write_clip
from timelines import make_row

from ahdetect.config import Settings, validated
from ahdetect.engine import Models
from ahdetect.errors import AssetError, StoreError
from ahdetect.gui.context import Context, DeviceChoice, PlannedPrompt, SessionPlan
from ahdetect.gui.live_model import (
    LATENCY,
    Asked,
    Lamp,
    LiveModel,
    Notice,
    State,
    Truth,
    audio_spec,
    folder_name,
)
from ahdetect.gui.live_words import clock, cue_text, missing_text, notice_text, truth_line
from ahdetect.gui.terms import PHRASES, REASONS, reason_text
from ahdetect.models.cues import CUES, Channel
from ahdetect.models.language import LanguageModel
from ahdetect.models.posterior import ChannelState, Presence
from ahdetect.models.voice import VoiceModel
from ahdetect.session import Session
from ahdetect.store.reader import open_session

VOICE: Settings = validated({"channels": {"face": False, "body": False, "voice": True, "words": False}}, "test")
PROMPTS = [PlannedPrompt("What would you like to change?", "ambivalent"), PlannedPrompt("What speaks against it?")]


def load(_settings: Settings, **_: bool) -> Models:
    return Models(None, None, VoiceModel(), None, LanguageModel())


def make(video: str, audio: str, **options: Any) -> Session:
    return Session(video, audio, **{**options, "settings": VOICE})


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mkv", grey(500), tone(200, 20.0))


@pytest.fixture
def plan(tmp_path: Path) -> SessionPlan:
    return SessionPlan(tmp_path / "sessions", "p07", list(PROMPTS))


@pytest.fixture
def model() -> Iterator[LiveModel]:
    model = LiveModel(make, load)
    model.consent = AGREED
    yield model
    model.close(20)


def wait(until: Callable[[], bool], seconds: float = 15.0) -> None:
    """Until it holds; a test that waits in vain fails."""
    step = threading.Event()
    for _ in range(round(seconds / 0.02)):
        if until():
            return
        step.wait(0.02)
    pytest.fail("it did not happen")


@pytest.fixture
def recording(model: LiveModel, clip: Path, plan: SessionPlan) -> LiveModel:
    model.start(DeviceChoice(str(clip), str(clip)), plan)
    wait(lambda: model.state is State.RECORDING and len(model.columns) > 5)
    return model


def events(folder: Path) -> list[dict[str, Any]]:
    return open_session(folder).events()


# -- the model


def test_the_model_loads_no_qt() -> None:
    code = "import sys, ahdetect.gui.live_model; print(any(m.startswith(('PyQt', 'pyqtgraph')) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_it_records_and_shows_and_what_it_wrote_opens(recording: LiveModel) -> None:
    now = recording.snapshot()
    assert now.frame is not None
    assert now.frame.shape == (48, 64, 3)
    assert now.row is not None
    assert now.lamps[Channel.VOICE].presence is Presence.PRESENT
    assert now.lamps[Channel.FACE] == Lamp(Presence.ABSENT, 0.0, "switched off")
    assert now.disk is not None
    assert now.disk.free > 0
    wait(lambda: recording.snapshot().truth.row_ms is not None)
    truth = recording.snapshot().truth
    assert truth.audio_lost == 0
    assert truth.words_behind_s is None
    wait(lambda: 20 < (recording.snapshot().truth.fps or 0) < 30)
    recording.stop()
    wait(lambda: recording.state is State.ENDED)
    stored = open_session(recording.snapshot().folder or Path())
    assert not stored.damage
    assert stored.timeline().rows
    assert (recording.snapshot().folder or Path()).name.endswith("_p07")


def test_starting_twice_is_starting_once(recording: LiveModel, clip: Path, plan: SessionPlan) -> None:
    columns = recording.columns
    recording.start(DeviceChoice(str(clip), str(clip)), plan)
    assert recording.columns is columns
    assert len(list(plan.out.glob("*/"))) == 1


def test_a_model_that_cannot_be_loaded_is_one_sentence(clip: Path, plan: SessionPlan) -> None:
    def missing(*_: Any, **__: Any) -> Models:
        raise AssetError("face_landmarker.task is missing; run `ahdetect assets pull`.")

    model = LiveModel(make, missing)
    model.start(DeviceChoice(str(clip), str(clip)), plan)
    wait(lambda: model.state is State.FAILED)
    assert "ahdetect assets pull" in model.snapshot().error
    assert model.close(5)
    assert not plan.out.exists()


def test_a_camera_that_is_not_there_can_be_tried_again(model: LiveModel, clip: Path, plan: SessionPlan) -> None:
    model.start(DeviceChoice("/nowhere.mp4", "none"), plan)
    wait(lambda: model.state is State.FAILED)
    assert "nowhere.mp4" in model.snapshot().error
    model.start(DeviceChoice(str(clip), str(clip)), plan)
    wait(lambda: model.state is State.RECORDING)
    assert model.snapshot().error == ""


def test_stop_while_it_loads_gives_up_and_leaves_nothing(clip: Path, plan: SessionPlan) -> None:
    may_go_on = threading.Event()

    def slow(settings: Settings, **on: bool) -> Models:
        may_go_on.wait(10)
        return load(settings, **on)

    model = LiveModel(make, slow)
    model.start(DeviceChoice(str(clip), str(clip)), plan)
    assert model.snapshot().progress == "models"
    model.stop()
    may_go_on.set()
    wait(lambda: not model.busy)
    assert model.state is State.IDLE
    assert not plan.out.exists()
    assert model.close(5)


def test_a_pause_shows_no_picture_and_counts_as_no_loss(recording: LiveModel) -> None:
    recording.pause()
    wait(lambda: recording._session is not None and recording._session.paused)
    now = recording.snapshot()
    assert now.state is State.PAUSED
    assert now.frame is None
    assert {lamp.reason for lamp in now.lamps.values()} == {"paused"}
    wait(lambda: recording._session is not None and recording._session.audio.totals.paused_samples > 8000)
    recording.resume()
    wait(lambda: recording.snapshot().frame is not None)
    wait(lambda: recording.snapshot().truth.row_ms is not None)
    assert recording.snapshot().truth.audio_lost == 0
    recording.stop()
    wait(lambda: recording.state is State.ENDED)
    kinds = [e["kind"] for e in events(recording.snapshot().folder or Path())]
    assert (kinds.count("paused"), kinds.count("resumed")) == (1, 1)


def test_stop_and_delete_leaves_no_file(recording: LiveModel, plan: SessionPlan) -> None:
    assert any(plan.out.iterdir())
    recording.stop_and_delete()
    wait(lambda: recording.state is State.IDLE)
    assert sorted(p.name for p in plan.out.iterdir()) == ["audit.jsonl", "erased"]
    assert recording.snapshot().folder is None


def test_a_prompt_ends_once_and_its_kind_is_stored(recording: LiveModel) -> None:
    recording.prompt_ended()  # none was put yet
    recording.prompt(5)
    assert recording.snapshot().asked == Asked(-1)
    recording.prompt(0)
    recording.prompt_ended()
    recording.prompt_ended()
    wait(lambda: recording.snapshot().asked.waited_s > 0.1 or recording.snapshot().asked.latency_s is not None)
    recording.stop()
    wait(lambda: recording.state is State.ENDED)
    told = [e for e in events(recording.snapshot().folder or Path()) if e["kind"] == "prompt"]
    assert [e["kind_of_prompt"] for e in told] == ["ambivalent"]


def test_the_latency_is_that_of_the_voice_cue_after_the_prompt_and_stays(model: LiveModel) -> None:
    def row(t_s: float, latency: float) -> Any:
        made = make_row(0)
        voice = np.full_like(made.cues[Channel.VOICE], np.nan)
        voice[LATENCY] = latency
        return replace(made, t_ns=round(t_s * 1e9), cues={**made.cues, Channel.VOICE: voice})

    model._prompts, model._asked = PROMPTS, Asked(0, ended_s=10.0)
    model._row_came(row(10.1, 3.3))  # still of the prompt before
    assert model.snapshot().asked.latency_s is None
    model._row_came(row(10.5, float("nan")))
    assert model.snapshot().asked.latency_s is None
    model._row_came(row(11.5, 0.82))
    assert model.snapshot().asked.latency_s == pytest.approx(0.82)
    model._row_came(row(12.0, float("nan")))
    assert model.snapshot().asked.latency_s == pytest.approx(0.82)


def test_a_marker_stands_at_the_moment_it_was_asked_for(recording: LiveModel) -> None:
    recording.mark("looked at the door", 123_000_000)
    recording.mark("2")
    recording.stop()
    wait(lambda: recording.state is State.ENDED)
    told = [e for e in events(recording.snapshot().folder or Path()) if e["kind"] == "marker"]
    assert {e["note"]: e["t_ns"] for e in told}["looked at the door"] == 123_000_000
    assert len(told) == 2


def test_a_view_at_fault_stops_nothing_and_is_told_once(recording: LiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_row: object) -> None:
        raise RuntimeError("no paper")

    monkeypatch.setattr(recording.columns, "add", fail)
    session = recording._session
    assert session is not None
    rows = session.engine.counts["rows"]
    wait(lambda: session.engine.counts["rows"] > rows + 20)
    assert [n.kind for n in recording.notices] == ["watcher"]
    assert not session.errors


def test_a_lost_device_a_crash_and_a_full_disk_are_told_once_each(recording: LiveModel) -> None:
    session = recording._session
    assert session is not None
    session.ledger.write(0, "device_lost", "camera", device=session.video.info.name, reason="no frame came")
    session.ledger.write(1, "device_back", "camera", device=session.video.info.name)
    session.ledger.write(2, "device_lost", "microphone", device="Headset", reason="it sends nothing")
    session.engine.sink_errors.append(StoreError("video.mkv could not be written", value=Path("x/video.mkv")))
    wait(lambda: len(recording.notices) == 4)
    now = recording.snapshot()
    assert now.lost == {"microphone"}
    assert now.lamps[Channel.VOICE] == Lamp(Presence.ABSENT, 0.0, "the microphone is gone")
    assert now.lamps[Channel.LANGUAGE].reason == now.lamps[Channel.FACE].reason == "switched off"
    assert {(n.kind, n.where) for n in recording.notices} == {
        ("device_lost", "camera"),
        ("device_back", "camera"),
        ("device_lost", "microphone"),
        ("sink_off", "video.mkv"),
    }
    wait(lambda: recording.snapshot().truth.off == ("video.mkv",))


def test_a_clip_that_ends_finishes_the_recording(model: LiveModel, tmp_path: Path, plan: SessionPlan) -> None:
    short = write_clip(tmp_path / "short.mkv", grey(10), tone(200, 0.4))
    model.start(DeviceChoice(str(short), str(short)), plan)
    wait(lambda: model.state is State.ENDED)
    assert [n.kind for n in model.notices] == ["source_ended"]


def test_an_old_picture_is_not_shown_as_if_it_were_now(recording: LiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    session = recording._session
    assert session is not None
    sight = session.sight()
    assert sight is not None
    monkeypatch.setattr(session, "sight", lambda: replace(sight, t_ns=session.clock.now_ns() - 2_000_000_000))
    assert recording.snapshot().frame is None


def test_closing_while_it_records_finishes_the_files(recording: LiveModel) -> None:
    folder = recording.snapshot().folder or Path()
    assert recording.close(20)
    assert recording.state is State.ENDED
    assert json.loads((folder / "session.json").read_text())["state"] == "closed"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("", "2026-01-02_03-04-05"),
        ("P 07/a", "2026-01-02_03-04-05_P-07-a"),
        ("../..", "2026-01-02_03-04-05"),
        ("Zoë", "2026-01-02_03-04-05_Zoë"),
    ],
)
def test_the_folder_is_named_by_time_and_plan(name: str, folder: str) -> None:
    assert folder_name(name, datetime(2026, 1, 2, 3, 4, 5)) == folder


@pytest.mark.parametrize(
    ("choice", "spec"),
    [
        (DeviceChoice("0", "default"), "sounddevice:default"),
        (DeviceChoice("0", "Headset", "pyaudio"), "pyaudio:Headset"),
        (DeviceChoice("0", "none", "pyaudio"), "none"),
        (DeviceChoice("0", "sounddevice:pulse", "pyaudio"), "sounddevice:pulse"),
        (DeviceChoice("0", "clips/a.wav"), "clips/a.wav"),
    ],
)
def test_the_microphone_is_opened_by_the_chosen_driver(choice: DeviceChoice, spec: str) -> None:
    assert audio_spec(choice) == spec


# -- the words


def test_the_line_of_truth_reads_as_promised() -> None:
    truth = Truth(30.0, 0.003, 0, 1.2, 70.4)
    assert truth_line(truth) == "30.0 fps, 0.3 % dropped, audio 0 lost, words 1.2 s behind, row 70 ms"
    assert truth_line(Truth(audio_lost=8000)) == "audio 0.50 s lost"
    assert truth_line(Truth(off=("video.mkv",), stopped=("face",))) == (
        "NOT STORED ANY MORE: video.mkv, STOPPED BY AN ERROR: face"
    )


def test_a_reason_keeps_its_number_and_an_unknown_one_is_shown_as_it_is() -> None:
    assert reason_text("words 1.2 s behind") == "words 1.2 s behind"
    assert reason_text("hand over the lens") == "hand over the lens"


def test_every_phrase_of_the_engine_can_be_translated() -> None:
    assert {c.phrase for c in CUES if c.phrase} == set(PHRASES)
    from ahdetect.models.body import NO_BODY
    from ahdetect.models.face import NO_FACE
    from ahdetect.models.posterior import FIXED_REASONS
    from ahdetect.models.voice import GAP

    assert {*FIXED_REASONS, NO_FACE, NO_BODY, GAP} <= set(REASONS)


@pytest.mark.parametrize(("adds", "word"), [(0.1, "a little"), (0.4, "some"), (0.9, "much")])
def test_a_cue_says_how_much_it_adds(adds: float, word: str) -> None:
    assert cue_text("a 'but'", adds) == f"a 'but': adds {word}, odds × {np.exp(adds):.1f}"


def test_missing_channels_are_told_with_their_reasons() -> None:
    row = make_row(0)
    lamps = {c: Lamp(Presence.PRESENT) for c in Channel}
    assert missing_text(row, lamps) == ""
    lamps[Channel.FACE] = Lamp(Presence.ABSENT, 0.0, "no face")
    lamps[Channel.LANGUAGE] = Lamp(Presence.STALE, 1.2, "words 1.2 s behind")
    assert missing_text(row, lamps) == "Not seen or heard: Face (no face). Late: Words (words 1.2 s behind)."


@pytest.mark.parametrize(
    ("notice", "level", "goes_on", "does_not"),
    [
        (Notice("device_lost", "camera", "no frame came"), "warning", "words go on", "face and body are absent"),
        (Notice("device_lost", "microphone", "it sends nothing"), "warning", "face and body go on", "recorded gap"),
        (Notice("stage_crashed", "body", "X: y"), "error", "everything else goes on", "Body cues are absent"),
        (Notice("stage_crashed", "fusion", "X: y"), "error", "still recorded", "no new estimates"),
        (Notice("stage_crashed", "never heard of", "X: y"), "error", "other stages go on", "X: y"),
    ],
)
def test_a_banner_says_what_goes_on_and_what_does_not(notice: Notice, level: str, goes_on: str, does_not: str) -> None:
    told, text, _ = notice_text(notice)
    assert told == level
    assert goes_on in text
    assert does_not in text


def test_a_device_that_is_back_replaces_its_banner() -> None:
    assert notice_text(Notice("device_lost", "camera"))[2] == notice_text(Notice("device_back", "camera"))[2]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (71.9, "1:11"), (3671.9, "1:01:11")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


# -- the screen


@pytest.fixture
def context(tmp_path: Path, clip: Path, plan: SessionPlan, qtbot: Any) -> Context:
    from PyQt6.QtCore import QSettings

    context = Context(QSettings(str(tmp_path / "gui.ini"), QSettings.Format.IniFormat))
    context.choice, context.plan, context.consent = DeviceChoice(str(clip), str(clip)), plan, AGREED
    return context


@pytest.fixture
def screen(context: Context, qtbot: Any) -> Iterator[Any]:
    from ahdetect.gui.screens.live import LiveScreen

    screen = LiveScreen(context, LiveModel(make, load))
    qtbot.addWidget(screen)
    screen.resize(1280, 760)
    with qtbot.waitExposed(screen):
        screen.show()
    screen.activateWindow()
    screen.enter()
    yield screen
    screen.shutdown()


@pytest.fixture
def live(screen: Any, qtbot: Any) -> Any:
    """The screen, recording."""
    from PyQt6.QtCore import Qt

    qtbot.mouseClick(screen.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: screen.model.state is State.RECORDING and len(screen.model.columns) > 5, timeout=15_000)
    qtbot.waitUntil(lambda: screen.pause.isEnabled())
    return screen


def press(qtbot: Any, screen: Any, key: str) -> None:
    from PyQt6.QtCore import Qt

    qtbot.keyClick(screen.focusWidget() or screen, getattr(Qt.Key, f"Key_{key}"))


def folder_of(live: Any) -> Path:
    return live.model.snapshot().folder or Path()


def test_before_the_start_it_says_what_will_be_recorded(screen: Any, clip: Path) -> None:
    assert clip.name in screen.truth.text()
    assert screen.start.isEnabled()
    assert not any(b.isEnabled() for b in (screen.pause, screen.stop, screen.delete))
    assert screen.video.note == "Start begins to record."


def test_a_recording_shows_picture_tracks_lamps_reasons_and_truth(live: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: live.video.frame is not None and "fps" in live.truth.text(), timeout=5000)
    assert live.tracks.columns is live.model.columns
    assert live.state_label.text() == "Recording"
    qtbot.waitUntil(lambda: live.lamps[Channel.FACE].text == "Face: absent, switched off", timeout=5000)
    qtbot.waitUntil(lambda: live.lamps[Channel.VOICE].text == "Voice: present", timeout=5000)
    qtbot.waitUntil(lambda: live.why.numbers.text().startswith("probability 0."), timeout=5000)
    assert live.why.band.text() in ("low", "unclear", "elevated")
    assert "Face (switched off)" in live.why.missing.text()
    assert live.why.meaning.text() == "signs consistent with ambivalence/hesitancy, model estimate"
    assert not live.start.isEnabled()


def test_keys_step_through_prompts_and_mark_where_they_end(live: Any, qtbot: Any) -> None:
    press(qtbot, live, "N")
    assert live.prompts.text.text() == PROMPTS[0].text
    press(qtbot, live, "Space")
    press(qtbot, live, "N")
    assert live.prompts.text.text() == PROMPTS[1].text
    assert live.prompts.title.text() == "Prompt 2 of 2"
    press(qtbot, live, "Return")
    press(qtbot, live, "N")  # there is no third
    assert live.prompts.text.text() == PROMPTS[1].text
    live.model.close(20)
    told = [e["kind_of_prompt"] for e in events(folder_of(live)) if e["kind"] == "prompt"]
    assert told == ["ambivalent", None]


def test_keys_set_markers_and_a_note_is_written_meanwhile(live: Any, qtbot: Any) -> None:
    press(qtbot, live, "3")
    assert "“3”" in live.marked.text()
    press(qtbot, live, "M")
    assert live.note.hasFocus()
    asked_ns = live._marked_ns
    qtbot.keyClicks(live.note, "nq1 laughs")  # letters of other keys are letters here
    assert not live.quiet.isChecked()
    qtbot.wait(200)
    press(qtbot, live, "Return")
    assert not live.note.isVisible()
    press(qtbot, live, "M")
    press(qtbot, live, "Escape")
    assert not live.note.isVisible()
    live.model.close(20)
    told = {e["note"]: e["t_ns"] for e in events(folder_of(live)) if e["kind"] == "marker"}
    assert set(told) == {"3", "nq1 laughs"}
    assert told["nq1 laughs"] == asked_ns


def test_quiet_mode_hides_every_score_and_nothing_else(live: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: live.why.numbers.text() != "", timeout=5000)
    press(qtbot, live, "Q")
    assert live.tracks.hidden_scores
    assert not live.why.numbers.isVisible()
    assert not live.why.bar.isVisible()
    assert not live.why.cues.isVisible()
    assert live.why.band.text() == "hidden while recording"
    assert live.why.bar.accessibleDescription() == ""
    assert "Face (switched off)" in live.why.missing.text()
    press(qtbot, live, "Q")
    assert not live.tracks.hidden_scores
    assert live.why.numbers.isVisible()


def test_pause_and_resume_by_button(live: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    qtbot.mouseClick(live.pause, Qt.MouseButton.LeftButton)
    assert live.state_label.text() == "Paused"
    assert live.pause.text() == "&Resume"
    assert live.video.frame is None
    assert "nothing is recorded" in live.video.note
    press(qtbot, live, "N")
    for key, state in ((Qt.Key.Key_Space, State.RECORDING), (Qt.Key.Key_Return, State.PAUSED)):
        live.pause.setFocus()
        qtbot.keyClick(live.pause, key)  # the button has the keyboard: it is pressed, and no prompt is marked
        assert live.model.state is state
    assert live.model.snapshot().asked.ended_s is None


def test_after_stop_the_session_is_opened_for_review(live: Any, qtbot: Any, context: Context) -> None:
    from PyQt6.QtCore import Qt

    gone: list[str] = []
    context.go.connect(gone.append)
    with qtbot.waitSignal(context.opened, timeout=15_000) as opened:
        qtbot.mouseClick(live.stop, Qt.MouseButton.LeftButton)
    assert opened.args == [folder_of(live)]
    assert gone == ["review"]
    assert open_session(folder_of(live)).timeline().rows


def _box(live: Any) -> Any:
    from PyQt6.QtWidgets import QMessageBox

    [box] = [w for w in live.findChildren(QMessageBox) if w.isVisible()]
    return box


def test_deleting_asks_with_the_name_of_the_folder(live: Any, qtbot: Any, plan: SessionPlan) -> None:
    from PyQt6.QtCore import Qt

    qtbot.mouseClick(live.delete, Qt.MouseButton.LeftButton)
    box = _box(live)
    assert folder_of(live).name in box.text()
    assert box.defaultButton().text() == "&Keep recording"
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert live.model.state is State.RECORDING
    qtbot.mouseClick(live.delete, Qt.MouseButton.LeftButton)
    [delete] = [b for b in _box(live).buttons() if "Delete" in b.text()]
    qtbot.mouseClick(delete, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: live.model.state is State.IDLE, timeout=15_000)
    assert sorted(p.name for p in plan.out.iterdir()) == ["audit.jsonl", "erased"]


def _answer(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    from PyQt6.QtWidgets import QMessageBox

    def answered(box: QMessageBox) -> int:
        [button] = [b for b in box.buttons() if word in b.text()]
        button.click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", answered)


def test_leaving_while_it_records_asks_and_may_be_refused(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, "Keep")
    assert not live.may_leave()
    assert live.model.state is State.RECORDING


def test_closing_while_it_records_asks_then_finishes_the_files(
    live: Any, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    _answer(monkeypatch, "Stop and")
    assert live.may_leave()
    assert live.finish() == "finishing the files of the recording"
    qtbot.waitUntil(lambda: live.finish() == "", timeout=15_000)
    live.shutdown()
    assert not live.timer.isActive()
    assert json.loads((folder_of(live) / "session.json").read_text())["state"] == "closed"


def test_closing_the_window_while_it_records_finishes_the_files_behind_it(
    context: Context, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    from ahdetect.gui.window import MainWindow

    window = MainWindow(context)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    assert window.go("live")
    live: Any = window.screens["live"]
    live.model = LiveModel(make, load)
    live.start.click()
    qtbot.waitUntil(lambda: len(live.model.columns) > 5, timeout=15_000)
    _answer(monkeypatch, "Keep")
    window.close()
    assert window.isVisible()
    assert live.model.state is State.RECORDING
    _answer(monkeypatch, "Stop and")
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=15_000)
    assert json.loads((folder_of(live) / "session.json").read_text())["state"] == "closed"
    assert not live.timer.isActive()


def test_a_screen_that_does_not_record_may_be_left(screen: Any) -> None:
    assert screen.may_leave()
    assert screen.finish() == ""
    screen.leave()
    assert not screen.timer.isActive()


def test_a_camera_gone_and_back_is_a_banner(live: Any, qtbot: Any, context: Context) -> None:
    from ahdetect.gui.screens.live import FADE_TICKS

    banners: list[tuple[str, str, str]] = []
    context.banner.connect(lambda *said: banners.append(said))
    session = live.model._session
    session.ledger.write(0, "device_lost", "camera", device=session.video.info.name, reason="no frame came")
    qtbot.waitUntil(lambda: len(banners) == 1, timeout=5000)
    assert banners[0][0] == "warning"
    assert "The camera is gone (no frame came)" in banners[0][1]
    session.ledger.write(0, "device_back", "camera", device=session.video.info.name)
    qtbot.waitUntil(lambda: len(banners) == 2, timeout=5000)
    assert banners[1][0] == "info"
    assert banners[1][2] == banners[0][2]
    live._tick += FADE_TICKS
    qtbot.waitUntil(lambda: len(banners) == 3, timeout=5000)
    assert banners[2][1:] == ("", banners[0][2])


def test_what_could_not_be_started_is_a_banner_and_can_be_tried_again(
    screen: Any, qtbot: Any, context: Context
) -> None:
    from PyQt6.QtCore import Qt

    context.choice = DeviceChoice("/nowhere.mp4", "none")
    with qtbot.waitSignal(context.banner, timeout=10_000) as banner:
        qtbot.mouseClick(screen.start, Qt.MouseButton.LeftButton)
    assert banner.args[0] == "error"
    assert "nowhere.mp4" in banner.args[1]
    qtbot.waitUntil(lambda: screen.start.isEnabled())
    assert screen.state_label.text() == "Could not start"


def test_without_consent_nothing_is_recorded_and_set_up_asks_for_it(screen: Any, qtbot: Any, context: Context) -> None:
    from PyQt6.QtCore import Qt

    context.consent = None
    with qtbot.waitSignal(context.go) as went:
        qtbot.mouseClick(screen.start, Qt.MouseButton.LeftButton)
    assert went.args == ["setup"]
    assert screen.model.state is State.IDLE
    assert not context.plan.out.exists()


def test_consent_is_of_one_session(live: Any, qtbot: Any, context: Context) -> None:
    live.model.stop()
    qtbot.waitUntil(lambda: live.model.state is State.ENDED, timeout=15_000)
    live.paint()
    assert context.consent is None
    stored = json.loads((folder_of(live) / "session.json").read_text())
    assert stored["consent"]["text_sha256"] == AGREED.text_sha256
    assert "P07" not in json.dumps(stored["consent"])


def test_the_model_refuses_without_consent(model: LiveModel, clip: Path, plan: SessionPlan) -> None:
    model.consent = None
    model.start(DeviceChoice(str(clip), str(clip)), plan)
    wait(lambda: model.state is State.FAILED)
    assert "without a record of consent" in model.snapshot().error
    assert not plan.out.exists()


def test_lamps_differ_in_shape_without_colour(context: Context, qtbot: Any) -> None:
    from ahdetect.gui.live_widgets import LampView

    theme = replace(context.theme, channel=dict.fromkeys(Channel, "#000000"), absent_hatch="#000000")
    pictures = []
    for presence in (None, *Presence):
        lamp = LampView(Channel.FACE, theme)
        qtbot.addWidget(lamp)
        lamp.resize(200, 40)
        lamp.show_lamp(Lamp(presence))
        shape = lamp.grab().toImage().copy(0, 0, 20, 40)
        pictures.append(bytes(shape.bits().asarray(shape.sizeInBytes())))
    assert len(set(pictures)) == 4


def test_a_provisional_row_says_so_and_a_settled_one_too(context: Context, qtbot: Any) -> None:
    from ahdetect.gui.live_widgets import WhyPanel

    panel = WhyPanel(context.theme)
    qtbot.addWidget(panel)
    lamps = {c: Lamp(Presence.PRESENT) for c in Channel}
    row = make_row(160)
    panel.show_row(replace(row, settled=False), lamps, hidden=False)
    assert "provisional" in panel.status.text()
    assert panel.cues.text().splitlines()[0] == "• a 'but': adds much, odds × 2.2"
    panel.show_row(row, lamps, hidden=False)
    assert "settled" in panel.status.text()
    silent = replace(row, top=(), states={c: ChannelState(Presence.PRESENT) for c in Channel})
    panel.show_row(silent, lamps, hidden=False)
    assert panel.cues.text() == "No single cue raises it now."


def test_both_themes_and_large_text_are_taken_over(live: Any, context: Context, qtbot: Any) -> None:
    context.set_theme("dark")
    qtbot.wait(50)
    assert live.tracks.theme.name == "dark"
    context.set_theme("light")
    assert live.tracks.theme.name == "light"
