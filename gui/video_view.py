"""Video view: a picture and what was found in it flow in; both, drawn as one and in the picture's shape, flow out.

The picture is RGB uint8 of shape (height, width, 3), landmarks and box are in its pixels. They are handed over together
and drawn together, so a box can never lie over a later picture than the one it was computed from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QCoreApplication, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPalette
from PyQt6.QtWidgets import QSizePolicy, QWidget

Overlay: TypeAlias = Mapping[str, NDArray[Any]]
"""`CueFrame.overlay` of the face or of the body, or both in one: "landmarks" (478 or 33 points), "box", "body"."""

_NOTHING: Final[Overlay] = {}

FACE_POINTS: Final = 478
"""Points of MediaPipe's face mesh with its irises; other counts are no face."""

_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10,
)  # fmt: skip
FACE_LINES: Final[tuple[NDArray[np.intp], ...]] = tuple(
    np.array(line)
    for line in (
        _OVAL,
        (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33),
        (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263),
        (70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 70),
        (300, 293, 334, 296, 336, 285, 295, 282, 283, 276, 300),
        (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61),
        (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78),
        (469, 470, 471, 472, 469),
        (474, 475, 476, 477, 474),
        (168, 6, 197, 195, 5, 4),
    )
)
"""Oval, eyes, brows, lips, irises, bridge of the nose: the contours of MediaPipe's face mesh (FACEMESH_CONTOURS)."""

BODY_LINES: Final[tuple[NDArray[np.intp], ...]] = tuple(
    np.array(line) for line in ((8, 6, 4, 0, 1, 3, 7), (19, 15, 13, 11, 12, 14, 16, 20), (11, 23, 24, 12))
)
"""Ears and nose, arms and shoulders, trunk, of the 33 points of MediaPipe's pose."""

SEEN: Final = 0.5
"""Visibility from which a body point is drawn, as in models/body.py."""

_LINE, _UNDER = (255, 255, 255, 255), (45, 45, 45, 255)
"""White over a dark edge can be seen on any picture, in both themes."""

UNIT_PER_WIDTH: Final = 700
"""Widths of a thin line in the width of a picture."""

_SHIFT: Final = 3
"""Bits of a pixel's fraction that OpenCV draws by. Qt's own smooth lines took 20 ms a face, these .9 ms (measured at
640x480)."""


