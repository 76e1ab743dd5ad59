"""Benchmark of adaptation: a table with classes and people flows in; predictions of each person left out flow out.

Each person in turn is the new one: a method is trained on the others, then sees the person's rows as an unlabelled
stream. The order of rows in a file may be sorted by class, which no stream is: each seed shuffles each person's rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.calibration.adapt import Adapter, Array
from ahdetect.calibration.methods import Maker
from ahdetect.calibration.methods.classifier import Prepared
from ahdetect.calibration.methods.oracle import oracle
from ahdetect.calibration.methods.source import Labels, Source
from ahdetect.errors import ConfigError, DataError

LABELS: Final = ("emotion", "label")
"""Names of the array of classes; the first that is there counts."""

SUBJECT: Final = "subject"

ORACLE: Final = "oracle"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to benchmark on.

    Attributes:
        features: arrays by name, each (rows, features), NaN where absent.
        y: class of each row as a number, (rows,).
        subject: person of each row as a number, (rows,).
        classes: names of the classes, in the order of their numbers.
        people: names of the people, likewise.
        notes: what was left out, one sentence each.
    """

    features: dict[str, Array]
    y: Labels
    subject: Labels
    classes: list[str]
    people: list[str]
    notes: list[str]


def read(path: Path) -> Table:
    """Read a table from an .npz file.

    Raises:
        DataError: it is no such file, or lacks classes, people or features.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found, notes = _arrays(file)
    except Exception as error:  # a damaged archive makes numpy and zipfile raise a dozen kinds
        raise DataError(f"{path} cannot be read as an .npz file of arrays ({error}).", value=path) from error
    label = next((name for name in LABELS if name in found), None)
    if label is None or SUBJECT not in found:
        lacks = " and ".join([*([] if label else ["emotion (or label)"]), *([] if SUBJECT in found else [SUBJECT])])
        has = ", ".join(found) or "nothing"
        raise DataError(f"{path} lacks the array {lacks}; it holds {has}. Add one value a row.", value=path)
    y, subject = found.pop(label), found.pop(SUBJECT)
    if y.ndim != 1 or y.shape != subject.shape:
        raise DataError(
            f"{path}: {label} and {SUBJECT} must be lists of one length, not of shape {y.shape} and {subject.shape}.",
            value=path,
        )
    features = {}
    for name, array in found.items():
        if array.ndim == 2 and len(array) == len(y) and array.shape[1] and array.dtype.kind in "fiub":
            features[name] = array.astype(np.float64)
        else:
            notes.append(f"The array {name} ({array.dtype}, {array.shape}) is no table of {len(y)} rows; left out.")
    if not features:
        raise DataError(f"{path} holds no table of features: numbers, one row for each {label}.", value=path)
    return table(features, y, subject, notes, str(path))


def _arrays(file: Mapping[str, Any]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    found, notes = {}, []
    for name in file:
        try:
            array = file[name]
        except ValueError:
            notes.append(f"The array {name} holds Python objects, which are not read; save it as numbers or text.")
            continue
        if isinstance(array, np.ndarray):
            found[name] = array
        else:  # a file of the archive that is no array comes as its bytes
            notes.append(f"{name} is no array; left out.")
    return found, notes


def table(
    features: Mapping[str, Array],
    y: NDArray[Any],
    subject: NDArray[Any],
    notes: list[str] | None = None,
    where: str = "The table",
) -> Table:
    """Check a table and number its classes and people; several features get one more, their concatenation.

    Raises:
        DataError: fewer than two classes or than three people.
    """
    notes = list(notes or [])
    known = _known(y) & _known(subject)
    if not known.all():
        notes.append(f"{int((~known).sum())} rows without a class or a person are left out.")
    classes, numbers = np.unique(y[known], return_inverse=True)
    people, persons = np.unique(subject[known], return_inverse=True)
    if len(classes) < 2 or len(people) < 3:
        raise DataError(
            f"{where} has {len(classes)} classes and {len(people)} people; leaving one person out needs 2 and 3."
        )
    tables = {name: x[known] for name, x in features.items()}
    if len(tables) > 1:
        tables["+".join(tables)] = np.hstack(list(tables.values()))
    return Table(tables, numbers.astype(np.intp), persons.astype(np.intp), _texts(classes), _texts(people), notes)


def _texts(values: NDArray[Any]) -> list[str]:
    return [str(v) for v in values.tolist()]


def _known(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        return np.asarray(np.isfinite(values))
    return np.asarray(values != "") if values.dtype.kind in "US" else np.ones(len(values), bool)


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a person's stream is used.

    Attributes:
        name: as users write it.
        first: rows that are adapted on before any is scored; those are not scored. 0: none.
        online: each row is adapted on, then scored, before the next is seen.
    """

    name: str
    first: int = 0
    online: bool = False


