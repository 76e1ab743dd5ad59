"""Consent is asked and never ticked before; the sessions screen lists, verifies, and erases after a typed word."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtWidgets import QDialog, QLabel
from test_catalogue import KEYS, record

from ahdetect.errors import ConsentError
from ahdetect.export.exporters import EXPORTERS
from ahdetect.export.material import Options
from ahdetect.gui.consent_panel import ConsentPanel
from ahdetect.gui.context import Context
from ahdetect.gui.export_dialog import FORMATS, ExportDialog
from ahdetect.gui.exporting import export_session
from ahdetect.gui.lock_line import LOCKS, lock_of
from ahdetect.gui.screens.review import ReviewScreen
from ahdetect.gui.screens.sessions import AGREED, PERSON, STATE, UNTIL, SessionsScreen
from ahdetect.gui.screens.setup import SetupScreen
from ahdetect.gui.session_dialogs import Confirm, Withdraw
from ahdetect.store.audit import Audit
from ahdetect.store.catalogue import entry_of, sessions_in
from ahdetect.store.consent import Purpose, consent_text
from ahdetect.store.keys import Cost, Keys

# -- the consent panel


@pytest.fixture
def panel(qtbot: Any) -> ConsentPanel:
    panel = ConsentPanel()
    qtbot.addWidget(panel)
    return panel


def test_nothing_is_ticked_before(panel: ConsentPanel) -> None:
    assert [tick.isChecked() for tick in panel.ticks.values()] == [False] * 4
    assert panel.consent("P07") is None
    assert "nothing is recorded" in panel.note.text()


def test_each_tick_is_an_answer_of_its_own_to_the_text_in_view(panel: ConsentPanel, qtbot: Any) -> None:
    with qtbot.waitSignal(panel.changed):
        panel.ticks[Purpose.RECORDING].click()
    panel.ticks[Purpose.RESEARCH].click()
    panel.term.setCurrentIndex(panel.term.findData(30))
    assert panel.consent("P07") is None  # another time was shown: asked anew
    panel.ticks[Purpose.RECORDING].click()
    consent = panel.consent("P07")
    assert consent is not None
    assert [p.value for p in Purpose if consent.allows(p)] == ["recording"]
    assert consent.keep_days == 30
    assert consent.person == "P07"
    assert consent.text_sha256 == consent_text("en").sha256
    assert consent_text("en").sha256[:12] in panel.note.text()


@pytest.mark.parametrize("box", ["language", "stored", "term"])
def test_another_text_storage_or_time_is_answered_anew(panel: ConsentPanel, box: str) -> None:
    panel.ticks[Purpose.ANALYSIS].click()
    getattr(panel, box).setCurrentIndex(1)
    assert panel.consent("") is None
    assert not panel.ticks[Purpose.ANALYSIS].isChecked()


def test_the_text_is_shown_in_the_language_that_is_chosen(panel: ConsentPanel) -> None:
    assert "Consent to a recorded conversation" in panel.text.toPlainText()
    panel.language.setCurrentIndex(panel.language.findData("fr"))
    assert "Consentement à l’enregistrement" in panel.text.toPlainText()
    panel.ticks[Purpose.ANALYSIS].click()
    consent = panel.consent("")
    assert consent is not None
    assert (consent.language, consent.text_sha256) == ("fr", consent_text("fr").sha256)


# -- in set-up


@pytest.fixture
def context(tmp_path: Path) -> Context:
    context = Context(QSettings(str(tmp_path / "gui.ini"), QSettings.Format.IniFormat))
    context.plan.out, context.keys = tmp_path / "store", KEYS
    return context


@pytest.fixture
def setup(context: Context, qtbot: Any) -> Iterator[SetupScreen]:
    screen = SetupScreen(context)
    qtbot.addWidget(screen)
    screen.enter()
    yield screen
    screen.shutdown()


def test_answers_go_to_the_session_and_are_never_remembered(setup: SetupScreen, context: Context) -> None:
    setup.profile.setText("P07")
    setup.consent.ticks[Purpose.RECORDING].click()
    assert context.consent is not None
    assert context.consent.person == "P07"
    context.save()
    assert stat.S_IMODE(Path(context.settings.fileName()).stat().st_mode) == 0o600  # a pseudonym stands in it
    assert Context(context.settings).consent is None
    assert "consent" not in str(context.settings.value("plan"))


def test_another_person_answers_for_themselves(setup: SetupScreen, context: Context) -> None:
    setup.consent.ticks[Purpose.RECORDING].click()
    setup.profile.setText("P08")
    assert context.consent is None
    assert not setup.consent.ticks[Purpose.RECORDING].isChecked()


def test_after_a_session_everything_is_asked_anew(setup: SetupScreen, context: Context) -> None:
    setup.consent.ticks[Purpose.RECORDING].click()
    context.consent = None  # the live screen does this when a session has ended
    setup.enter()
    assert not setup.consent.ticks[Purpose.RECORDING].isChecked()


def test_set_up_says_what_a_session_is_locked_with(setup: SetupScreen, qtbot: Any, monkeypatch: Any) -> None:
    qtbot.waitUntil(lambda: setup.lock.said.text() == LOCKS["account"])
    assert lock_of(Keys(passphrase="correct horse battery")) == "passphrase"
    monkeypatch.setattr("ahdetect.gui.lock_line.default_keys", Keys)
    monkeypatch.setattr("ahdetect.gui.lock_line.keychain", lambda: None)
    assert lock_of(None) == "none"


def test_a_typed_passphrase_opens_until_the_app_ends(
    setup: SetupScreen, context: Context, qtbot: Any, monkeypatch: Any
) -> None:
    from ahdetect.gui.lock_line import QInputDialog

    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("short", True))
    setup.lock.ask()
    assert "shorter" in setup.lock.said.text()
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("correct horse battery", True))
    setup.lock.ask()
    assert context.keys is not None
    assert context.keys.passphrase == "correct horse battery"
    context.save()
    context.settings.sync()
    assert "correct horse" not in Path(context.settings.fileName()).read_text()


# -- the sessions screen


@pytest.fixture
def screen(context: Context, qtbot: Any) -> Iterator[SessionsScreen]:
    record(context.plan.out, "old", keep_days=1)
    record(context.plan.out, "plain", keys=None, purposes=("recording", "analysis"), keep_days=None)
    screen = SessionsScreen(context)
    qtbot.addWidget(screen)
    screen.show()
    screen.enter()
    qtbot.waitUntil(lambda: len(screen.rows) == 2)
    yield screen
    screen.shutdown()


def _answer(monkeypatch: pytest.MonkeyPatch, do: Callable[[Any], None]) -> None:
    """Answer the next dialog: `do` types and ticks; its button is pressed where that is possible."""

    def execute(dialog: Any) -> QDialog.DialogCode:
        do(dialog)
        return QDialog.DialogCode.Accepted if dialog.yes.isEnabled() else QDialog.DialogCode.Rejected

    monkeypatch.setattr(Confirm, "exec", execute)
    monkeypatch.setattr(Withdraw, "exec", execute)


def _text(screen: SessionsScreen, row: int, column: int) -> str:
    item = screen.table.item(row, column)
    assert item is not None
    return item.text()


def test_it_lists_what_is_stored(screen: SessionsScreen) -> None:
    assert [_text(screen, 0, c) for c in (STATE, PERSON, UNTIL)] == ["closed", "P07", "2026-01-03"]
    assert [_text(screen, 1, c) for c in (STATE, AGREED, UNTIL)] == [
        "closed, not encrypted", "recording, analysis", "no date",
    ]  # fmt: skip
    assert screen.buttons["purge"].text() == "Erase what is past its &date (1)…"
    assert not screen.buttons["erase"].isEnabled()


def test_whose_session_it_is_stays_sealed_without_the_key(screen: SessionsScreen, context: Context, qtbot: Any) -> None:
    context.keys = Keys(passphrase="another passphrase")
    screen.refresh()
    qtbot.waitUntil(lambda: _text(screen, 0, PERSON) == "sealed")


def test_verify_says_what_is_whole_and_what_is_not(screen: SessionsScreen, context: Context, qtbot: Any) -> None:
    screen.table.setCurrentCell(0, 0)
    qtbot.mouseClick(screen.buttons["verify"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "every byte was authenticated" in screen.told.toPlainText())
    (context.plan.out / "old" / "words.jsonl.ahd").unlink()
    qtbot.mouseClick(screen.buttons["verify_all"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "old: DAMAGED" in screen.told.toPlainText())
    assert "words.jsonl" in screen.told.toPlainText()
    assert "Audit log, 7 lines: whole" in screen.told.toPlainText()


def test_erasing_needs_the_name_of_the_session(
    screen: SessionsScreen, context: Context, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen.table.setCurrentCell(0, 0)
    _answer(monkeypatch, lambda dialog: dialog.field.setText("yes"))
    screen.ask_erase()
    assert (context.plan.out / "old").exists()
    _answer(monkeypatch, lambda dialog: dialog.field.setText("old"))
    screen.ask_erase()
    qtbot.waitUntil(lambda: len(screen.rows) == 1)
    assert not (context.plan.out / "old").exists()
    assert "Erased: old." in screen.told.toPlainText()


def test_the_sweep_erases_what_is_past_its_date_and_nothing_else(
    screen: SessionsScreen, context: Context, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [entry.folder.name for entry in screen.due] == ["old"]
    assert entry_of(context.plan.out / "old").is_due(date(2026, 1, 4))
    _answer(monkeypatch, lambda dialog: dialog.field.setText("erase"))
    screen.ask_purge()
    qtbot.waitUntil(lambda: len(screen.rows) == 1)
    assert [e.folder.name for e in sessions_in(context.plan.out)] == ["plain"]


def test_consent_is_taken_back_by_purpose(
    screen: SessionsScreen, context: Context, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen.table.setCurrentCell(1, 0)
    _answer(monkeypatch, lambda _: None)
    screen.ask_withdraw()
    assert len(Audit(context.plan.out).lines()) == 7
    _answer(monkeypatch, lambda dialog: dialog.ticks[Purpose.ANALYSIS].click())
    screen.ask_withdraw()
    qtbot.waitUntil(lambda: _text(screen, 1, AGREED) == "recording")
    assert not (context.plan.out / "plain" / "words.jsonl").exists()
    assert (context.plan.out / "plain" / "audio.flac").exists()


def test_a_session_is_opened_for_review(screen: SessionsScreen, context: Context, qtbot: Any) -> None:
    screen.table.setCurrentCell(1, 0)
    with qtbot.waitSignal(context.opened) as opened:
        qtbot.mouseClick(screen.buttons["open"], Qt.MouseButton.LeftButton)
    assert opened.args == [context.plan.out / "plain"]


def test_what_fails_is_a_sentence(
    screen: SessionsScreen, context: Context, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.keys = Keys(passphrase="another passphrase")
    screen.table.setCurrentCell(0, 0)
    screen.verify_chosen()
    qtbot.waitUntil(lambda: "is encrypted, and it opens with" in screen.told.toPlainText())


def test_an_empty_place_is_no_error(context: Context, qtbot: Any) -> None:
    screen = SessionsScreen(context)
    qtbot.addWidget(screen)
    screen.enter()
    assert screen.table.rowCount() == 0
    screen.shutdown()


# -- exports


def test_the_menu_of_exports_is_the_table_of_exporters(qtbot: Any) -> None:
    assert {name: e.what for name, e in EXPORTERS.items()} == FORMATS
    dialog = ExportDialog(None, "monday", False)  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    assert list(dialog.formats) == list(EXPORTERS)
    assert not dialog.yes.isEnabled()  # nothing leaves by itself
    dialog.formats["vtt"].click()
    assert dialog.yes.isEnabled()
    dialog.stills.click()
    dialog.blur.click()
    assert not dialog.yes.isEnabled()
    said = " ".join(label.text() for label in dialog.findChildren(QLabel))
    assert "did not agree to reuse for research" in said


def test_an_export_keeps_to_the_consent_and_stands_in_the_log(context: Context, tmp_path: Path) -> None:
    folder = record(context.plan.out)
    done = export_session(folder, ["vtt"], Options(), tmp_path / "out", KEYS)
    assert [path.suffix for path in done.files] == [".vtt"]
    assert Audit(context.plan.out).lines()[-1]["facts"]["formats"] == ["vtt"]
    silent = record(context.plan.out, "silent", purposes=("recording",))
    with pytest.raises(ConsentError):
        export_session(silent, ["vtt"], Options(), tmp_path / "out", KEYS)


def test_review_says_where_a_passphrase_is_typed(context: Context, qtbot: Any) -> None:
    folder = record(context.plan.out, keys=Keys(passphrase="another passphrase", cost=Cost(1, 8192)))
    screen = ReviewScreen(context)
    qtbot.addWidget(screen)
    screen.enter()
    with qtbot.waitSignal(context.banner, check_params_cb=lambda level, *_: level == "error") as said:
        context.open_folder(folder)
    assert "the screen Sessions takes the passphrase" in said.args[1]
    context.unlock("another passphrase")
    screen.open(folder)
    qtbot.waitUntil(lambda: screen.loaded is not None, timeout=10_000)
    screen.shutdown()