class VideoView(QWidget):
    """Shows the latest picture and its overlay.

    Attributes:
        mirror: show the picture as a mirror would, overlay included; text is not mirrored.
        overlay_on: whether the overlay is drawn.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mirror, self._overlay_on = False, True
        self._frame: NDArray[np.uint8] | None = None
        self._overlay: Overlay = _NOTHING
        self._note = ""
        self._drawn: NDArray[np.uint8] | None = None  # picture and overlay, BGRA in device pixels
        self._image = QImage()  # reads `_drawn` in place
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(QCoreApplication.translate("VideoView", "Video"))
        self._describe()

    @property
    def mirror(self) -> bool:
        """Whether left and right are swapped."""
        return self._mirror

    @mirror.setter
    def mirror(self, on: bool) -> None:
        self._mirror, self._drawn = on, None
        self.update()

    @property
    def overlay_on(self) -> bool:
        """Whether box and landmarks are drawn."""
        return self._overlay_on

    @overlay_on.setter
    def overlay_on(self, on: bool) -> None:
        self._overlay_on, self._drawn = on, None
        self.update()

    @property
    def frame(self) -> NDArray[np.uint8] | None:
        """The picture that is shown."""
        return self._frame

    @property
    def note(self) -> str:
        """The line that is shown over the picture, or in its place."""
        return self._note

    def show_frame(self, frame: NDArray[np.uint8] | None, overlay: Overlay | None = None, note: str = "") -> None:
        """Show a picture, and what was found in this very picture.

        Args:
            frame: RGB uint8, (height, width, 3); None where there is no picture. It is kept, not copied: hand over one
                that nobody writes to any more, as capture's packets are.
            overlay: "landmarks" (478, 3) px and "box" (4,) x0 y0 x1 y1 px of a face, "landmarks" (33, 4) of a body, or
                the latter as "body" beside a face.
            note: shown at the foot of the picture, or in its place where there is none.
        """
        overlay = overlay or _NOTHING
        if frame is not self._frame or overlay is not self._overlay:
            self._frame, self._overlay, self._drawn = frame, overlay, None
        if note != self._note:
            self._note = note
            self._describe()
        self.update()

    def picture_rect(self) -> QRectF:
        """Where the picture lies in the widget; empty without one."""
        if self._frame is None:
            return QRectF()
        height, width = self._frame.shape[:2]
        scale = min(self.width() / width, self.height() / height)
        w, h = width * scale, height * scale
        return QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Forty letters wide, in the shape of most cameras."""
        wide = 40 * self.fontMetrics().averageCharWidth()
        return QSize(wide, wide * 3 // 4)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Enough to tell a face."""
        wide = 20 * self.fontMetrics().averageCharWidth()
        return QSize(wide, wide * 3 // 4)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002, N802
        """Picture, overlay, note."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Window))
        place = self.picture_rect()
        if self._frame is None:
            self._write_alone(painter)
        elif place.width() >= 1 and place.height() >= 1:
            painter.drawImage(place.topLeft(), self._picture(place))
            if self._note:
                self._write_foot(painter, place)
        painter.end()

    def _picture(self, place: QRectF) -> QImage:
        """Picture and overlay in device pixels; made once for a picture and a size."""
        assert self._frame is not None
        ratio = self.devicePixelRatioF()
        size = max(1, round(place.width() * ratio)), max(1, round(place.height() * ratio))
        if self._drawn is None or self._drawn.shape[1::-1] != size:
            unit = size[0] / UNIT_PER_WIDTH
            overlay = self._overlay if self._overlay_on else _NOTHING
            self._drawn = draw(self._frame, size, overlay, mirror=self._mirror, unit=unit)
            data: Any = self._drawn.data  # any buffer will do, whatever the stubs say
            self._image = QImage(data, size[0], size[1], 4 * size[0], QImage.Format.Format_RGB32)
            self._image.setDevicePixelRatio(ratio)
        return self._image

    def _write_alone(self, painter: QPainter) -> None:
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        margin = self.fontMetrics().height()
        inner = QRectF(self.rect()).adjusted(margin, margin, -margin, -margin)
        text = self._note or QCoreApplication.translate("VideoView", "No picture")
        painter.drawText(inner, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)

    def _write_foot(self, painter: QPainter, place: QRectF) -> None:
        pad = self.fontMetrics().height() // 3
        flags = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        room = place.adjusted(2 * pad, pad, -2 * pad, -2 * pad)
        text = painter.boundingRect(room, flags, self._note)
        painter.fillRect(text.adjusted(-pad, -pad, pad, pad), QColor(0, 0, 0, 190))
        painter.setPen(QColor(255, 255, 255))
        painter.drawText(room, flags, self._note)

    def _describe(self) -> None:
        self.setAccessibleDescription(self._note or QCoreApplication.translate("VideoView", "Live picture"))


def draw(
    frame: NDArray[np.uint8], size: tuple[int, int], overlay: Overlay, *, mirror: bool = False, unit: float = 1.0
) -> NDArray[np.uint8]:
    """Picture and overlay in one.

    Args:
        frame: RGB uint8, (height, width, 3).
        size: width and height of the result, px.
        overlay: see `VideoView.show_frame`; px of `frame`.
        mirror: swap left and right.
        unit: width of a thin line, px.

    Returns:
        BGRA uint8, (size[1], size[0], 4), a fresh array.
    """
    height, width = frame.shape[:2]
    way = cv2.INTER_AREA if width > size[0] else cv2.INTER_LINEAR
    scaled = frame if (width, height) == size else cv2.resize(frame, size, interpolation=way)
    drawn = np.asarray(cv2.cvtColor(cv2.flip(scaled, 1) if mirror else scaled, cv2.COLOR_RGB2BGRA), dtype=np.uint8)
    lines = overlay_lines(overlay)
    if lines:
        scale = np.array(size) / (width, height)
        if mirror:
            lines = [line * (-1, 1) + (width, 0) for line in lines]
        paths = [np.round(line * scale * (1 << _SHIFT)).clip(-(1 << 20), 1 << 20).astype(np.int32) for line in lines]
        thin = max(1, round(unit))
        cv2.polylines(drawn, paths, False, _UNDER, thin + 2, cv2.LINE_8, _SHIFT)
        cv2.polylines(drawn, paths, False, _LINE, thin, cv2.LINE_AA, _SHIFT)
    return drawn


def overlay_lines(overlay: Overlay) -> list[NDArray[np.float64]]:
    """The lines of an overlay, each (n, 2) px of the picture; what is missing or not finite is left out."""
    lines: list[NDArray[np.float64]] = []
    box = overlay.get("box")
    if box is not None:
        x0, y0, x1, y1 = (float(v) for v in box)
        lines.append(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]))
    for points in (overlay.get("landmarks"), overlay.get("body")):
        if points is None:
            continue
        if len(points) == FACE_POINTS:
            lines += [points[line, :2].astype(np.float64) for line in FACE_LINES]
        else:
            lines += _body_lines(points, BODY_LINES)
    return [line for line in lines if np.isfinite(line).all()]


def _body_lines(points: NDArray[Any], lines: Sequence[NDArray[np.intp]]) -> list[NDArray[np.float64]]:
    """Stretches whose two ends are both seen."""
    seen = points[:, 3] >= SEEN if points.shape[1] > 3 else np.ones(len(points), dtype=bool)
    return [
        points[[a, b], :2].astype(np.float64)
        for line in lines
        for a, b in pairwise(line)
        if max(a, b) < len(points) and seen[a] and seen[b]
    ]
