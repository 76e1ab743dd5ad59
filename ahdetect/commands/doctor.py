"""`ahdetect doctor`: the machine in, a row per thing that ahdetect needs out, each missing one with what mends it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import psutil
import typer
from packaging.requirements import Requirement
from packaging.version import Version
from rich.console import Console
from rich.table import Table
from rich.text import Text

import ahdetect.commands
from ahdetect.assets.cache import Cache, State
from ahdetect.errors import AhdetectError
from ahdetect.store_key import find_store_keys, keychain, name_of_key

app = typer.Typer(help="Say what is installed, what is missing and the command that mends it.")

PYTHON = (3, 11), (3, 13)
# An hour of 640x480 H.264 and FLAC is about 1 GB; resident memory is to stay under 1 GB (DESIGN.md, "Speed and size").
DISK_BYTES = 2 * 10**9
MEMORY_BYTES = 10**9
IMPORT_S = 60.0  # a cold disk reads mediapipe's 60 MB library slowly; an import that takes longer hangs

APT = "sudo apt-get install"
# Importing says more than a version: these wheels load libraries of the system.
IMPORTS = (
    ("OpenCV", "cv2", f"{APT} libgl1 libglib2.0-0", True),
    ("MediaPipe", "mediapipe.tasks.python.vision", f"{APT} libegl1 libgles2", True),
    ("PortAudio", "sounddevice", f"{APT} libportaudio2", True),
    ("PyAudio", "pyaudio", f"{APT} portaudio19-dev gcc python3-dev && pip install 'ahdetect[pyaudio]'", False),
    ("Qt", "PyQt6.QtWidgets", f"{APT} libegl1 libxkbcommon0 libdbus-1-3 && pip install 'ahdetect[gui]'", False),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of the thing.
        ok: it is there and fits.
        needed: without it ahdetect does not do its main work; else it is only good to have.
        found: what was found, for people.
        mend: the command that mends it, empty where `ok`.
    """

    name: str
    ok: bool
    needed: bool
    found: str
    mend: str = ""


def python() -> Iterator[Finding]:
    """The interpreter."""
    ok = PYTHON[0] <= sys.version_info[:2] <= PYTHON[1]
    mend = "" if ok else "make setup PYTHON=/path/to/python3.11"
    yield Finding("Python", ok, True, f"{platform.python_version()} at {sys.executable}", mend)


