"""A recording whose process is killed after two seconds, as the tests of plain and of sealed folders need one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

KILL_AT_NS = 2_200_000_000


def killed_recording(folder: Path, *how: str) -> list[int]:
    """Record into `folder` until it is killed; the last video, sound and row times (ns) it said it had written."""
    script = Path(__file__).with_name("record_until_killed.py")
    process = subprocess.Popen([sys.executable, str(script), str(folder), *how], stdout=subprocess.PIPE, text=True)
    said = [0, 0, 0]
    assert process.stdout is not None
    for line in process.stdout:
        if line.endswith("\n"):  # the last one may be cut off
            said = [int(part) for part in line.split()]
        if said[0] > KILL_AT_NS and process.poll() is None:
            process.kill()
    assert process.wait() == -9
    return said
