"""`ahdetect bench uda`: a table of features with classes and people in, the worth of each adaptation method out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as Printed

from ahdetect.calibration import benchmark
from ahdetect.calibration.methods import METHODS
from ahdetect.errors import ConfigError
from ahdetect.evaluation import CONFIDENCE, RESAMPLES, Estimate, cell, shown

BASE: Final = "source-only"
MARGIN: Final = 1e-9
"""Below it a change of balanced accuracy is none."""


NOTE: Final = (
    "In brackets: 95 % intervals over people. change, worse, better: people against source-only. oracle: the default "
    "method, given the labels of four fifths of the person's rows, scored on the rest."
)


def uda(
    data: Annotated[Path, typer.Option(help="Table as .npz: features (2-D), emotion or label, subject.")],
    methods: Annotated[str, typer.Option(help="Names with commas between; default: all.")] = "",
    protocol: Annotated[
        str, typer.Option(help="online, calibrate-K (such as calibrate-8) or transductive.")
    ] = "online",
    features: Annotated[str, typer.Option(help="One array of features; default: each, and all together.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Orders in which each person's rows are shown.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Adapt to each person of a table in turn, without their labels, and score the predictions."""
    found, how = benchmark.read(data), benchmark.protocol(protocol)
    wanted = _wanted(methods, list(METHODS), "method")
    names = _wanted(features, list(found.features), "array of features")
    result = {
        "data": data.name,
        "protocol": how.name,
        "seeds": seeds,
        "rows": len(found.y),
        "people": len(found.people),
        "classes": found.classes,
        "notes": found.notes,
        "features": {name: _scores(found, name, wanted, how, seeds) for name in names},
    }
    if as_json:
        typer.echo(json.dumps(result, indent=2))
    else:
        _show(result)


def _wanted(text: str, known: list[str], what: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()] or known
    for name in names:
        if name not in known:
            raise ConfigError(f"There is no {what} {name!r}; there are {', '.join(known)}.", value=name)
    return names


def _scores(
    found: benchmark.Table, features: str, methods: list[str], how: benchmark.Protocol, seeds: int
) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    base = None
    makers = {name: METHODS[name] for name in dict.fromkeys([BASE, *methods])}
    for name, outcome in benchmark.run(found, features, makers, how, seeds, with_oracle=True).items():
        hits, many = counts(found, outcome)
        person = per_person(hits, many)
        base = person if base is None else base
        rows[name] = {
            "balanced_accuracy": interval(hits, many).model_dump(),
            "per_seed": [recall(*(t.sum(axis=0) for t in counts(found, outcome, s))) for s in range(seeds)],
            "change": interval_of_change(person, base).model_dump(),
            "worse": int((person - base < -MARGIN).sum()),
            "better": int((person - base > MARGIN).sum()),
            "people": {
                who: {"balanced_accuracy": round(float(v), 4), "change": round(float(v - b), 4)}
                for who, v, b in zip(found.people, person, base, strict=True)
                if np.isfinite(v)
            },
            "train_s": round(outcome.train_s, 4),
            "sample_ms": round(outcome.sample_ms, 4),
        }
    return rows


def counts(
    found: benchmark.Table, outcome: benchmark.Outcome, seed: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hits and rows of each person and class, each (people, classes); of one seed, or of all together."""
    taken = np.ones(len(outcome.row), bool) if seed is None else outcome.seed == seed
    row = outcome.row[taken]
    shape = (len(found.people), len(found.classes))
    hits, many = np.zeros(shape), np.zeros(shape)
    place = (found.subject[row], found.y[row])
    np.add.at(many, place, 1)
    np.add.at(hits, place, outcome.p[taken].argmax(axis=1) == found.y[row])
    return hits, many


def recall(hits: NDArray[np.float64], many: NDArray[np.float64]) -> float:
    """Balanced accuracy: the mean recall of the classes that have rows."""
    return float(np.mean(hits[many > 0] / many[many > 0]))


def per_person(hits: NDArray[np.float64], many: NDArray[np.float64]) -> NDArray[np.float64]:
    """Balanced accuracy of each person over the classes they have; NaN where they have no row, (people,)."""
    share = np.divide(hits, many, out=np.zeros_like(hits), where=many > 0)
    there = (many > 0).sum(axis=1)
    return np.where(there > 0, share.sum(axis=1) / np.maximum(there, 1), np.nan)


def interval(hits: NDArray[np.float64], many: NDArray[np.float64], seed: int = 0) -> Estimate:
    """Balanced accuracy with its percentile interval over people."""
    times = np.random.default_rng(seed).multinomial(len(many), np.full(len(many), 1 / len(many)), size=RESAMPLES)
    h, m = times @ hits, times @ many
    share = np.where(m > 0, h / np.maximum(m, 1), np.nan)
    low, high = np.percentile(np.nanmean(share, axis=1), [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    value = recall(hits.sum(axis=0), many.sum(axis=0))
    return Estimate(value=value, low=float(low), high=float(high), dropped=0, reason=None)


def interval_of_change(person: NDArray[np.float64], base: NDArray[np.float64], seed: int = 0) -> Estimate:
    """Mean change of people's balanced accuracy with its percentile interval over people."""
    change = (person - base)[np.isfinite(person)]
    drawn = change[np.random.default_rng(seed).integers(0, len(change), (RESAMPLES, len(change)))].mean(axis=1)
    low, high = np.percentile(drawn, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return Estimate(value=float(change.mean()), low=float(low), high=float(high), dropped=0, reason=None)


def _show(result: dict[str, Any]) -> None:
    console = Console()
    for name, rows in result["features"].items():
        title = (
            f"{name}: {result['protocol']}, {result['people']} people, {result['rows']} rows, "
            f"{len(result['classes'])} classes, {result['seeds']} seeds"
        )
        table = Printed("method", "balanced accuracy", "change", "worse", "better", "ms/sample", title=title, box=None)
        for method, row in rows.items():
            score, change = Estimate(**row["balanced_accuracy"]), Estimate(**row["change"])
            table.add_row(
                method,
                cell(score),
                shown(change.value) if method != BASE else "",
                str(row["worse"]) if method != BASE else "",
                str(row["better"]) if method != BASE else "",
                f"{row['sample_ms']:.2f}",
            )
        console.print(table)
    console.print(NOTE)
    for note in result["notes"]:
        console.print(note)
