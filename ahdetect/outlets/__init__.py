"""Outlets: rows, trigger events and words of a session flow in; other programs and devices get them, if somebody asks.

All are off unless they are given. Each runs on a thread of its own behind edges that lose what it has no time for, so a
slow or dead one costs the session nothing; what is lost is counted in the ledger.
"""

from __future__ import annotations

from ahdetect.outlets.callback import Callback
from ahdetect.outlets.hub import Outlets
from ahdetect.outlets.items import Item, Kind, Outlet

__all__ = ["Callback", "Item", "Kind", "Outlet", "Outlets"]
