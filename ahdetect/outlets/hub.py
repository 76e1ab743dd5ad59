"""Outlets of a session: its rows, words and events flow in, and out to each outlet on a thread of its own.

    session ──lossless──> rules ──┐ (and back into the session, as its events)
        └────── rows, events ─────┴──newest few──> outlet (a thread each)

A live session's threads do nothing here but put a packet on an edge; what is pushed without hurry waits for room. An
outlet that fails so many times in a row is switched off and said so; every loss is in the ledger, and so is what each
outlet sent and did not send.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Protocol

from ahdetect.capture.clock import Clock, ReplayClock
from ahdetect.capture.edges import Edge, Overflow, Policy
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import Packet
from ahdetect.capture.stage import Progress, Stage
from ahdetect.config import Settings
from ahdetect.errors import known
from ahdetect.events import TRIGGER, Event
from ahdetect.models.words import WordUpdate
from ahdetect.outlets.items import Item, Kind, Outlet, Said
from ahdetect.rules import RowKind, Rule
from ahdetect.timeline import Row
from ahdetect.triggers import TriggerEvent, Triggers

ROWS_IN: Final = Policy("rows to rules", Overflow.ALARM, span_s=2.0)
"""The rules take microseconds a row; that they fall behind is worth an alarm."""

ROWS_OUT: Final = Policy("newest rows to an outlet", Overflow.DROP_OLDEST, depth=1000)
"""Half a minute of rows at 30 fps: settled rows come in bursts, as many at once as words were behind."""

EVENTS_OUT: Final = Policy("newest events to an outlet", Overflow.DROP_OLDEST, depth=256)
"""Triggers and events are few and worth more than rows, so rows never push them out."""

WAITED_FOR: Final = Policy("replay to an outlet", Overflow.BLOCK, depth=1000)
"""Where nothing is live, the replay waits, and an outlet gets all of it."""

FAILURES: Final = 5
"""Items in a row that an outlet could not send, after its own retries, before it is switched off. Assumed."""

GRACE_S: Final = 3.0
"""What an outlet may take after the end of the session to send what waits; then the rest is lost and counted."""

_POLL_S: Final = 0.05


class OutletStage(Stage):
    """One outlet on its thread.

    Args:
        outlet: where items go.
        clock: session clock.
        ledger: receives losses, and that it was switched off.
        warn: called with a sentence when it is switched off.
    """

    def __init__(
        self, outlet: Outlet, clock: Clock, ledger: Ledger, warn: Callable[[str], object] | None = None
    ) -> None:
        super().__init__(f"outlet {outlet.name}", clock)
        self.outlet = outlet
        self.off: str | None = None
        self.sent = self.failed = self.not_offered = 0
        replay = isinstance(clock, ReplayClock)
        self.rows: Edge[Item] = Edge(f"rows->{self.name}", WAITED_FOR if replay else ROWS_OUT, clock, ledger)
        self.events: Edge[Item] = Edge(f"events->{self.name}", WAITED_FOR if replay else EVENTS_OUT, clock, ledger)
        self._ledger = ledger
        self._warn = warn
        self._opened = False
        self._in_a_row = 0
        self._next_row = 0

    def offer(self, item: Item) -> None:
        """Take an item that it wants; from any thread, and at once."""
        if item.kind not in self.outlet.wants or not self._wants_row(item):
            return
        if self.off is not None:
            self.not_offered += 1
            return
        edge = self.rows if item.kind is Kind.ROWS else self.events
        edge.offer(Packet("outlet", 0, item.t_ns, 0, item.said_ns, item))

    def _wants_row(self, item: Item) -> bool:
        if not isinstance(item.content, Row):
            return True
        if self.outlet.rows is RowKind.SETTLED:
            return item.content.settled
        if item.content.id < self._next_row:
            return False
        self._next_row = item.content.id + 1
        return True

    def end(self) -> None:
        """Nothing more will come."""
        self.rows.close()
        self.events.close()

    def step(self) -> Progress:
        """Send one item: an event where there is one, else a row."""
        if not self._opened:
            self._open()
        packet = self.events.take()
        if packet is None:
            waits = self.rows if Kind.ROWS in self.outlet.wants else self.events
            packet = waits.take(_POLL_S if self.alive else 0.0)
        if packet is None:
            return Progress.DONE if self.rows.exhausted and self.events.exhausted else Progress.IDLE
        self._send(packet.data)
        return Progress.DONE if self.off is not None else Progress.WORKED

    def finish(self) -> None:
        """Count what is still there as lost, and let go."""
        self.end()
        if self.error is not None and self.off is None:
            self._switch_off(self.error)
        self.outlet.close()

    def counts(self) -> dict[str, Any]:
        """What became of its items, JSON-ready."""
        edges = [edge.counts() for edge in (self.rows, self.events)]
        return {
            "sent": self.sent,
            "failed": self.failed,
            "dropped": sum(c.dropped for c in edges),
            "left": sum(c.in_flight for c in edges),
            "not_offered": self.not_offered,
            "off": self.off,
        }

    def _open(self) -> None:
        self._opened = True
        self.outlet.open(self.clock)

    def _send(self, item: Item) -> None:
        try:
            self.outlet.send(item)
        except Exception as error:  # whatever it is, it is the outlet's, not the session's
            self.failed += 1
            self._in_a_row += 1
            if self._in_a_row >= FAILURES:
                self._switch_off(error)
            return
        self.sent += 1
        self._in_a_row = 0

    def _switch_off(self, error: BaseException) -> None:
        self.off = str(known(error))
        self._ledger.write(self.clock.now_ns(), "sink_off", self.name, error=self.off)
        if self._warn is not None:
            self._warn(f"The outlet {self.outlet.name} was switched off: {self.off}")


class RuleStage(Stage):
    """The rules on a thread of their own: rows in, trigger events out."""

    def __init__(self, triggers: Triggers, clock: Clock, ledger: Ledger, say: Callable[[TriggerEvent], None]) -> None:
        super().__init__("rules", clock)
        self.edge: Edge[Row] = Edge("fusion->rules", ROWS_IN, clock, ledger)
        self.triggers = triggers
        self.said = 0
        self._tell = say

    def step(self) -> Progress:
        """Look at one row."""
        packet = self.edge.take(_POLL_S if self.alive else 0.0)
        if packet is None:
            return Progress.DONE if self.edge.exhausted else Progress.IDLE
        self._say(self.triggers.step(packet.data))
        return Progress.WORKED

    def finish(self) -> None:
        """Close what is open."""
        self.edge.close()
        self._say(self.triggers.close())

    def _say(self, events: Sequence[TriggerEvent]) -> None:
        for event in events:
            self.said += 1
            self._tell(event)


class Watched(Protocol):
    """What outlets need of a `Session`."""

    @property
    def clock(self) -> Clock:
        """Session time."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Where losses are written down."""
        ...

    @property
    def settings(self) -> Settings:
        """What is computed."""
        ...

    def on_row(self, callback: Callable[[Row], None]) -> None:
        """Call with every row."""
        ...

    def on_words(self, callback: Callable[[WordUpdate], None]) -> None:
        """Call with every change of the transcript."""
        ...

    def on_event(self, callback: Callable[[Event], None]) -> None:
        """Call with every event."""
        ...

    def on_stop(self, callback: Callable[[], object]) -> None:
        """Call when everything is worked off."""
        ...

    def add_event(self, event: Event) -> None:
        """Store an event with the session."""
        ...


