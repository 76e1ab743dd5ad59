"""Set-up screen: name, folder, prompts and quiet mode flow in from the user; the plan of the session flows out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PyQt6.QtCore import (
    QT_TRANSLATE_NOOP,
    QAbstractItemModel,
    QCoreApplication,
    QEvent,
    QModelIndex,
    QStringListModel,
    Qt,
)
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QCompleter,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ahdetect.calibration.profile_store import FileProfiles
from ahdetect.errors import AhdetectError
from ahdetect.gui.background import Background
from ahdetect.gui.consent_panel import ConsentPanel
from ahdetect.gui.context import Context, PlannedPrompt
from ahdetect.gui.lock_line import LockLine
from ahdetect.gui.plan import GB_PER_HOUR, KINDS, free_bytes, name_is_good, profile_is_good, read_prompts, write_prompts
from ahdetect.gui.screens import Screen

translate = QCoreApplication.translate

KIND_NAMES: Final = {
    "": QT_TRANSLATE_NOOP("Prompts", "no kind"),
    "neutral": QT_TRANSLATE_NOOP("Prompts", "neutral"),
    "positive": QT_TRANSLATE_NOOP("Prompts", "positive"),
    "negative": QT_TRANSLATE_NOOP("Prompts", "negative"),
    "ambivalent": QT_TRANSLATE_NOOP("Prompts", "ambivalent"),
    "willing": QT_TRANSLATE_NOOP("Prompts", "willing"),
    "resistant": QT_TRANSLATE_NOOP("Prompts", "resistant"),
    "hesitant": QT_TRANSLATE_NOOP("Prompts", "hesitant"),
}
FILES: Final = "JSON (*.json);;CSV (*.csv)"
TEXT, KIND = 0, 1
LOW_HOURS: Final = 2.0
"""Less free space than this many hours of recording is a warning."""


def kind_name(kind: str | None) -> str:
    """A kind of prompt in the user's language."""
    return translate("Prompts", KIND_NAMES[kind or ""])


class _KindChoice(QStyledItemDelegate):
    """Edits the kind of a prompt as a choice of eight."""

    def createEditor(  # noqa: N802  Qt's name
        self,
        parent: QWidget | None,
        option: QStyleOptionViewItem,  # noqa: ARG002
        index: QModelIndex,
    ) -> QWidget:
        """A list of the kinds."""
        box = QComboBox(parent)
        box.setAccessibleName(translate("SetupScreen", "Kind of prompt {number}").format(number=index.row() + 1))
        for kind in KIND_NAMES:
            box.addItem(kind_name(kind), kind)
        return box

    def setEditorData(self, editor: QWidget | None, index: QModelIndex) -> None:  # noqa: N802
        """Show what is chosen."""
        assert isinstance(editor, QComboBox)
        editor.setCurrentIndex(editor.findData(index.data(Qt.ItemDataRole.UserRole) or ""))

    def setModelData(  # noqa: N802
        self, editor: QWidget | None, model: QAbstractItemModel | None, index: QModelIndex
    ) -> None:
        """Take over what was chosen."""
        assert isinstance(editor, QComboBox)
        assert model is not None
        model.setData(index, editor.currentData(), Qt.ItemDataRole.UserRole)
        model.setData(index, editor.currentText(), Qt.ItemDataRole.EditRole)


