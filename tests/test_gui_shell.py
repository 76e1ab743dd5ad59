"""The window walks from screen to screen, tells what is wrong, remembers its look, and closes in good order."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PyQt6.QtCore import QCoreApplication, QSettings, Qt, QTimer
from PyQt6.QtWidgets import QApplication, QComboBox, QLabel, QMessageBox, QVBoxLayout

from ahdetect.errors import DataError, StoreError
from ahdetect.gui import i18n
from ahdetect.gui.background import Background
from ahdetect.gui.context import Context, PlannedPrompt
from ahdetect.gui.plan import free_bytes, name_is_good, read_prompts, write_prompts
from ahdetect.gui.screens import SCREENS, Screen, ScreenEntry
from ahdetect.gui.screens.setup import KIND, TEXT, SetupScreen
from ahdetect.gui.sleep import SleepWatch
from ahdetect.gui.theme import BASE_PT, DARK, LIGHT
from ahdetect.gui.window import MainWindow, about_text

PROMPTS = [PlannedPrompt("How was your week?", "neutral"), PlannedPrompt("What, if anything; holds you back?", None)]


class Fake(Screen):
    """A screen that writes down what the window does with it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.did: list[str] = []
        self.stays, self.work = False, 0
        QVBoxLayout(self).addWidget(QLabel("a screen"))

    def enter(self) -> None:
        self.did.append("enter")

    def leave(self) -> None:
        self.did.append("leave")

    def may_leave(self) -> bool:
        return not self.stays

    def finish(self) -> str:
        self.work -= 1
        return "the files are being finished" if self.work >= 0 else ""

    def shutdown(self) -> None:
        self.did.append("shutdown")


FAKES = tuple(ScreenEntry(name, name.title(), f"{__name__}:Fake") for name in ("devices", "setup", "live", "review"))


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "gui.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def context(settings: QSettings, tmp_path: Path) -> Context:
    context = Context(settings)
    context.plan.out = tmp_path / "sessions"
    return context


@pytest.fixture
def window(qtbot: Any, context: Context) -> Any:
    window = MainWindow(context, FAKES)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    yield window
    window.shutdown()


# -- the walk


def test_the_walk_is_devices_setup_calibration_live_review() -> None:
    assert [entry.name for entry in SCREENS][:5] == ["devices", "setup", "calibration", "live", "review"]


def test_every_screen_of_the_table_can_be_made(qtbot: Any, context: Context) -> None:
    context.choice.video, context.choice.audio = "none", "none"
    for entry in SCREENS:
        screen = entry.make(context)
        qtbot.addWidget(screen)
        assert type(screen).__name__ == f"{entry.name.title()}Screen"
        screen.shutdown()


@pytest.mark.parametrize(("key", "name"), [("1", "devices"), ("2", "setup"), ("3", "live"), ("4", "review")])
def test_a_key_goes_to_each_screen(window: MainWindow, qtbot: Any, key: str, name: str) -> None:
    window.activateWindow()
    qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
    assert window.current == name
    assert window.screens[name].isVisible()
    assert [s for s in window.screens.values() if s.isVisible()] == [window.screens[name]]


def test_a_screen_is_made_when_it_is_first_shown_and_kept(window: MainWindow) -> None:
    assert window.screens == {}
    window.go("live")
    made = window.screens["live"]
    window.go("devices")
    window.go("live")
    assert window.screens["live"] is made
    assert made.did == ["enter", "leave", "enter"]  # type: ignore[attr-defined]


def test_the_window_shows_where_one_is_in_text_and_for_screen_readers(window: MainWindow) -> None:
    window.go("setup")
    assert window.buttons["setup"].isChecked()
    assert "▸" in window.buttons["setup"].text()
    assert window.buttons["setup"].accessibleName().endswith("you are here")
    assert "▸" not in window.buttons["live"].text()


def test_a_screen_may_refuse_to_be_left(window: MainWindow) -> None:
    window.go("live")
    window.screens["live"].stays = True  # type: ignore[attr-defined]
    window.buttons["review"].click()
    assert window.current == "live"
    assert window.buttons["live"].isChecked()
    assert not window.buttons["review"].isChecked()


