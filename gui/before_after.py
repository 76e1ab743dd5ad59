"""Before and after: the stored cues of a session flow in; its estimate as it would be for anyone flows out. No Qt.

A session that used a person's calibration stores its cues, so the evidence filter can walk over them again from the
population's values. Everything else (settings, prompts, the filter's own running mean) is as it was in the session.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.calibrating import evidence_of
from ahdetect.config import FusionSettings
from ahdetect.errors import AhdetectError, StoreError, known
from ahdetect.gui.opening import CHUNK, YIELD_S
from ahdetect.models.evidence import EvidenceFilter, EvidenceSettings
from ahdetect.models.posterior import Band
from ahdetect.store.reader import Session
from ahdetect.store.schema import table_to_rows
from ahdetect.timeline import Row

PROMPT: Final = "prompt"
_BANDS: Final[tuple[Band, ...]] = tuple(Band)


@dataclass(frozen=True, slots=True)
class Estimates:
    """What was, or would have been, said at each row, causal; arrays of shape (rows,).

    Attributes:
        p: probability, 0-1.
        low: lower end of its 80 % band.
        high: upper end of it.
        band: number of the band in `Band`.
    """

    p: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    band: NDArray[np.uint8]

    def band_at(self, row: int) -> Band:
        """The estimate of a row in words."""
        return _BANDS[int(self.band[row])]

    def elevated(self) -> float:
        """Share of rows whose estimate is elevated."""
        return float(np.mean(self.band == _BANDS.index(Band.ELEVATED))) if len(self.band) else 0.0


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """One session with the population's values and with the person's own.

    Attributes:
        profile: pseudonym whose calibration the session used.
        version: of the profile, 0 where it is not known.
        before: with the population's values.
        after: as it is stored.
    """

    profile: str
    version: int
    before: Estimates
    after: Estimates

    @property
    def other_band(self) -> float:
        """Share of rows that are in another band (low, unclear, elevated) than they would be."""
        return float(np.mean(self.before.band != self.after.band)) if len(self.after.band) else 0.0


def used_profile(info: Mapping[str, Any]) -> tuple[str, int] | None:
    """Pseudonym and version of the calibration that a session file says was in force; None where none was."""
    found = info.get("profile")
    if not isinstance(found, Mapping) or not found.get("name"):
        return None
    version = found.get("version")
    return str(found["name"]), version if isinstance(version, int) else 0


def stored(table: Any) -> Estimates:
    """What a session said, from its table of rows."""
    p, low, high = (table.column(n).to_numpy().astype(np.float64) for n in ("p", "low", "high"))
    numbers = {band.value: i for i, band in enumerate(_BANDS)}
    bands = np.array([numbers[name] for name in table.column("band").to_pylist()], dtype=np.uint8)
    return Estimates(p, low, high, bands)


def for_anyone(session: Session, table: Any, go_on: Callable[[], bool] = lambda: True) -> Estimates | None:
    """What the evidence filter says about a session's cues without anything known of the person beforehand.

    Args:
        session: its settings and prompts.
        table: its rows, with their cues.
        go_on: asked now and then; False gives up.

    Returns:
        None where it was given up.
    """
    fusion = FusionSettings.model_validate((session.info.get("configuration") or {}).get("fusion") or {})
    settings = EvidenceSettings(fusion.segment_s, fusion.prevalence, fusion.personal)
    fuser = EvidenceFilter(settings, fusion.prompt_kind)
    prompts = [e for e in session.events() if e["kind"] == PROMPT]
    said: list[tuple[float, float, float, int]] = []
    before_ns: int | None = None
    for row in _rows(table, go_on):
        while prompts and int(prompts[0]["t_ns"]) <= row.t_ns:
            fuser.set_prompt(prompts.pop(0).get("kind_of_prompt"))
        now = fuser.step(evidence_of(row, 0 if before_ns is None else row.t_ns - before_ns))
        said.append((now.p, now.low, now.high, _BANDS.index(now.band)))
        before_ns = row.t_ns
    if not go_on():
        return None
    numbers = np.array(said, dtype=np.float64).reshape(-1, 4)
    return Estimates(numbers[:, 0], numbers[:, 1], numbers[:, 2], numbers[:, 3].astype(np.uint8))


def _rows(table: Any, go_on: Callable[[], bool]) -> Iterator[Row]:
    for start in range(0, table.num_rows, CHUNK):
        if not go_on():
            return
        yield from table_to_rows(table.slice(start, CHUNK))
        time.sleep(YIELD_S)  # whoever paints gets Python's lock


class Comparing:
    """Works out before and after of one session on a thread of its own; a timer looks at it.

    Attributes:
        found: the result, once it is done; None where it failed or was given up.
        error: why it failed.
    """

    def __init__(self, session: Session, profile: str, version: int) -> None:
        self.found: BeforeAfter | None = None
        self.error: AhdetectError | None = None
        self._session, self._profile, self._version = session, profile, version
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahdetect-review-before", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """Give it up and wait for its end."""
        self._stop.set()
        self._thread.join(3.0)

    def _run(self) -> None:
        try:
            table = self._session.table()
            before = for_anyone(self._session, table, lambda: not self._stop.is_set())
            if before is not None:
                self.found = BeforeAfter(self._profile, self._version, before, stored(table))
        except (KeyError, ValueError, TypeError) as error:
            self.error = StoreError(
                f"{self._session.folder} does not hold what a comparison needs ({error}); analyse it again.",
                value=self._session.folder,
            )
        except Exception as error:  # every error becomes a sentence on the screen
            self.error = known(error)
