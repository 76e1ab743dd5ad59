"""OSC: items flow in, Open Sound Control messages over UDP flow out.

| address | arguments |
|---|---|
| `/ahdetect/row` | time s, p, low, high, settled 0 or 1 |
| `/ahdetect/trigger` | time s, rule, moment, p, coverage |
| `/ahdetect/event` | time s, kind |
| `/ahdetect/words` | time s, text |
"""

from __future__ import annotations

from collections.abc import Iterable

from pythonosc.udp_client import SimpleUDPClient

from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.errors import ConfigError
from ahdetect.outlets.base import Base
from ahdetect.outlets.items import Content, Item, Kind, Said
from ahdetect.rules import RowKind
from ahdetect.timeline import Row
from ahdetect.triggers import TriggerEvent


class Osc(Base):
    """Sends messages; UDP neither waits nor tells whether anybody listens.

    Args:
        address: "HOST:PORT".
        include: as for every outlet.
        rows: as for every outlet.

    Raises:
        ConfigError: it is no such address.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:9000",
        *,
        include: Iterable[str | Kind] = (Kind.TRIGGERS, Kind.ROWS),
        rows: str | RowKind = RowKind.PROVISIONAL,
    ) -> None:
        super().__init__("osc", include, rows)
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ConfigError(f"{address!r} is no OSC address; write HOST:PORT, such as 127.0.0.1:9000.", value=address)
        self._to = host.strip("[]"), int(port)
        self._client: SimpleUDPClient | None = None

    def open(self, clock: Clock) -> None:  # noqa: ARG002
        """Make the socket."""
        self._client = SimpleUDPClient(*self._to)

    def send(self, item: Item) -> None:
        """Send one message."""
        assert self._client is not None
        where, arguments = _message(item.content)
        self._client.send_message(where, [item.t_ns / NS_PER_S, *arguments])

    def close(self) -> None:
        """Close the socket."""
        if self._client is not None:
            self._client.close()


def _message(content: Content) -> tuple[str, list[float | int | str]]:
    if isinstance(content, Row):
        return "/ahdetect/row", [content.p, content.low, content.high, int(content.settled)]
    if isinstance(content, TriggerEvent):
        return "/ahdetect/trigger", [content.rule, content.moment.value, content.p, content.coverage]
    if isinstance(content, Said):  # comes only where words were asked for
        return "/ahdetect/words", [" ".join(w.text for w in content.words)]
    return "/ahdetect/event", [content.kind]
