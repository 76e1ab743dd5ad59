"""`ahdetect extract CORPUS`: clips in, one Parquet file of cues and labels per clip out; a killed run is taken up."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from ahdetect.batch import Outcome, Stopped
from ahdetect.commands import engines
from ahdetect.commands.interrupts import INTERRUPTED, interrupts
from ahdetect.config import Settings, load_settings
from ahdetect.errors import MediaError
from ahdetect.extraction import FAILURES, Found, extractor, find_clips, open_output, tasks_of, write_failures

app = typer.Typer()

TOLD: int = 5
"""Failures and missing clips that are named on the screen; all stand in failures.json."""


@app.command()
def main(
    corpus: Annotated[
        Path, typer.Argument(help="A release of BAH, a folder of clips, or a list file.", metavar="CORPUS")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the cues; what is there already is not done again.")],
    settings: Annotated[Path | None, typer.Option(help="A settings file (TOML).")] = None,
    jobs: engines.Jobs = None,
    engine: engines.Where = engines.Engine.LOCAL,
    ray_address: engines.RayAddress = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Extract the cues of a corpus: a Parquet file per clip, with its labels where the corpus has some.

    A clip that cannot be read is written to failures.json and the others go on; the exit code is then that of the
    first. Run it again after Ctrl-C, a crash or a power cut: it goes on where it was.
    """
    run = engines.chosen(engine, jobs, ray_address)
    chosen = load_settings(settings) if settings else Settings()
    console = Console(stderr=True)
    open_output(out, chosen)
    found = find_clips(corpus, out)
    tasks = tasks_of(found.clips, out)
    began = perf_counter()
    done: list[Outcome] = []
    interrupted = False
    columns = (TextColumn("cues"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with interrupts() as stopped, Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=len(found.clips), completed=len(found.clips) - len(tasks))

        def tell(outcome: Outcome) -> None:
            done.append(outcome)
            bars.advance(task)

        try:
            if tasks:
                run(tasks, extractor(chosen), tell, stopped)
        except Stopped:
            interrupted = True
    failures = _failures(found, done)
    write_failures(out, failures)
    summary = _summary(found, done, failures, len(found.clips) - len(tasks), perf_counter() - began)
    if as_json:
        typer.echo(json.dumps({**summary, "out": str(out), "failures": failures}, ensure_ascii=False, indent=2))
    else:
        _told(console, summary, failures, found, out)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if failures:
        raise typer.Exit(failures[0]["exit_code"])


def _failures(found: Found, done: list[Outcome]) -> list[dict[str, Any]]:
    missing = [
        {
            "clip": name,
            "error": f"{name} is listed and not there; unpack or fetch it.",
            "exit_code": MediaError.exit_code,
        }
        for name in found.missing
    ]
    broken = [{"clip": o.name, "error": o.error, "exit_code": o.exit_code} for o in done if o.result is None]
    return [*broken, *missing]


def _summary(
    found: Found, done: list[Outcome], failures: list[dict[str, Any]], before: int, took_s: float
) -> dict[str, Any]:
    results = [o.result for o in done if o.result is not None]
    seconds = sum(float(r["duration_s"]) for r in results)
    return {
        "clips": len(found.clips),
        "done_before": before,
        "done": len(results),
        "failed": len(failures) - len(found.missing),
        "missing": len(found.missing),
        "rows": sum(int(r["rows"]) for r in results),
        "labelled_rows": sum(int(r["labelled"]) for r in results),
        "with_notes": sum(bool(r["notes"]) for r in results),
        "clip_s": round(seconds, 1),
        "took_s": round(took_s, 1),
        "notes": list(found.notes),
    }


def _told(console: Console, summary: dict[str, Any], failures: list[dict[str, Any]], found: Found, out: Path) -> None:
    s = summary
    before = f", {s['done_before']} were there before" if s["done_before"] else ""
    console.print(
        f"{s['done']} of {s['clips']} clips extracted{before}: {s['rows']} rows, {s['labelled_rows']} of them "
        f"labelled, {s['clip_s']:.0f} s of clips in {s['took_s']:.0f} s",
        highlight=False,
        soft_wrap=True,
    )
    for note in found.notes:
        console.print(Text(note, style="yellow"), soft_wrap=True)
    for failure in failures[:TOLD]:
        console.print(Text(f"ahdetect: {failure['error']}", style="red"), soft_wrap=True)
    if len(failures) > TOLD:
        console.print(Text(f"... and {len(failures) - TOLD} more in {out / FAILURES}", style="red"), soft_wrap=True)
