"""Kills and flipped bits flow in; what an encrypted session lost, and what went unnoticed, flows out.

Run: `PYTHONPATH=tests python tools/measure_faults.py kill 100`: `kill -9` at random moments of a made-up recording
(160x120, 30 fps, sound, rows, words), then opening and repair, and for a part of them a kill during repair.
`... flip 1000`: one flipped bit at a time, anywhere in the files of a closed session, then opening and verification.
`... fuzz 600`: for that many seconds, files of a closed session cut, swapped, doubled, overwritten; then all that
reads a session, whose only errors may be our own, and which may give back nothing but what was written.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import av

from ahdetect.errors import StoreError
from ahdetect.sealing import new_key
from ahdetect.store.media import open_media, read_pcm
from ahdetect.store.reader import Session, open_session
from ahdetect.store.repair import repair
from ahdetect.store.schema import SESSION_JSON
from ahdetect.store.vault import LOCKS, META
from ahdetect.store.verification import verify
from ahdetect.store.writer import FILES
from ahdetect.store_key import into_file

RECORD = Path(__file__).parent.parent / "tests" / "record_until_killed.py"
REPAIR = """
import sys
from pathlib import Path
from ahdetect.store.repair import repair
print("begins", flush=True)
repair(Path(sys.argv[1]))
"""


def ends_s(session: Session) -> dict[str, float]:
    """Where each stream ends, seconds; 0 where there is nothing."""
    ends = {"video": 0.0, "audio": 0.0, "rows": 0.0}
    if session.video is not None:
        with suppress(av.error.FFmpegError), open_media(session.video) as container:  # nothing but a piece of a header
            times = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None]
            ends["video"] = times[-1] if times else 0.0
    if session.audio is not None:
        ends["audio"] = session.audio_offset_ns / 1e9 + len(read_pcm(session.audio)) / 16_000
    rows = session.timeline().rows
    ends["rows"] = rows[-1].t_s if rows else 0.0
    return ends


def killed(folder: Path, after_s: float) -> dict[str, float]:
    """Seconds of each stream that are missing of what the recorder said it had written when it was killed."""
    process = subprocess.Popen(
        [sys.executable, str(RECORD), str(folder), "sealed"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [0, 0, 0]
    timer: threading.Timer | None = None
    for line in process.stdout:
        if line.endswith("\n"):  # the last one may be cut off
            said = [int(part) for part in line.split()]
        if timer is None:  # from the first picture on
            timer = threading.Timer(after_s, process.kill)
            timer.start()
    process.wait()
    session = open_session(folder)
    assert session.damage == [], session.damage
    ends = ends_s(session)
    assert session.state == "recording"
    return {name: at / 1e9 - end for (name, end), at in zip(ends.items(), said, strict=True)}


def kills(count: int, place: Path) -> None:
    rng = random.Random(1)
    moments = [rng.uniform(0.0, 4.0) for _ in range(count)]
    lost: list[dict[str, float]] = []
    changed = interrupted = 0

    def one(number: int) -> dict[str, float]:
        return killed(place / str(number), moments[number])

    with ThreadPoolExecutor(3) as pool:
        lost = list(pool.map(one, range(count)))
    for number in range(count):
        folder = place / str(number)
        before = ends_s(open_session(folder))
        if number % 4 == 0:  # killed while it is repaired, too
            process = subprocess.Popen([sys.executable, "-c", REPAIR, str(folder)], stdout=subprocess.PIPE)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.4))
            if process.poll() is None:
                process.kill()
                interrupted += 1
            process.wait()
        after = ends_s(repair(folder))
        if any(abs(after[name] - before[name]) > 0.002 for name in before):
            changed += 1
            print(f"  {number}: {before} became {after}")
        problems = verify(folder).problems
        assert problems == [], problems
    print(f"{count} recordings killed {min(moments):.2f} to {max(moments):.2f} s after their first picture")
    for name in ("video", "audio", "rows"):
        values = sorted(one[name] for one in lost)
        print(f"  {name:5} lost: median {values[len(values) // 2]:.2f} s, longest {values[-1]:.2f} s")
    print(f"  all opened without a note of damage; repair lost more in {changed}")
    print(f"  {interrupted} were killed while they were repaired as well, and repaired by the next try")


def flips(count: int, place: Path) -> None:
    folder, rng = place / "s", random.Random(2)
    made(folder)
    paths = sorted(folder.iterdir())
    sizes = [path.stat().st_size for path in paths]
    kinds: Counter[str] = Counter()
    for _ in range(count):
        path = rng.choices(paths, sizes)[0] if rng.random() < 0.7 else rng.choice(paths)  # small files as well
        whole = path.read_bytes()
        hurt = bytearray(whole)
        at = rng.randrange(len(hurt))
        hurt[at] ^= 1 << rng.randrange(8)
        path.write_bytes(hurt)
        try:
            problems = verify(folder).problems
            kinds["told by verify" if problems else f"UNNOTICED in {path.name} at {at}"] += 1
        except StoreError as error:
            kinds[type(error).__name__ + " when opened"] += 1
        path.write_bytes(whole)
    print(f"{count} flipped bits in {len(paths)} files, {sum(sizes)} bytes:")
    for kind, n in kinds.most_common():
        print(f"  {n:5} {kind}")


def made(folder: Path) -> None:
    """A session that was killed after three seconds and repaired."""
    process = subprocess.Popen([sys.executable, str(RECORD), str(folder), "sealed"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line.split()[0]) > 3_000_000_000:
            process.kill()
            break
    process.wait()
    repair(folder)
    assert verify(folder).problems == []


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Bytes that somebody or something has been at."""
    a, b = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return rng.choice(
        [
            data[:a],
            data[a:],
            data[:a] + data[b:],
            data[:b] + data[a:],
            data[:a] + rng.randbytes(rng.randrange(1, 200)) + data[b:],
            data[:a] + bytes(b - a) + data[b:],
            data[:a] + other[a:b] + data[b:],
            data + rng.randbytes(rng.randrange(1, 200)),
            data[:a] + bytes([rng.randrange(256)]) + data[a + 1 :],
            other,
        ]
    )


