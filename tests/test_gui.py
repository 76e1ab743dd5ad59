"""The model behind the review knows no Qt; the program starts where an extra is missing or OpenCV is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from timelines import FRAME_NS, make_timeline

from ahdetect.export.tables import write_tables
from ahdetect.gui import app
from ahdetect.gui.opening import load
from ahdetect.gui.review_model import ReviewModel

SECONDS = 6.0


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    write_tables(make_timeline(SECONDS), tmp_path / "analysis")
    return tmp_path / "analysis"


def opened(folder: Path) -> ReviewModel:
    model = ReviewModel()
    model.take(load(folder))
    return model


# -- the model


def test_the_model_loads_no_qt() -> None:
    code = "import sys, ahdetect.gui.review_model; print(any(m.startswith(('PyQt', 'pyqtgraph')) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_it_opens_at_the_first_segment_and_tells_its_watchers(analysis: Path) -> None:
    model, told = ReviewModel(), []
    model.on_change(lambda: told.append(model.cursor_s))
    model.take(load(analysis))
    start_s = model.timeline.segments[0].start_ns / 1e9
    assert told == [start_s]
    assert model.segment is model.timeline.segments[0]


def test_the_cursor_walks_by_rows_and_stays_within_the_recording(analysis: Path) -> None:
    model = opened(analysis)
    model.move_to(0.0)
    model.step(1)
    assert model.cursor_s == FRAME_NS / 1e9
    model.step(-5)
    assert model.cursor_s == 0.0
    model.move_to(1e9)
    assert model.cursor_s == model.timeline.duration_s
    model.step_segment(-1)
    assert model.cursor_s == model.timeline.segments[0].start_ns / 1e9


def test_it_says_in_words_what_is_there_and_what_is_missing(analysis: Path) -> None:
    model = opened(analysis)
    model.move_to(0.45 * SECONDS)
    assert model.says()[0].startswith("elevated: p 0.8")
    assert "raised by a 'but', a pause" in model.says()
    model.move_to(0.85 * SECONDS)
    assert "face absent: no face" in model.says()
    assert not any("is ambivalent" in line for line in model.says())


def test_the_word_at_the_cursor_is_the_one_being_spoken(analysis: Path) -> None:
    model = opened(analysis)
    model.move_to(model.timeline.words[5].start_ns / 1e9 + 0.01)
    assert model.word_now == 5
    model.move_to(0.0)
    assert model.word_now == -1


# -- the program


def test_without_pyqt_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "PyQt6.QtWidgets", None)
    assert app.main([]) == 2
    assert "pip install 'ahdetect[gui]'" in capsys.readouterr().err


def test_it_starts_with_a_folder_though_opencv_points_qt_elsewhere(analysis: Path, tmp_path: Path) -> None:
    code = (
        "import os, cv2\n"
        "os.environ['QT_QPA_PLATFORM_PLUGIN_PATH'] = '/nowhere'\n"
        "from PyQt6.QtCore import QTimer\n"
        "from PyQt6.QtWidgets import QApplication\n"
        "from ahdetect.gui import app\n"
        "def look():\n"
        "    [w] = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == 'MainWindow']\n"
        "    if w.screens['review'].loaded is None:\n"
        "        QTimer.singleShot(50, look)\n"
        "        return\n"
        "    print(w.current, w.windowTitle()); w.close()\n"
        "QTimer.singleShot(0, look)\n"
        f"raise SystemExit(app.main([{str(analysis)!r}]))\n"
    )
    plain = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=plain, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("review analysis")
