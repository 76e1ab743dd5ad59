"""`ahdetect evaluate FILE`: rows with a label and a probability in, scores with intervals over people out.

`ahdetect evaluate fusion` is a command of its own (`evaluate_fusion`); any other first word is a file.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from ahdetect.commands import evaluate_fusion
from ahdetect.errors import ConfigError, DataError, StoreError
from ahdetect.evaluation import METRICS, RESAMPLES, Estimate, Report, report, shown, table
from ahdetect.export.tables import whole_file

ROWS: Final = "rows"
"""The command that is meant where none is named."""


class FileFirst(TyperGroup):
    """A group in which `evaluate FILE` is `evaluate rows FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the command that is meant."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = [ROWS, *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(cls=FileFirst)
app.command("fusion")(evaluate_fusion.main)


@app.callback()
def group() -> None:
    """Score probabilities in a file against labels (`ahdetect evaluate FILE`), or a fusion network on a corpus."""


PERSON: Final = "subject"
PROMPT: Final = "prompt"
ERROR: Final = "error"
"""A row that carries it has failed (`ahdetect language score` writes such rows)."""

REPORT_JSON, REPORT_MD, PICTURE = "report.json", "report.md", "reliability.png"
DPI: Final = 110
INK, FAINT = "#3b3b8f", "#6b6b78"

Row = dict[str, Any]


@dataclass(slots=True)
class Rows:
    """Rows that can be evaluated, and what was left out.

    Attributes:
        y: labels, 0 or 1.
        p: probabilities of A/H.
        people: person of each row; None where the file names none.
        prompts: kind of prompt of each row, None where it is missing; None where the file names none.
        left_out: why rows were left out, and how many for each reason.
        notes: what else a reader must know.
    """

    y: list[int] = field(default_factory=list)
    p: list[float] = field(default_factory=list)
    people: list[str] | None = None
    prompts: list[str | None] | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@app.command(ROWS)
def main(
    file: Annotated[Path, typer.Argument(help="Rows as .jsonl, .csv or .parquet.", metavar="FILE")],
    label: Annotated[str, typer.Option(help="Column of the label: 1 for A/H, 0 for none.")] = "label",
    score: Annotated[str, typer.Option(help="Column of the probability of A/H, 0 to 1.")] = "p_ah",
    person: Annotated[
        str | None,
        typer.Option(help=f"Column of the person (or clip), resampled as one; without it {PERSON}, if there."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help=f"Column of the kind of prompt; without it {PROMPT}, if there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
    out: Annotated[Path | None, typer.Option(help=f"Folder for {REPORT_JSON} and {REPORT_MD}.")] = None,
    resamples: Annotated[int, typer.Option(help="Resamples of people for the intervals.", min=1)] = RESAMPLES,
    picture: Annotated[bool, typer.Option("--picture", help=f"Draw {PICTURE} into the --out folder.")] = False,
) -> None:
    """Score probabilities against labels: AVGF1, F1+, AP, ROC AUC, within-prompt AUC, ECE, with 95 % intervals.

    Rows without a score or a label, and rows with an `error`, are counted and left out.
    """
    if picture and out is None:
        raise ConfigError("--picture needs a folder to draw into; add --out DIR.")
    wanted = {label, score, person or PERSON, prompt or PROMPT, ERROR}
    rows = select(read(file, wanted), file, label=label, score=score, person=person, prompt=prompt)
    found = report(rows.y, rows.p, rows.people, rows.prompts, resamples=resamples)
    found = found.model_copy(update={"notes": [*rows.notes, *found.notes]})
    document = {"source": file.name, "left_out": rows.left_out, **found.model_dump(mode="json")}
    if out is not None:
        _write(out, file.name, found, rows.left_out, document, picture=picture)
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    _print(file.name, found, rows.left_out)
    if out is not None:
        typer.echo(f"written to {out}")


# Reading.


@dataclass(frozen=True, slots=True)
class Lines:
    """A table as it stands in a file: its rows, by column name, and the names of all its columns."""

    rows: list[Row]
    columns: set[str]


def _read_jsonl(path: Path, wanted: set[str]) -> Lines:  # noqa: ARG001
    rows: list[Row] = []
    columns: set[str] = set()
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"Line {number} of {path} is not JSON ({error.msg}); mend or drop it.") from error
            if not isinstance(row, dict):
                raise DataError(f"Line {number} of {path} is no JSON object; each line must be one, as {{...}}.")
            rows.append(row)
            columns.update(row)
    return Lines(rows, columns)


def _read_csv(path: Path, wanted: set[str]) -> Lines:  # noqa: ARG001
    with path.open(encoding="utf-8-sig", newline="") as file:
        table_ = csv.DictReader(file)
        return Lines(list(table_), set(table_.fieldnames or ()))


def _read_parquet(path: Path, wanted: set[str]) -> Lines:
    import pyarrow.parquet as pq

    columns = set(pq.read_schema(path).names)
    return Lines(pq.read_table(path, columns=sorted(wanted & columns)).to_pylist(), columns)


READERS: Final[dict[str, Callable[[Path, set[str]], Lines]]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}


def read(path: Path, wanted: set[str]) -> Lines:
    """The rows of a table; of Parquet, which may be large, the columns that are `wanted`.

    Raises:
        DataError: no such file, of another kind, damaged, or without rows.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path} is none of {', '.join(READERS)}; give a file of one of these kinds.", value=path)
    try:
        lines = reader(path, wanted)
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or _first_line(error)}.", value=path) from error
    except (csv.Error, ValueError) as error:  # not UTF-8 and damaged Parquet are ValueErrors
        raise DataError(f"{path} is damaged or no {path.suffix} file: {_first_line(error)}.", value=path) from error
    if not lines.rows:
        raise DataError(f"{path} holds no rows; there is nothing to evaluate.", value=path)
    return lines


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


# Selecting.


def select(lines: Lines, path: Path, *, label: str, score: str, person: str | None, prompt: str | None) -> Rows:
    """Labels, probabilities, people and prompts of the rows that have what it takes.

    Args:
        lines: as `read` gives them.
        path: the file, for sentences.
        label: column of the label.
        score: column of the probability.
        person: column of the person; None for `subject` if the file has it.
        prompt: column of the kind of prompt; None for `prompt` if the file has it.

    Raises:
        ConfigError: a column is missing, which an option can name.
        DataError: a label is not 0 or 1, a probability is none, or no row is left.
    """
    columns = lines.columns
    asked = {"--label": label, "--score": score, "--person": person, "--prompt": prompt}
    for option, name in asked.items():
        if name is not None and name not in columns:
            there = ", ".join(sorted(columns)) or "none"
            raise ConfigError(f"{path} has no column {name!r} (it has {there}); name the right one with {option}.")
    person = person or (PERSON if PERSON in columns else None)
    prompt = prompt or (PROMPT if PROMPT in columns else None)
    kept = Rows(people=[] if person else None, prompts=[] if prompt else None)
    alone = 0
    for number, row in enumerate(lines.rows, 1):
        reason = _unfit(row, label, score)
        if reason is not None:
            kept.left_out[reason] = kept.left_out.get(reason, 0) + 1
            continue
        kept.y.append(_label(row[label], path, number, label))
        kept.p.append(_probability(row[score], path, number, score))
        if person and kept.people is not None:
            name = row.get(person)
            alone += _missing(name)
            kept.people.append(f"row {number}" if _missing(name) else f"person {name}")
        if prompt and kept.prompts is not None:
            kind = row.get(prompt)
            kept.prompts.append(None if _missing(kind) else str(kind))
    if not kept.y:
        reasons = ", ".join(f"{many} {reason}" for reason, many in kept.left_out.items())
        raise DataError(f"{path} has no row with both a label and a score ({reasons}).", value=path)
    if alone:
        kept.notes.append(f"{alone} rows name no person ({person!r}); each was taken for a person of its own.")
    return kept


def _missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _unfit(row: Row, label: str, score: str) -> str | None:
    """Why a row is left out; None where it stays."""
    if not _missing(row.get(ERROR)):
        return "with an error"
    if _missing(row.get(label)):
        return "without a label"
    return "without a score" if _missing(row.get(score)) else None


def _label(value: object, path: Path, number: int, column: str) -> int:
    text = str(value).strip().lower()
    try:
        found = {"false": 0.0, "true": 1.0}.get(text)
        found = float(text) if found is None else found
    except ValueError:
        found = math.nan
    if found not in (0, 1):
        raise DataError(f"Row {number} of {path} has the label {value!r} ({column!r}); labels must be 0 or 1.")
    return int(found)


def _probability(value: Any, path: Path, number: int, column: str) -> float:
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not 0 <= found <= 1:
        raise DataError(
            f"Row {number} of {path} has the score {value!r} ({column!r}); probabilities must be numbers from 0 to 1."
        )
    return found


# Telling.


def _counted(left_out: dict[str, int]) -> str:
    return "left out: " + ", ".join(f"{many} {reason}" for reason, many in left_out.items())


def _headline(name: str, found: Report) -> str:
    people = "" if found.people is None else f" of {found.people} people"
    return f"{name}: {found.n} rows{people}, {found.positives} with A/H ({shown(found.prevalence)})"


def _range(estimate: Estimate) -> str:
    return "–" if estimate.low is None else f"{shown(estimate.low)} – {shown(estimate.high)}"


def _print(name: str, found: Report, left_out: dict[str, int]) -> None:
    console = Console()
    scores = Table("score", "value", "95 % interval")
    for key, estimate in found.metrics.items():
        scores.add_row(METRICS[key].title, shown(estimate.value), _range(estimate))
    console.print(Text(_headline(name, found)), soft_wrap=True)
    if left_out:
        console.print(Text(_counted(left_out), style="yellow"), soft_wrap=True)
    console.print(scores)
    if found.within_prompt and found.within_prompt.by_prompt:
        kinds = Table("prompt", "ROC AUC")
        for kind, auc in found.within_prompt.by_prompt.items():
            kinds.add_row(Text(kind), shown(auc))
        console.print(kinds)
    for note in found.notes:
        console.print(Text(note, style="yellow"), soft_wrap=True)


def _page(name: str, found: Report, left_out: dict[str, int], *, picture: bool) -> str:
    """`report.md`."""
    parts = [f"# Evaluation of {name}", _headline(name, found) + "."]
    parts += [f"{_counted(left_out).capitalize()}."] if left_out else []
    parts.append(table({name: found}).rstrip())
    if found.within_prompt and found.within_prompt.by_prompt:
        lines = [f"| {kind} | {shown(auc)} |" for kind, auc in found.within_prompt.by_prompt.items()]
        parts.append("\n".join(["| prompt | ROC AUC |", "| --- | ---: |", *lines]))
    parts += [f"![Reliability]({PICTURE})"] if picture else []
    return "\n\n".join(parts) + "\n"


def _write(
    out: Path, name: str, found: Report, left_out: dict[str, int], document: dict[str, Any], *, picture: bool
) -> None:
    files = {
        REPORT_JSON: json.dumps(document, ensure_ascii=False, indent=2) + "\n",
        REPORT_MD: _page(name, found, left_out, picture=picture),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for leaf, text in files.items():
            with whole_file(out / leaf) as file:
                file.write(text.encode())
        if picture:
            draw(found, out / PICTURE)
    except OSError as error:
        raise StoreError(
            f"Cannot write to {out}: {error.strerror or error}; choose another folder with --out.", value=out
        ) from error


def draw(found: Report, path: Path) -> None:
    """Write the reliability picture (PNG): the share with A/H over the probability, and rows per bin below.

    Args:
        found: its `reliability` has the points, its `metrics` the errors in the title.
        path: the file, replaced where it exists.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    points = found.reliability
    figure = Figure(figsize=(5.2, 6), layout="constrained")
    FigureCanvasAgg(figure)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    top.plot([0, 1], [0, 1], linestyle="--", color=FAINT, linewidth=1, label="perfectly calibrated")
    for point in points:
        if point.observed_low is not None:
            top.plot([point.mean_p] * 2, [point.observed_low, point.observed_high], color=INK, linewidth=1.2, alpha=0.6)
    top.plot(
        *_columns((p.mean_p, p.observed) for p in points), marker="o", color=INK, label="this model, 95 % interval"
    )
    top.set(ylabel="share of rows with A/H", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    errors = ", ".join(f"{METRICS[key].title} {shown(found.metrics[key].value)}" for key in ("ece", "ece_equal_mass"))
    top.set_title(f"Reliability, {found.n} rows\n{errors}", fontsize=11)
    top.legend(loc="upper left", frameon=False)
    below.bar(
        [p.low for p in points],
        [p.n for p in points],
        [p.high - p.low for p in points],
        align="edge",
        color=INK,
        edgecolor="white",
    )
    below.set(xlabel="probability of A/H", ylabel="rows")
    for axes in (top, below):
        axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as file:
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": "ahdetect"})


def _columns(pairs: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    made = list(pairs)
    return [x for x, _ in made], [y for _, y in made]
