"""Options of consent on the command line flow in; a record of consent flows out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ahdetect.errors import ConsentError
from ahdetect.store.consent import KEEP_DAYS, NEWEST, Consent, consent_text, read_consent

File: TypeAlias = Annotated[
    Path | None, typer.Option("--consent", help="The person's record of consent (JSON).", metavar="FILE.json")
]
Given: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="What the person agreed to just now: recording, analysis, adaptation, research; with commas between.",
        metavar="PURPOSES",
    ),
]
Version: TypeAlias = Annotated[
    str, typer.Option("--text-version", help="Version of the text they were shown (`ahdetect session consent`).")
]
Language: TypeAlias = Annotated[str, typer.Option("--text-language", help="Its language: en or fr.")]
Person: TypeAlias = Annotated[str, typer.Option(help="Pseudonym of who agreed; never a name.", metavar="PSEUDONYM")]
KeepDays: TypeAlias = Annotated[
    int, typer.Option(min=1, help="How long they were told that it is kept, days; `ahdetect session purge` erases it.")
]

DEFAULT_VERSION, DEFAULT_LANGUAGE, DEFAULT_KEEP_DAYS = NEWEST, "en", KEEP_DAYS


def consent_from(
    file: Path | None, given: str | None, version: str, language: str, person: str, keep_days: int
) -> Consent | None:
    """The record that the options make; None where they make none.

    Raises:
        ConsentError: two of them contradict each other, a purpose is none, or the file is no record.
    """
    if file is not None and given is not None:
        raise ConsentError("--consent names a whole record, and --consent-given makes one; give one of them.")
    if file is not None:
        return read_consent(file)
    if given is None:
        return None
    purposes = [name.strip() for name in given.split(",") if name.strip()]
    return Consent.given(purposes, consent_text(language, version), person=person, keep_days=keep_days)
