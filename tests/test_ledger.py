"""The ledger counts everything, hands everything on, and does not grow with the hours."""

from __future__ import annotations

from ahdetect.capture.ledger import KEPT_DROPS, Ledger, LedgerRow


def filled(drops: int, every: int = 100) -> Ledger:
    ledger = Ledger()
    for i in range(drops):
        if i % every == 0:
            ledger.write(i, "gap", "audio", first_sample=i)
        ledger.write(i, "drop", "camera->body", seq=i)
    return ledger


def test_rows_come_back_in_the_order_they_were_written() -> None:
    rows = filled(250).rows()
    assert [(r.kind, r.t_ns) for r in rows[:3]] == [("gap", 0), ("drop", 0), ("drop", 1)]
    assert [r.t_ns for r in rows] == sorted(r.t_ns for r in rows)
    assert len(filled(250).rows("gap", "audio")) == 3


def test_hours_of_drops_are_counted_and_only_the_newest_stay() -> None:
    ledger = filled(5 * KEPT_DROPS)
    assert [r.t_ns for r in ledger.rows("drop")] == list(range(4 * KEPT_DROPS, 5 * KEPT_DROPS))
    assert len(ledger.rows("gap")) == KEPT_DROPS // 20
    assert ledger.entries() == {"gap": KEPT_DROPS // 20, "drop": 5 * KEPT_DROPS}


def test_a_sink_has_every_row() -> None:
    ledger, taken = Ledger(), list[LedgerRow]()
    ledger.write(0, "note", "x")
    ledger.attach(taken.append)
    for i in range(2 * KEPT_DROPS):
        ledger.write(i, "drop", "x", seq=i)
    assert [r.kind for r in taken] == ["note"] + ["drop"] * 2 * KEPT_DROPS


def test_a_watcher_reads_each_row_once_also_after_a_flood() -> None:
    ledger = filled(10)
    news, seen = ledger.since(0)
    assert (len(news), seen) == (11, 11)
    assert ledger.since(seen) == ([], 11)
    for i in range(3 * KEPT_DROPS):
        ledger.write(i, "drop", "x")
    ledger.write(0, "device_lost", "camera")
    news, seen = ledger.since(seen)
    assert (news[-1].kind, len(news), seen) == ("device_lost", KEPT_DROPS + 1, 12 + 3 * KEPT_DROPS)
