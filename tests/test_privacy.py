"""Nothing of a person leaves a recording: no network, nothing in the clear, nothing in logs, private files.

One whole session in a process of its own: the demo clip recorded in real time and analysed again, with every channel.
What is covered: bytes of all files in the session's and the temporary folder and of all files that the process has open
for writing, five times a second while it records and after it has ended. Not covered: memory and swap.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from agreed import OPTIONS
from media import beginning, grey, tone, write_clip

import ahdetect.cli as cli
from ahdetect.store.erasure import erase
from ahdetect.store.reader import open_session

DEMO = Path(__file__).parent.parent / "assets" / "demo.mp4"
PERSON, NOTE = "Q417-pelican", "the marzipan note"
CLEAR = {"Matroska": b"\x1a\x45\xdf\xa3", "FLAC": b"fLaC", "Parquet": b"PAR1", "Arrow": b"ARROW1"}
EVERY_S = 0.2
PLAIN_NAMES = ("session.json", "session.keys", "audit.jsonl")


def found_in(data: bytes, words: Iterable[str]) -> set[str]:
    """Those of `words` that stand in `data`, in UTF-8 or UTF-16, in whatever case."""
    low = data.lower()
    return {w for w in words if any(w.lower().encode(code) in low for code in ("utf-8", "utf-16-le", "utf-16-be"))}


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its own path in front: names tell, too."""
    found = {}
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                found[str(path)] = str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes()
        except OSError:  # gone meanwhile
            continue
    return found


def open_for_writing(pid: int) -> dict[str, bytes]:
    """Files that a process may write to, pipes and devices left out; of those without a name what they hold."""
    found = {}
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(handle.readlink())
            info = (handle.parent.parent / "fdinfo" / handle.name).read_text()
            held = handle.read_bytes() if target.endswith("(deleted)") else b""
        except OSError:
            continue
        flags = int(re.findall(r"flags:\s+([0-7]+)", info)[0], 8)
        if flags & (os.O_WRONLY | os.O_RDWR) and target.startswith("/") and not target.startswith(("/dev/", "/proc/")):
            found[target] = held
    return found