class Outlets:
    """The outlets of one session, for the time of its `with`. They end with the session, before its folder is closed.

    Args:
        session: not started yet.
        outlets: where things go; triggers become events of the session as well, also where there is no outlet.
        rules: what counts as a trigger.
        warn: called with a sentence when an outlet is switched off.

    Example:
        >>> session = ahdetect.Session(video="0", audio="default")
        >>> rules = [Rule(name="hesitates", sustained_s=2.0, moments=(Moment.SUSTAINED,))]
        >>> with Outlets(session, [Callback(lambda item: print(item.to_json()))], rules), session:
        ...     session.wait(60)
    """

    def __init__(
        self,
        session: Watched,
        outlets: Sequence[Outlet],
        rules: Sequence[Rule] = (),
        *,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        self.clock, self.ledger = session.clock, session.ledger
        _name_apart(outlets)
        self.stages = [OutletStage(outlet, self.clock, self.ledger, warn) for outlet in outlets]
        triggers = Triggers(rules, session.settings.fusion.prompt_kind)
        self.rules = RuleStage(triggers, self.clock, self.ledger, self._triggered)
        self._session = session
        self._lock = threading.Lock()
        self._stopped = False
        self._idle = not (outlets or rules)
        if self._idle:
            return
        session.on_row(self._row)
        session.on_words(self._words)
        session.on_event(self._event)
        session.on_stop(self.stop)

    def __enter__(self) -> Outlets:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start their threads; `with` does it."""
        for stage in () if self._idle else (*self.stages, self.rules):
            stage.start()

    def stop(self) -> None:
        """End once what waits is sent, or after `GRACE_S`; `with` does it. A second call does nothing."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        self.rules.edge.close()
        self.rules.join()
        if self.rules.error is not None:
            self.ledger.write(self.clock.now_ns(), "stage_crashed", self.rules.name, error=str(known(self.rules.error)))
        for stage in self.stages:
            stage.end()
        deadline_ns = self.clock.now_ns() + round(GRACE_S * 1e9)
        for stage in self.stages:
            stage.join(max(0.0, (deadline_ns - self.clock.now_ns()) / 1e9))
        for stage in self.stages:
            if stage.alive:
                stage.stop()
                with suppress(Exception):
                    stage.outlet.stop()
                stage.join(1.0)
            self.ledger.write(self.clock.now_ns(), "note", stage.name, **stage.counts())

    def report(self) -> dict[str, Any]:
        """What became of the items of each outlet."""
        return {stage.outlet.name: stage.counts() for stage in self.stages}

    # -- what the session's threads call

    def _row(self, row: Row) -> None:
        if self._stopped:
            return
        now_ns = self.clock.now_ns()
        # A settled row is older than the provisional one before it; edges want order.
        self.rules.edge.offer(Packet("rows", row.id, now_ns, 0, now_ns, row))
        self._emit(Item(Kind.ROWS, row.t_ns, now_ns, row))

    def _words(self, update: WordUpdate) -> None:
        if update.settled:
            self._emit(Item(Kind.WORDS, update.settled[0].start_ns, self.clock.now_ns(), Said(update.settled)))

    def _triggered(self, trigger: TriggerEvent) -> None:
        self._emit(Item(Kind.TRIGGERS, trigger.t_ns, self.clock.now_ns(), trigger))
        self._session.add_event(trigger.to_event())

    def _event(self, event: Event) -> None:
        if event.kind == TRIGGER:
            return  # it came from here, and went out as what it is
        if event.kind == "prompt":
            kind = event.detail.get("kind_of_prompt")
            self.rules.triggers.mark_prompt(event.t_ns, kind if isinstance(kind, str) else None)
        self._emit(Item(Kind.EVENTS, event.t_ns, self.clock.now_ns(), event))

    def _emit(self, item: Item) -> None:
        for stage in self.stages:
            stage.offer(item)


def _name_apart(outlets: Sequence[Outlet]) -> None:
    """Two of a kind need names of their own, for the ledger and the report."""
    seen: Counter[str] = Counter()
    for outlet in outlets:
        seen[outlet.name] += 1
        if seen[outlet.name] > 1:
            outlet.name = f"{outlet.name} {seen[outlet.name]}"
