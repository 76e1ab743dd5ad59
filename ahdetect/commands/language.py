"""`ahdetect language`: answers as text in, signs of A/H clause by clause out."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from ahdetect import strict_json
from ahdetect.errors import ConfigError, DataError, StoreError
from ahdetect.export.tables import whole_file
from ahdetect.models.expert import AnswerScore, LanguageExpert, load_weights

app = typer.Typer(no_args_is_help=True)

_WORD = re.compile(r"\S+")


@app.callback()
def group() -> None:
    """What the words say, without sound or picture: a trained, prompt-blind estimate for transcribed answers."""


@app.command()
def score(
    source: Annotated[Path, typer.Option("--in", help="JSONL; each line has `text`, and may have `words` with times.")],
    out: Annotated[Path, typer.Option("--out", help="JSONL; the same lines with what was found.")],
    prompt_field: Annotated[
        str | None,
        typer.Option(help="Field with the kind of prompt, which then enters as a prior; without it, prompt-blind."),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Other weights than those that ship.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON.")] = False,
) -> None:
    """Score answers: `p_ah`, `log_likelihood_ratio`, `markers` and `clauses` for every line.

    Rows in equal rows out, in order. A line that cannot be scored is named on stderr and kept with an `error`; the exit
    code is then 7, and all other lines are there.
    """
    expert = LanguageExpert(load_weights(weights) if weights else None)
    lines = _lines(source)
    if source.resolve() == out.resolve():
        raise ConfigError(f"--in and --out are the same file, {out}; the answers would be overwritten.", value=out)
    console = Console(stderr=True)
    bad: list[tuple[int, str]] = []
    shown = track(lines, "Scoring", console=console, transient=True, disable=as_json or not console.is_terminal)
    _write(out, (_scored(number, line, expert, prompt_field, bad) for number, line in enumerate(shown, 1)))
    for number, reason in bad:
        console.print(f"ahdetect: line {number} of {source}: {reason}", soft_wrap=True, highlight=False, markup=False)
    if as_json:
        typer.echo(json.dumps({"rows": len(lines), "errors": [{"line": n, "error": e} for n, e in bad]}))
    else:
        console.print(f"{len(lines) - len(bad)} of {len(lines)} answers scored: {out}", soft_wrap=True, markup=False)
    if bad:
        raise typer.Exit(DataError.exit_code)


def _lines(source: Path) -> list[str]:
    try:
        lines = source.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror or error}.", value=source) from error
    if lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise DataError(f"{source} is empty: there is nothing to score.", value=source)
    return [line.decode("utf-8", errors="surrogateescape") for line in lines]


def _write(out: Path, rows: Iterator[dict[str, Any]]) -> None:
    """All rows or none, for the owner's eyes: they are people's own words."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(out) as file:
            for row in rows:
                file.write((json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode())
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}.", value=out) from error


def _scored(
    number: int, line: str, expert: LanguageExpert, prompt_field: str | None, bad: list[tuple[int, str]]
) -> dict[str, Any]:
    """The row with what was found, or with an `error`."""
    row: dict[str, Any] = {}
    try:
        row = _row(line)
        return {**row, **found_in(row, expert, prompt_field)}
    except ValueError as error:
        bad.append((number, str(error)))
        return {**row, "error": str(error), "line": number}


def _row(line: str) -> dict[str, Any]:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("it is not UTF-8 text") from error
    try:
        row = strict_json.loads(line)
    except UnicodeEncodeError as error:
        raise ValueError("it holds a character that cannot be written again") from error
    except json.JSONDecodeError as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(row, dict):
        raise ValueError("it is not an object with a `text`")
    return row


def found_in(row: dict[str, Any], expert: LanguageExpert, prompt_field: str | None) -> dict[str, Any]:
    """What is added to one row.

    Args:
        row: with `text`, or with `words` (each a string, or an object with `text` and perhaps `start_s` and `end_s`).
        expert: the weights.
        prompt_field: name of the field with the kind of prompt; a row without it is scored prompt-blind.

    Raises:
        ValueError: what is wrong with the row.
    """
    text, words = row.get("text"), row.get("words")
    if words is not None:
        said, times = _timed(words)
        text = " ".join(said) if text is None else text
    elif isinstance(text, str):
        said, times = [m.group() for m in _WORD.finditer(text)], []
    else:
        raise ValueError("its `text` is missing or is no string")
    if not isinstance(text, str):
        raise ValueError("its `text` is no string")
    kind = row.get(prompt_field) if prompt_field else None
    if kind is not None and not isinstance(kind, str):
        raise ValueError(f"its {prompt_field!r} is no string")
    score_ = expert.score(said, kind)
    return {
        "p_ah": round(score_.p_ah, 6),
        "log_likelihood_ratio": round(score_.log_likelihood_ratio, 6),
        "words_counted": len(said),
        "length": round(score_.length, 4),
        "mixed": round(score_.mixed, 4),
        "markers": {m: {"count": c, "adds": round(a, 4)} for m, (c, a) in score_.markers.items()},
        "clauses": _clauses(score_, _spans(text, said), times),
    }


def _timed(words: Any) -> tuple[list[str], list[tuple[float, float]]]:
    if not isinstance(words, list):
        raise ValueError("its `words` are no list")
    said, times = [], []
    for word in words:
        text = word.get("text", word.get("word")) if isinstance(word, dict) else word
        if not isinstance(text, str):
            raise ValueError("one of its `words` has no text")
        said.append(text.strip())
        if isinstance(word, dict):
            start, end = word.get("start_s", word.get("start")), word.get("end_s", word.get("end"))
            if isinstance(start, int | float) and isinstance(end, int | float):
                times.append((float(start), float(end)))
    return said, times if len(times) == len(said) else []


def _spans(text: str, said: list[str]) -> list[tuple[int, int]] | None:
    """Where in the text each word stands, in characters; None where the words are not those of the text."""
    spans, at = [], 0
    for word in said:
        start = text.find(word, at)
        if start < 0:
            return None
        at = start + len(word)
        spans.append((start, at))
    return spans


def _clauses(
    found: AnswerScore, spans: list[tuple[int, int]] | None, times: list[tuple[float, float]]
) -> list[dict[str, Any]]:
    rows = []
    for clause in found.clauses:
        row: dict[str, Any] = {"text": clause.text, "score": round(clause.score, 4)}
        if spans:
            row["span"] = [spans[clause.start][0], spans[clause.end - 1][1]]
        if times:
            row["start_s"], row["end_s"] = times[clause.start][0], times[clause.end - 1][1]
        rows.append(row)
    return rows
