"""Devices screen: the user's choice of camera and microphone flows in; preview, levels and what to mend flow out.

All of it is in `ahdetect.gui.device_model`; this file turns snapshots into words and pictures, 30 times a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from ahdetect.gui.clap import CLAPS, DelayResult
from ahdetect.gui.context import Context
from ahdetect.gui.device_model import OFF, CameraState, DeviceModel, Found, Loading, Snapshot, Status, audio_spec
from ahdetect.gui.quality import Remark
from ahdetect.gui.screens import Screen
from ahdetect.gui.video_view import VideoView

translate = QCoreApplication.translate

FRAME_MS: Final = 33
"""30 times a second, as often as most cameras give a picture."""

DEFAULT: Final = "default"
OTHER: Final = "?other"
SAME_FILE: Final = "?same"

FLOOR_DB: Final = -60.0
"""Left end of the meter, dBFS: a quiet room."""
TICKS_DB: Final = (-60, -40, -20, -6, 0)

REMARKS: Final = {
    Remark.NO_FACE: QT_TRANSLATE_NOOP(
        "Devices", "No face is seen. Sit near enough, in front of the camera, face toward it."
    ),
    Remark.TOO_DARK: QT_TRANSLATE_NOOP("Devices", "Too dark. Switch on a lamp in front of the face."),
    Remark.TOO_BRIGHT: QT_TRANSLATE_NOOP("Devices", "Too bright: the face is burnt out. Dim the lamp in front."),
    Remark.BACK_LIT: QT_TRANSLATE_NOOP(
        "Devices",
        "Back-lit: what is behind is much brighter than the face. Turn away from the window, or light the face.",
    ),
    Remark.TOO_FAR: QT_TRANSLATE_NOOP("Devices", "Too far: the face is small in the picture. Come nearer."),
    Remark.TURNED_AWAY: QT_TRANSLATE_NOOP("Devices", "Turned away. Put the camera where the face points."),
    Remark.BLURRED: QT_TRANSLATE_NOOP("Devices", "Blurred. Clean the lens, focus, or give more light."),
    Remark.SLOW: QT_TRANSLATE_NOOP(
        "Devices", "Few pictures a second. More light, or another cable or program, may help."
    ),
    Remark.STILL: QT_TRANSLATE_NOOP("Devices", "The picture does not change. Check that the camera is not frozen."),
    Remark.NO_SOUND: QT_TRANSLATE_NOOP("Devices", "No sound at all. Check that the microphone is not muted."),
    Remark.NO_SPEECH: QT_TRANSLATE_NOOP("Devices", "No speech heard yet. Say a sentence."),
    Remark.CLIPPING: QT_TRANSLATE_NOOP("Devices", "Clipping: the sound is too loud for the input. Turn it down."),
    Remark.TOO_QUIET: QT_TRANSLATE_NOOP("Devices", "Too quiet. Come nearer to the microphone, or turn it up."),
    Remark.NOISY: QT_TRANSLATE_NOOP("Devices", "Noisy room: speech hardly stands out. Close windows, switch off fans."),
}
"""What each remark says, and what to do about it."""


class LevelMeter(QWidget):
    """Loudness from -60 dBFS to full scale: root mean square as a bar, peak as a line, highest peak as a held mark."""

    def __init__(self) -> None:
        super().__init__()
        self._rms = self._peak = self._hold = -math.inf
        self._clipping = self._on = False
        self.accent, self.warning = QColor("#3b3b8f"), QColor("#7a4a00")
        self.setAccessibleName(translate("Devices", "Level of the microphone"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_level(self, rms: float, peak: float, hold: float, clipping: bool, on: bool) -> None:
        """Show levels in dBFS; `on` is False where there is no microphone."""
        new = rms, peak, hold, clipping, on
        if new != (self._rms, self._peak, self._hold, self._clipping, self._on):
            self._rms, self._peak, self._hold, self._clipping, self._on = new
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Two lines of text high: bar and scale."""
        return QSize(24 * self.fontMetrics().averageCharWidth(), round(2.3 * self.fontMetrics().height()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """As `sizeHint`."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002, N802
        """Bar over scale."""
        painter = QPainter(self)
        palette, line = self.palette(), self.fontMetrics().height()
        text = palette.color(QPalette.ColorRole.WindowText)
        bar = QRectF(0.5, 0.5, self.width() - 1.0, line - 1.0)
        painter.fillRect(bar, palette.color(QPalette.ColorRole.Base))
        if self._on:
            colour = self.warning if self._clipping else self.accent
            painter.fillRect(QRectF(bar.x(), bar.y(), bar.width() * share(self._rms), bar.height()), colour)
            for level, width in ((self._peak, 1.5), (self._hold, 3.0)):
                x = bar.x() + bar.width() * share(level)
                painter.setPen(QPen(text, width))
                painter.drawLine(round(x), round(bar.top()) + 1, round(x), round(bar.bottom()) - 1)
        painter.setPen(QPen(text, 1.0))
        painter.drawRect(bar)
        flags = Qt.AlignmentFlag.AlignTop
        for tick in TICKS_DB:
            x = bar.x() + bar.width() * share(tick)
            painter.drawLine(round(x), round(bar.bottom()), round(x), round(bar.bottom()) + line // 4)
            wide = self.fontMetrics().horizontalAdvance(f"{tick} ") + 2
            left = min(max(0.0, x - wide / 2), self.width() - wide)
            where = Qt.AlignmentFlag.AlignHCenter
            painter.drawText(QRectF(left, bar.bottom() + line / 4, wide, line), flags | where, f"{tick}")
        painter.end()


def share(level_db: float) -> float:
    """Where a level lies on the meter, 0-1."""
    return min(max((level_db - FLOOR_DB) / -FLOOR_DB, 0.0), 1.0) if math.isfinite(level_db) else 0.0


class DevicesScreen(Screen):
    """Chooses camera and microphone, and shows what they give.

    Args:
        context: shared by all screens; `choice` is read and written.
        model: what is shown; None makes one on the real devices.
    """

    def __init__(self, context: Context, model: DeviceModel | None = None) -> None:
        super().__init__(context)
        self.model = model or DeviceModel()
        self._started = False
        self._scan = self._shown = -1
        self._filling = False
        self._told: dict[str, str] = {}
        self.timer = QTimer(self)
        self.timer.setInterval(FRAME_MS)
        self.timer.timeout.connect(self.refresh)
        self.video = VideoView()
        self.video.setAccessibleName(self.tr("Preview of the camera"))
        self._make_controls()
        self._lay_out()
        self._take_theme(context.theme)
        context.theme_changed.connect(self._take_theme)
        self._fill(Found())

    # -- the walk

    def enter(self) -> None:
        """Open the chosen devices and show them."""
        if not self._started:
            self._started = True
            self.model.start()
        self.model.lookout.folder = self.context.plan.out
        self._choose()
        self.timer.start()
        self.camera.setFocus()

    def leave(self) -> None:
        """Let the devices go: the next screen wants them."""
        self.timer.stop()
        self.model.let_go()
        for key in ("camera", "microphone"):
            self._banner(key, "")
        self.context.save()

    def shutdown(self) -> None:
        """End the threads."""
        self.timer.stop()
        if self._started:
            self._started = False
            self.model.close()

    # -- what is shown

    def refresh(self) -> None:
        """Show how things are now."""
        now = self.model.snapshot()
        if now.found.number != self._scan:
            self._scan = now.found.number
            self._fill(now.found)
        self._show_camera(now)
        self._show_microphone(now)
        self._show_test(now)
        self._show_machine(now)

    def _show_camera(self, now: Snapshot) -> None:
        camera = now.camera
        if camera.number != self._shown or camera.frame is None:
            self._shown = camera.number
            self.video.show_frame(camera.frame, camera.overlay, self._note(camera))
        self._say(self.picture_facts, self._camera_facts(camera))
        seen = camera.status is Status.ON and camera.frame is not None
        unknown = seen and camera.face is not Loading.READY
        self._remark(self.picture_remarks, self.tr("Picture"), camera.remarks, known=seen, partly=unknown)
        self._say(self.face_model, camera.face_message if camera.face is Loading.MISSING else "")
        missing = camera.face is Loading.MISSING
        self.face_model.setVisible(missing)
        self.face_model.setFocusPolicy(Qt.FocusPolicy.StrongFocus if missing else Qt.FocusPolicy.NoFocus)
        lost = camera.status is Status.LOST
        self._banner("camera", self.tr("The camera is gone. It is tried again until it is back.") if lost else "")

    def _note(self, camera: CameraState) -> str:
        if camera.frame is not None:
            return ""
        texts = {
            Status.OFF: self.tr("The camera is off."),
            Status.OPENING: self.tr("The camera is being opened…"),
            Status.ON: self.tr("Waiting for the first picture…"),
            Status.LOST: self.tr("The camera is gone ({reason}). It is tried again until it is back.").format(
                reason=camera.message
            ),
            Status.FAILED: camera.message,
        }
        return texts[camera.status]

    def _camera_facts(self, camera: CameraState) -> str:
        if camera.status is not Status.ON or camera.info is None:
            return self._note(camera) if camera.frame is None else ""
        size = self.tr("{width} × {height} pixels").format(width=camera.info.width, height=camera.info.height)
        if math.isnan(camera.fps):
            return self.tr("{size}, rate is being measured").format(size=size)
        return self.tr("{size}, {fps} pictures a second measured").format(size=size, fps=f"{camera.fps:.1f}")

    def _show_microphone(self, now: Snapshot) -> None:
        mic = now.microphone
        on = mic.status is Status.ON and mic.heard
        self.meter.show_level(mic.rms_dbfs, mic.peak_dbfs, mic.hold_dbfs, mic.clipping, on)
        if on:
            facts = self.tr("peak {peak} dBFS").format(peak=f"{max(mic.hold_dbfs, -99):.0f}")
            if math.isfinite(mic.speech_db):
                facts += self.tr(", speech {speech} dBFS").format(speech=f"{mic.speech_db:.0f}")
            if math.isfinite(mic.noise_db):
                facts += self.tr(", room {noise} dBFS").format(noise=f"{mic.noise_db:.0f}")
        else:
            facts = {
                Status.OFF: self.tr("The microphone is off."),
                Status.OPENING: self.tr("The microphone is being opened…"),
                Status.ON: self.tr("Waiting for the first sound…"),
                Status.LOST: self.tr("The microphone is gone ({reason}). It is tried again until it is back.").format(
                    reason=mic.message
                ),
                Status.FAILED: mic.message,
            }[mic.status]
        self._say(self.sound_facts, facts)
        self._remark(self.sound_remarks, self.tr("Sound"), mic.remarks, known=on)
        lost = mic.status is Status.LOST
        self._banner(
            "microphone", self.tr("The microphone is gone. It is tried again until it is back.") if lost else ""
        )

    def _show_test(self, now: Snapshot) -> None:
        both = now.both_live
        self.test.setEnabled(both or now.testing)
        self._say_button(self.test, self.tr("Stop &test") if now.testing else self.tr("Clap &test"))
        if not both and not now.testing and not now.delay.done:
            text = self.tr("Needs a camera and a microphone; a file in their place has no delay.")
        elif now.testing:
            text = self.tr(
                "Clap {claps} times before the camera, a second apart; let the hands rest together. {count} so far."
            )
            text = text.format(claps=CLAPS, count=len(now.delay.offsets_ms))
            if now.delay.unseen:
                text += " " + self.tr("A sound came without a movement: clap where the camera sees it.")
        else:
            text = self._delay_words(now.delay)
        self._say(self.delay, text)

    def _delay_words(self, delay: DelayResult) -> str:
        if not delay.done:
            return self.tr("Shows by how much sound and picture are apart: clap {claps} times.").format(claps=CLAPS)
        by, off = f"{abs(delay.median_ms):.0f}", f"{delay.uncertainty_ms:.0f}"
        if delay.median_ms >= 0:
            text = self.tr("Sound comes {by} ± {off} ms after the picture (median of {claps} claps).")
        else:
            text = self.tr("Sound comes {by} ± {off} ms before the picture (median of {claps} claps).")
        text = text.format(by=by, off=off, claps=len(delay.offsets_ms))
        if delay.in_step:
            return text + " " + self.tr("A viewer would not notice.")
        return text + " " + self.tr("A viewer would notice: try another microphone, cable or port.")

    def _show_machine(self, now: Snapshot) -> None:
        self._say(self.disk, self._disk_words(now))
        found = now.found
        if not found.number:
            self._say(self.models, self.tr("Model files are being looked at…"))
        elif not found.missing:
            self._say(self.models, self.tr("All {count} model files are there.").format(count=found.models))
        else:
            names = ", ".join(dict.fromkeys(row.entry.name for row in found.missing))
            text = self.tr(
                "Model files are missing or damaged: {names}. Run “{command}” in a terminal, then press Rescan."
            )
            self._say(self.models, text.format(names=names, command=found.command))
        role(self.models, "warning" if found.missing else "")
        self.models.setFocusPolicy(Qt.FocusPolicy.StrongFocus if found.missing else Qt.FocusPolicy.NoFocus)
        self._say(self.notes, "\n".join(found.notes))
        self.notes.setVisible(bool(found.notes))

    def _disk_words(self, now: Snapshot) -> str:
        if now.found.free_bytes is None or now.hours is None:
            return self.tr("Disk space is being looked at…")
        text = (
            self.tr("{free} GB free: about {hours} hours of recording at {rate} GB an hour, as measured.")
            if now.camera.bytes_per_s is not None
            else self.tr("{free} GB free: about {hours} hours of recording at {rate} GB an hour, an upper estimate.")
        )
        hours = f"{now.hours:.0f}" if now.hours >= 10 else f"{now.hours:.1f}"
        return text.format(
            free=f"{now.found.free_bytes / 1e9:.1f}", hours=hours, rate=f"{now.bytes_per_s * 3600 / 1e9:.2f}"
        )

    def _remark(
        self, label: QLabel, what: str, remarks: tuple[Remark, ...], *, known: bool, partly: bool = False
    ) -> None:
        if not known:
            text = self.tr("{what}: not known").format(what=what)
        elif remarks:
            head = self.tr("{what}: to mend").format(what=what)
            text = "\n".join([head, *("• " + translate("Devices", REMARKS[remark]) for remark in remarks)])
        elif partly:
            text = self.tr("{what}: nothing to mend, as far as it can be seen without the face model").format(what=what)
        else:
            text = self.tr("{what}: good").format(what=what)
        self._say(label, text)
        role(label, "warning" if known and remarks else "")

    def _say(self, label: QLabel, text: str) -> None:
        if label.text() != text:
            label.setText(text)
            label.setAccessibleName(text)

    def _say_button(self, button: QPushButton, text: str) -> None:
        if button.text() != text:
            button.setText(text)
            button.setAccessibleName(text.replace("&", ""))

    def _banner(self, key: str, text: str) -> None:
        if self._told.get(key, "") != text:
            self._told[key] = text
            self.context.say("warning", text, f"devices-{key}")

    # -- what is chosen

    def _fill(self, found: Found) -> None:
        """Offer what there is; what was remembered stays chosen, there or not."""
        self._filling = True
        choice = self.context.choice
        self.camera.clear()
        for device in found.cameras:
            label = f"{device.index}: {device.name}"
            if not device.usable:
                label = self.tr("{name} (may not be opened by this user)").format(name=label)
            self.camera.addItem(label, str(device.index))
        is_other = not choice.video.isdecimal() and choice.video != OFF
        if not is_other and self.camera.findData(choice.video) < 0 and choice.video != OFF:
            self.camera.addItem(self.tr("Camera {number} (not found)").format(number=choice.video), choice.video)
        self.camera.addItem(self.tr("Stream address or file…"), OTHER)
        self.camera.addItem(self.tr("No camera"), OFF)
        self.camera.setCurrentIndex(self.camera.findData(OTHER if is_other else choice.video))
        if is_other and not self.address.hasFocus():
            self.address.setText(choice.video)
        self._fill_microphones(found)
        self._filling = False
        self._show_other()

    def _fill_microphones(self, found: Found) -> None:
        choice = self.context.choice
        self.microphone.clear()
        self.microphone.addItem(self.tr("System default"), ("sounddevice", DEFAULT))
        for device in found.microphones:
            label = device.name if device.backend == "sounddevice" else f"{device.name} ({device.backend})"
            self.microphone.addItem(label, (device.backend, device.name))
        self.microphone.addItem(self.tr("Sound of the file above"), ("", SAME_FILE))
        self.microphone.addItem(self.tr("No microphone"), ("", OFF))
        wanted: tuple[str, str] = (choice.audio_driver, choice.audio)
        if choice.audio == OFF:
            wanted = ("", OFF)
        elif choice.audio == choice.video:
            wanted = ("", SAME_FILE)
        index = self._index_of(wanted)
        if index < 0:
            label = self.tr("{name} (not found)").format(name=choice.audio)
            self.microphone.insertItem(1, label, wanted)
            index = 1
        self.microphone.setCurrentIndex(index)

    def _index_of(self, wanted: tuple[str, str]) -> int:
        data = [tuple(self.microphone.itemData(i)) for i in range(self.microphone.count())]
        return data.index(wanted) if wanted in data else -1

    def _show_other(self) -> None:
        other = self.camera.currentData() == OTHER
        for widget in (self.address, self.address_label, self.browse):
            widget.setVisible(other)

    def _chosen(self) -> None:
        """The user chose a device."""
        if self._filling:
            return
        self._show_other()
        choice = self.context.choice
        video = self.camera.currentData()
        address = self.address.text().strip()
        if video == OTHER and not address:
            self.address.setFocus()
            return
        choice.video = address if video == OTHER else str(video)
        driver, audio = self.microphone.currentData()
        if audio == SAME_FILE:
            audio = choice.video if Path(choice.video).is_file() else OFF
        choice.audio = audio
        choice.audio_driver = driver or choice.audio_driver
        self.context.save()
        self._choose()

    def _choose(self) -> None:
        choice = self.context.choice
        self.model.choose(choice.video, audio_spec(choice.audio, choice.audio_driver))

    def _rescan(self) -> None:
        self.model.rescan()

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tr("A clip in place of a camera"), self.address.text())
        if path:
            self.address.setText(path)
            self._chosen()

    def _toggle_test(self) -> None:
        if self.model.snapshot().testing:
            self.model.stop_test()
        else:
            self.model.start_test()

    def _set_mirror(self, on: bool) -> None:
        self.video.mirror = on
        self.context.settings.setValue("devices/mirror", on)

    def _set_overlay(self, on: bool) -> None:
        self.video.overlay_on = on
        self.context.settings.setValue("devices/overlay", on)

    def _next(self) -> None:
        self.context.save()
        self.context.go.emit("setup")

    # -- building

    def _make_controls(self) -> None:
        self.camera, self.microphone, self.address = QComboBox(), QComboBox(), QLineEdit()
        for box in (self.camera, self.microphone):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
            box.activated.connect(self._chosen)
        self.camera.setAccessibleName(self.tr("Camera"))
        self.microphone.setAccessibleName(self.tr("Microphone"))
        self.address.setAccessibleName(self.tr("Stream address or file"))
        self.address.setPlaceholderText("http://…, rtsp://…, /…/clip.mp4")
        self.address.editingFinished.connect(self._address_given)
        self.browse = _button(self.tr("&Browse…"), self._browse)
        self.rescan = _button(self.tr("&Rescan"), self._rescan)
        self.rescan.setToolTip(self.tr("Look for devices and model files again"))
        self.test = _button(self.tr("Clap &test"), self._toggle_test)
        self.next = _button(self.tr("&Next: set-up"), self._next)
        self.next.setProperty("role", "primary")
        settings = self.context.settings
        self.mirror, self.overlay = QCheckBox(self.tr("M&irror")), QCheckBox(self.tr("B&ox and landmarks"))
        self.mirror.setToolTip(self.tr("In this preview only; what is recorded is not mirrored"))
        for box_, key, default, do in (
            (self.mirror, "devices/mirror", True, self._set_mirror),
            (self.overlay, "devices/overlay", True, self._set_overlay),
        ):
            box_.setAccessibleName(box_.text().replace("&", ""))
            box_.toggled.connect(do)
            box_.setChecked(settings.value(key, default, type=bool))
        self.meter = LevelMeter()
        self.picture_facts, self.picture_remarks, self.face_model = _text(), _text(), _text()
        self.sound_facts, self.sound_remarks, self.delay = _text(), _text(), _text()
        self.disk, self.models, self.notes = _text(), _text(), _text()
        role(self.face_model, "warning")
        for label, name in (
            (self.picture_remarks, self.tr("Quality of the picture")),
            (self.sound_remarks, self.tr("Quality of the sound")),
            (self.delay, self.tr("Result of the clap test")),
            (self.models, self.tr("Model files")),
        ):
            label.setAccessibleDescription(name)
        for label in (self.face_model, self.models):  # a command that one may want to copy
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            label.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # until there is one

    def _address_given(self) -> None:
        if self.camera.currentData() == OTHER and self.address.text().strip() != self.context.choice.video:
            self._chosen()

    def _lay_out(self) -> None:
        left, right = QWidget(), QWidget()
        picture, below = QVBoxLayout(left), QHBoxLayout()
        picture.addWidget(self.video, 1)
        below.addWidget(self.mirror)
        below.addWidget(self.overlay)
        below.addStretch(1)
        picture.addWidget(self.picture_facts)
        picture.addLayout(below)
        picture.addWidget(self.face_model)
        picture.addWidget(self.picture_remarks)
        form = QGridLayout()
        form.setColumnStretch(1, 1)
        self.address_label = QLabel(self.tr("&Address"))
        rows = (
            (QLabel(self.tr("&Camera")), self.camera),
            (self.address_label, self.address),
            (QLabel(self.tr("&Microphone")), self.microphone),
        )
        for i, (label, control) in enumerate(rows):
            label.setBuddy(control)
            form.addWidget(label, i, 0)
            form.addWidget(control, i, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.browse)
        buttons.addWidget(self.rescan)
        buttons.addStretch(1)
        form.addLayout(buttons, len(rows), 1)
        column = QVBoxLayout(right)
        column.addWidget(_heading(self.tr("Devices")))
        column.addLayout(form)
        column.addWidget(_heading(self.tr("Sound")))
        for widget in (self.meter, self.sound_facts, self.sound_remarks):
            column.addWidget(widget)
        column.addWidget(_heading(self.tr("Picture and sound together")))
        test = QHBoxLayout()
        test.addWidget(self.test)
        test.addStretch(1)
        column.addLayout(test)
        column.addWidget(self.delay)
        column.addWidget(_heading(self.tr("This computer")))
        for widget in (self.disk, self.models, self.notes):
            column.addWidget(widget)
        column.addStretch(1)
        scroll = _Column()
        scroll.setWidget(right)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        side, foot = QWidget(), QHBoxLayout()
        beside_ = QVBoxLayout(side)
        beside_.setContentsMargins(0, 0, 0, 0)
        beside_.addWidget(scroll, 1)
        foot.addStretch(1)
        foot.addWidget(self.next)
        beside_.addLayout(foot)
        split = QSplitter()
        split.addWidget(left)
        split.addWidget(side)
        split.setSizes([700, 500])
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.addWidget(split)
        order = [
            self.camera, self.address, self.microphone, self.browse, self.rescan, self.test, self.models, self.mirror,
            self.overlay, self.face_model, self.next,
        ]  # fmt: skip
        for first, second in pairwise(order):
            QWidget.setTabOrder(first, second)

    def _take_theme(self, theme: Any) -> None:
        self.meter.accent, self.meter.warning = QColor(theme.accent), QColor(theme.warning)
        self.meter.update()


class _Column(QScrollArea):
    """Scrolls up and down only: it asks for the width that its content needs, whatever the size of text."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """As wide as the content has to be, with a scroll bar beside it."""
        inside, bar = self.widget(), self.verticalScrollBar()
        if inside is None or bar is None:
            return super().minimumSizeHint()
        return QSize(inside.minimumSizeHint().width() + bar.sizeHint().width(), super().minimumSizeHint().height())


def role(label: QLabel, name: str) -> None:
    """Give a label a look of the theme."""
    if label.property("role") != name:
        label.setProperty("role", name)
        style = label.style()
        if style is not None:
            style.unpolish(label)
            style.polish(label)


def _button(text: str, do: Callable[[], Any]) -> QPushButton:
    button = QPushButton(text)
    button.setAccessibleName(text.replace("&", ""))
    button.clicked.connect(lambda _=False: do())
    return button


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    return label


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setProperty("role", "heading")
    return label