class PromptTable(QTableWidget):
    """Prompts in their order; F2 edits, Tab leaves."""

    def __init__(self) -> None:
        super().__init__(0, 2)
        self.setHorizontalHeaderLabels([translate("SetupScreen", "Prompt"), translate("SetupScreen", "Kind")])
        self.setAccessibleName(translate("SetupScreen", "Prompts, in the order in which they are asked"))
        self.setItemDelegateForColumn(KIND, _KindChoice(self))
        self.setTabKeyNavigation(False)
        self.setWordWrap(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        header, side = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert side is not None
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(KIND, QHeaderView.ResizeMode.ResizeToContents)
        side.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)

    def prompts(self) -> list[PlannedPrompt]:
        """What stands in the table; rows without a text are left out."""
        return [p for p in (self._prompt(row) for row in range(self.rowCount())) if p.text]

    def put(self, prompts: list[PlannedPrompt]) -> None:
        """Show `prompts` instead of what was there."""
        self.blockSignals(True)
        self.setRowCount(0)
        for prompt in prompts:
            self._insert(self.rowCount(), prompt)
        self.blockSignals(False)

    def add(self) -> None:
        """A new row below the chosen one, ready to be typed into."""
        row = self.currentRow() + 1 if self.currentRow() >= 0 else self.rowCount()
        self.blockSignals(True)
        self._insert(row, PlannedPrompt(""))
        self.blockSignals(False)
        self.setCurrentCell(row, TEXT)
        self.setFocus()
        item = self.item(row, TEXT)
        if item is not None:
            self.editItem(item)

    def move_row(self, by: int) -> bool:
        """Move the chosen row up (-1) or down (1); whether it moved."""
        row, column = self.currentRow(), self.currentColumn()
        to = row + by
        if row < 0 or not 0 <= to < self.rowCount():
            return False
        prompt = self._prompt(row)
        self.blockSignals(True)
        self.removeRow(row)
        self._insert(to, prompt)
        self.blockSignals(False)
        self.setCurrentCell(to, column)
        return True

    def _prompt(self, row: int) -> PlannedPrompt:
        text, kind = self.item(row, TEXT), self.item(row, KIND)
        chosen = kind.data(Qt.ItemDataRole.UserRole) if kind is not None else ""
        return PlannedPrompt(" ".join(text.text().split()) if text is not None else "", chosen or None)

    def _insert(self, row: int, prompt: PlannedPrompt) -> None:
        self.insertRow(row)
        self.setItem(row, TEXT, QTableWidgetItem(prompt.text))
        kind = QTableWidgetItem(kind_name(prompt.kind))
        kind.setData(Qt.ItemDataRole.UserRole, prompt.kind or "")
        self.setItem(row, KIND, kind)


