"""Fuzzing of every reader of files: seconds and names of readers flow in; counts, or a foreign error, flow out.

    .venv/bin/python tools/fuzz_readers.py 600              # each of them for 600 s
    .venv/bin/python tools/fuzz_readers.py 600 plain rules

A whole file is made first, then cut, swapped, overwritten, or changed in one value somewhere in its JSON, and read. The
only errors may be `AhdetectError`s. Ends with 1, and keeps the file, at the first that is none. Encrypted sessions have
their own: `tools/measure_faults.py fuzz 600`, which also compares what is read with what was written.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pympi
import typer

from ahdetect.annotated import read_annotated
from ahdetect.calibration import benchmark
from ahdetect.calibration.adapt import Change
from ahdetect.calibration.profile import Profile
from ahdetect.calibration.profile_store import FileProfiles
from ahdetect.capture.media import AudioReader, VideoReader
from ahdetect.commands import language
from ahdetect.config import load_settings
from ahdetect.errors import AhdetectError
from ahdetect.export.masking import read_names
from ahdetect.gui.plan import read_prompts
from ahdetect.models.cues import Channel
from ahdetect.models.expert import load_weights
from ahdetect.models.fusion_config import load_config
from ahdetect.models.personal import Personal, Usual
from ahdetect.rules import load_rules
from ahdetect.sealing import new_key
from ahdetect.store.annotations import Annotations, read_annotations
from ahdetect.store.audit import Act, Audit
from ahdetect.store.catalogue import due, sessions_in
from ahdetect.store.consent import Consent, consent_text, read_consent
from ahdetect.store.keys import read_identities, read_passphrase
from ahdetect.store.reader import Session, open_session
from ahdetect.store.repair import repair
from ahdetect.store.verification import verify
from ahdetect.store_key import from_file, into_file

ROOT: Final = Path(__file__).parent.parent
RECORD: Final = ROOT / "tests" / "record_until_killed.py"
VALUES: Final = (
    None, True, False, 0, 1, -1, 2**63, -(2**70), 0.5, 1e308, -1e-300, float("nan"), float("inf"), "", "x", "\x00",
    "é\ud83d", "1", "2026-02-30", "../../x", [], {}, [[]], [None], {"a": 1}, [1, "a", {}],
)  # fmt: skip
"""What a value becomes: each kind of JSON, and the numbers and texts that are easily forgotten."""

PLAIN_PROFILE: Final = b"ahdetect profile, plain, sha256 "
"""How the file of a profile begins that is not sealed (`calibration/profile_store.py`)."""

Read = Callable[[Path], object]


class Reader:
    """One kind of file, or of folder.

    Attributes:
        name: how it is called on the command line.
        files: whole files, by the name they have on the disk.
        read: everything that reads them; gets the folder they lie in.
        seal: what is done to changed bytes before they are written (a hash that has to fit).
    """

    def __init__(
        self, name: str, files: dict[str, bytes], read: Read, seal: Callable[[bytes], bytes] = lambda data: data
    ) -> None:
        self.name, self.files, self.read, self.seal = name, files, read, seal


def changed_json(data: bytes, rng: random.Random) -> bytes:
    """JSON, or one line of JSON lines, in which one value is another, is gone, or came in."""
    lines = data.splitlines() or [b""]
    at = rng.randrange(len(lines))
    whole = True
    try:
        raw = json.loads(data)
    except ValueError:
        whole = False
        try:
            raw = json.loads(lines[at])
        except ValueError:
            return data + rng.randbytes(3)
    here: Any = {"": raw}
    top, key = here, ""
    while isinstance(here[key], (dict, list)) and here[key] and rng.random() < 0.85:
        here = here[key]
        key = rng.choice(list(here)) if isinstance(here, dict) else rng.randrange(len(here))
    if isinstance(here, dict) and key and rng.random() < 0.2:
        del here[key]
    else:
        here[key] = rng.choice(VALUES)
    text = json.dumps(top[""]).encode("utf-8", "surrogatepass")
    if whole:
        return text
    return b"\n".join([*lines[:at], text, *lines[at + 1 :]]) + b"\n"


def changed_text(data: bytes, rng: random.Random) -> bytes:
    """Text (TOML, CSV) in which one token is another."""
    tokens = data.split(b" ")
    at = rng.randrange(len(tokens))
    value = rng.choice(VALUES)
    tokens[at] = json.dumps(value).encode("utf-8", "surrogatepass") if rng.random() < 0.7 else rng.choice(tokens)
    return b" ".join(tokens)


def changed_bytes(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Bytes that somebody or something has been at."""
    a, b = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    some = min(b, a + rng.randrange(1, 40))
    return rng.choice(
        [
            lambda: data[:a],
            lambda: data[:a] + data[b:],
            lambda: data[:b] + data[a:],
            lambda: data[:a] + rng.randbytes(some - a) + data[some:],
            lambda: data[:a] + bytes(some - a) + data[some:],
            lambda: (
                data[:a]
                + bytes([data[min(a, len(data) - 1)] ^ (1 << rng.randrange(8))] if data else b"")
                + data[a + 1 :]
            ),
            lambda: data + other[a:b],
            lambda: other,
            lambda: b"",
        ]
    )()


