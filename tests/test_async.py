"""Rows by `for` and by `async for`: the same rows, and no reader delays the session."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from media import grey, tone, write_clip

from ahdetect import reading
from ahdetect.capture.clock import ManualClock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import Packet
from ahdetect.config import Settings, validated
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, ChannelState, Presence
from ahdetect.reading import RowEdge, Rows
from ahdetect.session import Session
from ahdetect.timeline import Row

VOICE: Settings = validated({"channels": {"face": False, "body": False, "voice": True, "words": False}}, "test")


def row(number: int, *, settled: bool = True) -> Row:
    states = {channel: ChannelState(Presence.ABSENT, reason="no video") for channel in Channel}
    return Row(number, number * 10**8, settled, 0.2, 0.1, 0.3, Band.LOW, -1.5, {}, states, {})


def packet(number: int, *, settled: bool = True) -> Packet[Row]:
    return Packet("rows", number, number, 0, number, row(number, settled=settled))


def readers(count: int = 1, *, settled_only: bool = False) -> list[tuple[RowEdge, Rows]]:
    edges = [RowEdge(ManualClock(), Ledger()) for _ in range(count)]
    return [(edge, Rows(edge, settled_only=settled_only)) for edge in edges]


async def ids(rows: Rows) -> list[int]:
    return [r.id async for r in rows]


def test_rows_that_wait_and_rows_that_come_later_are_read_in_order() -> None:
    ((edge, rows),) = readers()

    async def read() -> list[int]:
        edge.offer(packet(0))
        reading_on = asyncio.create_task(ids(rows))
        await asyncio.sleep(0)  # it has read the first and waits
        await asyncio.to_thread(edge.offer, packet(1))
        await asyncio.to_thread(edge.offer, packet(2))
        await asyncio.to_thread(edge.close)
        return await asyncio.wait_for(reading_on, 5)

    assert asyncio.run(read()) == [0, 1, 2]


def test_a_loop_may_wait_for_rows_without_holding_up_its_other_tasks() -> None:
    ((edge, rows),) = readers()

    async def read() -> str:
        waiting = asyncio.create_task(ids(rows))
        await asyncio.sleep(0)
        said = await asyncio.wait_for(asyncio.sleep(0, "another task ran"), 5)
        edge.close()
        await waiting
        return said

    assert asyncio.run(read()) == "another task ran"


def test_provisional_rows_are_left_out_on_request() -> None:
    ((edge, rows),) = readers(settled_only=True)
    for number in range(4):
        edge.offer(packet(number, settled=number % 2 == 0))
    edge.close()
    assert asyncio.run(ids(rows)) == [0, 2]


def test_a_reader_may_begin_by_for_and_go_on_by_async_for() -> None:
    ((edge, rows),) = readers()
    for number in range(3):
        edge.offer(packet(number))
    edge.close()
    assert next(iter(rows)).id == 0
    assert asyncio.run(ids(rows)) == [1, 2]


def test_a_cancelled_reader_may_be_read_on_in_another_loop() -> None:
    ((edge, rows),) = readers()

    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(aiter(rows)), 0.01)

    asyncio.run(give_up())
    edge.offer(packet(7))  # wakes a loop that is gone
    edge.close()
    assert asyncio.run(ids(rows)) == [7]


def test_whoever_breaks_out_has_left_and_loses_nothing() -> None:
    edge = RowEdge(ManualClock(), Ledger())
    edge.offer(packet(0))
    for _ in Rows(edge):
        break
    assert edge.left
    edge.offer(packet(1))
    counts = edge.counts()
    assert (counts.offered, counts.dropped) == (1, 0)


def test_a_reader_that_never_comes_loses_the_oldest_and_nobody_waits() -> None:
    ((edge, rows),) = readers()
    depth = reading.READER.depth
    assert depth is not None
    for number in range(depth + 5):
        edge.offer(packet(number))
    edge.close()
    assert next(iter(rows)).id == 5
    assert edge.counts().dropped == 5


# -- a session


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mkv", grey(25), tone(200, 1.0))


def test_async_with_and_async_for_give_every_settled_row_to_every_reader(clip: Path) -> None:
    async def read() -> tuple[list[int], list[int], list[str]]:
        async with Session(video=str(clip), audio=str(clip), settings=VOICE) as session:
            both = asyncio.gather(*(ids(session.rows(settled_only=True)) for _ in range(2)))
            await asyncio.to_thread(session.wait)
        first, second = await both  # what was on its way is worked off when the block ends
        return first, second, session.errors

    first, second, errors = asyncio.run(read())
    assert first == second == list(range(25))
    assert errors == []


def test_a_coroutine_pushes_and_reads_on_one_loop() -> None:
    async def talk() -> list[int]:
        async with Session(video="none", audio="push", settings=VOICE, live=False) as session:
            rows = session.rows()
            for i in range(50):
                session.push_audio(np.zeros(640, np.int16), i * 40_000_000)
            session.push_end()
            found = []
            async for row in rows:
                found.append(row.id)
                if row.id == 9:
                    break
            return found

    assert asyncio.run(talk()) == list(range(10))
