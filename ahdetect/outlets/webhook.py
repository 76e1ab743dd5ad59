"""Webhook: items flow in, a signed HTTPS request for each flows out to one address on an allow-list.

No rows, and no words unless they are asked for. The receiver knows by the signature who sent it and when, and by the id
that it has seen it before, because what failed is tried again under the same id.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import random
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from ahdetect.errors import AhdetectError, ConfigError, StoreError
from ahdetect.outlets.base import Base
from ahdetect.outlets.items import Item, Kind
from ahdetect.store_key import SERVICE, keychain

SECRET: Final = "AHDETECT_WEBHOOK_SECRET"
"""Environment variable of the secret to sign with; else it is in the keychain's entry `ahdetect` / `webhook`."""

HOSTS: Final = "AHDETECT_WEBHOOK_HOSTS"
"""Environment variable of the hosts that this machine may send to, with commas between them."""

SHORTEST: Final = 16
"""Characters of a secret: 64 bits where they are random hexadecimal digits."""

SIGNATURE: Final = "X-Ahdetect-Signature"
ID: Final = "X-Ahdetect-Id"

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 8.0
"""Exponential back-off with full jitter between these (Brooker, AWS Architecture Blog, 2015)."""

AGE_S: Final = 300.0
"""Age at which a receiver should no longer believe a signature; the usual five minutes."""

_AGAIN: Final = frozenset({408, 425, 429})


class Webhook(Base):
    """Posts JSON.

    Args:
        url: where to; `http` is for loopback only.
        hosts: hosts that may be sent to, beside those of `AHDETECT_WEBHOOK_HOSTS`; where both are given, both count.
        include: "triggers", "events", "words".
        timeout_s: patience with a connection, and with each silence of the receiver.
        tries: how often in all.
        secret: of the signature; None: from the environment or the keychain.
        wall: Unix time, s.
        jitter: from 0 to 1.

    Raises:
        ConfigError: the address, its host or `include` is not allowed, or there is no secret.
    """

    def __init__(
        self,
        url: str,
        *,
        hosts: Iterable[str] = (),
        include: Iterable[str | Kind] = (Kind.TRIGGERS,),
        timeout_s: float = 5.0,
        tries: int = 4,
        secret: str | None = None,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__("webhook", include)
        if Kind.ROWS in self.wants:
            raise ConfigError("A webhook takes triggers and events, not 30 rows a second; use jsonl, lsl or serve.")
        parts = urlsplit(url)
        self.host = _allowed(url, hosts)
        self._secure = parts.scheme == "https"
        self._port = parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout_s, self._tries = timeout_s, max(1, tries)
        self._secret = (secret or find_secret()).encode()
        if len(self._secret) < SHORTEST:
            raise ConfigError(f"The webhook's secret has to have {SHORTEST} characters or more.")
        self._wall, self._jitter = wall, jitter
        self._stopping = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def send(self, item: Item) -> None:
        """Post it, again where that may help.

        Raises:
            AhdetectError: it was not taken.
        """
        body = json.dumps(item.to_json(words=self.with_words), ensure_ascii=False).encode()
        event = secrets.token_hex(16)
        for n in range(self._tries):
            if n and self._stopping.wait(self._wait_s(n)):
                break
            status, why = self._post(body, event)
            if 200 <= status < 300:
                return
            if status and status < 500 and status not in _AGAIN:
                break
        raise AhdetectError(f"The webhook at {self.host} did not take an event: {why}.", value=self.host)

    def stop(self) -> None:
        """Try no more, and give up the request at hand."""
        self._stopping.set()
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _wait_s(self, n: int) -> float:
        return self._jitter() * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**n)

    def _post(self, body: bytes, event: str) -> tuple[int, str]:
        """Status, 0 where there was none, and what happened in words. Redirects are an answer like others."""
        self._connection = connection = self._connect()
        try:
            connection.request("POST", self._target, body, self._headers(body, event))
            response = connection.getresponse()  # of its body nothing is read
            moved = " (redirects are not followed)" if 300 <= response.status < 400 else ""
            return response.status, f"it answered {response.status}{moved}"
        except (OSError, http.client.HTTPException) as error:
            return 0, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            tls = ssl.create_default_context()
            return http.client.HTTPSConnection(self.host, self._port, timeout=self._timeout_s, context=tls)
        return http.client.HTTPConnection(self.host, self._port, timeout=self._timeout_s)

    def _headers(self, body: bytes, event: str) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "User-Agent": "ahdetect",
            SIGNATURE: signature(self._secret, body, int(self._wall())),
            ID: event,
        }


def signature(secret: bytes, body: bytes, at: int) -> str:
    """The value of the signature header: the Unix time, and HMAC-SHA256 of that time, a point and the body."""
    return f"t={at},v1={hmac.new(secret, b'%d.' % at + body, hashlib.sha256).hexdigest()}"


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> bool:
    """Whether a request is one of ours and fresh; for receivers.

    Args:
        secret: the shared one.
        headers: of the request; names in any case.
        body: as it came, not parsed.
        now: Unix time, s; default the present.

    Example:
        >>> verify(secret, request.headers, await request.body())
        True
    """
    said = next((v for k, v in headers.items() if k.lower() == SIGNATURE.lower()), "")
    at = said.removeprefix("t=").partition(",")[0]
    if not (at.isascii() and at.isdecimal()) or abs((time.time() if now is None else now) - int(at)) > AGE_S:
        return False
    return hmac.compare_digest(said.encode(), signature(secret.encode(), body, int(at)).encode())


def find_secret() -> str:
    """The secret of the environment or of the keychain.

    Raises:
        ConfigError: there is none.
        StoreError: the keychain refuses.
    """
    named = os.environ.get(SECRET)
    if named:
        return named
    backend = keychain()
    try:
        kept = backend.get_password(SERVICE, "webhook") if backend is not None else None
    except Exception as error:  # backends raise what their system does
        raise StoreError(f"The keychain refuses the webhook's secret: {error}; set {SECRET}.") from error
    if not kept:
        raise ConfigError(
            f"A webhook needs a secret to sign with; set {SECRET} or run `keyring set {SERVICE} webhook`.", value=SECRET
        )
    return str(kept)


def _allowed(url: str, hosts: Iterable[str]) -> str:
    """The host of `url`, which may be sent to.

    Raises:
        ConfigError: it may not.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    plain = url.isascii() and url.isprintable() and " " not in url
    if not (plain and host) or parts.scheme not in ("https", "http") or parts.username is not None or parts.fragment:
        raise ConfigError("A webhook's address has the form https://HOST/PATH, without a name or password.", value=host)
    local = is_loopback(host)
    if parts.scheme == "http" and not local:
        raise ConfigError(f"The webhook at {host} needs https; http is for this machine only.", value=host)
    machine = _names(os.environ.get(HOSTS, "").split(","))
    given = _names(hosts)
    if (not local and not (machine or given)) or any(allowed and host not in allowed for allowed in (machine, given)):
        raise ConfigError(
            f"{host} is not on the list of hosts to send to; put it into `hosts` of the outlet or into {HOSTS}.",
            value=host,
        )
    return host


def _names(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(name for h in hosts if (name := h.strip().lower()))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine and cannot be reached from another."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
