"""`ahdetect evaluate fusion`: extracted clips and a trained network in, tables beside the published rows out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.console import Console

from ahdetect.errors import StoreError
from ahdetect.evaluation import RESAMPLES, Report, shown, table
from ahdetect.export.tables import whole_file
from ahdetect.fusion_evaluation import PAPER, PUBLISHED, Found, evaluate, load_network, read_answers

WITHIN: Final = "within_prompt_auc"
SHOWN: Final = ("avgf1", "f1_positive", "average_precision_trapezoid", "average_precision", "roc_auc", WITHIN, "ece")


def main(
    data: Annotated[Path, typer.Option(help="Folder that `ahdetect extract` wrote.")],
    model: Annotated[Path, typer.Option(help="best.pt or fusion.onnx of `ahdetect train fusion`, or its folder.")],
    split: Annotated[str, typer.Option(help="Part of the corpus: test, val, train or all.")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
    out: Annotated[Path | None, typer.Option(help="Markdown file; the JSON goes beside it.")] = None,
    resamples: Annotated[int, typer.Option(help="Resamples of people for the intervals.", min=1)] = RESAMPLES,
) -> None:
    """Score a fusion network on a corpus: frames and videos, per prompt, per person and with channels left out."""
    found = evaluate(load_network(model), read_answers(data, split), resamples)
    document, text = _document(found), page(found)
    if out is not None:
        _write(out, text)
        _write(out.with_suffix(".json"), json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif out is None:
        typer.echo(text)
    else:
        Console(stderr=True).print(f"tables: {out} and {out.with_suffix('.json')}", highlight=False, soft_wrap=True)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}.", value=path) from error


def _document(found: Found) -> dict[str, Any]:
    parts = {name: getattr(found, name) for name in ("frames", "videos", "ablation", "prompts")}
    dumped = {name: {key: r.model_dump(mode="json") for key, r in part.items()} for name, part in parts.items()}
    about = {"split": found.split, "clips": found.clips, "trained_on": found.source, "present": found.present}
    return {**about, **dumped, "people": found.people, "published": {"source": PAPER, "rows": PUBLISHED}}


def page(found: Found) -> str:
    """All tables as Markdown."""
    intro = (
        f"{found.clips} clips (split: {found.split}), {len(found.people)} people with labelled frames; the network was "
        f"trained on {found.source}. Signs consistent with ambivalence/hesitancy, model estimates. AP (BAH) is "
        "computed as the paper computes it. A dash: the score does not exist, or has no interval; the JSON says why."
    )
    return "\n\n".join(
        [
            "# Fusion network",
            intro,
            "## Frames",
            _table(found.frames),
            _published("frame"),
            "## Videos",
            _table(found.videos),
            _published("video"),
            "## Channels left out and alone (frames)",
            _present(found),
            _table(found.ablation),
            "## By kind of prompt (frames)",
            _table(found.prompts, [name for name in SHOWN if name != WITHIN]),
            "## By person (frames)",
            _people(found),
        ]
    ) + "\n"  # fmt: skip


def _table(reports: dict[str, Report], columns: Sequence[str] = SHOWN) -> str:
    """Scores and what the brackets are; the notes, many with so many reports, stand in the JSON file."""
    if not reports:
        return "No row has a label."
    return "\n\n".join(part for part in table(reports, columns).rstrip().split("\n\n") if not part.startswith("* "))


def _present(found: Found) -> str:
    """What an ablation cannot show: nothing changes where a channel that was never there is left out."""
    there = ", ".join(f"{name} {share:.0%}" for name, share in found.present.items())
    return f"Present: {there} of the time. A channel that is never there changes nothing when it is left out."


def _published(level: str) -> str:
    lines = [f"| {PAPER} | AVGF1 | AP (BAH) |", "| --- | ---: | ---: |"]
    lines += [f"| {r['model']} | {_cell(r['avgf1'])} | {_cell(r['ap'])} |" for r in PUBLISHED if r["level"] == level]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return shown(float(value)) if isinstance(value, float) else shown(None)


def _people(found: Found) -> str:
    """Quartiles over people: a mean over all frames hides whom a model does not fit."""
    lines = ["| score | people with both classes | quarter below | median | quarter above |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for title, key in (("AVGF1", "avgf1"), ("AP", "ap")):
        values = [p[key] for p in found.people.values() if p["ap"] is not None and p[key] is not None]
        quarters = [shown(float(q)) for q in np.percentile(values, [25, 50, 75])] if values else ["–"] * 3
        lines.append(f"| {title} | {len(values)} of {len(found.people)} | {' | '.join(quarters)} |")
    return "\n".join(lines)
