"""`icon.svg` in, PNG icons in the sizes that desktops ask for out; run after a change of the drawing.

The drawing is a probability with its band, above a channel with a gap where nothing was seen.

    python packaging/icons.py
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication, QImage, QPainter
from PyQt6.QtSvg import QSvgRenderer

HERE = Path(__file__).resolve().parent
SIZES = (48, 128, 256)


def main() -> None:
    """Write the icons, and the one of the window into the package."""
    app = QGuiApplication([])
    renderer = QSvgRenderer(str(HERE / "icon.svg"))
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        image.save(str(HERE / f"icon-{size}.png"))
    shutil.copy(HERE / "icon-128.png", HERE.parent / "gui" / "images" / "ahdetect.png")
    app.quit()


if __name__ == "__main__":
    main()
