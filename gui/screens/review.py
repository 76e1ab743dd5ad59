"""Review screen: a recorded session, an analysis or any clip flows in; picture, sound, tracks and two tiers flow out.

The model's tier is what was estimated; the human tier beside it is what people say about it. All work that may take
time is done by `ahdetect.gui.opening` and `ahdetect.gui.player` on threads of theirs; one timer paints.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from PyQt6.QtCore import QCoreApplication, QSignalBlocker, Qt, QTimer
from PyQt6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedLayout,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from ahdetect.errors import AhdetectError, NoKeyError
from ahdetect.gui import columns as tracks_data
from ahdetect.gui.background import Background
from ahdetect.gui.before_after import BeforeAfter, Comparing, used_profile
from ahdetect.gui.context import Context
from ahdetect.gui.export_dialog import ExportDialog
from ahdetect.gui.exporting import Exported, export_session
from ahdetect.gui.lanes import clock_text
from ahdetect.gui.opening import Loaded, Opening, SoundPeaks
from ahdetect.gui.player import SPEEDS, Player, Shown
from ahdetect.gui.review_model import ChannelEvidence, ReviewModel, unseen
from ahdetect.gui.screens import Screen
from ahdetect.gui.terms import band_name
from ahdetect.gui.tracks import TracksView
from ahdetect.gui.transcript import Transcript
from ahdetect.gui.video_view import VideoView
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, Presence
from ahdetect.store.annotations import HumanSegment, Verdict
from ahdetect.store.consent import Purpose
from ahdetect.store.gate import stored_consent
from ahdetect.timeline import NS_PER_S, Row

translate = QCoreApplication.translate

FRAME_MS: Final = 33
CURSOR_EVERY: Final = 2
"""While playing, the cursor moves on the tracks at every second beat: a minute in view moves by 20 pixels a second."""
WORDS_EVERY: Final = 3
"""While playing, texts are renewed at every third beat of the timer: ten times a second is more than can be read."""

CLIPS: Final = "*.mkv *.mp4 *.mov *.avi *.webm *.m4v *.mpg *.wav *.flac *.mp3 *.m4a *.ogg"
FIRST_VIEW_S: Final = 120.0
"""Of a longer recording the tracks show this much at first, so that words can be read."""

WIDEST: Final = 40
"""Letters that a column of a table shows at most without being pulled wider."""

NARROW_LETTERS: Final = 140
"""Width of the screen, in letters, below which its four parts do not fit beside each other: two of them become tabs."""
WIDE: Final = [600, 500, 500, 900]
NARROW: Final = [500, 600]

NUMBER, SPAN, MEAN, SAID, CUES, WORDS = range(6)
_NO_SEGMENT: Final = -1


class ReviewScreen(Screen):
    """Looks at one recorded session again, and says what is right and wrong in it.

    Args:
        context: shared by all screens.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.model = ReviewModel()
        self.player: Player | None = None
        self.loaded: Loaded | None = None
        self._opening: Opening | None = None
        self._given_up: list[Opening] = []
        self._peaks: SoundPeaks | None = None
        self._comparing: Comparing | None = None
        self._wanted: tuple[Path | None, Path | None] | None = None
        self._shown: Shown | None = None
        self._beats = 0
        self._marks_set = False  # in and out were put by the user, not taken from a segment
        self._inside = _NO_SEGMENT
        self._narrow = False
        self._buttons: dict[str, QPushButton] = {}
        self._background = Background(self)
        self._build()
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.beat)
        context.opened.connect(self._open_wanted)
        context.theme_changed.connect(self._take_theme)
        context.text_scale_changed.connect(lambda _: self._arrange())

    # -- the walk

    def enter(self) -> None:
        """Start the timer, open what was chosen elsewhere."""
        self._arrange()
        self._timer.start()
        self._open_wanted()

    def leave(self) -> None:
        """Pause, and let the sound device go."""
        if self.player is not None:
            self.player.pause()
        self.tracks.data_table().hide()
        self._timer.stop()

    def shutdown(self) -> None:
        """End threads and timer."""
        self._timer.stop()
        self._background.close()
        for opening in (*self._given_up, *([self._opening] if self._opening is not None else [])):
            opening.close()
        self._opening = None
        self._given_up.clear()
        self._close_session()

    # -- opening

    def open(self, folder: Path | None, clip: Path | None = None) -> None:
        """Open a session or an analysis; or, without a folder, a clip, which is analysed first."""
        if self._opening is not None:
            self._opening.cancel()
            self._given_up.append(self._opening)
        self.context.say("", "", "review")
        self._opening = Opening(folder, clip, self.context.plan.out, self.context.keys)
        self._pages.setCurrentWidget(self._waiting)
        self._show_step()

    def cancel(self) -> None:
        """Give up opening; what was open before is shown again."""
        if self._opening is not None:
            self._opening.cancel()
            self._progress_text.setText(translate("ReviewScreen", "Stopping…"))

    def ask_folder(self) -> None:
        """Ask for a folder and open it."""
        folder = QFileDialog.getExistingDirectory(self, translate("ReviewScreen", "Open a session or an analysis"))
        if folder:
            self.context.open_folder(Path(folder))

    def ask_clip(self) -> None:
        """Ask for a clip and open it."""
        kinds = f"{translate('ReviewScreen', 'Clips')} ({CLIPS});;{translate('ReviewScreen', 'All files')} (*)"
        clip, _ = QFileDialog.getOpenFileName(self, translate("ReviewScreen", "Open a clip"), "", kinds)
        if clip:
            self.context.open_folder(None, Path(clip))

    def _open_wanted(self, _: object = None) -> None:
        wanted = self.context.folder, self.context.clip
        if wanted != self._wanted and any(wanted) and self._timer.isActive():
            self._wanted = wanted
            self.open(*wanted)

    def _poll(self) -> None:
        for old in [o for o in self._given_up if o.done]:
            old.close()
            self._given_up.remove(old)
        opening = self._opening
        if opening is None:
            return
        if not opening.done:
            if not opening.cancelled:
                self._show_step()
            return
        self._opening = None
        if opening.loaded is not None and opening.player is not None and not opening.cancelled:
            self._take(opening.loaded, opening.player)
        else:
            opening.close()
            self._wanted = None
            if opening.error is not None:
                text = str(opening.error)
                if isinstance(opening.error, NoKeyError):
                    text += " " + translate("ReviewScreen", "Here, the screen Sessions takes the passphrase.")
                self.context.say("error", text, "review")
        self._pages.setCurrentWidget(self._content if self.loaded is not None else self._nothing)

    def _show_step(self) -> None:
        assert self._opening is not None
        step = self._opening.step
        texts = {
            "reading": translate("ReviewScreen", "Reading the session…"),
            "models": translate("ReviewScreen", "Loading the models…"),
            "analysing": translate("ReviewScreen", "Analysing the clip…"),
            "writing": translate("ReviewScreen", "Writing the analysis…"),
        }
        self._progress_text.setText(texts[step.what])
        self._progress.setRange(0, 0 if step.share is None else 1000)
        if step.share is not None:
            self._progress.setValue(round(1000 * step.share))

    def _take(self, loaded: Loaded, player: Player) -> None:
        self._close_session()
        self.loaded, self.player = loaded, player
        self.context.folder = loaded.session.folder
        self._wanted = self.context.folder, self.context.clip
        self.model.take(loaded)
        self.transcript.set_words(loaded.timeline.words, loaded.markers)
        self.tracks.set_columns(loaded.columns)
        self.tracks.set_window(0.0, min(max(loaded.timeline.duration_s, 1.0), FIRST_VIEW_S))
        if loaded.sound is not None:
            self._peaks = SoundPeaks(loaded.sound, loaded.columns)
        self._fill_segments()
        self._fill_human()
        name = loaded.session.folder.name
        self._name.setText(name)
        self._name.setToolTip(str(loaded.session.folder))
        self._offer_comparison()
        self.video.show_frame(None, None, "" if player.has_picture else translate("ReviewScreen", "No picture"))
        self._truth.setText("")
        for box in (self._in, self._out):
            box.setMaximum(loaded.timeline.duration_s)
        notes = " ".join(loaded.notes)
        self.context.say("warning" if notes else "", notes, "review")
        self._inside = _NO_SEGMENT
        self.choose(self.model.chosen, go=True)
        self.go_to(self.model.cursor_s)

    def _close_session(self) -> None:
        for part in (self._peaks, self.player, self._comparing):
            if part is not None:
                part.close()
        self._peaks = self.player = self.loaded = self._shown = self._comparing = None

    # -- before and after calibration

    def compare(self, on: bool) -> None:
        """Show, beside what was estimated, what would have been without the person's calibration; or stop showing."""
        if self._comparing is not None:
            self._comparing.close()
            self._comparing = None
        used = used_profile(self.loaded.session.info) if self.loaded is not None else None
        if on and self.loaded is not None and used is not None:
            self._comparing = Comparing(self.loaded.session, *used)
            self._tell_comparison(translate("ReviewScreen", "Working out the estimate without calibration…"))
        else:
            self._show_comparison(None)

    def _offer_comparison(self) -> None:
        used = used_profile(self.loaded.session.info) if self.loaded is not None else None
        with QSignalBlocker(self._compare):
            self._compare.setChecked(False)
        self._compare.setEnabled(used is not None)
        tip = translate("ReviewScreen", "No calibration was used in this session, so there is nothing to compare.")
        if used is not None:
            tip = translate("ReviewScreen", "Beside the estimate, the one without the calibration of {name}")
            tip = tip.format(name=used[0])
        self._compare.setToolTip(tip)
        self._show_comparison(None)

    def _poll_comparison(self) -> None:
        comparing = self._comparing
        if comparing is None or not comparing.done:
            return
        self._comparing = None
        if comparing.error is not None:
            self.context.say("error", str(comparing.error), "review")
            with QSignalBlocker(self._compare):
                self._compare.setChecked(False)
        self._show_comparison(comparing.found)

    def _show_comparison(self, found: BeforeAfter | None) -> None:
        self.model.compared = found
        if self.loaded is not None:
            self.loaded.columns.set_compared(None if found is None else found.before.p)
        self._tell_comparison("" if found is None else compared_text(found))
        self._show_moment()

    def _tell_comparison(self, text: str) -> None:
        self._compared_text.setText(text)
        self._compared_text.setVisible(bool(text))

    # -- exports

    def ask_export(self) -> None:
        """Ask what may leave the session and where to, and write it behind the window."""
        if self.loaded is None:
            return
        session = self.loaded.session
        consent = stored_consent(session.info)
        research = consent.allows(Purpose.RESEARCH) if consent is not None else None
        dialog = ExportDialog(self, session.folder.name, research)
        wanted = dialog.exec() == ExportDialog.DialogCode.Accepted
        dialog.deleteLater()
        if not wanted:
            return
        formats, options = dialog.chosen, dialog.options()
        folder = QFileDialog.getExistingDirectory(self, translate("ReviewScreen", "Folder for the export"))
        if folder:
            keys, source = self.context.keys, session.folder
            self._tell(translate("ReviewScreen", "Exporting…"))
            self._background.do(
                lambda: export_session(source, formats, options, Path(folder), keys),
                self._exported,
                lambda error: self._tell(str(error), "error"),
            )

    def _exported(self, done: Exported) -> None:
        text = translate(
            "ReviewScreen",
            "{count} files written to {folder}. Of the person they hold {what}: only for those who may have that.",
        )
        self._tell(text.format(count=len(done.files), folder=done.folder, what=", ".join(done.holds)))

    # -- time

    def beat(self) -> None:
        """Look at what is new and paint it; called 30 times a second."""
        self._arrange()
        self._poll()
        self._poll_comparison()
        if self.player is None:
            return
        self._beats += 1
        shown = self.player.picture(ahead_s=FRAME_MS / 2000)
        if shown is not None and shown is not self._shown:
            self._shown = shown
            self.video.show_frame(shown.frame)
        at, playing = self.player.position_s, self.player.playing
        if abs(at - self.model.cursor_s) > 1e-9:
            self.model.move_to(at)
            if not playing or self._beats % CURSOR_EVERY == 0:
                self.tracks.set_cursor(at)
                self._show_time()
            if not playing or self._beats % WORDS_EVERY == 0:
                self._show_moment()
        self._show_playing(playing)
        self.tracks.refresh()

    def go_to(self, t_s: float) -> None:
        """Put cursor, picture and sound to a moment."""
        if self.player is None:
            return
        self.player.seek(t_s)
        self.model.move_to(t_s)
        self.tracks.set_cursor(self.model.cursor_s)
        self._show_time()
        self._show_moment()

    def toggle(self) -> None:
        """Play or pause; with a button under the keyboard, press that."""
        focus = self.focusWidget()
        if isinstance(focus, QAbstractButton) and focus is not self._buttons["play"]:
            focus.click()
        elif isinstance(focus, QComboBox):
            focus.showPopup()
        elif self.player is not None:
            if self.player.playing:
                self.player.pause()
            else:
                self.player.play()
            self._show_playing(self.player.playing)

    def step(self, pictures: int) -> None:
        """Go on or back by pictures; by rows where there are none."""
        if self.player is None:
            return
        if self.player.has_picture:
            self.player.step(pictures)
        else:
            self.player.pause()
            self.model.step(pictures)
            self.go_to(self.model.cursor_s)

    def jump(self, seconds: float) -> None:
        """Go on or back by seconds."""
        self.go_to(self.model.cursor_s + seconds)

    def step_segment(self, by: int) -> None:
        """Go to the next (1) or previous (-1) segment."""
        at = self.model.segment_beside(by)
        if at is not None:
            self.choose(at, go=True)

    def change_speed(self, by: int) -> None:
        """Take the next faster (1) or slower (-1) speed."""
        self._speed.setCurrentIndex(min(max(self._speed.currentIndex() + by, 0), len(SPEEDS) - 1))

    def _speed_chosen(self, index: int) -> None:
        if self.player is not None:
            self.player.set_speed(SPEEDS[index])

    # -- segments

    def choose(self, number: int, *, go: bool = False, keep_marks: bool = False) -> None:
        """Look at a segment of the model; -1 at none."""
        self.model.chosen = number
        segment = self.model.chosen_segment
        with QSignalBlocker(self.segments):
            if segment is None:
                self.segments.clearSelection()
                self.segments.setCurrentCell(-1, -1)
            else:
                self.segments.setCurrentCell(number, SPAN)
        if segment is not None and not keep_marks:
            self._set_marks(segment.start_ns / NS_PER_S, segment.end_ns / NS_PER_S, by_user=False)
        if go and segment is not None:
            self._inside = number
            self.go_to(segment.start_ns / NS_PER_S)
        self._show_evidence()
        self._show_what_can_be_said()

    def _segment_row(self, row: int, _column: int, before: int, _before: int) -> None:
        if row >= 0 and row != before:
            self.choose(row, go=True)

    def _human_row(self, row: int, _column: int, before: int, _before: int) -> None:
        if self.model.human is None or not 0 <= row < len(self.model.human.segments) or row == before:
            return
        human = self.model.human.segments[row]
        of_model = [i for i, s in enumerate(self.model.timeline.segments) if (s.start_ns, s.end_ns) == human.model]
        self.choose(of_model[0] if of_model else _NO_SEGMENT)
        self._set_marks(human.start_ns / NS_PER_S, human.end_ns / NS_PER_S, by_user=True)
        self._note.setText(human.note)
        self.go_to(human.start_ns / NS_PER_S)
        self._show_what_can_be_said()

    # -- what people say

    def mark_in(self) -> None:
        """The stretch begins at the cursor."""
        self._set_marks(self.model.cursor_s, max(self._out.value(), self.model.cursor_s), by_user=True)

    def mark_out(self) -> None:
        """The stretch ends at the cursor."""
        self._set_marks(min(self._in.value(), self.model.cursor_s), self.model.cursor_s, by_user=True)

    def accept(self) -> None:
        """The chosen segment is right as it is."""
        segment = self.model.chosen_segment
        if segment is not None:
            self._say(lambda tier, by, note: tier.accept(segment, by=by, note=note))

    def reject(self) -> None:
        """The chosen segment is none."""
        segment = self.model.chosen_segment
        if segment is not None:
            self._say(lambda tier, by, note: tier.reject(segment, by=by, note=note))

    def correct(self) -> None:
        """The chosen segment has other borders: in and out. An added one is moved as well."""
        segment, human = self.model.chosen_segment, self.chosen_human
        start, end = self._marks()
        if segment is not None:
            self._say(lambda tier, by, note: tier.correct(segment, start, end, by=by, note=note))
        elif human is not None:
            self._say(lambda tier, by, note: tier.change(human, start, end, by=by, note=note))

    def add(self) -> None:
        """There is a segment from in to out that the model has not."""
        start, end = self._marks()
        self._say(lambda tier, by, note: tier.add(start, end, by=by, note=note))

    def withdraw(self) -> None:
        """Take back what is chosen in the human tier."""
        human = self.chosen_human
        if human is not None and self.model.human is not None:
            tier = self.model.human
            self._stored(lambda: tier.withdraw(human))

    def undo(self) -> None:
        """Take back the newest change."""
        if self.model.human is not None:
            self._stored(self.model.human.undo)

    def redo(self) -> None:
        """Say again what was taken back."""
        if self.model.human is not None:
            self._stored(self.model.human.redo)

    @property
    def chosen_human(self) -> HumanSegment | None:
        """What is chosen in the human tier."""
        row = self.human.currentRow()
        said = self.model.human.segments if self.model.human is not None else []
        return said[row] if 0 <= row < len(said) else None

    def _say(self, say: Callable[[Any, str, str], HumanSegment]) -> None:
        tier, by = self.model.human, self._by.text().strip()
        if tier is None:
            return
        if not by:
            self._tell(translate("ReviewScreen", "First say who you are: type your initials."), "warning")
            self._by.setFocus()
            return
        self.context.settings.setValue("initials", by)
        made: list[HumanSegment] = []
        self._stored(lambda: made.append(say(tier, by, self._note.text())))
        if made:
            self._note.clear()
            self._marks_set = False
            rows = [h.id for h in tier.segments]
            with QSignalBlocker(self.human):
                self.human.setCurrentCell(rows.index(made[0].id), 0)
            self._tell(translate("ReviewScreen", "Stored: {what}.").format(what=self._verdict(made[0])))
            self._show_what_can_be_said()

    def _stored(self, do: Callable[[], Any]) -> None:
        try:
            do()
        except AhdetectError as error:
            self._tell(str(error), "error")
            return
        self._tell("")
        self._fill_human()

    def _marks(self) -> tuple[int, int]:
        return round(self._in.value() * NS_PER_S), round(self._out.value() * NS_PER_S)

    def _set_marks(self, start_s: float, end_s: float, *, by_user: bool) -> None:
        for box, value in ((self._in, start_s), (self._out, end_s)):
            with QSignalBlocker(box):
                box.setValue(value)
        self._marks_set = by_user
        self._show_what_can_be_said()

    def _span_selected(self, start_s: float, end_s: float) -> None:
        self._set_marks(start_s, end_s, by_user=True)
        self._buttons["add"].setFocus()

    def _mark_typed(self, _: float) -> None:
        self._marks_set = True
        self._show_what_can_be_said()

    def _tell(self, text: str, role: str = "faint") -> None:
        self._message.setText(text)
        _role(self._message, role)

    # -- what is shown

    def _fill_segments(self) -> None:
        segments = self.model.timeline.segments
        with QSignalBlocker(self.segments):
            self.segments.setRowCount(len(segments))
            for row, s in enumerate(segments):
                span = f"{clock_text(s.start_ns / NS_PER_S, True)} – {clock_text(s.end_ns / NS_PER_S, True)}"
                cells = (str(row + 1), span, f"{s.mean_p:.2f}", "", ", ".join(s.phrases), s.words)
                for column, text in enumerate(cells):
                    _put(self.segments, row, column, text)
        title = translate("ReviewScreen", "&Model's segments ({count})").format(count=len(segments))
        self._tabs.setTabText(self._tabs.indexOf(self._model_tier), title)

    def _fill_human(self) -> None:
        tier = self.model.human
        said = tier.segments if tier is not None else []
        about: dict[tuple[int, int], list[HumanSegment]] = {}
        for h in sorted(said, key=lambda h: h.at, reverse=True):
            if h.model is not None:
                about.setdefault(h.model, []).append(h)
        numbers = {(s.start_ns, s.end_ns): i + 1 for i, s in enumerate(self.model.timeline.segments)}
        with QSignalBlocker(self.human):
            chosen = self.human.currentRow()
            self.human.setRowCount(len(said))
            for row, h in enumerate(said):
                number = numbers.get(h.model) if h.model is not None else None
                cells = (
                    self._verdict(h),
                    f"{clock_text(h.start_ns / NS_PER_S, True)} – {clock_text(h.end_ns / NS_PER_S, True)}",
                    "–" if number is None else str(number),
                    h.by,
                    h.note,
                    h.at[:16].replace("T", " "),
                )
                for column, text in enumerate(cells):
                    _put(self.human, row, column, text)
            self.human.setCurrentCell(chosen if chosen < len(said) else -1, 0 if chosen >= 0 else -1)
        with QSignalBlocker(self.segments):
            for row, segment in enumerate(self.model.timeline.segments):
                verdicts = ", ".join(
                    f"{self._verdict(h)} {h.by}" for h in about.get((segment.start_ns, segment.end_ns), ())
                )
                _put(self.segments, row, SAID, verdicts)
        if self.loaded is not None:
            self.loaded.columns.set_human(
                [
                    tracks_data.HumanSegment(
                        h.start_ns, h.end_ns, f"{self._verdict(h)} {h.by}" + (f": {h.note}" if h.note else "")
                    )
                    for h in said
                ]
            )
        title = translate("ReviewScreen", "What people sa&y ({count})").format(count=len(said))
        self._tabs.setTabText(self._tabs.indexOf(self.human), title)
        self._show_what_can_be_said()

    def _show_what_can_be_said(self) -> None:
        tier, segment, human = self.model.human, self.model.chosen_segment, self.chosen_human
        start, end = self._marks()
        other = segment is not None and (start, end) != _milliseconds(segment.start_ns, segment.end_ns)
        moved = human is not None and segment is None and (start, end) != (human.start_ns, human.end_ns)
        can = {
            "accept": segment is not None,
            "reject": segment is not None,
            "correct": end > start and (other or moved),
            "add": tier is not None and end > start,
            "withdraw": human is not None,
            "undo": tier is not None and tier.can_undo,
            "redo": tier is not None and tier.can_redo,
        }
        for name, possible in can.items():
            self._buttons[name].setEnabled(possible)

    def _show_time(self) -> None:
        text = f"{clock_text(self.model.cursor_s, True)} / {clock_text(self.model.timeline.duration_s, True)}"
        self._clock.setText(text)

    def _show_playing(self, playing: bool) -> None:
        button, player = self._buttons["play"], self.player
        text = translate("ReviewScreen", "❚❚ &Pause") if playing else translate("ReviewScreen", "▶ &Play")
        if button.text() != text:
            button.setText(text)
        if player is None:
            return
        if not playing:
            truth = self._truth.text()
        elif player.leads == "sound":
            truth = translate("ReviewScreen", "The sound leads, the picture follows.")
        else:
            why = player.note
            truth = translate("ReviewScreen", "Without sound ({why}): the computer's clock leads.").format(why=why)
        truth = player.damage or truth
        if self._truth.text() != truth:
            self._truth.setText(truth)

    def _show_moment(self) -> None:
        """Everything that is said about the moment at the cursor."""
        inside = self.model.segment_at(self.model.cursor_s)
        if inside != self._inside:
            self._inside = inside
            if inside >= 0 and inside != self.model.chosen and not self._marks_set:
                self.choose(inside)
        self.transcript.show_word(self.model.word_now)
        row = self.model.row
        if row is not None:
            self._moment.say(self._told(row))

    def _told(self, row: Row) -> str:
        """What the model thinks at a row, how sure it is, why, and what it did not see, as rich text."""
        head = translate("ReviewScreen", "{band} at {time}").format(
            band=BANDS[row.band](), time=clock_text(row.t_s, tenths=True)
        )
        sure = translate("ReviewScreen", "Probability {p:.2f}, 80 % band {low:.2f} to {high:.2f}").format(
            p=row.p, low=row.low, high=row.high
        )
        if not row.settled:
            sure += " " + translate("ReviewScreen", "(provisional: later words may still change it)")
        lines = [
            f"<p style='font-size:large'><b>{_safe(head)}</b></p>",
            _line(
                translate("ReviewScreen", "What it is"),
                translate("ReviewScreen", "signs consistent with ambivalence/hesitancy, model estimate"),
            ),
            _line(translate("ReviewScreen", "How sure"), sure),
        ]
        without = self.model.uncalibrated
        if without is not None:
            text = translate("ReviewScreen", "{band}, probability {p:.2f}, 80 % band {low:.2f} to {high:.2f}").format(
                band=band_name(without.band), p=without.p, low=without.low, high=without.high
            )
            lines.append(_line(translate("ReviewScreen", "Without calibration"), text))
        if not math.isnan(row.p_smoothed):
            hindsight = translate("ReviewScreen", "{p:.2f} once the whole recording is known").format(p=row.p_smoothed)
            lines.append(_line(translate("ReviewScreen", "In hindsight"), hindsight))
        why = ", ".join(cue.phrase for cue in row.top) or translate("ReviewScreen", "no cue stands out")
        lines.append(_line(translate("ReviewScreen", "Why"), why))
        adds = sorted(row.contributions.items(), key=lambda item: -item[1])
        pushes = ", ".join(f"{channel_name(c)} {v:+.1f}" for c, v in adds if _heard(row, c)).replace("-", "−")
        lines.append(_line(translate("ReviewScreen", "For and against (log-odds)"), pushes or "–"))
        missing = [
            f"{channel_name(c)} {presence_name(kind)}" + (f" ({reason})" if reason else "")
            for c, kind, reason in unseen(row)
        ]
        nothing = translate("ReviewScreen", "nothing: all channels were there")
        lines.append(_line(translate("ReviewScreen", "Not seen or heard"), "; ".join(missing) or nothing))
        return "".join(lines)

    def _show_evidence(self) -> None:
        segment = self.model.chosen_segment
        if segment is None:
            self._evidence.say(_safe(translate("ReviewScreen", "Choose a segment to see what speaks for it.")))
            return
        found = self.model.evidence(segment.start_ns, segment.end_ns)
        head = translate("ReviewScreen", "Segment {number}: mean {mean:.2f}, highest {peak:.2f}").format(
            number=self.model.chosen + 1, mean=segment.mean_p, peak=segment.peak_p
        )
        rows = "".join(self._evidence_row(e) for e in found)
        said = _line(translate("ReviewScreen", "Said"), segment.words or "–")
        cues = _line(translate("ReviewScreen", "Cues"), ", ".join(segment.phrases) or "–")
        heads = (
            translate("ReviewScreen", "Channel"),
            translate("ReviewScreen", "adds"),
            translate("ReviewScreen", "Top cues"),
            translate("ReviewScreen", "Not seen or heard"),
        )
        titles = "".join(f"<th align='left'>{_safe(h)}&nbsp;&nbsp;</th>" for h in heads)
        self._evidence.say(f"<p><b>{_safe(head)}</b></p>{cues}<table><tr>{titles}</tr>{rows}</table>{said}")

    def _evidence_row(self, e: ChannelEvidence) -> str:
        adds = "–" if math.isnan(e.log_odds) else f"{e.log_odds:+.2f}".replace("-", "−")
        cues = ", ".join(f"{phrase} {value:+.2f}" for phrase, value in e.cues) or "–"
        gone = "; ".join(f"{reason} {share:.0%}" for reason, share in e.unseen) or "–"
        return (
            "<tr>"
            + "".join(f"<td>{_safe(t)}&nbsp;&nbsp;</td>" for t in (channel_name(e.channel), adds, cues, gone))
            + "</tr>"
        )

    def _verdict(self, human: HumanSegment) -> str:
        return VERDICTS[human.verdict]()

    def _take_theme(self, theme: Any) -> None:
        self.tracks.set_theme(theme)
        self.transcript.set_theme(theme)

    # -- room

    def _arrange(self) -> None:
        """Four parts beside each other, or, where text is large, two of them as tabs.

        From the timer and after a change of scale, not from an event of Qt: widgets that move while a style sheet is
        being applied crash it.
        """
        narrow = self.width() < NARROW_LETTERS * self.fontMetrics().averageCharWidth()
        if narrow == self._narrow:
            return
        self._narrow = narrow
        if narrow:
            self._tabs.insertTab(0, self._moment, translate("ReviewScreen", "At the cursor"))
            self._tabs.insertTab(1, self._words, translate("ReviewScreen", "Words"))
            self._tabs.setCurrentIndex(0)
        else:
            for at, part in ((1, self._moment), (2, self._words)):
                self._upper.insertWidget(at, part)
                part.show()
        self._upper.setSizes(NARROW if narrow else WIDE)
        self._hint.setVisible(not narrow)

    # -- keys

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        """Arrows, Home, End, Page keys: only where the control with the keyboard has no use for them."""
        if event is None:
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        acts: dict[int, Callable[[], None]] = {
            Qt.Key.Key_Left: lambda: self.jump(-1) if shift else self.step(-1),
            Qt.Key.Key_Right: lambda: self.jump(1) if shift else self.step(1),
            Qt.Key.Key_Home: lambda: self.go_to(0.0),
            Qt.Key.Key_End: lambda: self.go_to(self.model.timeline.duration_s),
            Qt.Key.Key_PageUp: lambda: self.step_segment(-1),
            Qt.Key.Key_PageDown: lambda: self.step_segment(1),
            Qt.Key.Key_Delete: self.withdraw,
        }
        act = acts.get(event.key())
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def _keys(self) -> None:
        acts: dict[str, Callable[[], None]] = {
            "Space": self.toggle,
            "K": self.toggle,
            ",": lambda: self.step(-1),
            ".": lambda: self.step(1),
            "J": lambda: self.jump(-1),
            "L": lambda: self.jump(1),
            "[": lambda: self.change_speed(-1),
            "]": lambda: self.change_speed(1),
            "I": self.mark_in,
            "O": self.mark_out,
            "A": self.accept,
            "C": self.correct,
            "R": self.reject,
            "N": self.add,
            "Ctrl+Z": self.undo,
            "Ctrl+Y": self.redo,
            "Ctrl+Shift+Z": self.redo,
        }
        for key, act in acts.items():
            shortcut = QShortcut(QKeySequence(key), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    # -- building

    def _build(self) -> None:
        self._nothing, self._waiting, self._content = QWidget(), QWidget(), QWidget()
        self._pages = QStackedLayout(self)
        for page, build in (
            (self._nothing, self._build_nothing),
            (self._waiting, self._build_waiting),
            (self._content, self._build_content),
        ):
            build(page)
            self._pages.addWidget(page)
        self._keys()

    def _build_nothing(self, page: QWidget) -> None:
        column = QVBoxLayout(page)
        text = _label(
            translate(
                "ReviewScreen",
                "Open a recorded session, a folder that was analysed, or any clip. "
                "A clip is analysed first, which may take as long as it plays. Nothing leaves this computer.",
            )
        )
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._button("", translate("ReviewScreen", "Open &session folder…"), self.ask_folder, "primary"))
        row.addWidget(self._button("", translate("ReviewScreen", "Open clip…"), self.ask_clip))
        row.addStretch(1)
        column.addStretch(1)
        column.addWidget(text)
        column.addLayout(row)
        column.addStretch(1)

    def _build_waiting(self, page: QWidget) -> None:
        column, row = QVBoxLayout(page), QHBoxLayout()
        self._progress_text = _label("")
        self._progress_text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._progress = QProgressBar()
        self._progress.setAccessibleName(translate("ReviewScreen", "Progress"))
        row.addStretch(1)
        row.addWidget(self._progress, 2)
        row.addWidget(self._button("cancel", translate("ReviewScreen", "Ca&ncel"), self.cancel))
        row.addStretch(1)
        column.addStretch(1)
        column.addWidget(self._progress_text)
        column.addLayout(row)
        column.addStretch(1)

    def _build_content(self, page: QWidget) -> None:
        self.video, self.tracks = VideoView(), TracksView(self.context.theme)
        self.video.setAccessibleName(translate("ReviewScreen", "Video at the cursor"))
        self.transcript = Transcript(self.context.theme)
        self.transcript.word_chosen.connect(self._go_to_word)
        self.tracks.moved.connect(self.go_to)
        self.tracks.segment_chosen.connect(self.choose)
        self.tracks.human_chosen.connect(lambda row: self.human.setCurrentCell(row, 0))
        self.tracks.word_chosen.connect(self._go_to_word)
        self.tracks.span_selected.connect(self._span_selected)
        self._upper = QSplitter(Qt.Orientation.Horizontal)
        self._moment = Panel(translate("ReviewScreen", "What the model thinks at the cursor"))
        self._words = self._said()
        for part, share in ((self._left(), 3), (self._moment, 3), (self._words, 3), (self._tiers(), 5)):
            self._upper.addWidget(part)
            self._upper.setStretchFactor(self._upper.count() - 1, share)
        self._upper.setChildrenCollapsible(False)
        self._upper.setSizes(WIDE)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self._upper)
        split.addWidget(self._below())
        split.setSizes([400, 600])
        split.setChildrenCollapsible(False)
        column = QVBoxLayout(page)
        column.addWidget(split)

    def _left(self) -> QWidget:
        """Picture and transport."""
        self._clock, self._truth, self._name = _label("", "number"), _label("", "faint"), _label("", "heading")
        self._clock.setWordWrap(False)
        self._speed = QComboBox()
        self._speed.setAccessibleName(translate("ReviewScreen", "Speed"))
        self._speed.setToolTip(translate("ReviewScreen", "Speed ([ slower, ] faster)"))
        for speed in SPEEDS:
            self._speed.addItem(f"{speed:g} ×")
        self._speed.setCurrentIndex(SPEEDS.index(1.0))
        self._speed.currentIndexChanged.connect(self._speed_chosen)
        row = QHBoxLayout()
        names: tuple[tuple[str, str, str, Callable[[], None]], ...] = (
            (
                "segment_back",
                "|◂◂",
                translate("ReviewScreen", "Previous segment (Page Up)"),
                lambda: self.step_segment(-1),
            ),
            ("back", "◂", translate("ReviewScreen", "One picture back (comma)"), lambda: self.step(-1)),
            (
                "play",
                translate("ReviewScreen", "▶ &Play"),
                translate("ReviewScreen", "Play or pause (Space)"),
                self.toggle,
            ),
            ("on", "▸", translate("ReviewScreen", "One picture on (full stop)"), lambda: self.step(1)),
            ("segment_on", "▸▸|", translate("ReviewScreen", "Next segment (Page Down)"), lambda: self.step_segment(1)),
        )
        for key, text, tip, act in names:
            button = self._button(key, text, act, "primary" if key == "play" else "")
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            row.addWidget(button)
        row.addWidget(self._speed)
        row.addStretch(1)
        row.setContentsMargins(0, 0, 0, 0)
        bar, head, title = QWidget(), QWidget(), QHBoxLayout()
        bar.setLayout(row)
        title.setContentsMargins(0, 0, 0, 0)
        title.addWidget(self._name, 1)
        title.addWidget(self._clock)
        head.setLayout(title)
        return _column(head, self.video, bar, self._truth, stretch=self.video)

    def _said(self) -> QWidget:
        """What is said."""
        heading = _label(translate("ReviewScreen", "&Transcript"), "heading")
        heading.setBuddy(self.transcript)
        legend = _label(
            translate("ReviewScreen", "Filled: the word at the cursor. Dashed underline: a language marker."), "faint"
        )
        return _column(heading, self.transcript, legend, stretch=self.transcript)

    def _tiers(self) -> QWidget:
        """Two tiers: the model's segments, and what people say about them; below both, how to say it."""
        heads = (
            "#",
            translate("ReviewScreen", "From – to"),
            translate("ReviewScreen", "Mean p"),
            translate("ReviewScreen", "People say"),
            translate("ReviewScreen", "Cues"),
            translate("ReviewScreen", "Words"),
        )
        self.segments = _table(heads, translate("ReviewScreen", "The model's segments"), stretch=WORDS)
        self.segments.currentCellChanged.connect(self._segment_row)
        self._evidence = Panel(translate("ReviewScreen", "Evidence of the chosen segment"))
        model = QSplitter(Qt.Orientation.Vertical)
        model.addWidget(self.segments)
        model.addWidget(self._evidence)
        model.setSizes([300, 500])
        model.setChildrenCollapsible(False)
        heads = (
            translate("ReviewScreen", "Verdict"),
            translate("ReviewScreen", "From – to"),
            translate("ReviewScreen", "About"),
            translate("ReviewScreen", "By"),
            translate("ReviewScreen", "Note"),
            translate("ReviewScreen", "When (UTC)"),
        )
        self.human = _table(heads, translate("ReviewScreen", "What people say"), stretch=4)
        self.human.currentCellChanged.connect(self._human_row)
        self._tabs = QTabWidget()
        self._tabs.setAccessibleName(translate("ReviewScreen", "The model's segments and what people say"))
        self._model_tier = model
        self._tabs.addTab(model, "")
        self._tabs.addTab(self.human, "")
        form = self._form()
        return _column(self._tabs, form, stretch=self._tabs)

    def _form(self) -> QWidget:
        """Who says what, about which stretch."""
        self._by, self._note = QLineEdit(str(self.context.settings.value("initials", ""))), QLineEdit()
        self._by.setMaxLength(12)
        self._note.setMaxLength(2000)
        self._in, self._out = (QDoubleSpinBox() for _ in range(2))
        for box in (self._in, self._out):
            box.setDecimals(3)
            box.setSingleStep(0.1)
            box.setSuffix(" s")
            box.valueChanged.connect(self._mark_typed)
        form = QGridLayout()
        fields: tuple[tuple[str, QWidget, int, int], ...] = (
            (translate("ReviewScreen", "&Initials"), self._by, 0, 0),
            (translate("ReviewScreen", "N&ote"), self._note, 0, 2),
            (translate("ReviewScreen", "From"), self._in, 1, 0),
            (translate("ReviewScreen", "to"), self._out, 1, 2),
        )
        for text, widget, line, at in fields:
            label = QLabel(text)
            label.setBuddy(widget)
            widget.setAccessibleName(text.replace("&", ""))
            form.addWidget(label, line, at)
            form.addWidget(widget, line, at + 1)
        form.setColumnStretch(1, 1)
        form.setColumnStretch(3, 2)
        verdicts: tuple[tuple[str, str, str, Callable[[], None]], ...] = (
            (
                "accept",
                translate("ReviewScreen", "✓ &Accept"),
                translate("ReviewScreen", "The segment is right (A)"),
                self.accept,
            ),
            (
                "correct",
                translate("ReviewScreen", "↔ &Correct"),
                translate("ReviewScreen", "Its borders are from and to (C)"),
                self.correct,
            ),
            (
                "reject",
                translate("ReviewScreen", "✗ &Reject"),
                translate("ReviewScreen", "There is nothing of the kind (R)"),
                self.reject,
            ),
            (
                "add",
                translate("ReviewScreen", "+ A&dd"),
                translate("ReviewScreen", "The model missed one, from and to (N)"),
                self.add,
            ),
            (
                "withdraw",
                translate("ReviewScreen", "&Withdraw"),
                translate("ReviewScreen", "Take back what is chosen below (Delete)"),
                self.withdraw,
            ),
            (
                "undo",
                translate("ReviewScreen", "&Undo"),
                translate("ReviewScreen", "Take back the newest change (Ctrl+Z)"),
                self.undo,
            ),
            ("redo", translate("ReviewScreen", "R&edo"), translate("ReviewScreen", "Say it again (Ctrl+Y)"), self.redo),
        )
        buttons = QGridLayout()
        for number, (key, text, tip, act) in enumerate(verdicts):
            button = self._button(key, text, act)
            button.setToolTip(tip)
            buttons.addWidget(button, number // 4, number % 4)
        self._message = _label("", "faint")
        made, column = QWidget(), QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addLayout(buttons)
        column.addWidget(self._message)
        made.setLayout(column)
        return made

    def _below(self) -> QWidget:
        """Tracks, and what there is to zoom them."""
        row = QHBoxLayout()
        self._hint = _label(
            translate(
                "ReviewScreen", "Click: go there. Wheel: zoom. Drag: scroll. Shift and drag: choose from and to."
            ),
            "faint",
        )
        row.addWidget(self._hint, 1)
        zooms: tuple[tuple[str, Callable[[], None]], ...] = (
            (translate("ReviewScreen", "Zoom in"), lambda: self.tracks.zoom(2.0)),
            (translate("ReviewScreen", "Zoom out"), lambda: self.tracks.zoom(0.5)),
            (translate("ReviewScreen", "Show a&ll"), self.tracks.show_all),
            (translate("ReviewScreen", "As ta&ble"), self._show_table),
            (translate("ReviewScreen", "E&xport…"), self.ask_export),
            (translate("ReviewScreen", "Open another…"), self._open_another),
        )
        for text, act in zooms:
            row.addWidget(self._button("", text, act))
        self._compare = QPushButton(translate("ReviewScreen", "Before and after"))
        self._compare.setAccessibleName(translate("ReviewScreen", "Before and after calibration"))
        self._compare.setCheckable(True)
        self._compare.setEnabled(False)
        self._compare.toggled.connect(self.compare)
        row.addWidget(self._compare)
        self._compared_text = _label("")
        self._compared_text.hide()
        bar = QWidget()
        row.setContentsMargins(0, 0, 0, 0)
        bar.setLayout(row)
        return _column(self._compared_text, self.tracks, bar, stretch=self.tracks)

    def _show_table(self) -> None:
        table = self.tracks.data_table()
        table.show()
        table.raise_()
        table.activateWindow()

    def _open_another(self) -> None:
        if self.player is not None:
            self.player.pause()
        self._pages.setCurrentWidget(self._nothing)

    def _go_to_word(self, number: int) -> None:
        words = self.model.timeline.words
        if 0 <= number < len(words):
            self.go_to(words[number].start_ns / NS_PER_S)

    def _button(self, key: str, text: str, act: Callable[[], Any], role: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", role)
        button.clicked.connect(lambda _=False: act())
        button.setAccessibleName(text.replace("&", ""))
        if key:
            self._buttons[key] = button
        return button


class Panel(QTextEdit):
    """Rich text that is renewed many times a second: a label would lay out the whole screen each time (20 ms).

    Args:
        name: what a screen reader calls it.

    Attributes:
        said: the text that is shown, as HTML.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.said = ""
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )

    def say(self, text: str) -> None:
        """Show `text`; the place it was scrolled to stays."""
        if text == self.said:
            return
        self.said = text
        bar = self.verticalScrollBar()
        assert bar is not None
        at = bar.value()
        self.setHtml(text)
        bar.setValue(at)


BANDS: Final[dict[Band, Callable[[], str]]] = {
    Band.LOW: lambda: translate("ReviewScreen", "Low"),
    Band.UNCLEAR: lambda: translate("ReviewScreen", "Unclear"),
    Band.ELEVATED: lambda: translate("ReviewScreen", "Elevated"),
}
VERDICTS: Final[dict[Verdict, Callable[[], str]]] = {
    Verdict.ACCEPT: lambda: translate("ReviewScreen", "✓ accepted"),
    Verdict.CORRECT: lambda: translate("ReviewScreen", "↔ corrected"),
    Verdict.REJECT: lambda: translate("ReviewScreen", "✗ rejected"),
    Verdict.ADD: lambda: translate("ReviewScreen", "+ added"),
}
_CHANNELS: Final[dict[Channel, Callable[[], str]]] = {
    Channel.FACE: lambda: translate("ReviewScreen", "face"),
    Channel.BODY: lambda: translate("ReviewScreen", "body"),
    Channel.VOICE: lambda: translate("ReviewScreen", "voice"),
    Channel.LANGUAGE: lambda: translate("ReviewScreen", "language"),
    Channel.DISCORD: lambda: translate("ReviewScreen", "discord"),
}
_PRESENCES: Final[dict[Presence, Callable[[], str]]] = {
    Presence.PRESENT: lambda: translate("ReviewScreen", "there"),
    Presence.STALE: lambda: translate("ReviewScreen", "late"),
    Presence.ABSENT: lambda: translate("ReviewScreen", "absent"),
}


def channel_name(channel: Channel) -> str:
    """A channel in the user's language."""
    return _CHANNELS[channel]()


def presence_name(presence: Presence) -> str:
    """A presence in the user's language."""
    return _PRESENCES[presence]()


def compared_text(found: BeforeAfter) -> str:
    """What a person's calibration changed in a session, in words."""
    text = translate(
        "ReviewScreen",
        "Solid: with the calibration of {name}. Long dashes: without it. Elevated in {after:.0%} of the time instead "
        "of {before:.0%}; another word (low, unclear, elevated) in {other:.0%}.",
    )
    return text.format(
        name=found.profile, after=found.after.elevated(), before=found.before.elevated(), other=found.other_band
    )


def _heard(row: Row, channel: Channel) -> bool:
    return row.states[channel].presence is not Presence.ABSENT


def _milliseconds(*times_ns: int) -> tuple[int, ...]:
    """Times as the boxes hold them."""
    return tuple(round(round(t / NS_PER_S, 3) * NS_PER_S) for t in times_ns)


def _safe(text: str) -> str:
    return html.escape(text)


def _line(name: str, text: str) -> str:
    return f"<p style='margin-top:0; margin-bottom:4px'><b>{_safe(name)}:</b> {_safe(text)}</p>"


def _label(text: str, role: str = "") -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setWordWrap(True)
    return label


def _role(label: QLabel, role: str) -> None:
    if label.property("role") != role:
        label.setProperty("role", role)
        style = label.style()
        if style is not None:
            style.unpolish(label)
            style.polish(label)


def _put(table: QTableWidget, row: int, column: int, text: str) -> None:
    """Write a cell where it says something else; its column grows with it, up to `WIDEST` letters."""
    item = table.item(row, column)
    if item is None:
        item = QTableWidgetItem()
        table.setItem(row, column, item)
    elif item.text() == text:
        return
    item.setText(text)
    item.setToolTip(text)
    metrics = table.fontMetrics()
    needs = metrics.horizontalAdvance(text[:WIDEST]) + 2 * metrics.averageCharWidth()
    if needs > table.columnWidth(column):
        table.setColumnWidth(column, needs)


def _table(heads: Sequence[str], name: str, stretch: int) -> QTableWidget:
    table = QTableWidget(0, len(heads))
    table.setHorizontalHeaderLabels(list(heads))
    table.setAccessibleName(name)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    header, side = table.horizontalHeader(), table.verticalHeader()
    assert header is not None
    assert side is not None
    table.resizeColumnsToContents()
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    header.setMinimumSectionSize(table.fontMetrics().averageCharWidth() * 4)
    side.hide()
    return table


def _column(*widgets: QWidget, stretch: QWidget) -> QWidget:
    whole, column = QWidget(), QVBoxLayout()
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget, 1 if widget is stretch else 0)
    whole.setLayout(column)
    return whole
