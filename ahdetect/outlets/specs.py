"""Specs: what a user wrote for `--outlet`, or a table of a rules file, flows in; an outlet flows out.

| on the command line | in a rules file |
|---|---|
| `jsonl` | `kind = "jsonl"` |
| `jsonl:events.jsonl` | `kind = "jsonl"`, `path = "events.jsonl"` |
| `jsonl,rows,provisional:rows.jsonl` | ... `include = ["rows"]`, `rows = "provisional"` |
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ahdetect.errors import ConfigError
from ahdetect.outlets.items import Kind, Outlet
from ahdetect.rules import RowKind

OUTLETS: Final[dict[str, tuple[str, str, str]]] = {
    "jsonl": ("ahdetect.outlets.jsonl", "JsonLines", "path"),
}
"""Kind: module, class, and the argument that stands behind the colon."""

_SHARED: Final = ("include", "rows")


def outlet_of(table: Mapping[str, Any], where: str = "outlet") -> Outlet:
    """The outlet that a table describes.

    Args:
        table: "kind", and what that kind takes; see `docs/outlets.md`.
        where: what to call the table where it is wrong.

    Raises:
        ConfigError: there is no such kind, or it takes no such key or value, or what it needs is not installed.
    """
    options = dict(table)
    kind = options.pop("kind", None)
    if kind not in OUTLETS:
        raise ConfigError(f"{where}: {kind!r} is no kind of outlet; there are {', '.join(OUTLETS)}.", value=kind)
    module, name, _ = OUTLETS[kind]
    make = getattr(_imported(module, kind), name)
    takes = inspect.signature(make).parameters
    wrong = [key for key in options if key not in takes or key.startswith("_")]
    if wrong:
        raise ConfigError(f"{where}: {wrong[0]} is not a key of the outlet {kind} (docs/outlets.md).", value=wrong[0])
    missing = [n for n, p in takes.items() if p.default is inspect.Parameter.empty and n not in options]
    if missing:
        raise ConfigError(f"{where}: the outlet {kind} needs {missing[0]} (docs/outlets.md).", value=kind)
    outlet: Outlet = make(**options)
    return outlet


def table_of(spec: str) -> dict[str, Any]:
    """What `--outlet SPEC` stands for, as a table."""
    head, colon, argument = spec.partition(":")
    kind, *wishes = head.split(",")
    table: dict[str, Any] = {"kind": kind}
    if colon and kind in OUTLETS:
        table[OUTLETS[kind][2]] = argument
    rows = [w for w in wishes if w in {k.value for k in RowKind}]
    include = [w for w in wishes if w not in rows]
    unknown = [w for w in include if w not in {k.value for k in Kind}]
    if unknown:
        known = ", ".join([*(k.value for k in Kind), *(k.value for k in RowKind)])
        raise ConfigError(f"--outlet {spec}: {unknown[0]!r} is none of {known}.", value=spec)
    return {**table, **({"rows": rows[-1]} if rows else {}), **({"include": include} if include else {})}


def outlets_of(tables: Iterable[Mapping[str, Any]] = (), specs: Iterable[str] = ()) -> list[Outlet]:
    """All outlets of a rules file and of a command line.

    Raises:
        ConfigError: as `outlet_of`.
    """
    found = [outlet_of(table, f"outlet {i + 1} of the rules file") for i, table in enumerate(tables)]
    return found + [outlet_of(table_of(spec), f"--outlet {spec}") for spec in specs]


def _imported(module: str, kind: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "ahdetect":
            raise
        raise ConfigError(
            f"The outlet {kind} needs the package {error.name}; run `pip install 'ahdetect[{kind}]'`.", value=kind
        ) from error