def protocol(name: str) -> Protocol:
    """The protocol called `name`: online, calibrate-K or transductive.

    Raises:
        ConfigError: there is none of that name.
    """
    head, _, many = name.partition("-")
    if name == "online":
        return Protocol(name, online=True)
    if name == "transductive":
        return Protocol(name)
    if head == "calibrate" and many.isdigit() and int(many) > 0:
        return Protocol(name, first=int(many))
    raise ConfigError(f"There is no protocol {name!r}; there are online, calibrate-8 (any number) and transductive.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Predictions of one method.

    Attributes:
        row: number of the predicted row in the table, (predictions,).
        p: its probabilities, (predictions, classes).
        seed: the seed it was predicted under, (predictions,).
        train_s: seconds to train what methods before it had not trained yet, mean over people.
        sample_ms: milliseconds to adapt to and predict one row, mean.
    """

    row: NDArray[np.intp]
    p: Array
    seed: NDArray[np.intp]
    train_s: float
    sample_ms: float


def streams(subject: Labels, person: int, seeds: int) -> Iterator[NDArray[np.intp]]:
    """The rows of a person in the order in which each seed shows them."""
    rows = np.flatnonzero(subject == person)
    for seed in range(seeds):
        yield np.random.default_rng([seed, person]).permutation(rows)


def run(
    found: Table, features: str, makers: Mapping[str, Maker], how: Protocol, seeds: int, *, with_oracle: bool = False
) -> dict[str, Outcome]:
    """Leave each person out once, and show their stream to each method.

    Args:
        found: the table.
        features: name of one of its features.
        makers: methods by name.
        how: the protocol.
        seeds: how many orders of each stream.
        with_oracle: also what labels of the person would give, under `ORACLE`.

    Returns:
        Predictions of each method.

    Raises:
        DataError: nobody has enough rows for the protocol.
    """
    x = found.features[features]
    names = [*makers, *([ORACLE] if with_oracle else [])]
    made: dict[str, list[tuple[NDArray[np.intp], Array, NDArray[np.intp]]]] = {name: [] for name in names}
    train_s, spent_s, rows = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0), 0
    for person in range(len(found.people)):
        shown = [stream for stream in streams(found.subject, person, seeds) if len(stream) > how.first]
        if not shown:
            continue
        others = found.subject != person
        prepared = Prepared(Source(x[others], found.y[others], found.subject[others], len(found.classes)))
        rows += sum(map(len, shown))
        for name, make in makers.items():
            began = time.perf_counter()
            adapter = make(prepared)
            train_s[name] += time.perf_counter() - began
            fresh = adapter.state()
            for seed, stream in enumerate(shown):
                began = time.perf_counter()
                p = follow(adapter, x[stream], how)
                spent_s[name] += time.perf_counter() - began
                scored = stream[how.first :]
                made[name].append((scored, p, np.full(len(scored), seed)))
                adapter.restore(fresh)
        for seed, stream in enumerate(shown if with_oracle else []):
            began = time.perf_counter()
            p = oracle(prepared, x[stream], found.y[stream])[how.first :]
            spent_s[ORACLE] += time.perf_counter() - began
            made[ORACLE].append((stream[how.first :], p, np.full(len(p), seed)))
    if not rows:
        raise DataError(f"Nobody in the table has more than {how.first} rows, which {how.name} needs.")
    outcomes = {}
    for name, parts in made.items():
        row, p, seed_of = (np.concatenate(part) for part in zip(*parts, strict=True))
        outcomes[name] = Outcome(row, p, seed_of, train_s[name] / len(found.people), 1000 * spent_s[name] / rows)
    return outcomes


def follow(adapter: Adapter, x: Array, how: Protocol) -> Array:
    """Show an adapter one stream, (rows, features); probabilities of the rows that are scored."""
    if how.online:
        parts = []
        for i in range(len(x)):
            adapter.observe(x[i : i + 1])
            parts.append(adapter.predict(x[i : i + 1]))
        return np.concatenate(parts)
    adapter.observe(x[: how.first] if how.first else x)
    return adapter.predict(x[how.first :])
