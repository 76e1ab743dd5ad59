"""The review screen, driven by keys and mouse: opening, playing, going to words and segments, saying what is wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media import grey, number_of, tone, write_clip
from PyQt6.QtCore import QPoint, QSettings, Qt
from PyQt6.QtWidgets import QLabel, QPushButton
from timelines import FRAME_NS, make_rows, make_timeline

from ahdetect.capture.packets import Packet
from ahdetect.errors import MediaError
from ahdetect.export.tables import write_tables
from ahdetect.gui import opening
from ahdetect.gui.context import Context
from ahdetect.gui.opening import Cancelled, Step, find_analysis, load, markers, new_folder
from ahdetect.gui.review_model import ReviewModel
from ahdetect.gui.screens.review import ReviewScreen
from ahdetect.models.cues import Channel
from ahdetect.models.words import Word
from ahdetect.store.annotations import ANNOTATIONS, Verdict, read_annotations
from ahdetect.store.media import VideoFormat
from ahdetect.store.writer import SessionWriter
from ahdetect.timeline import NS_PER_S

SECONDS = 6.0
Key = Qt.Key


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "talk.mkv", grey(150), tone(300, SECONDS), fps=25.0)


@pytest.fixture
def analysis(tmp_path: Path, clip: Path) -> Path:
    """An analysis whose clip is there."""
    timeline = make_timeline(SECONDS)
    timeline.info |= {"source": {"name": clip.name, "path": str(clip.resolve())}, "duration_s": SECONDS}
    write_tables(timeline, tmp_path / "analysis")
    return tmp_path / "analysis"


@pytest.fixture
def context(tmp_path: Path, qtbot: Any) -> Context:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    context = Context(settings)
    context.plan.out = tmp_path / "sessions"
    return context


@pytest.fixture
def screen(context: Context, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReviewScreen]:
    """No sound device: the tests of the player have theirs."""
    monkeypatch.setattr("ahdetect.gui.player.open_sounddevice", _no_device)
    screen = ReviewScreen(context)
    screen.resize(1280, 900)
    qtbot.addWidget(screen)
    with qtbot.waitExposed(screen):
        screen.show()
    screen.activateWindow()
    screen.enter()
    yield screen
    screen.shutdown()
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("ahdetect-player", "ahdetect-review"))]
    assert not screen._timer.isActive()


def _no_device(*_: object) -> Any:
    raise OSError("no sound device")


@pytest.fixture
def opened(screen: ReviewScreen, context: Context, analysis: Path, qtbot: Any) -> ReviewScreen:
    context.open_folder(analysis)
    qtbot.waitUntil(lambda: screen.player is not None, timeout=10_000)
    return screen


def press(qtbot: Any, screen: ReviewScreen, key: Qt.Key, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    qtbot.keyClick(screen.window().focusWidget() or screen, key, modifier)


# -- opening


def test_it_opens_an_analysis_on_a_thread_and_goes_to_its_first_segment(opened: ReviewScreen, qtbot: Any) -> None:
    first = opened.model.timeline.segments[0]
    assert opened.model.cursor_s == pytest.approx(first.start_ns / NS_PER_S)
    assert opened.segments.rowCount() == 1
    assert opened.segments.item(0, 5).text() == first.words
    assert opened.tracks.cursor_s == pytest.approx(opened.model.cursor_s)
    qtbot.waitUntil(lambda: opened.video.frame is not None)
    shown = opened.video.frame
    assert shown is not None
    assert number_of(shown) == int(opened.model.cursor_s * 25 + 1e-6) % 50


def test_without_anything_open_it_says_what_can_be_opened(screen: ReviewScreen) -> None:
    texts = [w.text() for w in screen.findChildren((QLabel, QPushButton)) if w.isVisible()]  # type: ignore[call-overload]
    assert any("any clip" in t for t in texts)


def test_a_recorded_session_opens_with_its_own_pictures(
    screen: ReviewScreen, context: Context, tmp_path: Path, qtbot: Any
) -> None:
    folder = tmp_path / "recording"
    with SessionWriter(folder, {}, started_at=datetime.now(UTC), video=VideoFormat(64, 48)) as writer:
        for i, row in enumerate(make_rows(60)):
            writer.write_video(Packet("video", i, i * FRAME_NS, FRAME_NS, 0, np.full((48, 64, 3), 4 * i, np.uint8)))
            writer.write_row(row)
    context.open_folder(folder)
    qtbot.waitUntil(lambda: screen.player is not None, timeout=10_000)
    screen.go_to(30 * FRAME_NS / 1e9 + 0.001)
    qtbot.waitUntil(lambda: screen.video.frame is not None and abs(float(screen.video.frame.mean()) - 120) < 3)


def test_what_cannot_be_opened_is_a_banner_and_what_was_open_stays(
    opened: ReviewScreen, context: Context, tmp_path: Path, qtbot: Any
) -> None:
    said: list[tuple[str, str]] = []
    context.banner.connect(lambda level, text, _: said.append((level, text)))
    context.open_folder(tmp_path / "nothing")
    qtbot.waitUntil(lambda: any(level == "error" for level, _ in said), timeout=10_000)
    assert "There is no session folder" in said[-1][1]
    assert opened.player is not None
    assert opened.transcript.isVisible()


def test_a_clip_is_analysed_into_a_new_folder_with_progress(
    screen: ReviewScreen, context: Context, clip: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def analyze(path: Path, *, settings: Any, progress: Any) -> Any:
        progress(opening.Progress(3.0, 6.0))
        go_on.wait(10)
        timeline = make_timeline(SECONDS)
        timeline.info["source"] = {"name": path.name, "path": str(path.resolve())}
        return timeline

    monkeypatch.setattr(opening, "analyze", analyze)
    context.open_folder(None, clip)
    qtbot.waitUntil(lambda: screen._progress.value() == 500, timeout=10_000)
    assert "Analysing" in screen._progress_text.text()
    go_on.set()
    qtbot.waitUntil(lambda: screen.player is not None, timeout=10_000)
    folder = context.plan.out / "talk"
    assert context.folder == folder
    player = screen.player
    screen.leave()
    screen.enter()
    assert screen._opening is None
    assert screen.player is player
    assert sorted(p.name for p in folder.iterdir()) == ["events.jsonl", "frames.parquet", "session.json", "words.jsonl"]
    assert find_analysis(clip, [context.plan.out]) == folder
    assert new_folder(clip, context.plan.out) == context.plan.out / "talk-2"


def test_cancel_ends_an_analysis_and_leaves_nothing(
    screen: ReviewScreen, context: Context, clip: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def analyze(_: Path, *, settings: Any, progress: Any) -> Any:
        try:
            while True:
                progress(opening.Progress(1.0, 6.0))
                threading.Event().wait(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(opening, "analyze", analyze)
    context.open_folder(None, clip)
    qtbot.waitUntil(lambda: screen._progress.value() > 0, timeout=10_000)
    qtbot.mouseClick(screen._buttons["cancel"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: screen._opening is None, timeout=10_000)
    assert ended.is_set()
    assert screen._nothing.isVisible()
    assert not context.plan.out.exists()


def test_an_analysis_that_is_newer_than_its_clip_is_not_made_again(analysis: Path, clip: Path) -> None:
    assert find_analysis(clip, [analysis.parent]) == analysis
    assert find_analysis(analysis / "session.json", [analysis.parent]) is None


def test_the_last_of_several_wishes_is_opened_and_the_others_leave_nothing(
    screen: ReviewScreen, context: Context, analysis: Path, tmp_path: Path, qtbot: Any
) -> None:
    write_tables(make_timeline(SECONDS), tmp_path / "other")
    for folder in (analysis, tmp_path / "other") * 3:
        context.open_folder(folder)
    qtbot.waitUntil(lambda: screen.player is not None and not screen._given_up, timeout=10_000)
    assert screen.loaded is not None
    assert screen.loaded.session.folder == tmp_path / "other"
    assert len([t for t in threading.enumerate() if t.name.startswith("ahdetect-player")]) <= 1


def test_a_clip_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="There is no file"):
        opening.analyse(tmp_path / "gone.mp4", tmp_path, lambda _: None)


def test_loading_can_be_ended(analysis: Path) -> None:
    def tell(_: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        load(analysis, None, tell)


def test_an_analysis_whose_clip_is_gone_opens_and_says_so(analysis: Path, clip: Path) -> None:
    clip.unlink()
    loaded = load(analysis)
    assert (loaded.video, loaded.sound) == (None, None)
    assert "talk.mkv is not where it was" in loaded.notes[0]


# -- the model


def test_rows_are_made_when_asked_for_and_are_those_that_were_stored(analysis: Path) -> None:
    rows, whole = load(analysis).rows, make_timeline(SECONDS).rows
    assert len(rows) == len(whole)
    for at in (0, 57, len(whole) - 1, -1):
        assert (rows[at].id, rows[at].t_ns, rows[at].p) == (whole[at].id, whole[at].t_ns, whole[at].p)
    assert [r.id for r in rows[10:20]] == list(range(10, 20))
    assert [r.id for r in rows[10:20:3]] == [10, 13, 16, 19]
    with pytest.raises(IndexError):
        rows[len(whole)]


def test_the_evidence_of_a_stretch_names_cues_and_what_was_not_seen(analysis: Path) -> None:
    model = ReviewModel()
    model.take(load(analysis))
    segment = model.timeline.segments[0]
    found = {e.channel: e for e in model.evidence(segment.start_ns, segment.end_ns)}
    assert found[Channel.LANGUAGE].cues[0][0] == "a 'but'"
    assert found[Channel.LANGUAGE].log_odds > found[Channel.BODY].log_odds
    gone = {e.channel: e for e in model.evidence(round(4.9e9), round(5.3e9))}
    assert gone[Channel.FACE].unseen == (("no face", 1.0),)
    assert np.isnan(gone[Channel.FACE].log_odds)


def test_all_words_of_a_marker_phrase_are_marked() -> None:
    said = [
        Word(t, i * 10, i * 10 + 5, 0.9, True, 0) for i, t in enumerate(["I", "walked", "but", "I", "don't", "know"])
    ]
    found = markers(said)
    assert found[2] == ("contrast",)
    assert all("hedge" in names for names in found[3:])
    assert found[1] == ()


# -- moving about


def test_a_click_on_a_word_goes_there_and_marks_it(opened: ReviewScreen, qtbot: Any) -> None:
    word = opened.model.timeline.words[9]
    cursor = opened.transcript._cursor_of(9)
    cursor.setPosition(cursor.selectionStart() + 1)
    place = opened.transcript.cursorRect(cursor).center()
    qtbot.mouseClick(opened.transcript.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened.model.cursor_s == pytest.approx(word.start_ns / NS_PER_S)
    assert opened.transcript.now == 9


def test_the_current_word_follows_the_cursor(opened: ReviewScreen) -> None:
    for number in (0, 4, len(opened.model.timeline.words) - 1):
        opened.go_to(opened.model.timeline.words[number].start_ns / NS_PER_S + 0.01)
        assert opened.transcript.now == number
        assert opened.transcript.extraSelections()[0].cursor.selectedText() == (
            opened.model.timeline.words[number].text
        )
    opened.go_to(0.0)
    assert opened.transcript.now == -1


def test_marker_words_look_different_by_more_than_colour(opened: ReviewScreen) -> None:
    words = opened.model.timeline.words
    number = next(i for i, w in enumerate(words) if w.text == "um")
    assert opened.transcript.describe(number) == "Marker: filler"
    assert opened.transcript.describe(0) == "Marker: agreement"
    look = opened.transcript._looks.look
    assert look.fontItalic()
    assert look.fontUnderline() or look.underlineStyle() != look.UnderlineStyle.NoUnderline
    assert sum(map(len, opened.transcript._looks.spans.values())) == sum(bool(m) for m in markers(words))


@pytest.mark.parametrize(
    ("key", "shift", "to"),
    [
        (Key.Key_Period, False, 2.04),
        (Key.Key_Comma, False, 1.96),
        (Key.Key_L, False, 3.0),
        (Key.Key_J, False, 1.0),
        (Key.Key_Home, False, 0.0),
        (Key.Key_End, False, SECONDS),
    ],
)
def test_keys_move_the_cursor(opened: ReviewScreen, qtbot: Any, key: Qt.Key, shift: bool, to: float) -> None:
    opened.tracks.canvas.setFocus()
    opened.go_to(2.0)
    qtbot.waitUntil(lambda: opened.video.frame is not None and number_of(opened.video.frame) == 0)
    press(qtbot, opened, key)
    near = 2 * FRAME_NS / 1e9  # the end of the tracks is that of their last row
    qtbot.waitUntil(lambda: opened.model.cursor_s == pytest.approx(to, abs=near if to == SECONDS else 1e-3))


def test_playing_moves_cursor_picture_and_word_and_stops_at_the_end(opened: ReviewScreen, qtbot: Any) -> None:
    opened.tracks.canvas.setFocus()
    opened.change_speed(3)
    assert opened._speed.currentText() == "2 ×"
    opened.go_to(5.0)
    press(qtbot, opened, Key.Key_Space)
    qtbot.waitUntil(lambda: 5.2 < opened.model.cursor_s < 5.9, timeout=10_000)
    assert "Pause" in opened._buttons["play"].text()
    assert "no sound device" in opened._truth.text()
    qtbot.waitUntil(lambda: opened.player is not None and not opened.player.playing, timeout=10_000)
    qtbot.waitUntil(lambda: opened.model.cursor_s == pytest.approx(SECONDS))
    assert "Play" in opened._buttons["play"].text()


def test_leaving_the_screen_pauses(opened: ReviewScreen) -> None:
    assert opened.player is not None
    opened.player.play()
    opened.leave()
    assert not opened.player.playing
    opened.enter()


def test_the_panel_says_what_why_how_sure_and_what_was_not_seen(opened: ReviewScreen) -> None:
    opened.go_to(0.45 * SECONDS)
    said = opened._moment.said
    for part in ("Elevated", "model estimate", "80 % band", "a &#x27;but&#x27;, a pause", "In hindsight"):
        assert part in said, part
    opened.go_to(0.85 * SECONDS)
    assert "face absent (no face)" in opened._moment.said
    assert "is ambivalent" not in opened._moment.said


def test_the_evidence_of_the_chosen_segment_stands_beside_it(opened: ReviewScreen) -> None:
    said = opened._evidence.said
    assert "Segment 1: mean" in said
    assert "pressed lips" in said
    assert opened.model.timeline.segments[0].words[:12] in said


# -- the human tier


def sign(screen: ReviewScreen, qtbot: Any, by: str = "KM") -> None:
    qtbot.keyClicks(screen._by, by)
    screen.tracks.canvas.setFocus()


def test_a_segment_is_contested_by_a_key_and_the_dispute_is_stored(
    opened: ReviewScreen, analysis: Path, qtbot: Any
) -> None:
    before = (analysis / "events.jsonl").read_bytes()
    sign(opened, qtbot)
    qtbot.keyClicks(opened._note, "laughing")
    opened.tracks.canvas.setFocus()
    press(qtbot, opened, Key.Key_R)
    [said] = read_annotations(analysis)
    segment = opened.model.timeline.segments[0]
    assert (said.verdict, said.by, said.note) == (Verdict.REJECT, "KM", "laughing")
    assert said.model == (segment.start_ns, segment.end_ns)
    assert "✗ rejected KM" in opened.segments.item(0, 3).text()
    assert opened.loaded is not None
    assert "rejected KM: laughing" in opened.loaded.columns.human[0].label
    assert (analysis / "events.jsonl").read_bytes() == before


def test_without_initials_nothing_is_stored_and_it_asks_for_them(
    opened: ReviewScreen, analysis: Path, qtbot: Any
) -> None:
    qtbot.mouseClick(opened._buttons["accept"], Qt.MouseButton.LeftButton)
    assert not (analysis / ANNOTATIONS).exists()
    assert "initials" in opened._message.text()
    assert opened.focusWidget() is opened._by


def test_in_and_out_by_keys_correct_the_borders(opened: ReviewScreen, analysis: Path, qtbot: Any) -> None:
    sign(opened, qtbot)
    assert not opened._buttons["correct"].isEnabled()
    opened.go_to(1.5)
    press(qtbot, opened, Key.Key_I)
    opened.go_to(2.5)
    press(qtbot, opened, Key.Key_O)
    press(qtbot, opened, Key.Key_C)
    [said] = read_annotations(analysis)
    assert (said.verdict, said.start_ns, said.end_ns) == (Verdict.CORRECT, 1_500_000_000, 2_500_000_000)


def test_a_shift_drag_on_the_tracks_chooses_a_stretch_that_can_be_added(
    opened: ReviewScreen, analysis: Path, qtbot: Any
) -> None:
    sign(opened, qtbot)
    canvas, shift = opened.tracks.canvas, Qt.KeyboardModifier.ShiftModifier
    a, b = (QPoint(round(canvas.x_at(t)), 20) for t in (4.0, 5.0))
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, shift, a)
    qtbot.mouseMove(canvas, QPoint((a.x() + b.x()) // 2, 20))
    qtbot.mouseMove(canvas, b)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, shift, b)
    press(qtbot, opened, Key.Key_N)
    [said] = read_annotations(analysis)
    assert said.verdict is Verdict.ADD
    assert (said.start_ns / 1e9, said.end_ns / 1e9) == (pytest.approx(4.0, abs=0.05), pytest.approx(5.0, abs=0.05))
    assert said.model is None


def test_undo_and_redo_by_keys(opened: ReviewScreen, analysis: Path, qtbot: Any) -> None:
    sign(opened, qtbot)
    control = Qt.KeyboardModifier.ControlModifier
    press(qtbot, opened, Key.Key_A)
    press(qtbot, opened, Key.Key_Z, control)
    assert read_annotations(analysis) == []
    assert opened.human.rowCount() == 0
    press(qtbot, opened, Key.Key_Y, control)
    assert [h.verdict for h in read_annotations(analysis)] == [Verdict.ACCEPT]
    lines = (analysis / ANNOTATIONS).read_text().splitlines()
    assert [json.loads(line).get("why", "") for line in lines] == ["", "undo", "redo"]


def test_what_was_said_is_there_when_the_session_is_opened_again(
    opened: ReviewScreen, context: Context, analysis: Path, qtbot: Any
) -> None:
    sign(opened, qtbot)
    press(qtbot, opened, Key.Key_A)
    player = opened.player
    opened.open(analysis)
    qtbot.waitUntil(lambda: opened.player is not player and opened.player is not None, timeout=10_000)
    assert opened.human.rowCount() == 1
    assert "accepted" in opened.human.item(0, 0).text()
    assert context.settings.value("initials") == "KM"


def test_a_choice_in_the_human_tier_goes_there_and_can_be_withdrawn(
    opened: ReviewScreen, analysis: Path, qtbot: Any
) -> None:
    sign(opened, qtbot)
    opened._set_marks(4.0, 5.0, by_user=True)
    opened.add()
    opened.go_to(0.0)
    opened.human.setCurrentCell(-1, -1)
    opened.human.setCurrentCell(0, 0)
    assert opened.model.cursor_s == 4.0
    opened.withdraw()
    assert read_annotations(analysis) == []
    assert not opened._buttons["withdraw"].isEnabled()


def test_a_disk_that_refuses_is_told_and_nothing_is_shown_as_said(
    opened: ReviewScreen, analysis: Path, qtbot: Any
) -> None:
    (analysis / ANNOTATIONS).mkdir()
    sign(opened, qtbot)
    press(qtbot, opened, Key.Key_A)
    assert "not stored" in opened._message.text()
    assert opened.human.rowCount() == 0


def test_letters_typed_into_a_field_are_no_commands(opened: ReviewScreen, analysis: Path, qtbot: Any) -> None:
    sign(opened, qtbot)
    opened._note.setFocus()
    qtbot.keyClicks(opened._note, "a rain check, no")
    assert opened._note.text() == "a rain check, no"
    assert not (analysis / ANNOTATIONS).exists()
    assert opened.player is not None
    assert not opened.player.playing


# -- for everybody


def test_every_control_has_a_name_and_can_be_reached_by_tab(opened: ReviewScreen) -> None:
    from PyQt6.QtWidgets import QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit

    kinds = (QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit)
    controls = [
        w
        for kind in kinds
        for w in opened._content.findChildren(kind)
        if w.isVisibleTo(opened) and not w.objectName().startswith("qt_") and w.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert len(controls) > 15
    assert [w for w in controls if not (w.accessibleName() or (isinstance(w, QAbstractButton) and w.text()))] == []
    walked, at = set(), opened._by
    for _ in range(400):
        at = at.nextInFocusChain()
        walked.add(at)
    assert [w for w in controls if w not in walked] == []


def test_mnemonics_are_not_given_twice(opened: ReviewScreen) -> None:
    from collections import Counter

    texts = [b.text() for b in opened._content.findChildren(QPushButton)]
    texts += [label.text() for label in opened._content.findChildren(QLabel) if label.buddy() is not None]
    texts += [opened._tabs.tabText(i) for i in range(opened._tabs.count())]
    letters = Counter(t[t.index("&") + 1].lower() for t in texts if "&" in t)
    assert [letter for letter, n in letters.items() if n > 1 or letter in "fgvh"] == []
