"""Options of rules and outlets, shared by commands: file names and specs in, what a session sends elsewhere out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ahdetect.errors import ConfigError
from ahdetect.outlets import Outlet, Outlets
from ahdetect.outlets.jsonl import JsonLines
from ahdetect.outlets.specs import outlets_of
from ahdetect.rules import Rule, load_rules
from ahdetect.rules import RulesFile as Rules
from ahdetect.session import Session

RulesFile = Annotated[Path | None, typer.Option("--rules", help="A file of triggers and outlets (TOML).")]
Specs = Annotated[
    list[str] | None,
    typer.Option("--outlet", help="Where triggers go: jsonl, jsonl:FILE, webhook:URL, lsl, osc:HOST:PORT, ..."),
]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a user chose.

    Attributes:
        rules: triggers.
        outlets: where they go.
    """

    rules: Sequence[Rule]
    outlets: Sequence[Outlet]

    @property
    def takes_stdout(self) -> bool:
        """Whether lines of an outlet come on stdout, so that sentences for people belong on stderr."""
        return any(isinstance(outlet, JsonLines) and outlet.to_stdout for outlet in self.outlets)

    def of(self, session: Session) -> Outlets:
        """The outlets of `session`, not started."""
        return Outlets(session, self.outlets, self.rules, warn=lambda sentence: typer.echo(sentence, err=True))


def chosen(path: Path | None, specs: Sequence[str] | None, *, quiet: bool, stored: bool) -> Chosen:
    """Rules and outlets from a file and from the command line.

    Args:
        path: the rules file.
        specs: what was given for `--outlet`.
        quiet: whether stdout is for one piece of JSON.
        stored: whether there is a session folder, whose events triggers are.

    Raises:
        ConfigError: a rule or an outlet is not valid, or two things want stdout.
    """
    file = load_rules(path) if path else Rules()
    found = Chosen(file.rule, outlets_of(file.outlet, specs or ()))
    if found.rules and not (found.outlets or stored):
        raise ConfigError(
            f"The triggers of {path} go nowhere: nothing is stored. Add --outlet jsonl, or an [[outlet]] to the file."
        )
    if quiet and found.takes_stdout:
        raise ConfigError("--json and the outlet jsonl both want stdout; give the outlet a file: --outlet jsonl:FILE.")
    return found


def in_words(counts: dict[str, Any]) -> str:
    """What became of an outlet's items."""
    lost = counts["failed"] + counts["dropped"] + counts["left"] + counts["not_offered"]
    return f"{counts['sent']} sent, {lost} lost" + (f"; switched off: {counts['off']}" if counts["off"] else "")
