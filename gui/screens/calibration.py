"""Calibration screen: what the calibration model knows flows in; text to read, bars, a verdict and choices flow out.

A minute of neutral talk shows what is usual for one person with this camera and microphone. Everything that takes time
is behind `CalibrationModel`; one timer paints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PyQt6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PyQt6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ahdetect.gui.calibration_model import CalibrationModel, Snapshot, State
from ahdetect.gui.calibration_widgets import GatheredView, VersionTable
from ahdetect.gui.calibration_words import PROGRESS, STATES, guide_text, missing_text, said
from ahdetect.gui.context import Context
from ahdetect.gui.live_widgets import heading, plain, put
from ahdetect.gui.screens import Screen
from ahdetect.gui.terms import reason_text
from ahdetect.gui.theme import Theme
from ahdetect.gui.video_view import VideoView
from ahdetect.store.consent import Purpose

translate = QCoreApplication.translate

TICK_MS: Final = 33
WORDS_EVERY: Final = 8
"""Words and bars change four times a second."""
PICTURE_AT: Final = 5
"""Place of the picture below what is to be done."""
NARROW: Final = 55
"""Letters that each half is wide at least; narrower ones stand under each other."""


class CalibrationScreen(Screen):
    """Guides one person through a calibration and keeps its versions.

    Args:
        context: devices, plan, messages.
        model: what is shown; a test brings one.
    """

    def __init__(self, context: Context, model: CalibrationModel | None = None) -> None:
        super().__init__(context)
        self.model = model or CalibrationModel()
        self._tick = 0
        self._state: State | None = None
        self.buttons: dict[str, QPushButton] = {}
        self.setAccessibleName(translate("CalibrationScreen", "Calibration"))
        self._build()
        self.timer = QTimer(self)
        self.timer.setInterval(TICK_MS)
        self.timer.timeout.connect(self.paint)
        context.theme_changed.connect(self._themed)
        self.paint()

    # -- the walk

    def enter(self) -> None:
        """Look for the person's versions, begin to paint."""
        self.model.choose(self.context.plan.profile)
        self._tick = 0
        self.timer.start()
        self.paint()

    def leave(self) -> None:
        """Let the devices go; what was gathered is judged and waits here."""
        self.model.stop()
        self.timer.stop()

    def finish(self) -> str:
        """Stop what runs; says so until the devices are free."""
        self.model.stop()
        return translate("CalibrationScreen", "ending the calibration") if self.model.busy else ""

    def shutdown(self) -> None:
        """End the model's threads."""
        self.timer.stop()
        self.model.close()

    # -- painting

    def paint(self) -> None:
        """One beat of the screen's one timer."""
        now = self.model.snapshot()
        while self.model.messages:
            level, text = self.model.messages.popleft()
            self.context.say(level, reason_text(text), "calibration")
        self._arrange()
        _show(self.video, now.state in (State.STARTING, State.GATHERING))
        if now.frame is not self.video.frame or now.frame is None:
            note = "" if now.frame is not None else self._note(now)
            if now.frame is not None or self.video.frame is not None or note != self.video.note:
                self.video.show_frame(now.frame, now.overlay, note)
        if now.state is not self._state:
            self._changed(now)
        elif self._tick % WORDS_EVERY == 0:
            self._show_words(now)
        self._tick += 1

    def _changed(self, now: Snapshot) -> None:
        """Another state: what can be pressed, and which button is the one to press next."""
        before, self._state = self._state, now.state
        if now.state is State.FAILED:
            self.context.say("error", now.error, "calibration")
        elif before is State.FAILED:
            self.context.say("info", "", "calibration")
        self._show_words(now)
        if self.isVisible() and now.state in (State.JUDGED, State.ACCEPTED):
            key = "accept" if now.state is State.JUDGED and self.buttons["accept"].isEnabled() else "redo"
            self.buttons["live" if now.state is State.ACCEPTED else key].setFocus()
        elif self.isVisible() and now.state is State.GATHERING:
            self.buttons["next"].setFocus()

    def _show_words(self, now: Snapshot) -> None:
        put(self.title, self._titled(now))
        state = translate("CalibrationScreen", STATES[now.state])
        if now.state is State.STARTING and now.progress:
            state = translate("CalibrationScreen", PROGRESS[now.progress])
        if now.state is State.GATHERING and now.gathered:
            least = min(one.share for one in now.gathered)
            state = translate("CalibrationScreen", "Gathering, {share:.0%}").format(share=least)
        put(self.state_label, state)
        self._show_step(now)
        self.gathered.show_gathered(now.gathered)
        _show(self.gathered, bool(now.gathered))
        gathering = now.state is State.GATHERING
        _say(self.missing, missing_text(now.missing) if gathering and now.gathered else "")
        _say(self.judgement, self._judged(now))
        _say(self.verdict, "\n".join(said(s) for s in now.verdict.sentences) if now.verdict is not None else "")
        _show(self.gathered_title, bool(now.gathered))
        self.versions.show_versions(now.versions, now.in_use)
        for widget in (self.versions, self.buttons["rollback"]):
            _show(widget, len(now.versions) > 1)
        _show(self._rest, len(now.versions) <= 1)
        _say(self.no_versions, "" if len(now.versions) > 1 else self._without(now))
        _say(self.not_agreed, self._disagreed(now))
        self._enable(now)

    def _show_step(self, now: Snapshot) -> None:
        step = now.step
        if step is None:
            put(self.step_title, self._what_now(now))
            put(self.ask, self._around(now))
            _say(self.text, "")
            _show(self.step_bar, False)
            return
        title = translate("CalibrationScreen", "Step {number} of {count}: {title}")
        put(self.step_title, title.format(number=now.step_number, count=now.steps, title=guide_text(step.title)))
        put(self.ask, guide_text(step.ask))
        _say(self.text, guide_text(step.text) if step.text else "")
        _show(self.step_bar, True)
        self.step_bar.setValue(round(1000 * (1 - min(1.0, now.left_s / step.seconds))))
        left = translate("CalibrationScreen", "{left:.0f} s left").format(left=now.left_s)
        self.step_bar.setFormat(left)

    def _what_now(self, now: Snapshot) -> str:
        if now.state is State.JUDGED:
            return translate("CalibrationScreen", "What now?")
        if now.state is State.ACCEPTED:
            return translate("CalibrationScreen", "Done")
        return translate("CalibrationScreen", "How it goes")

    def _around(self, now: Snapshot) -> str:
        """What to know before the first step and after the last."""
        if now.state is State.JUDGED:
            return translate(
                "CalibrationScreen",
                "Look at the verdict. Accept keeps it as a new version; Redo begins anew and keeps nothing of it.",
            )
        if now.state is State.ACCEPTED:
            return translate(
                "CalibrationScreen", "The live session uses it from now on. Older versions stay in the list."
            )
        lines = [
            translate(
                "CalibrationScreen",
                "About {seconds:.0f} seconds: read a plain text aloud, then answer a plain question. Neither is about "
                "the behaviour that the session is about.",
            ).format(seconds=now.aim_s),
            translate(
                "CalibrationScreen",
                "It learns what is usual for this person with this camera and microphone, so that what is usual for "
                "them is not taken for a sign.",
            ),
            translate(
                "CalibrationScreen",
                "It does not learn what ambivalence looks like in this person, and it says nothing about them by "
                "itself.",
            ),
            translate("CalibrationScreen", "Nothing is recorded: only numbers are kept, under the pseudonym."),
            translate(
                "CalibrationScreen",
                "Do it again in another room or light, with another camera, microphone or glasses, or when the person "
                "is ill.",
            ),
        ]
        return "\n\n".join(lines)

    def _judged(self, now: Snapshot) -> str:
        if now.verdict is None:
            return ""
        if now.verdict.good and not self._agreed:
            return translate(
                "CalibrationScreen",
                "Good enough, but the person did not agree to adaptation in Set-up: it cannot be kept.",
            )
        if now.verdict.good:
            return translate("CalibrationScreen", "Good enough to be used.")
        return translate("CalibrationScreen", "Not good enough to be used: do it again, or go on without.")

    @property
    def _agreed(self) -> bool:
        """Whether the person said yes to keeping what is usual for them."""
        consent = self.context.consent
        return consent is not None and consent.allows(Purpose.ADAPTATION)

    def _disagreed(self, now: Snapshot) -> str:
        """That nothing can be learned yet, before anybody has talked for nothing."""
        if self._agreed or not now.profile or now.state not in (State.IDLE, State.FAILED):
            return ""
        return translate(
            "CalibrationScreen",
            "The person has not agreed to adaptation yet, so nothing about them may be kept: ask them in Set-up.",
        )

    def _titled(self, now: Snapshot) -> str:
        if not now.profile:
            return translate("CalibrationScreen", "Calibration")
        return translate("CalibrationScreen", "Calibration of {name}").format(name=now.profile)

    def _without(self, now: Snapshot) -> str:
        if not now.profile:
            return translate(
                "CalibrationScreen",
                "No person is chosen. Give a pseudonym under Person in Set-up, so that the calibration can be kept.",
            )
        return translate(
            "CalibrationScreen", "There is no calibration of {name} yet: the population's values are used."
        ).format(name=now.profile)

    def _note(self, now: Snapshot) -> str:
        """What stands in the picture's place."""
        if now.state is State.GATHERING:
            return translate("CalibrationScreen", "No picture.")
        if now.state is State.STARTING and now.progress:
            return translate("CalibrationScreen", PROGRESS[now.progress])
        return translate("CalibrationScreen", "The camera is off.")

    def _enable(self, now: Snapshot) -> None:
        devices = (self.context.choice.video, self.context.choice.audio) != ("none", "none")
        free = not self.model.busy
        chosen = self.versions.chosen
        fresh = now.state not in (State.JUDGED, State.ACCEPTED)
        can = {
            "start": free and fresh and devices and bool(now.profile) and self._agreed,
            "next": now.state is State.GATHERING,
            "stop": now.state in (State.STARTING, State.GATHERING),
            "accept": now.state is State.JUDGED and now.verdict is not None and now.verdict.good and self._agreed,
            "redo": now.state in (State.GATHERING, State.JUDGED, State.ACCEPTED) and devices,
            "rollback": free and chosen is not None and chosen.number != now.in_use,
        }
        for key, possible in can.items():
            if self.buttons[key].isEnabled() != possible:
                self.buttons[key].setEnabled(possible)
        wanted = ("accept", "next", "redo", "start") if now.state is not State.ACCEPTED else ()
        next_one = next((key for key in wanted if can[key]), "live")
        for key in ("start", "next", "accept", "redo", "live"):
            _emphasise(self.buttons[key], key == next_one)
        live = translate("CalibrationScreen", "S&kip")
        if now.state is State.ACCEPTED or now.in_use:
            live = translate("CalibrationScreen", "Go on to &live")
        if self.buttons["live"].text() != live:
            self.buttons["live"].setText(live)
            self.buttons["live"].setAccessibleName(live.replace("&", ""))

    # -- what the buttons do

    def _start(self) -> None:
        self.context.say("info", "", "calibration")
        self.model.start(self.context.choice)
        self.paint()

    def _do(self, act: Callable[[], None]) -> None:
        act()
        self.paint()

    def _rollback(self) -> None:
        version = self.versions.chosen
        if version is not None:
            self.model.roll_back(version.number)
            self.paint()

    # -- building

    def _build(self) -> None:
        self.title, self.state_label = plain("title"), heading("")
        self.video = VideoView()
        self.video.setAccessibleName(translate("CalibrationScreen", "Picture of the camera"))
        self.video.mirror = True
        self.step_title, self.ask, self.text = heading(""), plain(), plain("number")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.step_bar = QProgressBar()
        self.step_bar.setRange(0, 1000)
        self.step_bar.setAccessibleName(translate("CalibrationScreen", "Time left in this step"))
        self.gathered = GatheredView(self.context.theme)
        self.not_agreed = plain("warning")
        self.missing, self.judgement, self.verdict, self.no_versions = (
            plain(),
            plain("heading"),
            plain(),
            plain("faint"),
        )
        self.versions = VersionTable()
        self.versions.itemSelectionChanged.connect(lambda: self._enable(self.model.snapshot()))
        page, column = QWidget(), QVBoxLayout()
        page.setLayout(column)
        column.addLayout(self._head())
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._halves.setSpacing(16)
        self._halves.addWidget(self._task(), 1)
        self._halves.addWidget(self._state_of_things(), 1)
        column.addLayout(self._halves, 1)
        area, around = QScrollArea(), QVBoxLayout(self)
        area.setWidgetResizable(True)
        area.setWidget(page)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(area)
        self._fit()

    def _head(self) -> QVBoxLayout:
        column, names, row = QVBoxLayout(), QHBoxLayout(), QHBoxLayout()
        names.addWidget(self.title, 1)
        names.addWidget(self.state_label)
        for key, text, tip, act in (
            ("start", translate("CalibrationScreen", "&Start"), "", self._start),
            (
                "next",
                translate("CalibrationScreen", "&Next step"),
                translate("CalibrationScreen", "Done with this one before its time is over"),
                lambda: self._do(self.model.next_step),
            ),
            (
                "stop",
                translate("CalibrationScreen", "S&top"),
                translate("CalibrationScreen", "Judge what was gathered so far"),
                lambda: self._do(self.model.stop),
            ),
            (
                "accept",
                translate("CalibrationScreen", "&Accept"),
                translate("CalibrationScreen", "Keep it as a new version and use it"),
                lambda: self._do(self.model.accept),
            ),
            (
                "redo",
                translate("CalibrationScreen", "R&edo"),
                translate("CalibrationScreen", "Begin anew; nothing of this one is kept"),
                self._start,
            ),
        ):
            row.addWidget(self._button(key, text, tip, act))
        row.addStretch(1)
        row.addWidget(
            self._button("setup", translate("CalibrationScreen", "&Person…"), "", lambda: self.context.go.emit("setup"))
        )
        row.addWidget(self._button("live", translate("CalibrationScreen", "S&kip"), "", self._go_on))
        column.addLayout(names)
        column.addLayout(row)
        return column

    def _task(self) -> QWidget:
        """What to do: the picture, and what to read or answer."""
        rest = QWidget()  # takes the room that is left while there is no picture
        rest.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        # The text stands on top, near the camera: who reads it looks at about where they look in a session.
        task = _column(
            self.not_agreed, self.step_title, self.step_bar, self.ask, self.text, self.video, rest, stretch=self.video
        )
        layout = task.layout()
        assert isinstance(layout, QVBoxLayout)
        self._left = layout
        return task

    def _state_of_things(self) -> QWidget:
        """What came of it: what is gathered, what is missing, the verdict, the versions."""
        rollback = self._button(
            "rollback",
            translate("CalibrationScreen", "Roll &back to the chosen version"),
            translate("CalibrationScreen", "Use an older version; none is deleted"),
            self._rollback,
        )
        row = QHBoxLayout()
        row.addWidget(rollback)
        row.addStretch(1)
        bar = QWidget()
        row.setContentsMargins(0, 0, 0, 0)
        bar.setLayout(row)
        self.gathered_title = heading(translate("CalibrationScreen", "Gathered"))
        self._rest = QWidget()  # takes the room that is left while there is no table
        self._rest.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        versions = QLabel(translate("CalibrationScreen", "Vers&ions"))
        versions.setProperty("role", "heading")
        versions.setBuddy(self.versions)
        return _column(
            self.gathered_title, self.gathered, self.missing, self.judgement, self.verdict, versions, self.no_versions,
            self.versions, bar, self._rest, stretch=self.versions,
        )  # fmt: skip

    def _button(self, key: str, text: str, tip: str, act: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(True)  # Enter presses it, as Space does
        button.setAccessibleName(text.replace("&", ""))
        button.setToolTip(tip)
        button.clicked.connect(lambda _=False: act())
        self.buttons[key] = button
        return button

    def _go_on(self) -> None:
        self.context.go.emit("live")

    def _themed(self, theme: Theme) -> None:
        self.gathered.set_theme(theme)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802  Qt's name
        """Sizes follow the text."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange and hasattr(self, "versions"):
            self._fit()

    def _fit(self) -> None:
        line = self.fontMetrics().height()
        self.versions.fit()
        self.video.setMinimumHeight(8 * line)

    def _arrange(self) -> None:
        """Two halves beside each other; where they would be too narrow to read under each other, the picture last.

        From the timer, as in review: widgets that move while a style sheet is being applied crash it.
        """
        wide = self.width() >= 2 * NARROW * self.fontMetrics().averageCharWidth()
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self._halves.direction() != direction:
            self._halves.setDirection(direction)
            if wide:
                self._left.insertWidget(PICTURE_AT, self.video, 1)
            else:
                self._halves.addWidget(self.video, 1)  # what is gathered comes before it


def _emphasise(button: QPushButton, on: bool) -> None:
    role = "primary" if on else ""
    if button.property("role") != role:
        button.setProperty("role", role)
        style = button.style()
        if style is not None:
            style.polish(button)


def _show(widget: QWidget, on: bool) -> None:
    if widget.isHidden() == on:
        widget.setVisible(on)


def _say(label: QLabel, text: str) -> None:
    """Show a text; no line is left free for none."""
    put(label, text)
    _show(label, bool(text))


def _column(*widgets: QWidget, stretch: QWidget) -> QWidget:
    whole, column = QWidget(), QVBoxLayout()
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget, 1 if widget is stretch else 0)
    whole.setLayout(column)
    return whole
