"""Gate: headers of a request flow in; whether it may come in flows out."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ahdetect.errors import ConfigError

TOKEN: Final = "AHDETECT_SERVE_TOKEN"
"""Environment variable of the token; without it a new one is made at each start."""

SHORTEST: Final = 16
"""Characters of a token that somebody chose."""

PROTOCOL: Final = "ahdetect.v1"
_BEARER: Final = "bearer."


def find_token() -> str:
    """The token of the environment, or a new one of 256 bits.

    Raises:
        ConfigError: that of the environment is too short.
    """
    named = os.environ.get(TOKEN)
    if named and len(named) < SHORTEST:
        raise ConfigError(f"The token in {TOKEN} has to have {SHORTEST} characters or more.", value=TOKEN)
    return named or secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Gate:
    """Who may come in.

    Attributes:
        token: that everybody needs.
        origins: sites whose pages may connect from a browser, such as "http://127.0.0.1:5000". Programs send none.
    """

    token: str
    origins: frozenset[str]

    @staticmethod
    def of(token: str, origins: Iterable[str], host: str, port: int) -> Gate:
        """The gate of a service, whose own pages may come in as well."""
        own = {f"http://{name}:{port}" for name in (host, "127.0.0.1", "localhost")}
        return Gate(token, frozenset({*own, *(o.rstrip("/") for o in origins)}))

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether the token is there: in `Authorization`, or, from browsers, as a WebSocket protocol "bearer.TOKEN"."""
        offered = [p.strip() for p in headers.get("sec-websocket-protocol", "").split(",")]
        given = [p.removeprefix(_BEARER) for p in offered if p.startswith(_BEARER)]
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given.append(value.strip())
        return any(hmac.compare_digest(g.encode(), self.token.encode()) for g in given)

    def trusts(self, headers: Mapping[str, str]) -> bool:
        """Whether it comes from no browser, or from a page of a site that may."""
        origin = headers.get("origin")
        return origin is None or origin in self.origins