def content_of(session: Session) -> dict[str, bytes]:
    """Every file of a session, decrypted; "" for one that says that it is damaged."""
    found = {}
    for name in FILES:
        if session.files.exists(name) and name not in (SESSION_JSON, LOCKS, META):
            try:
                with session.files.read(name) as file:
                    found[name] = file.read()
            except StoreError:
                found[name] = b""
    return found


def fuzz(seconds: int, place: Path) -> None:
    folder, rng = place / "s", random.Random(3)
    made(folder)
    wholes = {path.name: path.read_bytes() for path in folder.iterdir()}
    truth = content_of(open_session(folder))
    kinds: Counter[str] = Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name in rng.sample(sorted(wholes), rng.choice([1, 1, 1, 2, 3])):
            (folder / name).write_bytes(mutated(wholes[name], wholes[rng.choice(sorted(wholes))], rng))
        try:
            session = open_session(folder)
            for name, content in content_of(session).items():
                assert content in (b"", truth[name]), f"{name} reads as something that was never written"
            kinds["opened, told by verify" if verify(folder).problems else "opened, no difference"] += 1
            session.timeline()
        except StoreError as error:
            kinds[type(error).__name__] += 1
        if rng.random() < 0.2:
            try:
                repair(folder)
                kinds["(repaired)"] += 1
            except StoreError:
                kinds["(not repairable)"] += 1
        for path in folder.iterdir():
            if path.name not in wholes:
                path.unlink()
        for name, content in wholes.items():
            (folder / name).write_bytes(content)
    print(f"{seconds} s, {sum(n for kind, n in kinds.items() if kind[0] != '(')} damaged sessions:")
    for kind, n in kinds.most_common():
        print(f"  {n:5} {kind}")


def main() -> None:
    what, count = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        into_file(new_key(), place / "store.key")
        os.environ["AHDETECT_KEY_FILE"] = str(place / "store.key")
        (place / "runs").mkdir()
        {"kill": kills, "flip": flips, "fuzz": fuzz}[what](count, place / "runs")


if __name__ == "__main__":
    main()
