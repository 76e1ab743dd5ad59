"""Work for the tests of batches: what a worker does when no model matters; importable in spawned processes."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from ahdetect.errors import AssetError, MediaError


def doubles() -> Any:
    return _double


def _double(n: int) -> dict[str, Any]:
    return {"n": 2 * n}


def refuses_odd() -> Any:
    return _even


def _even(n: int) -> dict[str, Any]:
    if n % 2:
        raise MediaError(f"clip {n} is odd.")
    return {"n": n}


def lacks_models() -> Any:
    raise AssetError("The face model is missing.")


def dies(folder: Path, times: int) -> Any:
    """Work that kills its process the first `times` times it sees task 1; counted in `folder`."""
    return partial(_deadly, folder, times)


def _deadly(folder: Path, times: int, n: int) -> dict[str, Any]:
    if n == 1:
        seen = len(list(folder.iterdir()))
        if seen < times:
            (folder / str(seen)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return {"n": n}
