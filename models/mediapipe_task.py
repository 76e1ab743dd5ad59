"""MediaPipe tasks: a model file and RGB pictures flow in; C results that are read as numpy arrays, no loop, flow out.

MediaPipe's own Python result holds one object per landmark, which costs more than a millisecond of the interpreter per
face. The C structures that it is made from are arrays already, so they are read as such. `tests/test_face.py` holds
this reading against MediaPipe's own, number by number.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.packets import VIDEO_TICK_NS, VideoPacket
from ahdetect.capture.quiet import quiet_stderr
from ahdetect.errors import AssetError

LANDMARK = np.dtype(
    {
        "names": ["x", "y", "z", "visibility", "presence"],
        "formats": ["<f4"] * 5,
        "offsets": [0, 4, 8, 16, 24],
        "itemsize": 40,
    }
)
"""NormalizedLandmarkC of mediapipe 0.10.33 (tasks/python/components/containers/landmark_c.py)."""

CATEGORY = np.dtype({"names": ["index", "score"], "formats": ["<i4", "<f4"], "offsets": [0, 4], "itemsize": 24})
"""CategoryC of mediapipe 0.10.33 (tasks/python/components/containers/category_c.py)."""

_NOISE = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog|[IW]\d{4} \d\d:\d\d:\d\d|INFO: Created TensorFlow)"
)


def quiet() -> AbstractContextManager[None]:
    """Keep MediaPipe's start-up notes off the user's screen.

    They are written by C++ straight to file descriptor 2 and obey no environment variable (checked: GLOG_minloglevel,
    TF_CPP_MIN_LOG_LEVEL, ABSL_MIN_LOG_LEVEL).
    """
    return quiet_stderr(_NOISE)


def read_model(name: str, path: Path | None) -> bytes:
    """The model file `name` of the manifest, or the one at `path`; `AssetError` where it cannot be read."""
    if path is None:
        from ahdetect.assets.cache import locate

        path = locate(name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise AssetError(
            f"The model file {path} cannot be read ({error.strerror}); run `ahdetect assets pull`.", value=path
        ) from error


def view(pointer: Any, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A C array as a numpy array without a copy; valid until the result is closed."""
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    assert address is not None
    raw = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
    return np.frombuffer(memoryview(raw), dtype=dtype)


class VideoTask:
    """One MediaPipe landmarker in VIDEO mode: it follows one person from frame to frame.

    MediaPipe's wrapper sends every C call through a thread of its own, to keep calls one after another. A stage calls
    from one thread anyway, and each change of thread waits for the interpreter: beside a busy Python thread a frame
    took 57 ms instead of 10. So the two calls of a frame go straight to the library, one at a time under a lock, and
    freeing the result does not let go of the interpreter.

    Args:
        what: "face" or "body", for messages.
        create: makes the landmarker.
        detect: name of its C function for a video frame.
        close_result: name of the C function that frees a result.
        result_type: its C result structure.
    """

    def __init__(
        self, what: str, create: Callable[[], Any], detect: str, close_result: str, result_type: type[ctypes.Structure]
    ) -> None:
        from mediapipe.tasks.python.vision.core import image

        self._image = image
        try:
            with quiet():
                self._task = create()
        except (RuntimeError, ValueError, OSError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise AssetError(
                f"The {what} model cannot be started ({reason}); run `ahdetect assets verify`.", value=what
            ) from error
        library = self._task._lib._lib
        self._detect = getattr(library, detect)
        self._close_result = getattr(ctypes.PyDLL(library._name, handle=library._handle), close_result)
        self._close_result.argtypes, self._close_result.restype = [ctypes.POINTER(result_type)], None
        self._free_error = library.MpErrorFree
        self._result_type = result_type
        self._lock = threading.Lock()
        self._last_ms = -1
        self._warm = False

    @contextmanager
    def run(self, packet: VideoPacket) -> Iterator[Any]:
        """The C result for one frame, freed on leaving.

        Raises:
            ValueError: the frame is not later than the one before, by whole milliseconds.
        """
        ms = packet.t_ns // VIDEO_TICK_NS
        if ms <= self._last_ms:
            raise ValueError(f"frame {packet.seq} at {ms} ms is not later than the one before it ({self._last_ms} ms)")
        self._last_ms = ms
        picture = self._image.Image(self._image.ImageFormat.SRGB, np.ascontiguousarray(packet.data))
        result = self._result_type()
        with self._lock:
            if self._warm:
                self._call(picture, ms, result)
            else:
                with quiet():
                    self._call(picture, ms, result)
            try:
                yield result
            finally:
                self._close_result(ctypes.byref(result))

    def _call(self, picture: Any, ms: int, result: ctypes.Structure) -> None:
        from mediapipe.tasks.python.core.mediapipe_c_utils import handle_status

        error = ctypes.c_char_p()
        status = self._detect(
            self._task._handle, picture._image_ptr, None, ms, ctypes.byref(result), ctypes.byref(error)
        )
        try:
            handle_status(status, error)
        finally:
            if error.value is not None:
                self._free_error(error)

    def warmed(self) -> None:
        """Say that something was found once: from here on MediaPipe has nothing new to note."""
        self._warm = True

    def close(self) -> None:
        """Free the landmarker; again does nothing."""
        with self._lock, quiet():
            self._task.close()