def packages() -> Iterator[Finding]:
    """Each package that ahdetect asks for, and the version it was tested with where this is a checkout."""
    tested = _constraints()
    for line in importlib.metadata.requires("ahdetect") or []:
        wish = Requirement(line)
        extra = wish.marker is not None and not wish.marker.evaluate({"extra": ""})
        if wish.name == "ahdetect":  # the extra `all` names the others
            continue
        mend = f"pip install '{wish.name}{wish.specifier}'"
        try:
            have = Version(importlib.metadata.version(wish.name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(wish.name, False, not extra, "not installed", mend)
            continue
        ok = wish.specifier.contains(have, prereleases=True)
        known = tested.get(wish.name.lower().replace("_", "-"))
        note = f", tested with {known}" if known and Version(known) != Version(have.public) else ""
        yield Finding(wish.name, ok, not extra, f"{have}{note}", "" if ok else mend)


def imports() -> Iterator[Finding]:
    """Packages that load libraries of the system, each imported in its own process: a crash there is a finding too."""
    for name, module, mend, needed in IMPORTS:
        try:
            done = subprocess.run(
                [sys.executable, "-c", f"import {module}"],
                capture_output=True,
                text=True,
                timeout=IMPORT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            yield Finding(f"{name} loads", False, needed, f"`import {module}` took over {IMPORT_S:.0f} s", mend)
            continue
        reason = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        good = done.returncode == 0
        yield Finding(f"{name} loads", good, needed, "yes" if good else reason, "" if good else mend)


def models() -> Iterator[Finding]:
    """Model files, each read to the end."""
    for row in Cache.default().verify():
        good = row.state is State.OK
        if row.entry.optional and row.state is State.MISSING:
            continue  # nothing is wrong, and nothing asks for it
        detail = str(row.path) if good else f"{row.path} {row.state.value}: {row.detail}"
        mend = "" if good else f"ahdetect assets pull {row.entry.name}"
        yield Finding(f"{row.entry.name}: {row.file.name}", good, not row.entry.optional, detail, mend)


def machine() -> Iterator[Finding]:
    """Processor, memory, disk."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    mend = "close other programs, or analyse recordings instead of live"
    yield Finding("cores", cores >= 2, False, f"{cores}, {platform.machine()}", "" if cores >= 2 else mend)
    free = psutil.virtual_memory().available
    mend = "" if free >= MEMORY_BYTES else "close other programs"
    yield Finding("memory", free >= MEMORY_BYTES, False, f"{free / 1e9:.1f} GB free", mend)
    for name, folder in (("disk, here", Path.cwd()), ("disk, model files", Cache.default().root)):
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        mend = "" if free >= DISK_BYTES else f"make room on the disk of {folder}"
        yield Finding(name, free >= DISK_BYTES, False, f"{free / 1e9:.1f} GB free at {folder}", mend)


def keys() -> Iterator[Finding]:
    """Whether recordings can be encrypted without a passphrase."""
    try:
        found, backend = find_store_keys(), keychain()
    except AhdetectError as error:
        yield Finding("store key", False, False, str(error), "ahdetect keys show")
        return
    said = name_of_key(found[0]) if found else "made by the first recording" if backend is not None else "none"
    ok = bool(found) or backend is not None
    yield Finding("store key", ok, False, said, "" if ok else "ahdetect keys init")


def devices() -> Iterator[Finding]:
    """Cameras and microphones; a machine that only analyses recordings needs none."""
    try:
        from ahdetect.capture.devices import cameras, microphones

        seen, (heard, notes) = cameras(), microphones()
    except (AhdetectError, ImportError, OSError) as error:  # a library is missing; its own row says which
        yield Finding("devices", False, False, str(error), "ahdetect devices")
        return
    usable = [camera.name for camera in seen if camera.usable]
    mend = "sudo usermod -aG video $USER" if seen else "plug a camera in, or record from a stream address"
    yield Finding(
        "cameras", bool(usable), False, ", ".join(usable) or "none that may be opened", "" if usable else mend
    )
    found = ", ".join(device.name for device in heard) or "; ".join(["none", *notes])
    mend = "plug a microphone in, or start the sound server"
    yield Finding("microphones", bool(heard), False, found, "" if heard else mend)


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (python, packages, imports, models, keys, devices, machine)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False) -> None:
    """Look at everything ahdetect needs; leaves with 1 where something needed is missing."""
    findings = [finding for check in CHECKS for finding in check()]
    wanting = [finding for finding in findings if finding.needed and not finding.ok]
    if as_json:
        typer.echo(json.dumps({"ok": not wanting, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _print(findings)
    if wanting:
        names = ", ".join(finding.name for finding in wanting)
        raise AhdetectError(f"Something needed is missing ({names}); `make setup` or the commands above mend it.")


def _print(findings: list[Finding]) -> None:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]missing[/]" if finding.needed else "[yellow]note[/]"
        table.add_row(mark, finding.name, Text(finding.found, overflow="fold"))
        if finding.mend:
            table.add_row("", "", Text(f"→ {finding.mend}", style="bold", overflow="fold"))
    Console().print(table)


def _constraints() -> dict[str, str]:
    """Versions of constraints.txt, which lies beside the package in a checkout and is not installed."""
    path = Path(ahdetect.commands.__path__[0]).parent.parent / "constraints.txt"
    if not path.is_file():
        return {}
    rows = (line.split("==") for line in path.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {name.strip().lower().replace("_", "-"): version.strip() for name, version in rows}
