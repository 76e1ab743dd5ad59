"""`ahdetect session show|repair DIR`: a session folder in, what it holds (or what was saved of it) out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ahdetect.capture.clock import NS_PER_S
from ahdetect.commands import keying, sessions
from ahdetect.store.audit import Act
from ahdetect.store.consent import Purpose
from ahdetect.store.gate import stored_consent
from ahdetect.store.journal import note
from ahdetect.store.plain_copy import write_plain
from ahdetect.store.reader import Session, open_session
from ahdetect.store.repair import repair as repair_folder

app = typer.Typer(no_args_is_help=True, help="Look into stored sessions, finish, verify or erase them.")
app.add_typer(sessions.app)

Folder = Annotated[Path, typer.Argument(help="A session folder, or one that `ahdetect analyze` wrote.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]


@app.command()
def show(
    folder: Folder,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
    as_json: Json = False,
) -> None:
    """Say what a session holds; nothing is changed."""
    session = open_session(folder, keying.opening_keys(passphrase, passphrase_file, identity))
    note(folder, session.info, Act.OPEN)
    _print(session, as_json)


@app.command()
def repair(
    folder: Folder,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
    as_json: Json = False,
) -> None:
    """Finish a session whose recording was cut off; a whole one stays as it is."""
    _print(repair_folder(folder, keying.opening_keys(passphrase, passphrase_file, identity)), as_json)


@app.command()
def picture(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="The picture (PNG); it shows the face and the words, unencrypted.")],
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
) -> None:
    """Draw the timeline of a session into a file outside of it."""
    from ahdetect.export.picture import draw_timeline

    session = open_session(folder, keying.opening_keys(passphrase, passphrase_file, identity))
    note(folder, session.info, Act.EXPORT, formats=["picture"])
    draw_timeline(session.timeline(), out, session.video, 0.0 if session.video is not None else None)
    typer.echo(str(out))


@app.command()
def decrypt(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="A new folder; whoever gets at it sees and hears everything in it.")],
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
) -> None:
    """Copy a session into a folder that can be read without ahdetect; the session itself stays encrypted."""
    session = open_session(folder, keying.opening_keys(passphrase, passphrase_file, identity))
    note(folder, session.info, Act.EXPORT, formats=["plain copy"])
    write_plain(session, out)
    typer.echo(f"{out}: not encrypted; whoever gets at it sees and hears everything in it.")


def describe(session: Session) -> dict[str, Any]:
    """Numbers of a session, JSON-ready."""
    timeline, consent = session.timeline(), stored_consent(session.info)
    segments = [
        {"start_s": s.start_ns / NS_PER_S, "end_s": s.end_ns / NS_PER_S, "mean_p": s.mean_p, "cues": list(s.phrases)}
        for s in timeline.segments
    ]
    return {
        "folder": str(session.folder),
        "state": session.state,
        "encrypted": session.encrypted,
        "storage": session.info.get("storage"),
        "agreed_to": [p.value for p in Purpose if consent.allows(p)] if consent is not None else None,
        "retain_until": session.info.get("retain_until"),
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
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        if value not in (None, ""):
            table.add_row(name.replace("_", " "), str(value))
    console = Console(highlight=False)
    console.print(table)
    if session.state == "recording":
        console.print("Not closed: it is still being recorded, or was cut off; then run")
        console.print(f"  ahdetect session repair {session.folder}")
