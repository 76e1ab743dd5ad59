"""`ahdetect session list|verify|erase|withdraw|purge|consent`: stored sessions in, what became of them out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ahdetect.commands import keying
from ahdetect.commands.keying import opening_keys
from ahdetect.errors import AhdetectError, ConsentError, StoreError
from ahdetect.store.catalogue import Entry, due, person_of, sessions_in
from ahdetect.store.consent import LANGUAGES, NEWEST, Purpose, consent_text
from ahdetect.store.erasure import Erased, erase, tombstones, withdraw
from ahdetect.store.verification import verify, verify_audit

app = typer.Typer()

Store = Annotated[Path, typer.Argument(help="The folder that sessions lie in.", metavar="STORE")]
Folder = Annotated[Path, typer.Argument(help="A session folder.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what would be done.")]

SESSIONS = Path("sessions")
"""Where `ahdetect record` puts them."""


@app.command("list")
def list_(
    store: Store = SESSIONS,
    person: Annotated[bool, typer.Option("--person", help="Open each session to say whose it is; needs keys.")] = False,
    erased: Annotated[bool, typer.Option("--erased", help="Name the tombstones of erased sessions as well.")] = False,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
    as_json: Json = False,
) -> None:
    """Name all sessions of a folder: what is stored, with whose consent, and until when."""
    entries = sessions_in(store)
    keys = opening_keys(passphrase, passphrase_file, identity) if person else None
    people = [person_of(entry.folder, keys) if person else None for entry in entries]
    gone = tombstones(store) if erased else []
    if as_json:
        rows = [e.to_json() | ({"person": who} if person else {}) for e, who in zip(entries, people, strict=True)]
        _json({"store": str(store), "sessions": rows, **({"erased": gone} if erased else {})})
        return
    _table(entries, people if person else None)
    for stone in gone:
        typer.echo(f"erased {stone.get('erased_at')}  {stone.get('id')}  {stone.get('why')}")


@app.command("verify")
def verify_(
    folders: Annotated[list[Path], typer.Argument(help="Session folders, or one store folder.", metavar="DIR...")],
    audit: Annotated[bool, typer.Option("--audit", help="Follow the audit log of a store folder as well.")] = False,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
    as_json: Json = False,
) -> None:
    """Read and authenticate every byte of sessions, and follow the audit log."""
    keys = opening_keys(passphrase, passphrase_file, identity)
    sessions, stores = _split(folders)
    found, problems = [], 0
    for folder in sessions:
        try:
            result = verify(folder, keys).to_json()
        except StoreError as error:
            result = {"folder": str(folder), "whole": False, "problems": [str(error)], "notes": []}
        found.append(result)
        problems += len(result["problems"])
        if not as_json:
            _tell(result)
    logs = []
    for store in stores if audit else []:
        log = verify_audit(store)
        logs.append({"store": str(store), "lines": log.lines, "anchored": log.anchored, "problems": log.problems})
        problems += len(log.problems)
        if not as_json:
            _tell_log(logs[-1])
    if as_json:
        _json({"sessions": found, **({"audit": logs} if audit else {})})
    if problems:
        raise StoreError(f"{problems} problem{'s' if problems > 1 else ''} found; see above.")


@app.command("erase")
def erase_(
    folders: Annotated[list[Path], typer.Argument(help="Session folders.", metavar="DIR...")],
    person: Annotated[bool, typer.Option("--person", help="Erase the profile of the person as well.")] = False,
    yes: Yes = False,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
    as_json: Json = False,
) -> None:
    """Erase sessions for good: the wrapped key, then the files; a tombstone without content stays."""
    keys = opening_keys(passphrase, passphrase_file, identity) if person else None
    done, failures = _each(folders if yes else [], lambda folder: erase(folder, person=person, keys=keys))
    _report([str(folder) for folder in folders], done, yes=yes, as_json=as_json)
    _raise(failures)


@app.command("purge")
def purge(store: Store = SESSIONS, yes: Yes = False, as_json: Json = False) -> None:
    """Erase all sessions whose last day is over; without --yes only name them."""
    entries = due(store, datetime.now().astimezone().date())
    done, failures = _each([e.folder for e in entries] if yes else [], lambda f: erase(f, why="past its date"))
    _report([f"{e.folder} (until {e.retain_until})" for e in entries], done, yes=yes, as_json=as_json)
    _raise(failures)


@app.command("withdraw")
def withdraw_(
    folder: Folder,
    purposes: Annotated[list[str], typer.Argument(help="recording, analysis, adaptation, research.")],
    yes: Yes = False,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
) -> None:
    """Take consent back, and erase what was kept by it alone."""
    wanted = [_purpose(name) for name in purposes]
    if not yes:
        typer.echo(f"{folder}: {' '.join(WITHDRAWN[p] for p in wanted)} Say --yes to do it.")
        return
    done = withdraw(folder, wanted, keys=opening_keys(passphrase, passphrase_file, identity))
    if isinstance(done, Erased):
        _report([str(folder)], [done], yes=True, as_json=False)
    else:
        typer.echo(f"{folder}: noted. {' '.join(WITHDRAWN[p] for p in wanted)}")


@app.command()
def consent(
    language: Annotated[str, typer.Option(help=f"One of {', '.join(LANGUAGES)}.")] = "en",
    version: Annotated[str, typer.Option(help="Which version of the text.")] = NEWEST,
) -> None:
    """Print the text that a person is shown before they are recorded, with its hash."""
    text = consent_text(language, version)
    typer.echo(text.body)
    typer.echo(f"version {text.version}, {text.language}, sha256 {text.sha256}", err=True)


WITHDRAWN: Mapping[Purpose, str] = {
    Purpose.RECORDING: "The whole session is erased.",
    Purpose.ANALYSIS: "Estimates, words, cues and what people said about segments are erased; picture and sound stay.",
    Purpose.ADAPTATION: "The profile of the person is erased.",
    Purpose.RESEARCH: "It may not be used again; copies that were handed on cannot be called back from here.",
}
"""What becomes of a session where consent is taken back."""


def _each(folders: Sequence[Path], work: Callable[[Path], Erased]) -> tuple[list[Erased], list[AhdetectError]]:
    """Go on after one that cannot be erased, and say so of each."""
    done: list[Erased] = []
    failures: list[AhdetectError] = []
    for folder in folders:
        try:
            done.append(work(folder))
        except AhdetectError as error:
            failures.append(error)
    return done, failures


def _raise(failures: Sequence[AhdetectError]) -> None:
    """Name each, the first as the error of the command."""
    for error in failures[1:]:
        typer.echo(str(error), err=True)
    if failures:
        raise failures[0]


def _purpose(name: str) -> Purpose:
    try:
        return Purpose(name)
    except ValueError as error:
        raise ConsentError(f"{name!r} is no purpose; there are {', '.join(Purpose)}.", value=name) from error


def _split(folders: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Session folders, those within store folders included, and the store folders of all of them."""
    sessions, stores = [], []
    for folder in folders:
        within = sessions_in(folder) if folder.is_dir() and not (folder / "session.json").exists() else []
        if within or (folder / "audit.jsonl").exists():
            sessions += [entry.folder for entry in within]
            stores.append(folder)
        else:
            sessions.append(folder)
            stores.append(folder.absolute().parent)
    return sessions, list(dict.fromkeys(stores))


