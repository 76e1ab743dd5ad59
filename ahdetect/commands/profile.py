"""`ahdetect profile`: the name of a person's profile in, what is known of them and how it came about out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ahdetect.calibration.adapt import Change
from ahdetect.calibration.profile import Version
from ahdetect.calibration.profile_store import FileProfiles
from ahdetect.errors import ConfigError, StoreError
from ahdetect.export.tables import whole_file
from ahdetect.models.reference import references

app = typer.Typer(no_args_is_help=True, help="Look into the profile of a person, go back in it, or delete it.")

Name = Annotated[str, typer.Argument(help="A profile, as `ahdetect profile list` names it.", metavar="NAME")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Name all profiles; one that cannot be read is named with the reason."""
    store = FileProfiles()
    rows = [_listed(store, name) for name in store.names()]
    if as_json:
        _json({"folder": str(store.folder), "profiles": rows})
        return
    table = Table("profile", "versions", "newest", "why", "set-up", box=None)
    for row in rows:
        cells = ["", "", row["error"], ""] if "error" in row else [
            str(row["versions"]), _when(row["newest_at"]), row["why"], _setup(row["setup"])
        ]  # fmt: skip
        table.add_row(*(Text(cell) for cell in (row["name"], *cells)))
    _print(table if rows else Text(f"There is no profile in {store.folder}."))


@app.command()
def show(
    name: Name,
    number: Annotated[int | None, typer.Option("--version", min=0, help="Which version; default the newest.")] = None,
    as_json: Json = False,
) -> None:
    """Say what is usual in the person, beside what is usual in people."""
    profile = FileProfiles().load(name)
    version = profile.current if number is None else profile.version(number)
    newest = profile.newest()
    if as_json:
        setups = [{"setup": dict(v.setup), "version": v.number} for v in newest]
        _json({"profile": profile.name, "versions": len(profile.versions), "setups": setups, **_shown(version)})
        return
    head = f"{profile.name}, version {version.number} of {len(profile.versions)}: {version.why}"
    _print(Text(f"{head}, {_when(version.created_at.isoformat())}"))
    if version.setup:
        _print(Text(f"Set-up: {_setup(version.setup)}"))
    _print(_cues(version) if version.personal.usual else Text("No cue is personal: the population's values are used."))
    for line in _parameters(version):
        _print(Text(line))
    if len(newest) > 1:
        for other in newest:
            _print(Text(f"With {_setup(other.setup) or 'a set-up that is not known'}: version {other.number}"))


@app.command()
def history(name: Name, as_json: Json = False) -> None:
    """Say how the profile came about: each step, refused ones too, with its data and its predicted effect."""
    profile = FileProfiles().load(name)
    if as_json:
        _json({"profile": profile.name, "versions": [_with_changes(version) for version in profile.versions]})
        return
    table = Table("version", "when", "why, and the steps that led here", "from", "predicted effect", box=None)
    for version in profile.versions:
        setup = f" [{_setup(version.setup)}]" if version.setup else ""
        row = (str(version.number), _when(version.created_at.isoformat()), f"{version.why}{setup}", "", "")
        table.add_row(*(Text(cell) for cell in row), style="bold")
        for change in version.changes:
            table.add_row("", "", *(Text(cell) for cell in _step(change)), style="" if change.accepted else "dim")
    _print(table if profile.versions else Text(f"Profile {profile.name} holds no calibration yet."))


