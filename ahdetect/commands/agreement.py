"""`ahdetect agreement SESSION --with FILE`: a session and annotations of a person in, figures of agreement out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ahdetect.agreement import MATCHED, Span, agree
from ahdetect.annotated import Annotated as Read
from ahdetect.annotated import Stretch, read_annotated
from ahdetect.commands import keying
from ahdetect.errors import ConfigError
from ahdetect.export.tiers import positive
from ahdetect.store.annotations import Annotations, HumanSegment, Verdict, read_annotations
from ahdetect.store.reader import open_session
from ahdetect.timeline import NS_PER_S

app = typer.Typer()


@app.command()
def main(
    session: Annotated[
        Path, typer.Argument(help="A session folder, or one that `ahdetect analyze` wrote.", metavar="SESSION")
    ],
    file: Annotated[
        Path | None,
        typer.Option("--with", help="Annotations of a person, .eaf or CSV; by default the session's own human tier."),
    ] = None,
    tier: Annotated[str | None, typer.Option(help="Tier of the .eaf; by default guessed by its name.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="A label that counts as A/H, may be repeated; by default all but no, 0, ..."),
    ] = None,
    by: Annotated[str, typer.Option(help="Whose part of the human tier is meant; with --store, whose this is.")] = "",
    store: Annotated[
        bool, typer.Option("--store", help="Also add the annotations to the session's human tier, said by --by.")
    ] = False,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Compare the model's segments with those of a person: kappa, AVGF1, overlap, onsets."""
    if store and (file is None or not by.strip()):
        raise ConfigError("--store needs --with FILE and --by INITIALS.")
    opened = open_session(session, keying.opening_keys(passphrase, passphrase_file, identity))
    timeline = opened.timeline()
    read = read_annotated(file, tier, label or ()) if file is not None else None
    human: Sequence[Span]
    if read is not None:
        human, notes = read.stretches, _read_notes(read)
    else:
        human, notes = _own(read_annotations(opened.folder, opened.files), by)
    found = agree([row.t_ns for row in timeline.rows], timeline.segments, human)
    late = sum(s.start_ns > timeline.duration_s * NS_PER_S for s in human)
    if late:
        notes.append(f"{late} of the person's segments start after the end of the session; is it the right file?")
    stored = (
        _store(Annotations(opened.folder, files=opened.files), read.stretches, by)
        if store and read is not None
        else None
    )
    result = {"session": str(session), "with": str(file) if file else "human tier", **found.as_dict(), "notes": notes}
    if stored is not None:
        result["stored"] = stored
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        _print(result, stored)


def _read_notes(read: Read) -> list[str]:
    notes = []
    if read.guessed:
        notes.append(f"Tier {read.tier!r} was taken, by its name; --tier chooses another.")
    if read.labels and any(read.labels):
        named = ", ".join(repr(name) for name in read.labels[:5]) + (" ..." if len(read.labels) > 5 else "")
        notes.append(f"Labels that counted as A/H: {named}.")
    if read.left_out:
        notes.append(f"{read.left_out} stretches with other labels did not count.")
    return notes


def _own(tier: Sequence[HumanSegment], by: str) -> tuple[list[HumanSegment], list[str]]:
    people = sorted({h.by for h in tier})
    if not tier:
        raise ConfigError("The session has no human tier yet; name annotations with --with FILE.")
    if by and by not in people:
        raise ConfigError(f"{by} has said nothing in this session; there are {', '.join(people)}.", value=by)
    if not by and len(people) > 1:
        raise ConfigError(
            f"Several people have said something ({', '.join(people)}); choose one with --by.", value=people
        )
    notes = ["The human tier was made with the model's segments in view, which draws agreement up."]
    return positive(h for h in tier if not by or h.by == by), notes


def _store(tier: Annotations, stretches: Iterable[Stretch], by: str) -> int:
    """Add what is not there yet; how many."""
    there = {(h.start_ns, h.end_ns) for h in tier.segments if h.by == by.strip() and h.verdict is Verdict.ADD}
    new = [s for s in stretches if (s.start_ns, s.end_ns) not in there]
    for s in new:
        tier.add(s.start_ns, s.end_ns, by=by, note=s.label)
    return len(new)


_LINES = {
    "kappa": "Cohen's kappa, frames",
    "avgf1": "AVGF1, frames",
    "observed": "same answer, frames",
    "frame_iou": "IoU, frames",
    "model_share": "share of A/H, model",
    "human_share": "share of A/H, person",
    "model_segments": "segments, model",
    "human_segments": "segments, person",
    "mean_best_iou": "mean best IoU, segments",
    "matched": f"segments matched at IoU {MATCHED:g}",
    "precision": "  of the model's",
    "recall": "  of the person's",
    "f1": "  F1",
    "onset_s_median": "onset, model minus person, s",
    "onset_s_median_size": "  size",
    "offset_s_median": "offset, model minus person, s",
    "offset_s_median_size": "  size",
}


def _print(result: dict[str, Any], stored: int | None) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, said in _LINES.items():
        value = result[name]
        shown = "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
        table.add_row(said, shown, result["reasons"].get(name, "") or ("no pair overlaps" if value is None else ""))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for note in result["notes"]:
        console.print(escape(note))
    if stored is not None:
        console.print(f"{stored} segments were added to the human tier.")
