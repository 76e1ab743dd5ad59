"""Strict JSON: bytes or text of a file flow in; plain values that can be written again, or a ValueError, flow out.

Python's own reader takes more than JSON: NaN, numbers beyond every float, half of a surrogate pair, and nesting until
the stack ends. Each of them would fail later, where nobody expects it.
"""

from __future__ import annotations

import json
import math
from typing import Any


def loads(data: bytes | str) -> Any:
    """The value that `data` holds.

    Raises:
        ValueError: it is not JSON, or holds what cannot be written again as JSON in UTF-8.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        found = json.loads(text, parse_constant=_refused, parse_float=_finite)
        if "\\u" in text or not isinstance(data, bytes):  # only so can half a character come in
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    return found


def _refused(name: str) -> float:
    raise ValueError(f"it is not JSON: {name} is none of its numbers")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("it holds a number that is too large, and cannot be written again")
    return value