def test_opening_a_folder_goes_to_review_and_names_it(window: MainWindow, tmp_path: Path) -> None:
    opened: list[object] = []
    window.context.opened.connect(opened.append)
    window.open(tmp_path / "P07", tmp_path / "clip.mp4")
    assert window.current == "review"
    assert opened == [tmp_path / "P07"]
    assert (window.context.folder, window.context.clip) == (tmp_path / "P07", tmp_path / "clip.mp4")
    assert window.windowTitle().startswith("P07")


def test_screens_are_imported_behind_the_window_and_one_that_fails_stops_nothing(qtbot: Any, context: Context) -> None:
    entries = (*FAKES, ScreenEntry("a", "A", "no_such_module:A"), ScreenEntry("b", "B", "wsgiref.headers:Headers"))
    sys.modules.pop("wsgiref.headers", None)
    window = MainWindow(context, entries)
    qtbot.addWidget(window)
    window.warm()
    qtbot.waitUntil(lambda: "wsgiref.headers" in sys.modules, timeout=3000)
    assert window.screens == {}
    window.shutdown()


# -- banners


def test_a_banner_stays_until_it_is_dismissed_and_is_announced(window: MainWindow, qtbot: Any) -> None:
    window.context.say("error", "The camera is gone.", "camera")
    assert window.banners.isVisible()
    [banner] = window.banners.shown.values()
    assert banner.accessibleName() == "Error: The camera is gone."
    assert window.statusBar().currentMessage() == "Error: The camera is gone."  # type: ignore[union-attr]
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_F6)
    assert banner.button.hasFocus()
    qtbot.keyClick(banner.button, Qt.Key.Key_Space)
    assert not window.banners.isVisible()


def test_the_same_key_replaces_a_banner_and_an_empty_text_removes_it(window: MainWindow) -> None:
    window.context.say("warning", "Face stopped.", "face")
    window.context.say("warning", "Voice stopped.", "voice")
    window.context.say("info", "Face is back.", "face")
    assert [b.text for b in window.banners.shown.values()] == ["Face is back.", "Voice stopped."]
    window.context.say("info", "", "face")
    assert list(window.banners.shown) == ["voice"]


def test_a_banner_comes_from_any_thread(window: MainWindow, qtbot: Any) -> None:
    thread = threading.Thread(target=lambda: window.context.say("error", "from elsewhere", "x"))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "x" in window.banners.shown, timeout=2000)


def test_sleep_of_the_machine_is_told(window: MainWindow) -> None:
    wall, awake = iter([0.0, 2.0, 604.0]), iter([0.0, 2.0, 4.0])
    window._watch = SleepWatch(lambda: next(wall), lambda: next(awake))
    window._look_for_sleep()
    assert "sleep" not in window.banners.shown
    window._look_for_sleep()
    assert "600 s" in window.banners.shown["sleep"].text


def test_a_clock_that_is_set_right_is_no_sleep() -> None:
    wall, awake = iter([0.0, 3.0]), iter([0.0, 2.0])
    assert SleepWatch(lambda: next(wall), lambda: next(awake)).slept_s() == 0.0


# -- looks


def test_theme_and_text_size_are_taken_at_once_and_remembered(window: MainWindow, settings: QSettings) -> None:
    window.context.set_theme("dark")
    window.context.set_text_scale(2.0)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    assert app.palette().window().color().name() == DARK.background
    assert app.font().pointSizeF() == pytest.approx(2 * BASE_PT)
    again = Context(settings)
    assert again.theme is DARK
    assert again.text_scale == 2.0
    window.context.set_theme("light")
    assert app.palette().window().color().name() == LIGHT.background


