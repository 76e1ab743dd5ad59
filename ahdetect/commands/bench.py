"""`ahdetect bench`: a clip in, figures with machine and versions out; the only place where speed is checked.

`bench uda`, which measures adaptation instead of speed, lies in `ahdetect.commands.uda`.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import av
import psutil
import typer
from rich.console import Console
from rich.table import Table

from ahdetect.commands.uda import uda
from ahdetect.config import Settings
from ahdetect.engine import Models
from ahdetect.errors import MediaError
from ahdetect.provenance import provenance
from ahdetect.sealing import new_key
from ahdetect.session import Session
from ahdetect.store.audit import Audit
from ahdetect.store.consent import Consent, ConsentText, Purpose
from ahdetect.store.keys import Keys

app = typer.Typer(no_args_is_help=True, help="Measure speed on this machine, and adaptation on a table.")
app.command()(uda)


@app.callback()
def root() -> None:
    """Measure speed on this machine, and adaptation on a table."""


@app.command()
def realtime(
    video: Annotated[str, typer.Option(help="A clip, played in real time as camera (and microphone).")],
    audio: Annotated[str | None, typer.Option(help="Another source of sound; default: the clip's own.")] = None,
    seconds: Annotated[
        float, typer.Option(min=1, help="How long; a shorter clip is played again from its start.")
    ] = 60,
    record: Annotated[bool, typer.Option(help="Also write a session folder (thrown away afterwards).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Play a clip through the live path (latest-only camera, lossless microphone) and measure what comes out."""
    with tempfile.TemporaryDirectory() as scratch:
        clip = Path(video)
        if clip.is_file():
            looped = Path(scratch) / "looped.mkv"
            repeat(clip, looped, seconds)
            audio = str(looped) if audio in (None, video) else audio
            video = str(looped)
        figures = measure(video, audio or video, seconds, Path(scratch) / "session" if record else None)
        Audit(Path(scratch)).anchor.unlink(missing_ok=True)  # of a log that goes with the folder
        figures["clip"] = clip.name
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
    else:
        _show(figures)


def repeat(clip: Path, path: Path, seconds: float) -> None:
    """Write `clip` to `path` as often as it takes for `seconds`, without encoding it again.

    Raises:
        MediaError: the clip cannot be read.
    """
    try:
        with av.open(str(path), "w", format="matroska") as out:
            start_s = 0.0
            streams: dict[int, Any] = {}
            newest: dict[int, float] = {}
            while start_s < seconds + 1:
                end_s = start_s
                with av.open(str(clip)) as source:
                    wanted = [*source.streams.video[:1], *source.streams.audio[:1]]
                    streams = streams or {s.index: out.add_stream_from_template(s) for s in wanted}
                    for packet in source.demux(*wanted):
                        if packet.dts is None or packet.pts is None:
                            continue
                        end_s = max(end_s, start_s + float((packet.pts + (packet.duration or 0)) * packet.time_base))
                        shift = round(start_s / packet.time_base)
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        index, at_s = packet.stream.index, float(packet.dts * packet.time_base)
                        if at_s <= newest.get(index, -1.0):
                            continue  # an encoder's lead-in before its time 0
                        newest[index] = at_s
                        packet.stream = streams[index]
                        out.mux(packet)
                if end_s == start_s:
                    raise MediaError(f"{clip} holds no pictures and no sound to play.", value=clip)
                start_s = end_s
    except av.error.FFmpegError as error:
        raise MediaError(f"{clip} cannot be played: {error.strerror}.", value=clip) from error


def _for_a_measurement(out: Path | None) -> Consent | None:
    """What is recorded here lies in a temporary folder and is deleted with it: the record says no more than that."""
    if out is None:
        return None
    text = ConsentText("bench", "en", "A measurement of speed; what it records is deleted when it ends.")
    return Consent.given([Purpose.RECORDING, Purpose.ANALYSIS], text, keep_days=1)


def measure(video: str, audio: str, seconds: float, out: Path | None) -> dict[str, Any]:
    """Run the live path for `seconds` and count.

    Returns:
        "machine", "versions", and per figure a number; ms, s, MB and shares as the names say. CPU is in cores.
    """
    settings = Settings()
    began = time.perf_counter()
    models = Models.load(settings)
    load_s = time.perf_counter() - began
    process = psutil.Process()
    resident: list[float] = []
    keys = Keys(store=(new_key(),))  # thrown away with what it locks
    consent = _for_a_measurement(out)
    session = Session(video, audio, out=out, settings=settings, models=models, consent=consent, keys=keys)
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.5):
            resident.append(process.memory_info().rss / 1e6)

    sampler = threading.Thread(target=sample, daemon=True)
    cpu = _cpu_s(process)
    wall = time.perf_counter()
    with session:
        sampler.start()
        session.wait(seconds)
        cpu_s, wall_s = _cpu_s(process) - cpu, time.perf_counter() - wall
        live = session.report()
    done.set()
    sampler.join()
    return {
        "machine": machine(),
        "versions": provenance(settings, models)["versions"],
        "seconds": round(wall_s, 2),
        "model_load_s": round(load_s, 2),
        **_flow(session, live, wall_s),
        "latency_ms": session.report()["latency_ms"],
        "cpu_cores": round(cpu_s / wall_s, 3),
        "resident_mb": {
            "start": round(resident[0]) if resident else None,
            "end": round(resident[-1]) if resident else None,
            "max": round(max(resident)) if resident else None,
        },
        "stages": session.report()["stages"],
        "stage_errors": session.errors,
        "balances": session.report()["ledger"]["balances"],
    }


def _flow(session: Session, live: dict[str, Any], wall_s: float) -> dict[str, Any]:
    books = live["ledger"]
    flow: dict[str, Any] = {}
    if "video" in books:
        frames = books["video"]["frames"]
        face = books["edges"].get("camera->face", {"offered": 0, "dropped": 0})
        flow["fps_in"] = round(frames / wall_s, 2)
        flow["rows_per_s"] = round(books["rows"]["shown"] / wall_s, 2)
        flow["frames_dropped_share"] = round(face["dropped"] / max(1, face["offered"]), 5)
    if "audio" in books:
        flow["audio_samples"] = books["audio"]["samples"]
        flow["audio_lost_samples"] = books["audio"]["gap_samples"] + session.engine.dropped_samples()
        flow["words"] = session.engine.counts["words"]
    return flow


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _show(figures: dict[str, Any]) -> None:
    table = Table("figure", "value", title=f"ahdetect bench realtime, {figures['seconds']} s", box=None)

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{prefix}{'.' if prefix else ''}{key}", inner)
        else:
            table.add_row(prefix, str(value))

    add("", {k: v for k, v in figures.items() if k != "seconds"})
    Console().print(table)