def _table(entries: Sequence[Entry], people: Sequence[str | None] | None) -> None:
    heads = ["session", "state", "agreed to", "kept until", "size", *(["person"] if people is not None else [])]
    table = Table(*heads, box=None, pad_edge=False)
    for number, entry in enumerate(entries):
        agreed = [p.value for p, a in entry.consent.answers.items() if a.holds] if entry.consent is not None else []
        cells = [
            entry.folder.name,
            entry.problem or ", ".join([entry.state, *(["not encrypted"] if not entry.encrypted else [])]),
            ", ".join(agreed) if entry.consent is not None else "no record",
            str(entry.retain_until or "no date"),
            f"{entry.bytes / 1e6:.1f} MB",
        ]
        if people is not None:
            cells.append("sealed" if people[number] is None else people[number] or "-")
        table.add_row(*(Text(cell) for cell in cells))
    console = Console(highlight=False)
    console.print(table if entries else Text("There is no session in this folder."))


def _tell(result: Mapping[str, Any]) -> None:
    how = "every byte authenticated" if result.get("authenticated") else "read, not authenticated"
    typer.echo(f"{result['folder']}: {'whole, ' + how if result['whole'] else 'DAMAGED'}")
    for line in (*result["problems"], *result["notes"]):
        typer.echo(f"  {line}")


def _tell_log(log: Mapping[str, Any]) -> None:
    where = "held against the anchor of this machine" if log["anchored"] else "this machine has no anchor for it"
    typer.echo(f"{log['store']}: audit log, {log['lines']} lines, {'DAMAGED' if log['problems'] else 'whole'}, {where}")
    for line in log["problems"]:
        typer.echo(f"  {line}")


def _report(wanted: Sequence[str], done: Sequence[Erased], *, yes: bool, as_json: bool) -> None:
    if as_json:
        gone = [{"id": d.id, "folder": str(d.folder), "profile": d.profile, "notes": d.notes} for d in done]
        _json({"erased": gone} if yes else {"would_erase": list(wanted)})
    elif not wanted:
        typer.echo("Nothing to erase.")
    elif not yes:
        typer.echo("\n".join([*(f"would erase {name}" for name in wanted), "Nothing was done; say --yes to do it."]))
    for one in done:
        if not as_json:
            typer.echo(f"erased {one.folder}" + (f" and the profile {one.profile}" if one.profile else ""))
        for sentence in one.notes:
            typer.echo(f"  {sentence}", err=True)


def _json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