def test_keys_change_the_text_size_within_its_bounds(window: MainWindow, qtbot: Any) -> None:
    window.activateWindow()
    seen = []
    for _ in range(5):
        qtbot.keyClick(window, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
        seen.append(window.context.text_scale)
    assert seen == [1.25, 1.5, 1.75, 2.0, 2.0]
    assert [a.text() for a in window.sizes.actions() if a.isChecked()] == ["200%"]


def test_plan_and_devices_are_remembered(context: Context, settings: QSettings, tmp_path: Path) -> None:
    context.choice.video = "2"
    context.plan.name, context.plan.quiet, context.plan.prompts = "P07", True, PROMPTS
    context.save()
    again = Context(settings)
    assert again.choice == context.choice
    assert again.plan == context.plan


@pytest.mark.parametrize("broken", ["no json", "[1]", '{"video": 3}', '{"nobody": "knows"}', '{"prompts": [3, {}]}'])
def test_broken_settings_never_stop_the_app(settings: QSettings, broken: str) -> None:
    for key in ("choice", "plan", "text_scale", "theme"):
        settings.setValue(key, broken)
    context = Context(settings)
    assert context.choice.video == "0"
    assert context.plan.prompts == []
    assert context.text_scale == 1.0
    assert context.theme is LIGHT


def test_the_geometry_is_remembered(qtbot: Any, context: Context, settings: QSettings) -> None:
    first = MainWindow(context, FAKES)
    qtbot.addWidget(first)
    first.resize(720, 640)
    first.close()
    again = MainWindow(Context(settings), FAKES)
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (720, 640)
    again.shutdown()


def test_about_says_what_the_estimate_is_and_is_not(window: MainWindow) -> None:
    window.about()
    [box] = window.findChildren(QMessageBox)
    assert box.text() == about_text()
    assert "signs consistent with" in box.text()
    assert "not a diagnosis" in box.text()
    box.close()


# -- the end


def test_closing_shuts_every_screen_down_once(window: MainWindow) -> None:
    window.go("setup")
    window.go("live")
    assert window.close()
    window.shutdown()
    assert window.screens["setup"].did == ["enter", "leave", "shutdown"]  # type: ignore[attr-defined]
    assert window.screens["live"].did == ["enter", "leave", "shutdown"]  # type: ignore[attr-defined]


def test_closing_asks_where_something_runs(window: MainWindow) -> None:
    window.go("live")
    window.screens["live"].stays = True  # type: ignore[attr-defined]
    assert not window.close()
    assert window.isVisible()
    assert "shutdown" not in window.screens["live"].did  # type: ignore[attr-defined]


def test_closing_waits_for_the_files_without_blocking(window: MainWindow, qtbot: Any) -> None:
    window.go("live")
    window.screens["live"].work = 3  # type: ignore[attr-defined]
    assert not window.close()
    assert "the files are being finished" in window.banners.shown["closing"].text
    assert "shutdown" not in window.screens["live"].did  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=3000)
    assert window.screens["live"].did[-1] == "shutdown"  # type: ignore[attr-defined]


def test_a_question_is_asked_once_however_often_one_closes(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ask() -> bool:  # a question that runs an event loop, in which one closes and walks again
        asked.append(1)
        window.close()
        assert not window.go("setup")
        return False

    window.go("live")
    monkeypatch.setattr(window.screens["live"], "may_leave", ask)
    assert not window.close()
    assert len(asked) == 1


def test_a_signal_ends_without_a_question(window: MainWindow, qtbot: Any) -> None:
    window.go("live")
    window.screens["live"].stays, window.screens["live"].work = True, 2  # type: ignore[attr-defined]
    window.end()
    assert "closing" in window.banners.shown
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=3000)
    assert window.screens["live"].did[-1] == "shutdown"  # type: ignore[attr-defined]


def test_a_screen_that_fails_at_the_end_leaves_the_others_their_end(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: told.append(error[1]))
    window.go("setup")
    window.go("live")
    monkeypatch.setattr(window.screens["setup"], "shutdown", lambda: 1 / 0)
    assert window.close()
    assert window.screens["live"].did[-1] == "shutdown"  # type: ignore[attr-defined]
    assert isinstance(told[0], ZeroDivisionError)