@dataclass
class Run:
    """What one whole session left behind, and what was seen of it meanwhile.

    Attributes:
        folder: of the session; its parent is the store folder.
        tmp: the temporary folder of the process.
        seen: every file that was there at some look while it recorded, with all bytes it ever had.
        written: files that the process had open for writing, with what those without a name held.
        looks: how often it was looked.
    """

    folder: Path
    tmp: Path
    out: str = ""
    err: str = ""
    code: int = 0
    seen: dict[str, set[bytes]] = field(default_factory=dict)
    written: dict[str, set[bytes]] = field(default_factory=dict)
    looks: int = 0

    def look(self, pid: int) -> None:
        self.looks += 1
        for name, held in open_for_writing(pid).items():
            self.written.setdefault(name, set()).add(held)
        for folder in (self.folder.parent, self.tmp):
            for name, data in bytes_of(folder).items():
                self.seen.setdefault(name, set()).add(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("privacy")
    clip = beginning(DEMO, place / "film-of-a-pelican.mkv", 6.0)
    made = Run(place / "store" / "monday", place / "tmp")
    made.tmp.mkdir()
    script = Path(__file__).parent / "private_session.py"
    process = subprocess.Popen(
        [sys.executable, str(script), str(clip), str(made.folder), PERSON, NOTE],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(made.tmp), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            made.look(process.pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    made.out, made.err = process.communicate(timeout=120)
    over.set()
    watcher.join()
    made.code = process.returncode
    if made.code == 77:
        pytest.skip("this kernel has no seccomp filters")
    return made


@pytest.fixture(scope="module")
def words(run: Run) -> list[str]:
    """Longer words that were heard, the pseudonym, the note, and the name of the clip."""
    said = {re.sub(r"\W", "", w.text) for w in open_session(run.folder).words()}
    long = sorted(w for w in said if len(w) >= 5)
    assert len(long) >= 3, said
    return [*long, PERSON, NOTE, "film-of-a-pelican"]


def test_the_filter_is_worth_something() -> None:
    script = Path(__file__).parent / "private_session.py"
    done = subprocess.run([sys.executable, str(script), "network"], capture_output=True)
    if done.returncode == 77:
        pytest.skip("this kernel has no seccomp filters")
    assert done.returncode == -31  # SIGSYS


@pytest.mark.models
def test_a_session_is_recorded_and_analysed_where_any_network_socket_would_end_it(run: Run) -> None:
    assert run.code == 0, run.err[-2000:]
    assert run.out.split() == ["recording", "recorded", "analysed"]
    session = open_session(run.folder)
    assert session.encrypted
    assert session.timeline().rows
    assert sum(row.face_seen for row in session.timeline().rows) > 30  # mediapipe ran


@pytest.mark.models
def test_nothing_that_was_said_or_noted_is_ever_in_the_clear(run: Run, words: list[str]) -> None:
    assert run.looks >= 20
    seen = [data for versions in run.seen.values() for data in versions]
    assert sum(name.endswith("video.mkv.ahd") for name in run.seen) == 1
    after = [*bytes_of(run.folder.parent).values(), *bytes_of(run.tmp).values()]
    assert {w for data in (*seen, *after) for w in found_in(data, words)} == set()


@pytest.mark.models
def test_the_same_search_finds_a_session_that_is_not_encrypted(run: Run, words: list[str], tmp_path: Path) -> None:
    session = open_session(run.folder)
    for name in ("words.jsonl", "events.jsonl"):
        with session.files.read(name) as file:
            (tmp_path / name).write_bytes(file.read())
    (tmp_path / "info").write_text(json.dumps(session.info))
    found = {w for data in bytes_of(tmp_path).values() for w in found_in(data, words)}
    assert found == set(words)
    assert found_in("Pelican".encode("utf-16-le"), ["pelican"]) == {"pelican"}


@pytest.mark.models
def test_no_file_of_a_known_kind_is_in_the_clear(run: Run) -> None:
    sealed = {n: v for n, v in run.seen.items() if Path(n).name.removesuffix(".part") not in PLAIN_NAMES}
    assert {
        (Path(name).name, kind)
        for name, versions in sealed.items()
        for data in versions
        for kind, mark in CLEAR.items()
        if data.partition(b"\0")[2].startswith(mark)
    } == set()


@pytest.mark.models
def test_nothing_is_written_outside_the_session_and_the_log(run: Run, words: list[str]) -> None:
    """But for files without a name: what libraries say while they load (`capture.quiet`), and sound that waits for a
    late stage, sealed with a key of the process (`capture.spill`).
    """
    own = (str(run.folder), str(run.folder.parent / "audit.jsonl"), os.environ["AHDETECT_DATA"])
    strangers = {path: held for path, held in run.written.items() if not path.startswith(own)}
    assert [path for path in strangers if not path.startswith(str(run.tmp)) or not path.endswith("(deleted)")] == []
    nameless = [data for held in strangers.values() for data in held]
    assert {w for data in nameless for w in found_in(data, words)} == set()
    assert not any(mark in data for data in nameless for mark in CLEAR.values())
    assert [path for path in run.tmp.rglob("*") if path.is_file()] == []


@pytest.mark.models
def test_no_log_line_holds_anything_of_the_person(run: Run, words: list[str]) -> None:
    """At the level DEBUG, of every library that logs."""
    assert "DEBUG" in run.err or "INFO" in run.err
    assert found_in((run.out + run.err).encode(), words) == set()


@pytest.mark.models
def test_everything_is_its_owner_s_alone_whatever_the_umask(run: Run) -> None:
    paths = [run.folder.parent, *run.folder.parent.rglob("*"), *Path(os.environ["AHDETECT_DATA"]).rglob("*")]
    modes = {str(p): oct(stat.S_IMODE(p.stat().st_mode)) for p in paths}
    assert len(modes) > 8
    assert {p: mode for p, mode in modes.items() if mode != ("0o700" if Path(p).is_dir() else "0o600")} == {}


@pytest.mark.models
def test_after_erasing_nothing_of_the_person_is_left(run: Run, words: list[str]) -> None:
    """Last of this module: it erases the session."""
    erase(run.folder)
    left = bytes_of(run.folder.parent)
    assert sorted(Path(name).suffix for name in left) == [".json", ".jsonl"]  # the tombstone, the log
    assert {w for data in left.values() for w in found_in(data, words)} == set()


def test_the_command_line_says_nothing_of_the_person(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`record`, `list`, `verify`, `erase`: the pseudonym stands in no output that was not asked for it."""
    clip = write_clip(tmp_path / "film-of-a-pelican.mkv", grey(10), tone(200, 0.4))
    plain = tmp_path / "plain.toml"
    plain.write_text("[channels]\nface = false\nbody = false\nwords = false\n")
    folder = tmp_path / "store" / "monday"
    made = ("--video", clip, "--audio", clip, "--settings", plain, "--out", folder, "--person", PERSON, *OPTIONS)
    store = folder.parent
    for args in (
        ("record", *made), ("session", "list", store), ("session", "verify", store, "--audit"),
        ("session", "erase", folder), ("session", "erase", folder, "--yes"), ("session", "list", store, "--erased"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            cli.main([str(a) for a in args])
        assert not left.value.code, args
        out, err = capfd.readouterr()
        assert found_in((out + err).encode(), [PERSON, "film-of-a-pelican"]) == set(), args
