"""Frames: an Arrow stream of provisional and settled rows, torn or whole, flows in; one row per id flows out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa

from ahdetect.errors import DamagedError
from ahdetect.store.schema import FRAMES_SCHEMA

_ID: Final = [FRAMES_SCHEMA.get_field_index(name) for name in ("id", "settled")]
_TOGETHER: Final = 256
"""Batches that are joined at a time: each one alone costs more in bookkeeping than in values."""


def read_settled(open_stream: Callable[[], BinaryIO], tell: Callable[[str], object] = lambda _: None) -> Any:
    """All rows of an Arrow IPC stream as a `pyarrow.Table`, one per id and in that order.

    Of an id the settled row stays, else the newest provisional one. A torn tail ends the stream. The file is read
    twice, for the ids and for the rows that stay: an hour has 200,000 rows in 15,000 batches, and all of them at once
    would take 1.3 GB.

    Args:
        open_stream: opens the file anew each time.
        tell: hears, in words, of batches that are damaged and were left out.

    Raises:
        DamagedError: the stream does not hold rows of a session.
    """
    marks = [(b["id"].to_numpy(), b["settled"].to_numpy(zero_copy_only=False)) for b in _batches(open_stream, _ID)]
    if not marks:
        return FRAMES_SCHEMA.empty_table()
    ids, settled = (np.concatenate(parts) for parts in zip(*marks, strict=True))
    order = np.lexsort((np.arange(len(ids)), settled, ids))  # by id, settled last, newest last
    last = np.ones(len(ids), dtype=bool)
    last[:-1] = ids[order][1:] != ids[order][:-1]
    stays = np.zeros(len(ids), dtype=bool)
    stays[order[last]] = True
    pieces: list[Any] = []
    fresh: list[Any] = []
    at = lost = 0
    for batch in _batches(open_stream):
        if at == len(stays):
            break  # a session that is being recorded has grown meanwhile
        if _is_whole(batch):
            fresh.append(batch.filter(pa.array(stays[at : at + batch.num_rows])))
        else:
            lost += 1
        at += batch.num_rows
        if len(fresh) == _TOGETHER:
            pieces.append(pa.Table.from_batches(fresh, FRAMES_SCHEMA).combine_chunks())
            fresh = []
    if lost:
        tell(f"{lost} damaged piece{'s' if lost > 1 else ''} of the rows left out")
    table = pa.concat_tables([*pieces, pa.Table.from_batches(fresh, FRAMES_SCHEMA)])
    ids = table.column("id").to_numpy()
    return table if (np.diff(ids) > 0).all() else table.take(np.argsort(ids))


def _batches(open_stream: Callable[[], BinaryIO], fields: list[int] | None = None) -> Iterator[Any]:
    with open_stream() as file:
        try:
            with pa.ipc.open_stream(file) as stream:
                if stream.schema != FRAMES_SCHEMA:
                    raise DamagedError("The rows do not have the columns of a session; analyse the recording again.")
        except (pa.ArrowException, OSError, EOFError):
            return  # not even its head is whole
    with open_stream() as file:
        try:
            with pa.ipc.open_stream(file, options=pa.ipc.IpcReadOptions(included_fields=fields)) as stream:
                for batch in stream:
                    if fields is not None and not _is_whole(batch):  # without them no row can be told from another
                        return
                    yield batch
        except (pa.ArrowException, OSError, EOFError):
            return  # a batch that the crash cut in two; those before it are whole


def _is_whole(batch: Any) -> bool:
    """Whether its values lie where it says: Arrow reads what it is told to, also outside of the file."""
    try:
        batch.validate(full=True)
    except pa.ArrowException:
        return False
    return True


def with_smoothed(table: Any, p_smoothed: Mapping[int, float] | None) -> Any:
    """The table with `p_smoothed` filled in by row id, where given; other rows keep theirs."""
    if not p_smoothed:
        return table
    ids, own = table.column("id").to_pylist(), table.column("p_smoothed").to_numpy()
    values = np.array([p_smoothed.get(i, old) for i, old in zip(ids, own, strict=True)], dtype=np.float64)
    at = table.schema.get_field_index("p_smoothed")
    return table.set_column(at, FRAMES_SCHEMA.field(at), pa.array(values, from_pandas=True))
