"""Measure extraction: generated clips flow in; whether a killed, resumed or Ray run gives the same bytes flows out.

    .venv/bin/python tools/measure_extract.py --people 29 --seconds 1 --jobs 2 --ray

Makes a corpus (tools/make_bah_layout.py), extracts it undisturbed, then again with a kill -9 of parent and workers when
half of the files are there, resumes, and compares every file; with `--ray` also on a Ray cluster of `--jobs` workers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from make_bah_layout import make


def command(corpus: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "ahdetect.cli", "extract", str(corpus), "--out", str(out), "--json", *more]


def extract(corpus: Path, out: Path, *more: str) -> dict[str, object]:
    done = subprocess.run(command(corpus, out, *more), capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(done.stderr)
    summary = json.loads(done.stdout)
    return {k: summary[k] for k in ("clips", "done_before", "done", "failed", "missing", "rows", "took_s")}


def killed(corpus: Path, out: Path, half: int, *more: str) -> int:
    """Kill a run once `half` files are there; how many were."""
    running = subprocess.Popen(
        command(corpus, out, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while len(list(out.rglob("*.parquet"))) < half:
        if running.poll() is not None:
            raise SystemExit(f"the run to be killed ended by itself ({running.returncode})")
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return len(list(out.rglob("*.parquet")))


def digests(out: Path) -> dict[str, str]:
    files = (p for p in sorted(out.rglob("*")) if p.is_file())
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def compared(a: dict[str, str], b: dict[str, str]) -> str:
    other = [name for name in a.keys() | b.keys() if a.get(name) != b.get(name)]
    return f"{len(a)} files, {len(other)} differ" + (f": {sorted(other)[:5]}" if other else "")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--people", type=int, default=29)
    asked.add_argument("--seconds", type=float, default=1.0)
    asked.add_argument("--faces", type=int, default=10)
    asked.add_argument("--broken", type=int, default=2)
    asked.add_argument("--jobs", default="2")
    asked.add_argument("--ray", action="store_true")
    how = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, jobs = Path(folder), ("--jobs", how.jobs)
        made = make(root / "BAH_DB", people=how.people, seconds=how.seconds, faces=how.faces, broken=how.broken)
        print(f"{len(made)} generated clips of {how.seconds:g} s", flush=True)
        print("undisturbed", extract(root, root / "a", *jobs), flush=True)
        plain = digests(root / "a")
        print("killed with", killed(root, root / "b", len(made) // 2, *jobs), "files there", flush=True)
        print("resumed", extract(root, root / "b", *jobs), flush=True)
        print("undisturbed and resumed:", compared(plain, digests(root / "b")), flush=True)
        if how.ray:
            print("ray", extract(root, root / "c", *jobs, "--engine", "ray"), flush=True)
            print("local and Ray:", compared(plain, digests(root / "c")), flush=True)


if __name__ == "__main__":
    main()
