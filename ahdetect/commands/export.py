"""`ahdetect export SESSION --to FORMATS --out DIR`: a session folder in, files of the wanted formats out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ahdetect.commands import keying
from ahdetect.errors import ConfigError
from ahdetect.export.exporters import EXPORTERS, chosen, export, films, held
from ahdetect.export.masking import read_names
from ahdetect.export.material import Options, material_of
from ahdetect.store.audit import Act
from ahdetect.store.consent import Purpose
from ahdetect.store.gate import check_stored
from ahdetect.store.journal import note
from ahdetect.store.reader import open_session

app = typer.Typer()


@app.command()
def main(
    session: Annotated[
        Path | None, typer.Argument(help="A session folder, or one that `ahdetect analyze` wrote.", metavar="SESSION")
    ] = None,
    to: Annotated[str, typer.Option(help="Formats, separated by commas: " + ", ".join(EXPORTERS) + ".")] = "",
    out: Annotated[Path, typer.Option(help="Folder for the files; nothing in it is overwritten.")] = Path("export"),
    name: Annotated[str, typer.Option(help="What the files' names begin with; by default that of the folder.")] = "",
    no_words: Annotated[bool, typer.Option("--no-words", help="Leave out words, prompts' texts and notes.")] = False,
    no_media: Annotated[bool, typer.Option("--no-media", help="Leave out pictures, sound and links to them.")] = False,
    mask_names: Annotated[
        bool, typer.Option("--mask-names", help="Replace names in words and notes: a guess.")
    ] = False,
    names: Annotated[Path | None, typer.Option(help="Names to mask besides, one a line; implies --mask-names.")] = None,
    blur_face: Annotated[bool, typer.Option("--blur-face", help="Blur the face in mp4 and mkv.")] = False,
    stills: Annotated[bool, typer.Option("--stills", help="Show moments of the video in the report.")] = False,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
    listing: Annotated[bool, typer.Option("--list", help="List the formats and what of a person they hold.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Export a session: tables, annotations, captions, streams, a report, a film."""
    if listing:
        _list(as_json)
        return
    if session is None:
        raise ConfigError("Name a session folder to export, or list the formats with --list.")
    formats = chosen(to.split(","))
    options = Options(
        words=not no_words,
        media=not no_media,
        mask_names=mask_names or names is not None,
        names=read_names(names) if names is not None else frozenset(),
        blur_face=blur_face,
        stills=stills,
    )
    if Path(name).name != name or name.startswith("."):
        raise ConfigError(
            f"{name!r} cannot begin the name of a file; leave out folders and a leading point.", value=name
        )
    opened = open_session(session, keying.opening_keys(passphrase, passphrase_file, identity))
    check_stored(opened.info, Purpose.ANALYSIS)
    if films(formats) or stills:
        check_stored(opened.info, Purpose.RECORDING)
    material = material_of(opened, options, made_at=datetime.now(UTC), name=name)
    files = export(material, formats, out)
    holds = held(material, formats)
    note(opened.folder, opened.info, Act.EXPORT, formats=formats, words=options.words, media=options.media)
    if as_json:
        found = {"session": str(session), "files": [str(f) for f in files], "holds": holds}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    for file in files:
        console.print(escape(str(file)))
    console.print(f"Of the person it holds {', '.join(holds)}; give it to those only who may have that.")


def _list(as_json: bool) -> None:
    rows = [(name, e.extension, e.what, ", ".join(h.value for h in e.holds)) for name, e in EXPORTERS.items()]
    if as_json:
        keys = ("name", "extension", "what", "holds")
        typer.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], ensure_ascii=False, indent=2))
        return
    table = Table("name", "file", "what", "holds of the person", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)