def test_after_all_screens_no_thread_and_no_timer_is_left(qtbot: Any, context: Context) -> None:
    before = set(threading.enumerate())
    context.choice.video, context.choice.audio = "none", "none"
    window = MainWindow(context)
    qtbot.addWidget(window)
    window.show()
    window.warm()
    for entry in SCREENS:
        assert window.go(entry.name)
        QCoreApplication.processEvents()
    assert any(timer.isActive() for timer in window.findChildren(QTimer))
    assert window.close()
    assert [timer.parent() for timer in window.findChildren(QTimer) if timer.isActive()] == []
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("ahdetect-")]
    for thread in left:
        thread.join(3)
    assert [t.name for t in left if t.is_alive()] == []


# -- work behind the window


def test_background_work_comes_back_on_qts_thread_in_order(qtbot: Any) -> None:
    background, came = Background(), []
    here = threading.get_ident()
    for i in range(3):
        background.do(lambda i=i: (i, threading.get_ident()), lambda r: came.append((*r, threading.get_ident())), print)
    qtbot.waitUntil(lambda: len(came) == 3, timeout=2000)
    assert [i for i, _, _ in came] == [0, 1, 2]
    assert all(worker != here and taken == here for _, worker, taken in came)
    background.close()


def test_background_errors_are_sentences_and_none_comes_after_the_end(qtbot: Any) -> None:
    background, errors, late = Background(), [], []
    background.do(lambda: 1 / 0, print, errors.append)
    qtbot.waitUntil(lambda: bool(errors), timeout=2000)
    assert "ZeroDivisionError" in str(errors[0])
    gate = threading.Event()
    background.do(lambda: gate.wait(1), late.append, late.append)
    gate.set()
    background.close()
    QCoreApplication.processEvents()
    assert late == []


# -- the plan


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_prompts_come_back_as_they_were_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"prompts.{ending}"
    write_prompts(PROMPTS, path)
    assert read_prompts(path) == PROMPTS


def test_prompts_written_by_hand_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('["One?", {"text": " Two \\n lines ", "kind": "Hesitant"}]')
    assert read_prompts(tmp_path / "a.json") == [PlannedPrompt("One?"), PlannedPrompt("Two lines", "hesitant")]
    (tmp_path / "a.csv").write_text("\ufeffKind;Text\nwilling;Shall we, then?\n;\n", encoding="utf-8")
    assert read_prompts(tmp_path / "a.csv") == [PlannedPrompt("Shall we, then?", "willing")]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b"{", "not valid JSON"),
        ("a.json", b'{"a": 1}', "no list"),
        ("a.json", b'[{"text": "x", "kind": "sad"}]', "prompt 1 has the kind 'sad'"),
        ("a.json", b'["x", 3]', "prompt 2 has no text"),
        ("a.csv", b"question\nWhy?\n", "no column named text"),
        ("a.csv", b"text\n\xff\xfe\n", "not UTF-8"),
        ("a.csv", b"text\n" + b"x" * 1_100_000, "too long"),
    ],
)
def test_a_file_that_holds_no_prompts_is_one_sentence(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_prompts(tmp_path / name)


@pytest.mark.parametrize(("name", "good"), [("P07-2", True), ("", True), ("Été 3", True), ("a/b", False), ("..", False),
                                            ("-x", False), ("x ", False), ("x" * 65, False)])  # fmt: skip
def test_names_fit_every_file_system(name: str, good: bool) -> None:
    assert name_is_good(name) is good


def test_free_space_is_that_of_the_folder_above_one_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="not a folder"):
        free_bytes(tmp_path / "file" / "c")


# -- the set-up screen


@pytest.fixture
def setup(qtbot: Any, context: Context) -> Any:
    context.plan.prompts = list(PROMPTS)
    screen = SetupScreen(context)
    qtbot.addWidget(screen)
    with qtbot.waitExposed(screen):
        screen.show()
    screen.enter()
    yield screen
    screen.leave()
    screen.shutdown()


def test_setup_shows_the_plan_and_the_free_space(setup: SetupScreen, qtbot: Any) -> None:
    assert setup.table.item(0, KIND).text() == "neutral"  # type: ignore[union-attr]
    assert setup.table.item(1, KIND).text() == "no kind"  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: "GB free" in setup.space.text(), timeout=3000)
    texts = " ".join(label.text() for label in setup.findChildren(QLabel))
    assert "Without a yes nothing is recorded" in texts
    assert str(setup.context.plan.out) in texts