@app.command()
def rollback(
    name: Name,
    to: Annotated[
        int | None, typer.Option("--to", min=0, help="Which version, 0 for the population; default the one before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go back to the parameters of an older version; that makes a new one, nothing is lost."""
    store = FileProfiles()
    profile = store.load(name)
    before = profile.current.number
    version = profile.rollback(to)
    store.save(profile)
    if as_json:
        _json({"profile": profile.name, "before": before, **_shown(version)})
    else:
        of = f"those of version {version.restores}" if version.restores else "the population's"
        _print(Text(f"{profile.name} is now at version {version.number}: the parameters are {of}."))


@app.command()
def export(
    name: Name,
    out: Annotated[Path, typer.Option("--out", help="JSON file to write; one that is there is left alone.")],
    as_json: Json = False,
) -> None:
    """Write the whole profile, with its history, as JSON that people and programs can read; not encrypted."""
    profile = FileProfiles().load(name)
    if out.exists():
        raise ConfigError(f"{out} is there already; name a new file.", value=out)
    try:
        with whole_file(out) as file:
            file.write((json.dumps(profile.to_json(), ensure_ascii=False, indent=2) + "\n").encode())
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}.", value=out) from error
    if as_json:
        _json({"profile": profile.name, "versions": len(profile.versions), "file": str(out)})
    else:
        _print(Text(f"{profile.name}, {len(profile.versions)} versions: {out} (not encrypted)"))


@app.command()
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a profile with all its versions; it cannot be had back."""
    store = FileProfiles()
    if name not in store.names():
        store.delete(name)  # what a cut-off write left; else it says which profiles there are
    else:
        if not yes and not _agreed(name):
            raise ConfigError(
                f"Profile {name} was not deleted; say --yes to delete it without being asked.", value=name
            )
        store.delete(name)
    if as_json:
        _json({"profile": name, "deleted": True})
    else:
        _print(Text(f"Profile {name} is deleted."))


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"Delete profile {name} with all its versions for good?", err=True)


# -- what is said


def _listed(store: FileProfiles, name: str) -> dict[str, Any]:
    try:
        profile = store.load(name)
    except StoreError as error:
        return {"name": name, "error": str(error)}
    newest = profile.current
    return {
        "name": name,
        "versions": len(profile.versions),
        "newest_at": newest.created_at.isoformat(),
        "why": newest.why,
        "setup": dict(newest.setup),
    }


def _shown(version: Version) -> dict[str, Any]:
    """A version without its steps, which `history` has."""
    return {key: value for key, value in version.to_json().items() if key != "changes"}


def _with_changes(version: Version) -> dict[str, Any]:
    """A version with its steps and without all its parameters, which `show` has."""
    return {key: value for key, value in version.to_json().items() if key != "personal"}


def _cues(version: Version) -> Table:
    table = Table("cue", "usual", "spread", "from", "people's", "spread", "shift, sd", box=None)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    people = references()
    for cue, usual in sorted(version.personal.usual.items()):
        theirs = people.get(cue)
        beside = ("", "", "") if theirs is None else (
            f"{theirs.location:.4g}", f"{theirs.scale:.4g}", f"{(usual.location - theirs.location) / theirs.scale:+.2f}"
        )  # fmt: skip
        table.add_row(cue, f"{usual.location:.4g}", f"{usual.scale:.4g}", f"{usual.seconds:.0f} s", *beside)
    return table


def _parameters(version: Version) -> list[str]:
    personal = version.personal
    lines = [f"{channel.value}: its evidence counts {value:.2f} times" for channel, value in personal.gain.items()]
    lines += [f"{channel.value}: {value:+.2f} nats while it is there" for channel, value in personal.offset.items()]
    if personal.prevalence is not None:
        lines.append(f"share of time with signs of A/H, where no prompt is known: {personal.prevalence:.2f}")
    return lines


def _step(change: Change) -> tuple[str, str, str]:
    """A step as cells: what changed, from how much, the predicted effect."""
    moved = sum(change.before.get(key) != value for key, value in change.after.items())
    verb = "set" if change.accepted else "refused: would have set"
    what = f"  {change.method}: {verb} {moved} figures"
    if 0 < moved <= 3:
        what = f"  {change.method}: {'' if change.accepted else 'refused: '}{_moves(change)}"
    reason = f" ({change.reason})" if change.reason else ""
    effect = ", ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in change.effect.items())
    return what + reason, f"{change.amount:g} {change.unit}" if change.amount else "", effect


def _moves(change: Change) -> str:
    before: Mapping[str, float] = change.before
    return ", ".join(
        f"{key} {f'{before[key]:.3g} to ' if key in before else ''}{value:.3g}"
        for key, value in change.after.items()
        if before.get(key) != value
    )


def _setup(setup: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in setup.items())


def _when(iso: str) -> str:
    return iso[:16].replace("T", " ") + " UTC"


def _json(found: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


def _print(what: Table | Text) -> None:
    Console(highlight=False, soft_wrap=isinstance(what, Text)).print(what)
