"""`ahdetect session show|repair DIR`: a session folder in, what it holds (or what was saved of it) out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ahdetect.capture.clock import NS_PER_S
from ahdetect.store.reader import Session, open_session
from ahdetect.store.repair import repair as repair_folder

app = typer.Typer(no_args_is_help=True, help="Look into a session folder, or finish one that was cut off.")

Folder = Annotated[Path, typer.Argument(help="A session folder, or one that `ahdetect analyze` wrote.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]


@app.command()
def show(folder: Folder, as_json: Json = False) -> None:
    """Say what a session holds; nothing is changed."""
    _print(open_session(folder), as_json)


@app.command()
def repair(folder: Folder, as_json: Json = False) -> None:
    """Finish a session whose recording was cut off; a whole one stays as it is."""
    _print(repair_folder(folder), as_json)


def describe(session: Session) -> dict[str, Any]:
    """Numbers of a session, JSON-ready."""
    timeline = session.timeline()
    segments = [
        {"start_s": s.start_ns / NS_PER_S, "end_s": s.end_ns / NS_PER_S, "mean_p": s.mean_p, "cues": list(s.phrases)}
        for s in timeline.segments
    ]
    return {
        "folder": str(session.folder),
        "state": session.state,
        "started_at": session.info.get("started_at"),
        "duration_s": round(timeline.duration_s, 3),
        "rows": len(timeline.rows),
        "rows_settled": sum(row.settled for row in timeline.rows),
        "rows_with_face": sum(row.face_seen for row in timeline.rows),
        "words": len(timeline.words),
        "segments": segments,
        "mean_p": round(float(timeline.p.mean()), 4) if timeline.rows else None,
        "video": str(session.video) if session.video else None,
        "audio": str(session.audio) if session.audio else None,
        "lost_s": session.info.get("lost_s", {}),
        "sinks_off": session.info.get("sinks_off") or {},
        "damage": session.damage,
    }


def _print(session: Session, as_json: bool) -> None:
    found = describe(session)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in found.items():
        if name == "segments":
            value = "\n".join(
                f"{s['start_s']:.1f}-{s['end_s']:.1f} s  p {s['mean_p']:.2f}  {', '.join(s['cues'])}" for s in value
            )
        elif isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items())
        elif isinstance(value, list):
            value = "; ".join(value)
        if value not in (None, ""):
            table.add_row(name.replace("_", " "), str(value))
    console = Console(highlight=False)
    console.print(table)
    if session.state == "recording":
        console.print("Not closed: it is still being recorded, or was cut off; then run")
        console.print(f"  ahdetect session repair {session.folder}")
