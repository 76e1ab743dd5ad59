"""Specs: what a user wrote for `--outlet`, or a table of a rules file, flows in; an outlet flows out.

| on the command line | in a rules file |
|---|---|
| `jsonl` | `kind = "jsonl"` |
| `jsonl:events.jsonl` | `kind = "jsonl"`, `path = "events.jsonl"` |
| `webhook:https://lab.example/ah` | `kind = "webhook"`, `url = "https://lab.example/ah"` |
| `lsl:ahdetect`, `osc:127.0.0.1:9000` | `stream = "ahdetect"`, `address = "127.0.0.1:9000"` |
| `plugin:NAME` | `kind = "plugin:NAME"` and what it takes: an outlet of another package |
| `jsonl,rows,provisional:rows.jsonl` | ... `include = ["rows"]`, `rows = "provisional"` |
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ahdetect import plugins
from ahdetect.errors import AhdetectError, ConfigError, known
from ahdetect.outlets.items import Kind, Outlet
from ahdetect.rules import RowKind

_WISHES: Final[dict[str, type]] = {"include": list, "rows": str}


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of outlet.

    Attributes:
        module: where it is; imported when it is asked for.
        name: of its class.
        argument: the key that stands behind the colon.
        keys: what a file may say of it, and the type of each. A secret is none of it.
        needed: whether `argument` has to be given.
    """

    module: str
    name: str
    argument: str
    keys: Mapping[str, type]
    needed: bool = False


OUTLETS: Final[dict[str, Entry]] = {
    "jsonl": Entry("ahdetect.outlets.jsonl", "JsonLines", "path", {"path": str, **_WISHES}),
    "webhook": Entry(
        "ahdetect.outlets.webhook",
        "Webhook",
        "url",
        {"url": str, "hosts": list, "include": list, "timeout_s": float, "tries": int},
        needed=True,
    ),
    "lsl": Entry("ahdetect.outlets.lsl", "Lsl", "stream", {"stream": str, "cues": bool, "network": bool, **_WISHES}),
    "osc": Entry("ahdetect.outlets.osc", "Osc", "address", {"address": str, **_WISHES}),
}


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
    if isinstance(kind, str) and kind.startswith(plugins.PREFIX):
        return _of_plugin(kind.removeprefix(plugins.PREFIX), options, where)
    if kind not in OUTLETS:
        raise ConfigError(f"{where}: {kind!r} is no kind of outlet; there are {', '.join(OUTLETS)}.", value=kind)
    entry = OUTLETS[kind]
    for key, value in options.items():
        wanted = entry.keys.get(key)
        if wanted is None:
            raise ConfigError(f"{where}: {key} is not a key of the outlet {kind} (docs/outlets.md).", value=key)
        if not _fits(value, wanted):
            raise ConfigError(f"{where}: {key} = {value!r} is not of the type {wanted.__name__}.", value=key)
    if entry.needed and not options.get(entry.argument):
        raise ConfigError(f"{where}: the outlet {kind} needs {entry.argument} (docs/outlets.md).", value=kind)
    outlet: Outlet = getattr(_imported(entry.module, kind), entry.name)(**options)
    return outlet


def _of_plugin(name: str, options: Mapping[str, Any], where: str) -> Outlet:
    """An outlet of another package, made with what the table holds."""
    maker = plugins.load("outlets", name)
    try:
        outlet: Outlet = maker(**options)
    except AhdetectError:
        raise
    except Exception as error:  # of a stranger's code
        raise ConfigError(f"{where}: the plug-in {name!r} cannot start: {known(error)}", value=name) from error
    return outlet


def _fits(value: object, wanted: type) -> bool:
    if wanted is list:
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return type(value) is wanted


def table_of(spec: str) -> dict[str, Any]:
    """What `--outlet SPEC` stands for, as a table."""
    head, colon, argument = spec.partition(":")
    kind, *wishes = head.split(",")
    table: dict[str, Any] = {"kind": kind}
    if f"{kind}:" == plugins.PREFIX:
        table["kind"] = f"{plugins.PREFIX}{argument}"
    elif colon and kind in OUTLETS:
        table[OUTLETS[kind].argument] = argument
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
    except RuntimeError as error:  # pylsl without liblsl
        raise ConfigError(f"The outlet {kind} does not load: {error}", value=kind) from error
