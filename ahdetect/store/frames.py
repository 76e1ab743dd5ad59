"""Frames: an Arrow stream of provisional and settled rows, torn or whole, flows in; one row per id flows out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ahdetect.store.schema import FRAMES_SCHEMA


def read_stream(path: Path) -> Any:
    """All whole batches of an Arrow IPC stream as one `pyarrow.Table`; a torn tail ends it."""
    batches = []
    with path.open("rb") as file:
        try:
            with pa.ipc.open_stream(file) as stream:
                for batch in stream:
                    batches.append(batch)  # noqa: PERF402  those before a tear are kept
        except (pa.ArrowException, OSError, EOFError):
            pass  # a batch that the crash cut in two; those before it are whole
    return pa.Table.from_batches(batches, schema=FRAMES_SCHEMA) if batches else FRAMES_SCHEMA.empty_table()


def settled_rows(table: Any) -> Any:
    """One row per id, in order of id: the settled one, else the newest provisional one."""
    ids = table.column("id").to_numpy()
    settled = table.column("settled").to_numpy()
    order = np.lexsort((np.arange(len(ids)), settled, ids))  # by id, settled last, newest last
    last = np.ones(len(ids), dtype=bool)
    last[:-1] = ids[order][1:] != ids[order][:-1]
    return table.take(order[last]).combine_chunks()


def with_smoothed(table: Any, p_smoothed: Mapping[int, float] | None) -> Any:
    """The table with `p_smoothed` filled in by row id, where given; other rows keep theirs."""
    if not p_smoothed:
        return table
    ids, own = table.column("id").to_pylist(), table.column("p_smoothed").to_numpy()
    values = np.array([p_smoothed.get(i, old) for i, old in zip(ids, own, strict=True)], dtype=np.float64)
    at = table.schema.get_field_index("p_smoothed")
    return table.set_column(at, FRAMES_SCHEMA.field(at), pa.array(values, from_pandas=True))
