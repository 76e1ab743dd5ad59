"""What every test shares: no screen, and no thread left behind."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ahdetect.sealing import new_key
from ahdetect.store_key import into_file

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

GRACE_S = 2.0  # a stage that was told to stop may finish its step of at most 50 ms; a loaded machine gets more


@pytest.fixture(autouse=True, scope="session")
def _data_of_the_user_stays_untouched(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Profiles, keys and the anchors of audit logs go to a folder of the tests; processes they start go there too."""
    os.environ["AHDETECT_DATA"] = str(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session", autouse=True)
def _key_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Sessions are encrypted with a key of the tests' own, also those of processes that a test starts."""
    path = tmp_path_factory.mktemp("keys") / "store.key"
    into_file(new_key(), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AHDETECT_KEY_FILE", str(path))
        patch.delenv("AHDETECT_PASSPHRASE", raising=False)
        patch.delenv("AHDETECT_IDENTITY", raising=False)
        yield


@pytest.fixture(autouse=True)
def _no_thread_stays_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    ours = [t for t in threading.enumerate() if t not in before and t.name.startswith("ahdetect-")]
    for thread in ours:
        thread.join(GRACE_S)
    alive = [thread.name for thread in ours if thread.is_alive()]
    assert not alive, f"the test left threads running: {', '.join(alive)}"


@pytest.fixture(autouse=True)
def _the_look_of_the_app_stays() -> Iterator[None]:
    """Theme and text size are the application's, which all tests share; each test finds them as the first one did."""
    qt = sys.modules.get("PyQt6.QtWidgets")
    app = qt.QApplication.instance() if qt else None
    if app is None:
        yield
        _plain_look()
        return
    before = app.font(), app.palette(), app.styleSheet()
    yield
    _restore(app, before)


def _plain_look() -> None:
    """After a test that made the application: what it had before any theme is not known, so its style's own look."""
    qt = sys.modules.get("PyQt6.QtWidgets")
    app = qt.QApplication.instance() if qt else None
    if app is not None:
        gui = sys.modules["PyQt6.QtGui"]
        _restore(app, (gui.QFont(), app.style().standardPalette(), ""))


def _restore(app: Any, look: tuple[Any, Any, str]) -> None:
    font, palette, sheet = look
    if app.styleSheet() != sheet:
        app.setStyleSheet(sheet)
    if app.font() != font:
        app.setFont(font)
    if app.palette() != palette:
        app.setPalette(palette)