def changed(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """One of the three."""
    draw = rng.random()
    if data[:1] in b"{[" and draw < 0.7:
        return changed_json(data, rng)
    if b"\0" not in data and draw < 0.5:
        return changed_text(data, rng)
    return changed_bytes(data, other, rng)


def recorded(folder: Path, *, repaired: bool) -> dict[str, bytes]:
    """A plain session that was killed after three seconds, with a human tier; as it is then, or repaired."""
    process = subprocess.Popen([sys.executable, str(RECORD), str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line.split()[0]) > 3_000_000_000:
            process.kill()
            break
    process.wait()
    tier = Annotations(folder)
    tier.add(0, 1_000_000_000, by="K", note="a note")
    tier.withdraw(tier.add(1_500_000_000, 2_000_000_000, by="K"))
    if repaired:
        repair(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read_plain(folder: Path) -> None:
    """All that reads a session that is not encrypted."""
    with contextlib.suppress(AhdetectError):
        verify(folder)
    with contextlib.suppress(AhdetectError):
        read_annotations(folder)
    with contextlib.suppress(AhdetectError):
        Annotations(folder).segments  # noqa: B018  reading is what is tried
    with contextlib.suppress(AhdetectError):
        session = open_session(folder)
        for what in (session.timeline, session.words, session.events, session.table):
            with contextlib.suppress(AhdetectError):
                what()
        read_media(session)
    sessions_in(folder.parent)
    due(folder.parent, date(2030, 1, 1))
    repair(folder)
    open_session(folder).timeline()


def read_media(session: Session) -> None:
    """Every picture and every sample of a session, as review plays them."""
    with contextlib.suppress(AhdetectError):
        if session.video is not None:
            reader = VideoReader(session.video)
            for picture in reader:
                reader.rgb(picture)
            reader.close()
    with contextlib.suppress(AhdetectError):
        if session.audio is not None:
            sound = AudioReader(session.audio, lambda *_, **__: None)
            list(sound)
            sound.close()


def read_log(folder: Path) -> None:
    """Check an audit log, then go on writing it."""
    audit = Audit(folder, folder / "anchors")
    audit.check()
    audit.append(Act.OPEN)


def read_profile(folder: Path) -> None:
    """A profile that is not sealed, behind a hash that fits."""
    profiles = FileProfiles(folder)
    for name in profiles.names():
        profile = profiles.load(name)
        profile.for_setup({"camera": "c"})
        profile.current.personal.figures()
        json.dumps(profile.to_json())
        profile.rollback(0)
        profiles.save(profile)


def read_answers(folder: Path) -> None:
    """Answers to score; what is wrong with a line stands in its row."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(typer.Exit):
        language.score(folder / "in.jsonl", folder / "out.jsonl", prompt_field="kind", as_json=False)


def read_plans(folder: Path) -> None:
    """Prompts of a plan, of both kinds of file."""
    for name in ("p.json", "p.csv"):
        with contextlib.suppress(AhdetectError):
            read_prompts(folder / name)


def read_keys(folder: Path) -> None:
    """Keys and passphrases."""
    for read, name in ((read_identities, "identity"), (read_passphrase, "passphrase")):
        with contextlib.suppress(AhdetectError):
            read(folder / name)
    os.environ["AHDETECT_KEY_FILE"] = str(folder / "store.key")
    (folder / "store.key").chmod(0o600)
    from_file()


def settings_in(page: str) -> bytes:
    """The first TOML of a page of the docs, which names every key."""
    return (ROOT / "docs" / page).read_bytes().split(b"```toml\n")[1].split(b"```")[0]


def with_hash(plain: bytes) -> bytes:
    """A plain profile's file around changed content."""
    return PLAIN_PROFILE + hashlib.sha256(plain).hexdigest().encode() + b"\n" + plain


def profile_of() -> bytes:
    """A profile of two versions and a rollback, as JSON."""
    first = Personal({"face_smile_sd": Usual(0.3, 0.03, 70.3)})
    profile = Profile("kim")
    change = Change("sums", 300.0, "s", first.figures(), {"prevalence": 0.2}, {"mean_p": 0.3})
    profile.add(first, [change], "calibration", {"camera": "c", "microphone": "m", "room": "1"})
    profile.add(Personal(first.usual, {Channel.FACE: 0.8}, {Channel.VOICE: -0.1}, 0.25), [], "session", {"camera": "c"})
    profile.rollback(1)
    return json.dumps(profile.to_json()).encode()


def log_of(folder: Path) -> bytes:
    """An audit log of three acts."""
    folder.mkdir()
    log = Audit(folder, folder / "anchors")
    for act in (Act.START, Act.STOP, Act.OPEN):
        log.append(act, "s1")
    return (folder / "audit.jsonl").read_bytes()


def table_of() -> bytes:
    """A table of features of four people."""
    file, draw = io.BytesIO(), np.random.default_rng(0)
    np.savez(file, face=draw.normal(size=(40, 3)), label=np.arange(40) % 3, subject=np.arange(40) // 10)
    return file.getvalue()


def eaf_of(folder: Path) -> bytes:
    """An ELAN file with one tier."""
    eaf = pympi.Eaf(author="")
    eaf.add_tier("human")
    eaf.add_annotation("human", 500, 1500, "a/h")
    eaf.to_file(str(folder / "x.eaf"))
    return (folder / "x.eaf").read_bytes()


def readers(place: Path) -> list[Reader]:
    """Every reader, with a whole file of its kind."""
    consent = Consent.given(["recording", "analysis"], consent_text("en"))
    prompts = {"p.json": b'[{"text": "Why?", "kind": "hesitant"}]', "p.csv": b"text,kind\nWhy?,hesitant\n"}
    answers = b'{"text": "I want to, but um I don\'t know.", "kind": "hesitant"}\n{"text": "Yes.", "words": []}\n'
    keys = {"identity": b"AGE-SECRET-KEY-1QQ\n", "passphrase": b"some secret words\n", "store.key": b""}
    into_file(new_key(), place / "store.key")
    keys["store.key"] = (place / "store.key").read_bytes()
    fusion = b'[network]\nhead = "ours"\n[training]\nseed = 1\nrate = 3e-3\n'
    weights = (ROOT / "assets" / "language.json").read_bytes()
    return [
        Reader("plain", recorded(place / "plain", repaired=True), read_plain),
        Reader("killed", recorded(place / "killed", repaired=False), read_plain),
        Reader("audit", {"audit.jsonl": log_of(place / "log")}, read_log),
        Reader("consent", {"c.json": json.dumps(consent.to_json()).encode()}, lambda d: read_consent(d / "c.json")),
        Reader("profile", {"kim.profile": profile_of()}, read_profile, with_hash),
        Reader("settings", {"s.toml": settings_in("settings.md")}, lambda d: load_settings(d / "s.toml")),
        Reader("rules", {"r.toml": settings_in("triggers.md")}, lambda d: load_rules(d / "r.toml")),
        Reader("fusion", {"f.toml": fusion}, lambda d: load_config(d / "f.toml")),
        Reader("eaf", {"x.eaf": eaf_of(place)}, lambda d: read_annotated(d / "x.eaf")),
        Reader("csv", {"a.csv": b"start_s,end_s,label\n0.5,1.5,a/h\n2,3,x\n"}, lambda d: read_annotated(d / "a.csv")),
        Reader("prompts", prompts, read_plans),
        Reader("names", {"n.txt": "Ann\nBén\n".encode()}, lambda d: read_names(d / "n.txt")),
        Reader("keys", keys, read_keys),
        Reader("table", {"t.npz": table_of()}, lambda d: benchmark.read(d / "t.npz")),
        Reader("answers", {"in.jsonl": answers}, read_answers),
        Reader("weights", {"w.json": weights}, lambda d: load_weights(d / "w.json")),
    ]


def fuzzed(reader: Reader, seconds: float, folder: Path, rng: random.Random) -> bool:
    """Read changed files for a while; whether every error was one of ours."""
    kinds: Counter[str] = Counter()
    wholes, until = reader.files, time.monotonic() + seconds
    while time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content in wholes.items():
            (folder / name).write_bytes(reader.seal(content))
        for name in rng.sample(sorted(wholes), min(len(wholes), rng.choice([1, 1, 1, 2, 3]))):
            data = wholes[name]
            for _ in range(rng.choice([1, 1, 2, 4])):
                data = changed(data, wholes[rng.choice(sorted(wholes))], rng)
            (folder / name).write_bytes(reader.seal(data))
        kept = {path.name: path.read_bytes() for path in folder.iterdir()}
        try:
            reader.read(folder)
            kinds["read"] += 1
        except AhdetectError as error:
            kinds[type(error).__name__] += 1
        except Exception:
            bad = Path("build") / "fuzz" / reader.name
            shutil.rmtree(bad, ignore_errors=True)
            bad.mkdir(parents=True)
            for name, content in kept.items():
                (bad / name).write_bytes(content)
            traceback.print_exc()
            print(f"{reader.name}: FOREIGN ERROR after {kinds.total()}; the files are in {bad}", flush=True)
            return False
    counts = ", ".join(f"{kind} {n}" for kind, n in kinds.most_common())
    print(f"{reader.name}: {seconds:.0f} s, {kinds.total()} changed: {counts}", flush=True)
    return True


def main() -> int:
    """Fuzz the readers that were named, or all."""
    seconds, *names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        os.environ["AHDETECT_DATA"] = str(place / "data")
        os.environ["AHDETECT_KEY_FILE"] = str(place / "own.key")
        into_file(new_key(), place / "own.key")
        whole = [r for r in readers(place) if not names or r.name in names]
        good = [fuzzed(r, float(seconds), place / "fuzz" / "one", random.Random(r.name)) for r in whole]
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
