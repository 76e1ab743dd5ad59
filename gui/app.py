"""Desktop app: a folder named on the command line, or chosen later, flows in; a window flows out.

Nothing here imports Qt before `main()`, so that a missing extra is a sentence and not a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ahdetect.errors import AhdetectError, ConfigError

_FOREIGN = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
"""Set by OpenCV's wheels to their own Qt, which PyQt6 cannot load."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the app.

    Args:
        args: without the program's name; None for the process's own.

    Returns:
        Exit code: 0, or 2 where PyQt6 is missing.
    """
    parser = argparse.ArgumentParser(prog="ahdetect-gui", description="Look at a recorded session or an analysis.")
    parser.add_argument("folder", type=Path, nargs="?", help="a session folder, or one that `ahdetect analyze` wrote")
    parser.add_argument("clip", type=Path, nargs="?", help="the analysed clip, where it is not found by itself")
    chosen = parser.parse_args(args)
    try:
        return _run(chosen.folder, chosen.clip)
    except AhdetectError as error:
        print(f"ahdetect-gui: {error}", file=sys.stderr)
        return error.exit_code


def _run(folder: Path | None, clip: Path | None) -> int:
    try:
        from PyQt6.QtWidgets import QApplication

        from ahdetect.gui.live_model import LiveModel
        from ahdetect.gui.window import ReviewWindow
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The window needs the package {error.name}, which is not installed; run `pip install 'ahdetect[gui]'`.",
            value=error.name,
        ) from error
    for name in _FOREIGN:
        os.environ.pop(name, None)
    app = QApplication.instance() or QApplication(["ahdetect-gui"])
    model = LiveModel()
    window = ReviewWindow(model)
    window.show()
    if folder is not None:
        window.open(folder, clip)
    try:
        return int(app.exec())
    finally:
        model.close()