class SetupScreen(Screen):
    """What is going to be recorded, where, and what is asked."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        plan = context.plan
        self.background = Background(self)
        self.name, self.folder = QLineEdit(plan.name), QLineEdit(str(plan.out))
        self.profile, self.known = QLineEdit(plan.profile), QStringListModel()
        self.profile.setCompleter(QCompleter(self.known, self.profile))
        self.name_note, self.profile_note, self.space, self.written, self.message = (_note() for _ in range(5))
        self.message.setVisible(False)
        self.table, self.quiet, self.consent = PromptTable(), QCheckBox(), ConsentPanel(plan.storage)
        self.lock = LockLine(context, self.background)
        self.buttons: dict[str, QPushButton] = {}
        self.table.put(plan.prompts)
        self._lay_out()
        self._fit()
        self.quiet.setChecked(plan.quiet)
        self.name.textChanged.connect(self._name_changed)
        self.profile.textChanged.connect(self._profile_changed)
        self.folder.editingFinished.connect(self._folder_changed)
        self.table.itemChanged.connect(self._prompts_changed)
        self.table.itemSelectionChanged.connect(self._enable)
        self.quiet.toggled.connect(self._quiet_changed)
        self.consent.changed.connect(self._consent_changed)
        self._name_changed(plan.name)
        self._profile_changed(plan.profile)
        self._say_where()
        self._enable()

    def enter(self) -> None:
        """Show the plan as it is now, and look how much space there is."""
        plan = self.context.plan
        self.name.setText(plan.name)
        self.profile.setText(plan.profile)
        self.folder.setText(str(plan.out))
        self.quiet.setChecked(plan.quiet)
        if self.context.consent is None:  # answers are of one session
            self.consent.clear()
        self.lock.refresh()
        if self.table.prompts() != plan.prompts:
            self.table.put(plan.prompts)
            self._enable()
        self._say_where()
        self._look_for_space()
        self.background.do(lambda: FileProfiles().names(), self.known.setStringList, self._failed)

    def leave(self) -> None:
        """Remember the plan."""
        self._folder_changed()
        self._prompts_changed()
        self.context.save()

    def shutdown(self) -> None:
        """End the thread that looks at files."""
        self.background.close()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802  Qt's name
        """Sizes follow the text."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self._fit()

    # -- building

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        self.table.setMinimumHeight(metrics.height() * 9)
        self.page.setMaximumWidth(metrics.averageCharWidth() * 130)

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        column.addWidget(_label(translate("SetupScreen", "Set-up of the session"), "title"))
        column.addLayout(self._where())
        column.addSpacing(self.fontMetrics().height() // 2)
        column.addWidget(_label(translate("SetupScreen", "Prompts"), "heading"))
        hint = translate(
            "SetupScreen",
            "What the person is asked, in order. The kind sets how likely signs are before anything is seen or heard; "
            "leave it at “no kind” where you are not sure.",
        )
        column.addWidget(_label(hint, "faint"))
        column.addWidget(self.table, 1)
        column.addLayout(self._prompt_buttons())
        column.addWidget(self.message)
        column.addSpacing(self.fontMetrics().height() // 2)
        column.addWidget(_label(translate("SetupScreen", "While recording"), "heading"))
        self.quiet.setText(translate("SetupScreen", "&Quiet mode: show no estimate until the session is over"))
        self.quiet.setAccessibleName(translate("SetupScreen", "Quiet mode: show no estimate until the session is over"))
        column.addWidget(self.quiet, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(self.fontMetrics().height() // 2)
        column.addWidget(_label(translate("SetupScreen", "Consent"), "heading"))
        asked = translate(
            "SetupScreen",
            "Let the person read this text, or read it to them, and tick what they agree to. Without a yes nothing is "
            "recorded. They may stop at any time, and what was recorded can then be deleted.",
        )
        column.addWidget(_label(asked, "faint"))
        column.addWidget(self.consent)
        column.addWidget(self.lock)
        column.addWidget(self.written)
        column.addLayout(self._onward())
        self.page, area, around = QWidget(), QScrollArea(), QVBoxLayout(self)
        self.page.setLayout(column)
        area.setWidgetResizable(True)
        area.setWidget(self.page)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(area)

    def _where(self) -> QGridLayout:
        grid = QGridLayout()
        name, folder = QLabel(translate("SetupScreen", "&Name")), QLabel(translate("SetupScreen", "F&older"))
        person = QLabel(translate("SetupScreen", "&Person"))
        name.setBuddy(self.name)
        person.setBuddy(self.profile)
        folder.setBuddy(self.folder)
        self.name.setAccessibleName(translate("SetupScreen", "Name of the session, a pseudonym"))
        self.name.setPlaceholderText(translate("SetupScreen", "for example P07-2"))
        self.folder.setAccessibleName(translate("SetupScreen", "Folder in which sessions are made"))
        grid.addWidget(name, 0, 0)
        grid.addWidget(self.name, 0, 1, 1, 2)
        grid.addWidget(self.name_note, 1, 1, 1, 2)
        self.profile.setAccessibleName(translate("SetupScreen", "Person whose calibration is used, a pseudonym"))
        self.profile.setPlaceholderText(translate("SetupScreen", "for example P07; empty: no calibration is used"))
        grid.addWidget(person, 2, 0)
        grid.addWidget(self.profile, 2, 1, 1, 2)
        grid.addWidget(self.profile_note, 3, 1, 1, 2)
        grid.addWidget(folder, 4, 0)
        grid.addWidget(self.folder, 4, 1)
        choose = translate("SetupScreen", "&Choose…")
        grid.addWidget(self._button("choose", choose, self._ask_folder), 4, 2)
        grid.addWidget(self.space, 5, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        return grid

    def _onward(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch(1)
        calibrate = translate("SetupScreen", "Cali&brate…")
        row.addWidget(self._button("calibrate", calibrate, lambda: self.context.go.emit("calibration")))
        row.addWidget(self._button("go", translate("SetupScreen", "Go on to &live"), self._go_on, "primary"))
        return row

    def _prompt_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        for key, text, do in (
            ("add", translate("SetupScreen", "&Add"), self.table.add),
            ("remove", translate("SetupScreen", "&Remove"), self._remove),
            ("up", translate("SetupScreen", "Move &up"), lambda: self._move(-1)),
            ("down", translate("SetupScreen", "Move &down"), lambda: self._move(1)),
        ):
            row.addWidget(self._button(key, text, do))
        row.addStretch(1)
        row.addWidget(self._button("import", translate("SetupScreen", "&Import…"), self._ask_import))
        row.addWidget(self._button("export", translate("SetupScreen", "&Export…"), self._ask_export))
        for key, by in (("Alt+Up", -1), ("Alt+Down", 1)):
            action = QAction(self.table)
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(lambda _=False, by=by: self._move(by))
            self.table.addAction(action)
        self.buttons["up"].setToolTip("Alt+↑")
        self.buttons["down"].setToolTip("Alt+↓")
        return row

    def _button(self, key: str, text: str, do: Callable[[], object], role: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(text.replace("&", ""))
        button.setProperty("role", role)
        button.clicked.connect(lambda _=False: do())
        self.buttons[key] = button
        return button

    # -- name and folder

    def _name_changed(self, name: str) -> None:
        good = name_is_good(name.strip())
        if good:
            self.context.plan.name = name.strip()
        note = translate(
            "SetupScreen", "A pseudonym or a number, not the person's name: it becomes part of file names."
        )
        wrong = translate(
            "SetupScreen",
            "Not usable: take up to 64 letters, digits, spaces, points, - or _, and start with a letter or digit.",
        )
        _judge(self.name_note, note if good else "", wrong)

    def _profile_changed(self, name: str) -> None:
        good = profile_is_good(name.strip())
        if good and name.strip() != self.context.plan.profile:
            self.context.plan.profile = name.strip()
            self.consent.clear()  # somebody else answers for themselves
            self._consent_changed()
        note = translate(
            "SetupScreen",
            "The same pseudonym each time this person comes: what calibration learned about them is kept under it.",
        )
        wrong = translate(
            "SetupScreen",
            "Not usable: take up to 64 letters a to z, digits, points, - or _, and start with a letter or digit.",
        )
        _judge(self.profile_note, note if good else "", wrong)

    def _ask_folder(self) -> None:
        title = translate("SetupScreen", "Folder in which sessions are made")
        folder = QFileDialog.getExistingDirectory(self, title, self.folder.text())
        if folder:
            self.folder.setText(folder)
            self._folder_changed()

    def _folder_changed(self) -> None:
        text = self.folder.text().strip()
        folder = Path(text).expanduser() if text else self.context.plan.out
        if folder == self.context.plan.out:
            return
        self.context.plan.out = folder
        self._say_where()
        self._look_for_space()

    def _say_where(self) -> None:
        lines = [
            translate("SetupScreen", "Each session is stored in a folder of its own within:"),
            f"{self.context.plan.out}",
            translate("SetupScreen", "Nothing of it leaves this machine."),
        ]  # fmt: skip
        self.written.setText("\n".join(lines))

    def _look_for_space(self) -> None:
        folder = self.context.plan.out
        self.background.do(lambda: free_bytes(folder), self._show_space, self._no_space)

    def _show_space(self, free: int) -> None:
        hours = free / (GB_PER_HOUR * 1e9)
        text = translate("SetupScreen", "{free:.0f} GB free: about {hours:.0f} hours of recording.")
        if hours < LOW_HOURS:
            text = translate("SetupScreen", "Only {free:.1f} GB free: about {hours:.1f} hours of recording.")
        _role(self.space, "faint" if hours >= LOW_HOURS else "warning")
        self.space.setText(text.format(free=free / 1e9, hours=hours))

    def _no_space(self, error: AhdetectError) -> None:
        _role(self.space, "error")
        self.space.setText(str(error))

    # -- prompts

    def _prompts_changed(self) -> None:
        self.context.plan.prompts = self.table.prompts()
        self._enable()

    def _remove(self) -> None:
        row = self.table.currentRow()
        if row >= 0:
            self.table.removeRow(row)
            self._prompts_changed()

    def _move(self, by: int) -> None:
        if self.table.move_row(by):
            self._prompts_changed()

    def _enable(self) -> None:
        row, rows = self.table.currentRow(), self.table.rowCount()
        for key, on in (
            ("remove", row >= 0), ("up", row > 0), ("down", 0 <= row < rows - 1), ("export", rows > 0),
        ):  # fmt: skip
            self.buttons[key].setEnabled(on)

    def _ask_import(self) -> None:
        title, place = translate("SetupScreen", "Import prompts"), str(self.context.plan.out)
        path, _ = QFileDialog.getOpenFileName(
            self, title, place, f"{translate('SetupScreen', 'Prompts')} (*.json *.csv)"
        )
        if path:
            self.load(Path(path))

    def load(self, path: Path) -> None:
        """Take the prompts of a file instead of those in the table; an error leaves them."""
        self.background.do(lambda: read_prompts(path), lambda found: self._loaded(found, path), self._failed)

    def _loaded(self, prompts: list[PlannedPrompt], path: Path) -> None:
        self.table.put(prompts)
        self._prompts_changed()
        self._tell(translate("SetupScreen", "{n} prompts read from {file}.").format(n=len(prompts), file=path.name))

    def _ask_export(self) -> None:
        title, place = translate("SetupScreen", "Export prompts"), str(self.context.plan.out / "prompts.json")
        path, chosen = QFileDialog.getSaveFileName(self, title, place, FILES)
        if path:
            ending = ".csv" if "csv" in chosen else ".json"
            self.store(Path(path) if Path(path).suffix else Path(path + ending))

    def store(self, path: Path) -> None:
        """Write the prompts of the table to a file."""
        prompts = self.table.prompts()
        told = translate("SetupScreen", "{n} prompts written to {file}.").format(n=len(prompts), file=path.name)
        self.background.do(lambda: write_prompts(prompts, path), lambda _: self._tell(told), self._failed)

    def _failed(self, error: AhdetectError) -> None:
        self._tell(str(error), "error")

    def _tell(self, text: str, role: str = "faint") -> None:
        _role(self.message, role)
        self.message.setText(text)
        self.message.setAccessibleName(text)
        self.message.show()

    # -- the rest

    def _quiet_changed(self, on: bool) -> None:
        self.context.plan.quiet = on

    def _consent_changed(self) -> None:
        self.context.consent = self.consent.consent(self.context.plan.profile)
        self.context.plan.storage = self.consent.storage

    def _go_on(self) -> None:
        self.context.go.emit("live")


def _label(text: str, role: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setProperty("role", role)
    return label


def _note() -> QLabel:
    label = _label("")
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _judge(label: QLabel, note: str, wrong: str) -> None:
    """Show `note` under a field; without one, `wrong`: why what stands in the field cannot be used."""
    _role(label, "faint" if note else "error")
    label.setText(note or wrong)


def _role(label: QLabel, role: str) -> None:
    label.setProperty("role", role)
    style = label.style()
    if style is not None:
        style.polish(label)


assert set(KIND_NAMES) == {"", *KINDS}
