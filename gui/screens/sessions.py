"""Sessions screen: a store folder flows in; what is stored, with whose consent and until when, flows out.

Everything that waits for a disk runs behind the window. What erases asks for a typed word first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QGridLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from ahdetect.errors import AhdetectError
from ahdetect.gui.background import Background
from ahdetect.gui.context import Context
from ahdetect.gui.lock_line import LockLine
from ahdetect.gui.screens import Screen
from ahdetect.gui.session_dialogs import Confirm, Withdraw, purposes_text
from ahdetect.store.audit import Findings
from ahdetect.store.catalogue import Entry, person_of, sessions_in
from ahdetect.store.consent import Consent
from ahdetect.store.erasure import Erased, erase, withdraw
from ahdetect.store.keys import default_keys
from ahdetect.store.verification import Verified, verify, verify_audit

translate = QCoreApplication.translate

STATES: Final = {
    "recording": QT_TRANSLATE_NOOP("SessionsScreen", "not closed"),
    "closed": QT_TRANSLATE_NOOP("SessionsScreen", "closed"),
    "repaired": QT_TRANSLATE_NOOP("SessionsScreen", "repaired"),
    "analysed": QT_TRANSLATE_NOOP("SessionsScreen", "analysis of a clip"),
    "erasing": QT_TRANSLATE_NOOP("SessionsScreen", "half erased"),
    "damaged": QT_TRANSLATE_NOOP("SessionsScreen", "damaged"),
}
NAME, STATE, PERSON, AGREED, UNTIL, SIZE = range(6)
ERASE_WORD: Final = QT_TRANSLATE_NOOP("SessionsScreen", "erase")
Row = tuple[Entry, str | None]
"""A session, and whose it is; None where no key at hand opens it."""


class SessionsScreen(Screen):
    """What is stored, and the ways to check it and to be rid of it.

    Args:
        context: its plan names the folder.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.background = Background(self)
        self.rows: list[Row] = []
        self.buttons: dict[str, QPushButton] = {}
        self.place, self.table, self.told = QLabel(), self._make_table(), QPlainTextEdit()
        self.lock = LockLine(context, self.background)
        self.lock.changed.connect(self.refresh)
        self._build()
        self._enable()

    # -- the walk

    def enter(self) -> None:
        """Look what is there now."""
        self.lock.refresh()
        self.refresh()

    def shutdown(self) -> None:
        """End the thread that looks at files."""
        self.background.close()

    # -- what is there

    def refresh(self) -> None:
        """Read the folder again."""
        store, keys = self.context.plan.out.expanduser(), self.context.keys
        self.place.setText(translate("SessionsScreen", "In {folder}").format(folder=store))
        if not store.is_dir():
            self._show([])
            return

        def look() -> list[Row]:
            chosen = keys or default_keys()
            return [(entry, person_of(entry.folder, chosen)) for entry in sessions_in(store)]

        self.background.do(look, self._show, self._failed)

    @property
    def chosen(self) -> Entry | None:
        """The session in hand."""
        row = self.table.currentRow()
        return self.rows[row][0] if 0 <= row < len(self.rows) else None

    @property
    def due(self) -> list[Entry]:
        """Sessions whose last day is over."""
        today = datetime.now().astimezone().date()
        return [entry for entry, _ in self.rows if entry.is_due(today)]

    def _show(self, rows: list[Row]) -> None:
        before = self.chosen
        self.rows = rows
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(_cells(*row)):
                item = QTableWidgetItem(text)
                item.setToolTip(row[0].problem or text)
                self.table.setItem(number, column, item)
        at = next((i for i, (entry, _) in enumerate(rows) if before and entry.folder == before.folder), -1)
        self.table.setCurrentCell(at, NAME if at >= 0 else -1)
        late = len(self.due)
        self.buttons["purge"].setText(
            translate("SessionsScreen", "Erase what is past its &date ({count})…").format(count=late)
        )
        self._enable()

    def _enable(self) -> None:
        entry = self.chosen
        readable = entry is not None and not entry.problem and entry.state != "erasing"
        can = {
            "open": readable,
            "verify": readable,
            "withdraw": readable and entry is not None and entry.consent is not None and not entry.busy,
            "erase": entry is not None and not entry.busy,
            "purge": bool(self.due),
            "verify_all": bool(self.rows),
        }
        for name, possible in can.items():
            self.buttons[name].setEnabled(possible)

    # -- what the buttons do

    def open_chosen(self) -> None:
        """Open the session for review."""
        if self.chosen is not None:
            self.context.open_folder(self.chosen.folder)

    def verify_chosen(self) -> None:
        """Read every byte of the session."""
        entry, keys = self.chosen, self.context.keys
        if entry is not None:
            self._tell(translate("SessionsScreen", "Reading {name}…").format(name=entry.folder.name))
            self.background.do(lambda: [verify(entry.folder, keys)], lambda f: self._verified(f, None), self._failed)

    def verify_all(self) -> None:
        """Read every byte of all sessions, and follow the audit log."""
        entries, keys, store = [entry for entry, _ in self.rows], self.context.keys, self.context.plan.out.expanduser()

        def work() -> tuple[list[Verified], Findings]:
            return [_checked(entry.folder, keys) for entry in entries if not entry.busy], verify_audit(store)

        self._tell(translate("SessionsScreen", "Reading all sessions…"))
        self.background.do(work, lambda found: self._verified(*found), self._failed)

    def ask_erase(self) -> None:
        """Erase the session in hand, once its name was typed."""
        entry = self.chosen
        if entry is None:
            return
        dialog = Confirm(
            self,
            translate("SessionsScreen", "Erase “{name}” for good?").format(name=entry.folder.name),
            translate(
                "SessionsScreen",
                "The key, picture, sound, words and estimates go; only a note that something was erased stays. Copies "
                "and exports elsewhere are not reached.",
            ),
            entry.folder.name,
            translate("SessionsScreen", "&Erase for good"),
            translate("SessionsScreen", "Erase the profile of the person, too"),
        )
        keys = self.context.keys
        if self._asked(dialog):
            person = dialog.option.isChecked()
            self.background.do(lambda: [erase(entry.folder, person=person, keys=keys)], self._erased, self._failed)

    def ask_purge(self) -> None:
        """Erase what is past its date, once a word was typed."""
        entries = self.due
        dialog = Confirm(
            self,
            translate("SessionsScreen", "Erase {count} sessions that are past their date?").format(count=len(entries)),
            "\n".join(f"{entry.folder.name} ({entry.retain_until})" for entry in entries),
            translate("SessionsScreen", ERASE_WORD),
            translate("SessionsScreen", "&Erase for good"),
        )
        if entries and self._asked(dialog):
            self.background.do(
                lambda: [erase(entry.folder, why="past its date") for entry in entries], self._erased, self._failed
            )

    def ask_withdraw(self) -> None:
        """Take consent back, as the person wishes."""
        entry = self.chosen
        if entry is None or entry.consent is None:
            return
        dialog = Withdraw(self, [p for p, a in entry.consent.answers.items() if a.holds])
        keys = self.context.keys
        if self._asked(dialog):
            wanted = dialog.chosen
            self.background.do(
                lambda: withdraw(entry.folder, wanted, keys=keys),
                lambda done: self._withdrawn(entry, done),
                self._failed,
            )

    def _asked(self, dialog: QDialog) -> bool:
        answer = dialog.exec() == QDialog.DialogCode.Accepted
        dialog.deleteLater()
        return answer

    # -- what came of it

    def _verified(self, found: list[Verified], log: Findings | None) -> None:
        lines = []
        for one in found:
            how = (
                translate("SessionsScreen", "whole, every byte was authenticated")
                if one.authenticated
                else translate("SessionsScreen", "whole as far as it can be read; it is not encrypted")
            )
            state = translate("SessionsScreen", "DAMAGED") if one.problems else how
            lines += [f"{one.folder.name}: {state}", *(f"    {text}" for text in (*one.problems, *one.notes))]
        if log is not None:
            state = translate("SessionsScreen", "DAMAGED") if log.problems else translate("SessionsScreen", "whole")
            head = translate("SessionsScreen", "Audit log, {count} lines: {state}").format(count=log.lines, state=state)
            lines += [head, *(f"    {text}" for text in log.problems)]
        self._tell("\n".join(lines))

    def _erased(self, done: list[Erased]) -> None:
        lines = [translate("SessionsScreen", "Erased: {name}.").format(name=one.folder.name) for one in done]
        lines += [
            translate("SessionsScreen", "The profile {name} was erased, too.").format(name=one.profile)
            for one in done
            if one.profile
        ]
        self._tell("\n".join([*lines, *(note for one in done for note in one.notes)]))
        self.refresh()

    def _withdrawn(self, entry: Entry, done: Erased | Consent) -> None:
        if isinstance(done, Erased):
            self._erased([done])
            return
        text = translate("SessionsScreen", "Noted; {name} was changed accordingly.")
        self._tell(text.format(name=entry.folder.name))
        self.refresh()

    def _failed(self, error: AhdetectError) -> None:
        self._tell(str(error))
        self.refresh_later()

    def refresh_later(self) -> None:
        """What was done before an error is shown as well, where the folder can be read."""
        store = self.context.plan.out.expanduser()
        if store.is_dir():
            self.background.do(lambda: [(e, None) for e in sessions_in(store)], self._show, lambda _: None)

    def _tell(self, text: str) -> None:
        self.told.setPlainText(text)

    # -- building

    def _make_table(self) -> QTableWidget:
        heads = (
            translate("SessionsScreen", "Session"),
            translate("SessionsScreen", "State"),
            translate("SessionsScreen", "Person"),
            translate("SessionsScreen", "Agreed to"),
            translate("SessionsScreen", "Kept until"),
            translate("SessionsScreen", "Size"),
        )
        table = QTableWidget(0, len(heads))
        table.setHorizontalHeaderLabels(list(heads))
        table.setAccessibleName(translate("SessionsScreen", "Stored sessions"))
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setTabKeyNavigation(False)
        table.itemSelectionChanged.connect(self._enable)
        table.itemActivated.connect(lambda _: self.open_chosen())
        header, side = table.horizontalHeader(), table.verticalHeader()
        assert header is not None
        assert side is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        side.hide()
        return table

    def _build(self) -> None:
        title, heading = QLabel(translate("SessionsScreen", "Stored sessions")), QLabel()
        title.setProperty("role", "title")
        heading.setText(translate("SessionsScreen", "What was fo&und"))
        heading.setProperty("role", "heading")
        heading.setBuddy(self.told)
        self.place.setProperty("role", "faint")
        self.place.setTextFormat(Qt.TextFormat.PlainText)
        self.place.setWordWrap(True)
        self.told.setReadOnly(True)
        self.told.setTabChangesFocus(True)
        self.told.setAccessibleName(translate("SessionsScreen", "What was found"))
        column = QVBoxLayout(self)
        column.addWidget(title)
        column.addWidget(self.place)
        column.addWidget(self.lock)
        column.addWidget(self.table, 3)
        column.addLayout(self._row())
        column.addWidget(heading)
        column.addWidget(self.told, 1)

    def _row(self) -> QGridLayout:
        grid = QGridLayout()
        acts: tuple[tuple[str, str, Callable[[], Any]], ...] = (
            ("open", translate("SessionsScreen", "&Open in review"), self.open_chosen),
            ("verify", translate("SessionsScreen", "Verif&y"), self.verify_chosen),
            ("verify_all", translate("SessionsScreen", "Verify &all and the log"), self.verify_all),
            ("withdraw", translate("SessionsScreen", "Take &back consent…"), self.ask_withdraw),
            ("erase", translate("SessionsScreen", "&Erase…"), self.ask_erase),
            ("purge", "", self.ask_purge),
            ("refresh", translate("SessionsScreen", "&Look again"), self.refresh),
        )
        for number, (key, text, do) in enumerate(acts):
            button = QPushButton(text)
            button.clicked.connect(lambda _=False, do=do: do())
            button.setAutoDefault(True)
            self.buttons[key] = button
            grid.addWidget(button, number // 4, number % 4)
        return grid


def _checked(folder: Path, keys: Any) -> Verified:
    """One that cannot be opened is a problem of its own, not the end of the walk."""
    try:
        return verify(folder, keys)
    except AhdetectError as error:
        return Verified(folder, problems=[str(error)])


def _cells(entry: Entry, person: str | None) -> tuple[str, ...]:
    state = translate("SessionsScreen", STATES.get(entry.state, entry.state))
    if entry.busy:
        state = translate("SessionsScreen", "being recorded")
    if not entry.encrypted and not entry.problem and entry.state != "erasing":
        state += ", " + translate("SessionsScreen", "not encrypted")
    agreed = (
        purposes_text(p for p, a in entry.consent.answers.items() if a.holds) or "–"
        if entry.consent is not None
        else translate("SessionsScreen", "no record")
    )
    return (
        entry.folder.name,
        state,
        translate("SessionsScreen", "sealed") if person is None else person or "–",
        agreed,
        entry.retain_until.isoformat() if entry.retain_until else translate("SessionsScreen", "no date"),
        f"{entry.bytes / 1e6:.1f} MB",
    )