def test_setup_shows_a_plan_that_was_changed_elsewhere(setup: SetupScreen, tmp_path: Path) -> None:
    setup.leave()
    plan = setup.context.plan
    plan.out, plan.name, plan.quiet, plan.prompts = tmp_path / "elsewhere", "P08", True, PROMPTS[:1]
    setup.enter()
    setup.leave()
    assert (plan.out, plan.name, plan.quiet, plan.prompts) == (tmp_path / "elsewhere", "P08", True, PROMPTS[:1])
    assert setup.table.rowCount() == 1


def test_a_name_that_is_none_is_refused_and_the_last_good_one_stays(setup: SetupScreen) -> None:
    setup.name.setText("P07")
    setup.name.setText("P07/secret")
    assert setup.context.plan.name == "P07"
    assert setup.name_note.property("role") == "error"


def test_prompts_are_added_edited_moved_and_removed_by_keys(setup: SetupScreen, qtbot: Any) -> None:
    setup.activateWindow()
    setup.table.setCurrentCell(1, TEXT)
    qtbot.keyClick(setup.buttons["add"], Qt.Key.Key_Space)
    editor = QApplication.focusWidget()
    assert editor is not None
    qtbot.keyClicks(editor, "Why now?")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    texts = [*(p.text for p in PROMPTS), "Why now?"]
    qtbot.waitUntil(lambda: [p.text for p in setup.context.plan.prompts] == texts, timeout=2000)
    qtbot.keyClick(setup.table, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert [p.text for p in setup.context.plan.prompts][1] == "Why now?"
    qtbot.keyClick(setup.buttons["remove"], Qt.Key.Key_Space)
    assert setup.context.plan.prompts == PROMPTS


def test_the_kind_is_chosen_from_a_list(setup: SetupScreen, qtbot: Any) -> None:
    setup.table.setCurrentCell(1, KIND)
    setup.table.editItem(setup.table.item(1, KIND))
    box = setup.table.findChild(QComboBox)
    assert box is not None
    assert box.count() == 8
    box.setCurrentIndex(box.findData("hesitant"))
    setup.table.commitData(box)
    assert setup.context.plan.prompts[1].kind == "hesitant"
    assert setup.table.item(1, KIND).text() == "hesitant"  # type: ignore[union-attr]


def test_prompts_are_imported_and_a_broken_file_leaves_them(setup: SetupScreen, qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text,kind\nReady?,willing\n")
    setup.load(tmp_path / "new.csv")
    qtbot.waitUntil(lambda: setup.context.plan.prompts == [PlannedPrompt("Ready?", "willing")], timeout=3000)
    (tmp_path / "bad.json").write_text("{")
    setup.load(tmp_path / "bad.json")
    qtbot.waitUntil(lambda: "not valid JSON" in setup.message.text(), timeout=3000)
    assert setup.table.rowCount() == 1
    setup.store(tmp_path / "out.json")
    qtbot.waitUntil(lambda: "written" in setup.message.text(), timeout=3000)
    assert read_prompts(tmp_path / "out.json") == [PlannedPrompt("Ready?", "willing")]


def test_quiet_mode_goes_into_the_plan_and_the_button_goes_on(setup: SetupScreen, qtbot: Any) -> None:
    went: list[str] = []
    setup.context.go.connect(went.append)
    setup.quiet.setChecked(True)
    qtbot.keyClick(setup.buttons["go"], Qt.Key.Key_Space)
    assert setup.context.plan.quiet
    assert went == ["live"]


# -- languages


@pytest.fixture
def french(qapp: QApplication) -> Any:
    translators = i18n.install(qapp, "fr")
    yield
    for translator in translators:
        qapp.removeTranslator(translator)


def test_the_app_speaks_french(french: None, qtbot: Any, context: Context) -> None:
    window = MainWindow(context)
    qtbot.addWidget(window)
    assert [b.text().split()[-1] for b in window.buttons.values()][:5] == [
        "Appareils",
        "Préparation",
        "Étalonnage",
        "Direct",
        "Revue",
    ]
    assert "n’est pas un diagnostic" in about_text()
    window.shutdown()


def test_what_is_not_translated_stays_english(tmp_path: Path) -> None:
    (tmp_path / "x.ts").write_text(
        '<?xml version="1.0"?><!DOCTYPE TS><TS><context><name>C</name>'
        "<message><source>a</source><translation>A</translation></message>"
        '<message><source>b</source><translation type="unfinished">B</translation></message>'
        '<message numerus="yes"><source>%n c</source><translation><numerusform>%n C</numerusform>'
        "<numerusform>%n Cs</numerusform></translation></message></context></TS>"
    )
    translator = i18n.TsTranslator(tmp_path / "x.ts")
    assert translator.translate("C", "a") == "A"
    assert translator.translate("C", "b") is None
    assert translator.translate("D", "a") is None
    assert [translator.translate("C", "%n c", None, n) for n in (0, 1, 2)] == ["%n C", "%n C", "%n Cs"]


# -- what is installed


def test_pictures_and_translations_are_installed_with_the_package() -> None:
    root = Path(__file__).parent.parent
    globs = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["ahdetect.gui"]
    files = {p for p in (root / "gui").rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert files
    assert files - {p for glob in globs for p in (root / "gui").glob(glob)} == set()


def test_the_desktop_entry_starts_the_app_and_has_its_icon() -> None:
    packaging = Path(__file__).parent.parent / "packaging"
    lines = (packaging / "ahdetect.desktop").read_text(encoding="utf-8").splitlines()
    entry = dict(line.split("=", 1) for line in lines if "=" in line)
    assert lines[0] == "[Desktop Entry]"
    assert entry["Exec"].split()[0] == "ahdetect-gui"
    assert entry["StartupWMClass"] == entry["Icon"] == "ahdetect"  # as `app.run` names the window
    assert (packaging / "icon.svg").is_file()


# -- the program


def _start(*args: str, then: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys\n"
        "from PyQt6.QtCore import QTimer, QSettings, QStandardPaths\n"
        "from PyQt6.QtWidgets import QApplication\n"
        "def look():\n"
        "    [w] = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == 'MainWindow']\n"
        f"    {then}\n"
        "    w.close()\n"
        "QTimer.singleShot(0, look)\n"
        "from ahdetect.gui import app\n"
        f"raise SystemExit(app.main({list(args)!r}))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip


def test_the_program_begins_with_the_screen_that_was_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    done = _start("--screen", "setup", then="print(w.current)")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "setup\n"


def test_a_clip_alone_is_opened_as_a_clip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "clip.mp4").write_bytes(b"no clip")
    done = _start(str(tmp_path / "clip.mp4"), then="print(w.current, w.context.folder, w.context.clip.name)")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "review None clip.mp4\n"


def test_a_screen_that_does_not_exist_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    done = _start("--screen", "nowhere", then="pass")
    assert done.returncode == 2
    assert "There is no screen 'nowhere'" in done.stderr


def test_an_exception_in_a_slot_becomes_a_banner_and_the_app_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    then = (
        "w.statusBar().messageChanged.connect(lambda t: 1 / 0 if t == 'boom' else None);"
        "w.statusBar().showMessage('boom'); print([b.text for b in w.banners.shown.values()])"
    )
    done = _start("--screen", "setup", then=then)
    assert done.returncode == 0, done.stderr
    assert "ZeroDivisionError" in done.stdout
    assert "Traceback" in done.stderr


def test_the_command_line_opens_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    from ahdetect.cli import main
    from ahdetect.gui import app

    asked: list[object] = []
    monkeypatch.setattr(app, "run", lambda *args: asked.extend(args) or 0)
    with pytest.raises(SystemExit) as left:
        main(["gui", "folder", "--screen", "review"])
    assert left.value.code == 0
    assert asked == [Path("folder"), None, "review", ""]
