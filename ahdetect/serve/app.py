"""Service: settings, weights and rules flow in; a web application flows out that local programs push their media to."""

from __future__ import annotations

import html
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import HTMLResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ahdetect.config import Settings
from ahdetect.engine import Models
from ahdetect.errors import ConfigError
from ahdetect.rules import Rule
from ahdetect.serve import messages
from ahdetect.serve.connection import OVER_LIMIT, Connection
from ahdetect.serve.gate import PROTOCOL, Gate
from ahdetect.serve.limits import Limits
from ahdetect.serve.messages import Start
from ahdetect.session import Session
from ahdetect.store.consent import consent_of

_NOTE: Final = "Signs consistent with ambivalence/hesitancy, model estimates. One session per WebSocket, `/v1/session`."

_CLOSED: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}


@dataclass(slots=True)
class Service:
    """What all connections share.

    Attributes:
        gate: who may come in.
        settings: what to compute.
        models: weights, loaded once.
        rules: triggers of every session.
        limits: of size, rate and number.
        out: folder in which sessions may be stored; None: none is.
        running: sessions at the moment.
    """

    gate: Gate
    settings: Settings
    models: Models
    rules: Sequence[Rule] = ()
    limits: Limits = field(default_factory=Limits)
    out: Path | None = None
    running: int = 0

    def make(self, start: Start) -> Session:
        """The session that a client asks for.

        Raises:
            AhdetectError: it cannot be had, or nobody agreed to its recording.
        """
        if start.record and self.out is None:
            raise ConfigError("This service stores nothing; start it with --out FOLDER to record.")
        return Session(
            "push" if start.video else "none",
            "push" if start.audio else "none",
            out=self._folder() if start.record else None,
            settings=self.settings,
            prompt_kind=start.prompt,
            models=self.models,
            consent=consent_of(start.consent) if start.consent is not None else None,
            live=start.live,
        )

    def _folder(self) -> Path:
        assert self.out is not None
        at = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
        return self.out / f"{at}_{secrets.token_hex(3)}"


def make_app(service: Service, hosts: Sequence[str]) -> FastAPI:
    """The application.

    Args:
        service: what it serves.
        hosts: names that requests may call it by; others come from a page that had a name point here.
    """
    app = FastAPI(title="ahdetect", version=version("ahdetect"), description=_NOTE, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)

    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        """The OpenAPI document to read; without a script, and without a request to anywhere."""
        return HTMLResponse(_page(app.openapi()), headers=_CLOSED)

    @app.get("/v1/state", summary="How many sessions run, and what a connection may take")
    def state(request: Request) -> dict[str, Any]:
        if not service.gate.knows(request.headers):
            raise HTTPException(401, "A bearer token is needed.", {"WWW-Authenticate": "Bearer"})
        limits = service.limits
        return {
            "version": app.version, "running": service.running, "sessions": limits.sessions,
            "message_bytes": limits.message, "pixels": limits.pixels, "messages_per_s": limits.messages_s,
            "bytes_per_s": limits.bytes_s, "records": service.out is not None,
        }  # fmt: skip

    @app.websocket("/v1/session")
    async def session(socket: WebSocket) -> None:
        if not service.gate.trusts(socket.headers) or not service.gate.knows(socket.headers):
            await socket.close()  # before it was accepted: 403
            return
        await socket.accept(PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", ()) else None)
        if service.running >= service.limits.sessions:
            await socket.close(OVER_LIMIT, "all sessions are in use; try again later")
            return
        service.running += 1
        try:
            await Connection(socket, service.limits, service.make, service.rules).run()
        finally:
            service.running -= 1

    _describe_socket(app)
    return app


def _describe_socket(app: FastAPI) -> None:
    """OpenAPI has no WebSockets: their messages stand among its schemas, their use in a path of its own extension."""
    made = app.openapi()
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for model in (messages.Start, messages.Prompt, messages.Mark, messages.Time, messages.End):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    made["x-websocket"] = {
        "/v1/session": {
            "protocol": PROTOCOL,
            "authorization": "Authorization: Bearer TOKEN, or the WebSocket protocol bearer.TOKEN",
            "text": [f"#/components/schemas/{m}" for m in ("Start", "Prompt", "Mark", "Time", "End")],
            "binary": (messages.__doc__ or "").split("\n\n", 1)[1],
        }
    }


def _page(made: dict[str, Any]) -> str:
    """The document as a plain page."""
    rows = []
    for name, schema in made["components"]["schemas"].items():
        keys = "".join(
            f"<dt><code>{html.escape(key)}</code></dt><dd>{html.escape(value.get('description', ''))}</dd>"
            for key, value in schema.get("properties", {}).items()
        )
        rows.append(f"<h2>{html.escape(name)}</h2><p>{html.escape(schema.get('description', ''))}</p><dl>{keys}</dl>")
    paths = "".join(
        f"<li><code>{html.escape(path)}</code>: {html.escape(next(iter(verbs.values())).get('summary', ''))}</li>"
        for path, verbs in made["paths"].items()
    )
    binary = html.escape(made["x-websocket"]["/v1/session"]["binary"])
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>ahdetect</title>"
        "<style>body{font:16px sans-serif;max-width:50em;margin:2em auto;padding:0 1em}</style>"
        f"<h1>ahdetect {html.escape(made['info']['version'])}</h1><p>{html.escape(_NOTE)}</p>"
        f"<ul>{paths}<li><a href=/openapi.json>openapi.json</a></li></ul>"
        f"<h2>Binary messages</h2><pre>{binary}</pre>{''.join(rows)}</html>"
    )
