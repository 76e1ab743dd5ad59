"""`ahdetect serve`: other programs of this machine push pictures and sound in, and get rows and trigger events out."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
import uvicorn

from ahdetect.config import Settings, load_settings
from ahdetect.engine import Models
from ahdetect.errors import ConfigError
from ahdetect.outlets.webhook import is_loopback
from ahdetect.rules import load_rules
from ahdetect.serve.app import Service, make_app
from ahdetect.serve.gate import TOKEN, Gate, find_token
from ahdetect.serve.limits import Limits

app = typer.Typer()

PORT = 8765
ONE = Limits().sessions
GRACE_S = 15
"""Seconds that sessions get to work off what was pushed when the service is stopped."""


@app.command()
def main(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = PORT,
    beyond_this_machine: Annotated[
        bool, typer.Option("--beyond-this-machine", help="Allow an address that other machines reach. Unencrypted.")
    ] = False,
    origin: Annotated[
        list[str] | None, typer.Option(help="A site whose pages may connect from a browser; may be repeated.")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="A settings file (TOML).")] = None,
    rules: Annotated[Path | None, typer.Option(help="A file of triggers (TOML).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for sessions whose client asks to record, with a consent.")
    ] = None,
    sessions: Annotated[int, typer.Option(min=1, max=64, help="Sessions at one time.")] = ONE,
) -> None:
    """Serve until Ctrl-C. Whoever connects needs the token that is printed, or that AHDETECT_SERVE_TOKEN holds."""
    local = is_loopback(host)
    if not local and not beyond_this_machine:
        raise ConfigError(
            f"{host} can be reached from others; say --beyond-this-machine too, or leave --host out.",
            value=host,
        )
    chosen = load_settings(settings) if settings else Settings()
    token = find_token()
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    try:
        service = Service(
            Gate.of(token, origin or (), host, port),
            chosen,
            Models.load(chosen),
            rules=load_rules(rules).rule if rules else (),
            limits=Limits(sessions=sessions),
            out=out,
        )
        if not local:
            typer.echo(
                f"Warning: {host} is open to other machines, and nothing on the way is encrypted; put a proxy with TLS "
                "before it, or an SSH tunnel in its place.",
                err=True,
            )
        typer.echo(f"Serving at http://{host}:{port}, WebSocket ws://{host}:{port}/v1/session; Ctrl-C ends it.")
        typer.echo(f"Token: as in {TOKEN}." if os.environ.get(TOKEN) else f"Token: {token}")
        named = [name for o in origin or () if (name := urlsplit(o).hostname)]
        hosts = ["*"] if host in ("0.0.0.0", "::") else [host, "127.0.0.1", "localhost", *named]
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a client that goes is no news
        uvicorn.Server(config(service, hosts)).run([listening])
    finally:
        listening.close()


def config(service: Service, hosts: list[str]) -> uvicorn.Config:
    """Of the server: message size and queue are bounded, no compression (which may unfold), no log of addresses."""
    return uvicorn.Config(
        make_app(service, hosts),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=service.limits.message,
        ws_max_queue=8,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is one sentence.

    Raises:
        ConfigError: it is in use, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(16)
    except OSError as error:
        made.close()
        raise ConfigError(
            f"Cannot listen at {host}:{port}: {error.strerror or error}; choose another --port or --host.", value=port
        ) from error
    return made
