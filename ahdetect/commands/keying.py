"""Options of encryption on the command line flow in; the keys to lock or to open sessions with flow out."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ahdetect.errors import ConfigError
from ahdetect.store.keys import Keys, checked, default_keys, read_identities, read_passphrase

AskNew: TypeAlias = Annotated[
    bool, typer.Option("--passphrase", help="Ask for a passphrase and lock the session with it as well.")
]
Ask: TypeAlias = Annotated[bool, typer.Option("--passphrase", help="Ask for the session's passphrase.")]
PassphraseFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="File whose first line is the passphrase; /dev/fd/3 works too.", metavar="FILE"),
]
Recipients: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--recipient", help="Only who has this age key may open it; may be given again.", metavar="AGE-KEY"),
]
Identity: TypeAlias = Annotated[
    Path | None, typer.Option(help="File with the age private key that opens it.", metavar="FILE")
]


def locking_keys(ask: bool, file: Path | None, recipients: list[str] | None) -> Keys:
    """Keys to lock a new session with.

    Without options: those of this account, and `AHDETECT_PASSPHRASE` where it is set. With recipients and without a
    passphrase: theirs alone, so that this account cannot read what it has recorded.

    Raises:
        ConfigError: a passphrase is too short or was typed in two ways, or a file cannot be read.
    """
    keys = default_keys(create=True, needed=not (ask or file or recipients))
    passphrase = None if recipients else keys.passphrase
    if ask:
        passphrase = _asked(twice=True)
    elif file is not None:
        passphrase = read_passphrase(file)
    if passphrase is not None:
        checked(passphrase)
    own = keys.store if passphrase is not None or not recipients else ()
    return replace(keys, store=own, passphrase=passphrase, recipients=tuple(recipients or ()))


def opening_keys(ask: bool = False, file: Path | None = None, identity: Path | None = None) -> Keys:
    """Keys to open sessions with; asks for a passphrase where a person can be asked and nothing else opens it.

    Raises:
        ConfigError: a file cannot be read.
    """
    keys = default_keys()
    if ask:
        keys = replace(keys, passphrase=_asked())
    elif file is not None:
        keys = replace(keys, passphrase=read_passphrase(file))
    if identity is not None:
        keys = replace(keys, identities=(*keys.identities, *read_identities(identity)))
    can_ask = keys.passphrase is None and sys.stdin is not None and sys.stdin.isatty()
    return replace(keys, ask=_once(_asked)) if can_ask else keys


def _once(ask: Callable[[], str]) -> Callable[[], str]:
    """The same answer for every session that is opened with it."""
    answers: list[str] = []

    def asked() -> str:
        if not answers:
            answers.append(ask())
        return answers[0]

    return asked


def _asked(*, twice: bool = False) -> str:
    given = os.environ.get("AHDETECT_PASSPHRASE")
    if given:
        return given
    try:
        typed = getpass.getpass("Passphrase: ", stream=sys.stderr)
        if twice and getpass.getpass("Again: ", stream=sys.stderr) != typed:
            raise ConfigError("The two passphrases differ; begin again.")
    except EOFError as error:
        raise ConfigError(
            "There is nobody to ask for a passphrase; set AHDETECT_PASSPHRASE or name --passphrase-file."
        ) from error
    return typed
