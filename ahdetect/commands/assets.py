"""`ahdetect assets pull|list|verify`: names of model files in, a table (or JSON) of their state out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from ahdetect.assets.cache import Cache, Checked, State
from ahdetect.errors import AssetError

app = typer.Typer(no_args_is_help=True, help="Fetch, list and check the model files.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
Names = Annotated[list[str] | None, typer.Argument(help="Names as `assets list` shows them; all, where none is given.")]


@app.command()
def pull(
    names: Names = None,
    everything: Annotated[bool, typer.Option("--all", help="The optional ones too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing where all is there.")] = False,
    as_json: Json = False,
) -> None:
    """Fetch the model files that are missing or damaged; goes on where a broken pull stopped."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int | None, source: str) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total, description=f"{what} ({source})")

        done = Cache.default().pull(names, tell, optional=everything)
    if as_json:
        _print(done, as_json)
    elif tasks or not quiet:
        folders = ", ".join(sorted({str(row.path.parent) for row in done}))
        typer.echo(f"{len(done)} model files are in place in {folders}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Show every model file, what it is for, its licence and whether it is there."""
    _print(Cache.default().verify(full=False), as_json)


@app.command()
def verify(names: Names = None, as_json: Json = False) -> None:
    """Read every model file to the end; leaves with 5 where a needed (or named) one is missing or any is damaged."""
    found = Cache.default().verify(names)
    _print(found, as_json)
    bad = [row for row in found if row.state is State.DAMAGED or (row.state is State.MISSING and _needed(row, names))]
    if bad:
        command = " ".join(["ahdetect assets pull", *sorted({row.entry.name for row in bad})])
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        sentence = f"The model file {bad[0].path} is {bad[0].state.value} ({bad[0].detail}){more}; run `{command}`."
        raise AssetError(sentence, value=bad[0].path)


def _needed(row: Checked, names: list[str] | None) -> bool:
    return names is not None or not row.entry.optional


def _print(rows: Iterable[Checked], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_row(row) for row in rows], indent=2))
        return
    table = Table("asset", "MB", "state", "for", "licence")
    folders = set()
    for asset, group in groupby(rows, key=lambda row: row.entry):
        files = list(group)
        folders.add(files[0].path.parent.parent if asset.directory else files[0].path.parent)
        worst = max(files, key=lambda row: list(State).index(row.state))
        note = " (optional)" if asset.optional and worst.state is State.MISSING else ""
        what = f": {worst.file.name}, {worst.detail}" if worst.state is State.DAMAGED else ""
        style = "green" if worst.state is State.OK else "dim" if note else "red"
        state = f"[{style}]{worst.state.value}{note}{what}[/]"
        table.add_row(asset.name, f"{asset.bytes / 1e6:.1f}", state, asset.role, asset.licence)
    Console().print(table)
    for folder in sorted(folders):
        typer.echo(f"in {folder}")


def _row(row: Checked) -> dict[str, object]:
    return {
        "asset": row.entry.name,
        "file": row.file.name,
        "role": row.entry.role,
        "bytes": row.file.bytes,
        "sha256": row.file.sha256,
        "licence": row.entry.licence,
        "optional": row.entry.optional,
        "state": row.state.value,
        "detail": row.detail,
        "path": str(row.path),
    }
