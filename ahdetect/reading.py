"""Rows of a session flow in from the fusion thread, and out to one reader, by `for` or `async for`.

A reader never delays the session: what it has no time for waits, 3,000 rows of it, and then the oldest are lost and
counted.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Final

from ahdetect.capture.clock import Clock
from ahdetect.capture.edges import Edge, Overflow, Policy
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import Packet
from ahdetect.timeline import Row

READER: Final = Policy("rows to a reader", Overflow.DROP_OLDEST, depth=3000)
"""Rows to a program that iterates: 100 s at 30 fps; a reader that is slower loses the oldest and is told so."""


class RowEdge(Edge[Row]):
    """An edge that also wakes a coroutine when a row comes, or when none will come any more.

    Attributes:
        left: whether the reader has gone; nothing is kept for it, and it loses nothing.
    """

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        super().__init__("fusion->reader", READER, clock, ledger)
        self.left = False
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def offer(self, packet: Packet[Row], cancel: threading.Event | None = None) -> None:
        """Take a row from the fusion thread."""
        if not self.left:
            super().offer(packet, cancel)
            self._wake()

    def leave(self) -> None:
        """The reader asks for no more."""
        self.left = True
        self.close()

    def close(self) -> None:
        """No more rows will come."""
        super().close()
        self._wake()

    async def take_async(self) -> Packet[Row] | None:
        """The oldest packet, as soon as there is one; None once there will be none."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        self._waiter = waiter
        while (packet := self.take()) is None and not self.exhausted:
            await waiter[1].wait()
            waiter[1].clear()
        return packet

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            with suppress(RuntimeError):  # its loop has ended, and with it whoever waited
                waiter[0].call_soon_threadsafe(waiter[1].set)


class Rows:
    """Rows as they come, until the session ends; from `Session.rows`.

    Each row goes to whoever asks first: iterate in one place, and call `Session.rows` again for a second reader.

    Args:
        edge: where the rows wait.
        settled_only: leave out rows that later words may still change.

    Example:
        >>> async with Session(video="push", audio="push") as session:
        ...     async for row in session.rows(settled_only=True):
        ...         await socket.send_json({"t": row.t_s, "p": row.p})
    """

    def __init__(self, edge: RowEdge, *, settled_only: bool = False) -> None:
        self._edge = edge
        self._settled_only = settled_only
        weakref.finalize(self, edge.leave).atexit = False  # whoever breaks out of a loop has left

    def close(self) -> None:
        """Ask for no more rows."""
        self._edge.leave()

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        while (packet := self._edge.take(None)) is not None:
            if self._wanted(packet.data):
                return packet.data
        raise StopIteration

    def __aiter__(self) -> AsyncIterator[Row]:
        return self

    async def __anext__(self) -> Row:
        while (packet := await self._edge.take_async()) is not None:
            if self._wanted(packet.data):
                return packet.data
        raise StopAsyncIteration

    def _wanted(self, row: Row) -> bool:
        return row.settled or not self._settled_only
