"""Schema of a session on disk: rows of a timeline flow in, an Arrow table (rows x columns) flows out, and back.

The table is what the world observed and the model said, nothing about the machine: no latency, no wall time. The same
clip therefore gives the same table twice. Columns carry their unit and meaning as Arrow field metadata, taken from the
cue table, so that a Parquet file explains itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ahdetect.models.cues import OF_CHANNEL, Channel
from ahdetect.models.posterior import Band, ChannelState, Presence, TopCue
from ahdetect.timeline import Row

SCHEMA_VERSION: Final = 1
"""Of the whole folder; a reader refuses a higher one. Rises when a column or a key changes its meaning."""

SESSION_JSON: Final = "session.json"
VIDEO: Final = "video.mkv"
AUDIO: Final = "audio.flac"
FRAMES_STREAM: Final = "frames.arrow"
FRAMES: Final = "frames.parquet"
WORDS: Final = "words.jsonl"
EVENTS: Final = "events.jsonl"
LEDGER: Final = "ledger.jsonl"
TIMELINE_PNG: Final = "timeline.png"

_NS_PER_MS = 1e6
_TOP = pa.list_(
    pa.struct([("name", pa.string()), ("value", pa.float64()), ("log_odds", pa.float64()), ("phrase", pa.string())])
)


def _field(name: str, kind: Any, meaning: str, unit: str = "") -> Any:
    return pa.field(name, kind, metadata={"meaning": meaning} | ({"unit": unit} if unit else {}))


def _schema() -> Any:
    fields = [
        _field("id", pa.int64(), "number of the row in the session, from 0"),
        _field("t_ns", pa.int64(), "session time of the video frame", "ns"),
        _field("settled", pa.bool_(), "false while later words could still have changed the row"),
        _field("p", pa.float64(), "probability of signs consistent with ambivalence/hesitancy, causal", "0-1"),
        _field("low", pa.float64(), "lower end of the 80 % band of p", "0-1"),
        _field("high", pa.float64(), "upper end of the 80 % band of p", "0-1"),
        _field("band", pa.string(), "the estimate in words: low, unclear, elevated"),
        _field("prior_log_odds", pa.float64(), "log-odds of the prevalence in force", "log-odds"),
        _field("p_smoothed", pa.float64(), "probability given the whole recording", "0-1"),
        _field("top", _TOP, "cues that push up most, strongest first"),
    ]
    for channel in Channel:
        name = channel.value
        fields += [
            _field(f"log_odds_{name}", pa.float64(), f"what {name} adds", "log-odds"),
            _field(f"state_{name}", pa.string(), "present, stale or absent"),
            _field(f"age_ms_{name}", pa.float64(), "age of the value used", "ms"),
            _field(f"reason_{name}", pa.string(), "why it is stale or absent"),
        ]
    fields += [
        _field(cue.name, pa.float32(), f"{cue.meaning} ({cue.source})", cue.unit)
        for channel in Channel
        for cue in OF_CHANNEL[channel]
    ]
    return pa.schema(fields, metadata={"ahdetect.schema_version": str(SCHEMA_VERSION)})


FRAMES_SCHEMA: Final = _schema()
"""Columns of `frames`. Texts are plain strings here; Parquet stores them dictionary-encoded."""


def rows_to_table(rows: Sequence[Row]) -> Any:
    """`rows` as a `pyarrow.Table` of `FRAMES_SCHEMA`; NaN becomes null, `latency_ns` is left out."""
    columns: dict[str, Any] = {
        "id": pa.array([r.id for r in rows], pa.int64()),
        "t_ns": pa.array([r.t_ns for r in rows], pa.int64()),
        "settled": pa.array([r.settled for r in rows], pa.bool_()),
        "band": pa.array([r.band.value for r in rows], pa.string()),
        "top": pa.array(
            [
                [{"name": c.name, "value": c.value, "log_odds": c.log_odds, "phrase": c.phrase} for c in r.top]
                for r in rows
            ],
            _TOP,
        ),
    }
    for name in ("p", "low", "high", "prior_log_odds", "p_smoothed"):
        columns[name] = _floats(np.array([getattr(r, name) for r in rows], dtype=np.float64))
    for channel in Channel:
        name = channel.value
        states = [r.states[channel] for r in rows]
        columns[f"log_odds_{name}"] = pa.array([r.contributions.get(channel) for r in rows], pa.float64())
        columns[f"state_{name}"] = pa.array([s.presence.value for s in states], pa.string())
        columns[f"age_ms_{name}"] = pa.array([s.age_ns / _NS_PER_MS for s in states], pa.float64())
        columns[f"reason_{name}"] = pa.array([s.reason for s in states], pa.string())
        cues = OF_CHANNEL[channel]
        absent = np.full(len(cues), np.nan, dtype=np.float32)
        vectors = (r.cues.get(channel) for r in rows)
        values = np.array([absent if v is None else v for v in vectors], dtype=np.float32).reshape(-1, len(cues))
        for i, cue in enumerate(cues):
            columns[cue.name] = _floats(np.ascontiguousarray(values[:, i]))
    return pa.Table.from_arrays([columns[name] for name in FRAMES_SCHEMA.names], schema=FRAMES_SCHEMA)


def table_to_rows(table: Any) -> list[Row]:
    """The rows of a table of `FRAMES_SCHEMA`; cues that a newer or older version lacks become NaN.

    A channel that is absent and has no value at all comes back as None, as the engine makes it.
    """
    n = table.num_rows
    column = {name: table.column(name).to_pylist() for name in FRAMES_SCHEMA.names[: _first_cue()]}
    smoothed = _numbers(table, "p_smoothed", np.float64)
    contributions: list[dict[Channel, float]] = [{} for _ in range(n)]
    states: list[dict[Channel, ChannelState]] = [{} for _ in range(n)]
    cues: list[dict[Channel, Any]] = [{} for _ in range(n)]
    for channel in Channel:
        name = channel.value
        matrix = np.stack([_numbers(table, cue.name, np.float32) for cue in OF_CHANNEL[channel]], axis=1)
        nothing = np.isnan(matrix).all(axis=1)
        for i, (log_odds, presence, age_ms, reason) in enumerate(
            zip(*(column[f"{kind}_{name}"] for kind in ("log_odds", "state", "age_ms", "reason")), strict=True)
        ):
            if log_odds is not None:
                contributions[i][channel] = log_odds
            state = ChannelState(Presence(presence), round(age_ms * _NS_PER_MS), reason)
            states[i][channel] = state
            cues[i][channel] = None if nothing[i] and state.presence is Presence.ABSENT else matrix[i]
    return [
        Row(
            id=column["id"][i],
            t_ns=column["t_ns"][i],
            settled=column["settled"][i],
            p=column["p"][i],
            low=column["low"][i],
            high=column["high"][i],
            band=Band(column["band"][i]),
            prior_log_odds=column["prior_log_odds"][i],
            contributions=contributions[i],
            states=states[i],
            cues=cues[i],
            top=tuple(TopCue(**cue) for cue in column["top"][i]),
            p_smoothed=float(smoothed[i]),
        )
        for i in range(n)
    ]


def _first_cue() -> int:
    return int(FRAMES_SCHEMA.get_field_index(OF_CHANNEL[Channel.FACE][0].name))


def _floats(values: Any) -> Any:
    return pa.array(values, from_pandas=True)


def _numbers(table: Any, name: str, dtype: Any) -> Any:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan, dtype=dtype)
    return table.column(name).to_numpy().astype(dtype, copy=False)
