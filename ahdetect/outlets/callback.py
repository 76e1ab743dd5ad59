"""Callback: items flow in, a function of the host program is called with each, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ahdetect.outlets.base import Base
from ahdetect.outlets.items import Item, Kind
from ahdetect.rules import RowKind


class Callback(Base):
    """Calls `function` with every item; it may take its time.

    Args:
        function: gets an `Item`.
        include: as for every outlet.
        rows: as for every outlet.
        name: as it stands in the ledger.
    """

    def __init__(
        self,
        function: Callable[[Item], object],
        *,
        include: Iterable[str | Kind] = (Kind.TRIGGERS,),
        rows: str | RowKind = "settled",
        name: str = "callback",
    ) -> None:
        super().__init__(name, include, rows)
        self._function = function

    def send(self, item: Item) -> None:
        """Call it."""
        self._function(item)
