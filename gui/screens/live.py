"""Live screen: what the live model knows flows in thirty times a second; picture, tracks, reasons and prompts flow out.

Keys act while this screen has the keyboard and no field is being written in: N, B, Space or Enter for prompts, 1 to 9
and M for markers, Q for quiet mode. All work of the session is behind `LiveModel`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from ahdetect.gui.context import Context
from ahdetect.gui.live_model import RUNNING, LiveModel, Snapshot, State
from ahdetect.gui.live_widgets import PromptPanel, Side, SideArea, WhyPanel, heading, lamp_row, plain, put
from ahdetect.gui.live_words import PROGRESS, STATES, clock, disk_text, notice_text, truth_line
from ahdetect.gui.screens import Screen
from ahdetect.gui.theme import Theme
from ahdetect.gui.tracks import TracksView
from ahdetect.gui.video_view import VideoView

translate = QCoreApplication.translate

TICK_MS: Final = 33
WORDS_EVERY: Final = 8
"""Words and numbers change four times a second: faster nobody reads, and laying text out costs."""
FADE_TICKS: Final = 600
"""That a device is back stands for 20 s; that it was gone stays in the tracks."""
SPAN_S: Final = 60.0
DIGITS: Final = {Qt.Key(Qt.Key.Key_0.value + n): str(n) for n in range(1, 10)}
ENDS: Final = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class LiveScreen(Screen):
    """Records and shows a session.

    Args:
        context: devices, plan, messages.
        model: what is shown; a test brings one.
    """

    def __init__(self, context: Context, model: LiveModel | None = None) -> None:
        super().__init__(context)
        self.model = model or LiveModel()
        self._tick = 0
        self._state: State | None = None
        self._said: set[str] = set()
        self._fading: dict[str, int] = {}  # good news, and the tick at which it makes room
        self._to_review = True
        self._marked_ns = 0
        self._asking: QMessageBox | None = None
        self._columns: object = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(translate("LiveScreen", "Live"))
        self._build()
        self.timer = QTimer(self)
        self.timer.setInterval(TICK_MS)
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self.paint)
        context.theme_changed.connect(self._themed)
        self.paint()

    # -- the walk

    def enter(self) -> None:
        """Begin to paint."""
        self.timer.start()
        self.setFocus()
        if not self.model.busy:
            self.quiet.setChecked(self.context.plan.quiet)
        self._tick = 0
        self.paint()

    def leave(self) -> None:
        """Stop to paint, unless files are still being finished."""
        if not self.model.busy:
            self.timer.stop()

    def may_leave(self) -> bool:
        """While recording: ask, and stop where the answer is yes."""
        if self.model.state not in (*RUNNING, State.STARTING):
            return True
        box = self._question(
            translate("LiveScreen", "A recording is running."),
            translate("LiveScreen", "Stop it and finish its files? Nothing that was recorded is lost."),
        )
        stop = box.addButton(translate("LiveScreen", "&Stop and finish the files"), QMessageBox.ButtonRole.AcceptRole)
        keep = box.addButton(translate("LiveScreen", "&Keep recording"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        box.exec()
        if box.clickedButton() is not stop:
            return False
        self._to_review = False
        self.model.stop()
        return True

    def finish(self) -> str:
        """Stop what runs; says what is being finished until it is."""
        if self.model.state in (*RUNNING, State.STARTING):
            self._to_review = False
            self.model.stop()
        self._tell()
        return translate("LiveScreen", "finishing the files of the recording") if self.model.busy else ""

    def shutdown(self) -> None:
        """Finish what is left, and end the model's thread."""
        self.timer.stop()
        if self._asking is not None:
            self._asking.close()
        self.model.close()

    # -- painting

    def paint(self) -> None:
        """One beat of the screen's one timer."""
        now = self.model.snapshot()
        self._tell()
        if now.state is not self._state:
            self._changed(now)
        if self.isVisible():
            self._show_moving(now)
            if self._tick % WORDS_EVERY == 0:
                self._show_words(now)
        elif not self.model.busy:
            self.timer.stop()
        self._tick += 1

    def _show_moving(self, now: Snapshot) -> None:
        if now.frame is not self.video.frame or now.frame is None:
            note = self._note(now)
            if now.frame is not None or self.video.frame is not None or note != self.video.note:
                self.video.show_frame(now.frame, now.overlay, note)
        if self._columns is not self.model.columns:
            self._columns = self.model.columns
            self.tracks.set_columns(self.model.columns)
        if now.state in RUNNING:
            self.tracks.follow(now.elapsed_s, SPAN_S)
        self.tracks.refresh()

    def _show_words(self, now: Snapshot) -> None:
        recording = now.state in RUNNING
        put(self.elapsed, clock(now.elapsed_s) if now.state not in (State.IDLE, State.STARTING, State.FAILED) else "")
        put(self.disk, disk_text(now.disk) if now.disk is not None and recording else "")
        put(self.truth, truth_line(now.truth) if recording else self._plan())
        for channel, lamp in self.lamps.items():
            lamp.show_lamp(now.lamps[channel])
        self.why.show_row(now.row, now.lamps, hidden=self.hidden)
        prompts = self.model.prompts if self.model.busy else self.context.plan.prompts
        self.prompts.show_prompt(prompts, now.asked, recording=now.state is State.RECORDING)

    def _changed(self, now: Snapshot) -> None:
        """Another state: what can be pressed, and what comes next."""
        before, self._state = self._state, now.state
        recording, busy = now.state in RUNNING, self.model.busy
        self.start.setEnabled(not busy)
        self.pause.setEnabled(recording)
        self.pause.setText(
            translate("LiveScreen", "&Resume") if now.state is State.PAUSED else translate("LiveScreen", "&Pause")
        )
        self.stop.setEnabled(recording or now.state is State.STARTING)
        self.delete.setEnabled(recording)
        self.marks.setEnabled(recording)
        if not recording:
            self._close_note()
        if self._asking is not None and not recording:
            self._asking.close()
        self._apply_quiet()
        self._show_state(now)
        self._show_words(now)
        if now.state is State.FAILED:
            self._say("error", now.error, "live")
        if now.state is State.ENDED and before is not None:
            self.context.consent = None  # of this session; for the next one it is asked for anew
            if now.folder is not None:
                self._ended(now)

    def _ended(self, now: Snapshot) -> None:
        assert now.folder is not None
        if self._to_review and self.isVisible():
            self.context.open_folder(now.folder)
        else:
            text = translate("LiveScreen", "The recording is finished: {folder}.")
            self._say("info", text.format(folder=now.folder), "recording")

    def _show_state(self, now: Snapshot) -> None:
        text = translate("LiveScreen", STATES[now.state])
        if now.state is State.STARTING and now.progress:
            text = translate("LiveScreen", PROGRESS[now.progress])
        put(self.state_label, text)
        self.state_label.setProperty("role", "error" if now.state is State.FAILED else "heading")

    def _note(self, now: Snapshot) -> str:
        """What stands in the picture's place."""
        if now.frame is not None:
            return ""
        notes = {
            State.IDLE: translate("LiveScreen", "Start begins to record."),
            State.FAILED: now.error,
            State.PAUSED: translate("LiveScreen", "Paused: nothing is recorded or analysed."),
            State.RECORDING: translate("LiveScreen", "The camera is gone. It is tried again until it is back.")
            if "camera" in now.lost
            else translate("LiveScreen", "No picture."),
            State.STARTING: translate("LiveScreen", PROGRESS.get(now.progress, "")) if now.progress else "",
        }
        if now.state is State.STARTING:
            self._show_state(now)
        return notes.get(now.state, translate("LiveScreen", STATES[now.state]))

    def _plan(self) -> str:
        """What Start will record, before it does."""
        choice, plan = self.context.choice, self.context.plan
        text = translate("LiveScreen", "Camera {video}, microphone {audio}, into {folder}").format(
            video=choice.video, audio=choice.audio, folder=plan.out
        )
        if plan.profile:
            text += "; " + translate("LiveScreen", "person {name}, with their calibration if there is one").format(
                name=plan.profile
            )
        return text

    def _tell(self) -> None:
        """Banners for what happened since the last beat."""
        while self.model.notices:
            level, text, key = notice_text(self.model.notices.popleft())
            self._say(level, text, key)
            self._fading.pop(key, None)
            if level == "info" and self.model.state in RUNNING:
                self._fading[key] = self._tick + FADE_TICKS
        for key in [key for key, at in self._fading.items() if at <= self._tick]:
            del self._fading[key]
            self._say("info", "", key)

    def _say(self, level: str, text: str, key: str) -> None:
        self._said.add(key)
        self.context.say(level, text, key)

    # -- quiet mode

    @property
    def hidden(self) -> bool:
        """Whether scores are hidden now."""
        return self.quiet.isChecked() and self.model.busy

    def _apply_quiet(self) -> None:
        if self.tracks.hidden_scores != self.hidden:
            self.tracks.hidden_scores = self.hidden
        self._show_words(self.model.snapshot())

    # -- what the buttons do

    def _start(self) -> None:
        for key in self._said:
            self.context.say("info", "", key)
        self._said.clear()
        if self.context.consent is None:
            text = translate("LiveScreen", "Nothing is recorded without consent: it is asked for in Set-up.")
            self._say("warning", text, "consent")
            self.context.go.emit("setup")
            return
        self._to_review = True
        self.model.consent, self.model.keys = self.context.consent, self.context.keys
        self.model.start(self.context.choice, self.context.plan)
        self.paint()
        self.prompts.setFocus()

    def _pause(self) -> None:
        if self.model.state is State.PAUSED:
            self.model.resume()
        else:
            self.model.pause()
        self.paint()

    def _stop(self) -> None:
        self.model.stop()
        self.paint()

    def _ask_delete(self) -> None:
        """Ask with the folder's name; the recording goes on meanwhile."""
        folder = self.model.snapshot().folder
        if folder is None or self._asking is not None:
            return
        title = translate("LiveScreen", "Stop and delete “{folder}”?").format(folder=folder.name)
        box = self._question(
            title, translate("LiveScreen", "Video, sound, words and estimates of this recording are deleted for good.")
        )
        delete = box.addButton(translate("LiveScreen", "&Delete all files"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(translate("LiveScreen", "&Keep recording"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        self._asking = box

        def answered() -> None:
            self._asking = None
            if box.clickedButton() is delete:
                self.model.stop_and_delete()
                self.context.consent = None
                self.paint()
            box.deleteLater()

        box.finished.connect(answered)
        box.open()

    def _question(self, title: str, text: str) -> QMessageBox:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(title)
        box.setText(title)
        box.setInformativeText(text)
        return box

    # -- prompts and markers

    def _step_prompt(self, by: int) -> None:
        if self.model.state is State.RECORDING:
            self.model.prompt(self.model.snapshot().asked.number + by)
            self._show_words(self.model.snapshot())
            self.side.ensureWidgetVisible(self.prompts)
            self.prompts.setFocus()

    def _prompt_ended(self) -> None:
        self.model.prompt_ended()
        self._show_words(self.model.snapshot())

    def _mark(self, note: str, t_ns: int | None = None) -> None:
        if self.model.state not in RUNNING:
            return
        at = self.model.now_ns() if t_ns is None else t_ns
        self.model.mark(note, at)
        text = (
            translate("LiveScreen", "Marker “{note}” at {time}.")
            if note
            else translate("LiveScreen", "Marker at {time}.")
        )
        put(self.marked, text.format(note=note, time=clock(at / 1e9)))

    def _open_note(self) -> None:
        """A marker at this moment, whose note is written while everything goes on."""
        if self.model.state not in RUNNING:
            return
        self._marked_ns = self.model.now_ns()
        self.note.clear()
        self.note.setPlaceholderText(
            translate("LiveScreen", "Note for the marker at {time}; Enter sets it, Esc does not").format(
                time=clock(self._marked_ns / 1e9)
            )
        )
        self.note.show()
        self.note.setFocus()

    def _close_note(self) -> None:
        if self.note.isVisibleTo(self):
            self.note.hide()
            self.prompts.setFocus()

    def _set_note(self) -> None:
        self._mark(self.note.text().strip(), self._marked_ns)
        self._close_note()

    # -- keys

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        """Single keys; with Ctrl, Alt or Meta they belong to menus and buttons."""
        assert event is not None
        plain_key = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        act = self._acts().get(Qt.Key(event.key())) if plain_key == Qt.KeyboardModifier.NoModifier else None
        if act is None:
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():
            act()

    def _acts(self) -> dict[Qt.Key, Callable[[], None]]:
        acts: dict[Qt.Key, Callable[[], None]] = {
            Qt.Key.Key_N: lambda: self._step_prompt(1),
            Qt.Key.Key_B: lambda: self._step_prompt(-1),
            Qt.Key.Key_Q: self.quiet.toggle,
            Qt.Key.Key_M: self._open_note,
        }
        acts |= dict.fromkeys(ENDS, self._prompt_ended)
        return acts | {key: lambda digit=digit: self._mark(digit) for key, digit in DIGITS.items()}

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Esc leaves the note."""
        pressed = watched is self.note and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if pressed and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self._close_note()
            return True
        return super().eventFilter(watched, event)

    # -- building

    def _build(self) -> None:
        theme = self.context.theme
        self.video = VideoView()
        self.tracks = TracksView(theme)
        self.why, self.prompts = WhyPanel(theme), PromptPanel()
        lamps, self.lamps = lamp_row(theme)
        self.prompts.next_wanted.connect(lambda: self._step_prompt(1))
        self.prompts.back_wanted.connect(lambda: self._step_prompt(-1))
        self.prompts.ended.connect(self._prompt_ended)
        upper, split = QSplitter(Qt.Orientation.Horizontal), QSplitter(Qt.Orientation.Vertical)
        upper.addWidget(self.video)
        self.side = SideArea(Side(self.why, self.prompts))
        upper.addWidget(self.side)
        upper.setSizes([400, 860])
        split.addWidget(upper)
        split.addWidget(self.tracks)
        split.setSizes([260, 500])
        split.setStretchFactor(1, 1)
        for splitter in (upper, split):
            splitter.setChildrenCollapsible(False)
        page = QVBoxLayout(self)
        page.setContentsMargins(8, 4, 8, 6)
        page.addLayout(self._controls())
        page.addWidget(lamps)
        page.addWidget(split, 1)
        page.addWidget(self._markers())

    def _controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.state_label, self.elapsed, self.disk = heading(""), QLabel(), QLabel()
        self.state_label.setAccessibleName(translate("LiveScreen", "State of the recording"))
        self.elapsed.setProperty("role", "number")
        self.elapsed.setAccessibleName(translate("LiveScreen", "Time since the start"))
        self.disk.setProperty("role", "faint")
        self.disk.setAccessibleName(translate("LiveScreen", "Disk space"))
        self.disk.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.start = self._button(translate("LiveScreen", "&Start"), self._start)
        self.start.setProperty("role", "primary")
        self.pause = self._button(translate("LiveScreen", "&Pause"), self._pause)
        self.stop = self._button(translate("LiveScreen", "S&top"), self._stop)
        self.delete = self._button(translate("LiveScreen", "Stop and &delete…"), self._ask_delete)
        self.quiet = self._button(translate("LiveScreen", "&Quiet"), None)
        self.quiet.setCheckable(True)
        self.quiet.setToolTip(translate("LiveScreen", "Hide all estimates while recording (key Q)"))
        self.quiet.toggled.connect(self._apply_quiet)
        for widget in (self.start, self.pause, self.stop, self.delete, self.quiet, self.state_label, self.elapsed):
            row.addWidget(widget)
        row.addWidget(self.disk, 1)
        return row

    def _markers(self) -> QWidget:
        self.marks, row = QWidget(), QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        self.marker = self._button(translate("LiveScreen", "&Marker…"), self._open_note)
        self.marker.setToolTip(translate("LiveScreen", "Key M; keys 1 to 9 set a marker with that number at once"))
        self.note, self.marked = QLineEdit(), QLabel()
        self.note.setAccessibleName(translate("LiveScreen", "Note for the marker"))
        self.note.setMaxLength(200)
        self.note.hide()
        self.note.returnPressed.connect(self._set_note)
        self.note.installEventFilter(self)
        self.truth = plain("", translate("LiveScreen", "Line of truth"))
        self.truth.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.marker)
        row.addWidget(self.note, 2)
        row.addWidget(self.marked)
        row.addWidget(self.truth, 3)
        self.marks.setLayout(row)
        return self.marks

    def _button(self, text: str, do: Callable[[], None] | None) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(True)  # Enter presses it, as Space does
        if do is not None:
            button.clicked.connect(lambda _=False: do())
        return button

    def _themed(self, theme: Theme) -> None:
        self.tracks.set_theme(theme)
        self.why.set_theme(theme)
        for lamp in self.lamps.values():
            lamp.set_theme(theme)
