"""`ahdetect keys init|show|recipient`: keys of this account flow in; their names, and new ones, flow out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ahdetect.errors import ConfigError
from ahdetect.export.tables import private_opener
from ahdetect.sealing import new_key
from ahdetect.store.keys import new_identity
from ahdetect.store_key import (
    find_store_keys,
    from_file,
    from_keychain,
    into_file,
    into_keychain,
    key_file,
    keychain,
    name_of_key,
)

app = typer.Typer(no_args_is_help=True, help="The keys that sessions are encrypted with.")


@app.command()
def init(
    file: Annotated[bool, typer.Option("--file", help="Into a key file instead of the system's keychain.")] = False,
) -> None:
    """Make the store key of this account, once: every session that it records opens with it.

    In the keychain of the system; where there is none (a server), or with --file, in a file that only you may read.
    """
    wanted = bool(os.environ.get("AHDETECT_KEY_FILE")) and not key_file().exists()  # it is this file that is to be made
    present = () if wanted else find_store_keys()
    if present:
        raise ConfigError(f"This account has the store key {name_of_key(present[0])} already; sessions need it.")
    if file or wanted or keychain() is None:
        key = into_file(new_key(), key_file())
        typer.echo(f"Store key {name_of_key(key)} in {key_file()}. Keep a copy in a safe place: nothing else opens")
        typer.echo("what is recorded with it, and whoever has it opens all of it.")
        return
    key = into_keychain(new_key())
    typer.echo(f"Store key {name_of_key(key)} in {type(keychain()).__name__} of this system.")


@app.command()
def show() -> None:
    """Say which keys this account has, by name; never the keys."""
    backend = keychain()
    typer.echo(f"keychain    {f'{type(backend).__module__}' if backend is not None else 'none that encrypts'}")
    in_chain = None if os.environ.get("AHDETECT_KEY_FILE") else from_keychain()
    typer.echo(f"  store key {name_of_key(in_chain) if in_chain is not None else 'none'}")
    typer.echo(f"key file    {key_file()}")
    in_file = from_file()
    typer.echo(f"  store key {name_of_key(in_file) if in_file is not None else 'none'}")
    typer.echo(f"passphrase  {'set' if os.environ.get('AHDETECT_PASSPHRASE') else 'not set'} (AHDETECT_PASSPHRASE)")
    typer.echo(f"age key     {os.environ.get('AHDETECT_IDENTITY') or 'not set'} (AHDETECT_IDENTITY)")


@app.command()
def recipient(
    out: Annotated[Path, typer.Argument(help="File for the private key; made, never overwritten.", metavar="FILE")],
) -> None:
    """Make an age key for who is to read recordings; prints the public key for `ahdetect record --recipient`."""
    private, public = new_identity()
    try:
        with open(out, "x", encoding="ascii", opener=private_opener) as file:
            file.write(f"# public key: {public}\n{private}\n")
    except OSError as error:
        raise ConfigError(f"Cannot write {out}: {error.strerror or error}.", value=out) from error
    typer.echo(public)
