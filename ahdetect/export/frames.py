"""Frames: the material of an export flows in; a table of one row per frame (Parquet or CSV) and its codebook flow out.

The columns are those of the cue table. A cue that was absent is empty, never 0.
"""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from ahdetect.export.material import Material
from ahdetect.export.tables import ROW_GROUP
from ahdetect.store.schema import FRAMES_SCHEMA, rows_to_table
from ahdetect.timeline import NS_PER_S

_TEXT_OF_TOP: Final = "phrases of the cues that push up most, strongest first, separated by ; "


def write_parquet(material: Material, file: BinaryIO) -> None:
    """Write the rows as Parquet; every column carries its meaning and unit."""
    pq.write_table(rows_to_table(material.timeline.rows), file, compression="zstd", row_group_size=ROW_GROUP)


def write_csv(material: Material, file: BinaryIO) -> None:
    """Write the rows as CSV, UTF-8, with a header; numbers with a point, empty where there is no value."""
    table = rows_to_table(material.timeline.rows)
    top = ["; ".join(cue.phrase for cue in row.top) for row in material.timeline.rows]
    at = table.schema.get_field_index("top")
    pc.write_csv(table.set_column(at, "top", pa.array(top, pa.string())), file)


def write_codebook(_material: Material, file: BinaryIO) -> None:
    """Write what each column means: name, type, unit, meaning."""
    lines = [("column", "type", "unit", "meaning"), *map(_line, FRAMES_SCHEMA)]
    file.write(_csv(lines))


def write_segments(material: Material, file: BinaryIO) -> None:
    """Write the model's segments as CSV with the columns start, end (s), label, mean_p, peak_p, cues, words."""
    lines: list[tuple[object, ...]] = [("start", "end", "label", "mean_p", "peak_p", "cues", "words")]
    lines += [
        (s.start_ns / NS_PER_S, s.end_ns / NS_PER_S, "A/H", round(s.mean_p, 4), round(s.peak_p, 4),
         "; ".join(s.phrases), s.words)
        for s in material.timeline.segments
    ]  # fmt: skip
    file.write(_csv(lines))


def _line(column: Any) -> tuple[str, str, str, str]:
    about = {key.decode(): value.decode() for key, value in (column.metadata or {}).items()}
    meaning = about.get("meaning", "")
    if column.name == "top":
        return "top", "list of name, value, log_odds, phrase; in CSV text", "", f"{meaning}; in CSV {_TEXT_OF_TOP}"
    return column.name, str(column.type), about.get("unit", ""), meaning


def _csv(lines: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()
