"""Opening: a session folder, an analysis or a bare clip flows in; all that a review shows flows out. It knows no Qt.

Everything here may take minutes and is meant for a thread: `Opening` is that thread, to be looked at by a timer.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from ahdetect.analysis import Progress, analyze
from ahdetect.capture.media import AudioReader
from ahdetect.capture.packets import SAMPLE_RATE
from ahdetect.config import Settings
from ahdetect.errors import AhdetectError, MediaError, StoreError, known
from ahdetect.events import find_segments
from ahdetect.export.tables import private_folder, write_tables
from ahdetect.gui.columns import Columns
from ahdetect.gui.player import Player, Source
from ahdetect.models.cues import CUES
from ahdetect.models.lexicon import LONGEST, spoken, token
from ahdetect.models.words import Word, WordUpdate
from ahdetect.store.annotations import Annotations
from ahdetect.store.audit import Act
from ahdetect.store.entries import SEGMENT, segment_of
from ahdetect.store.journal import note
from ahdetect.store.keys import Keys
from ahdetect.store.reader import Session, open_session
from ahdetect.store.schema import FRAMES_SCHEMA, SESSION_JSON, table_to_rows
from ahdetect.timeline import NS_PER_S, Row, Segment, Timeline

CHUNK: Final = 250
"""Rows that are made at a time: 10 ms of work in which the window may have to wait for Python's lock."""

YIELD_S: Final = 0.001
"""Pause after them: a thread that asks for Python's lock gets it at once from one that sleeps."""

CUE_NAMES: Final = frozenset(cue.name for cue in CUES)

BLOCK: Final = 32
"""Rows that are made together: one alone takes 8 ms, these 9 (measured), and who plays asks for the next ones."""
BLOCKS: Final = 16

PIECE_S: Final = 10
"""Sound that the waveform takes in at a time: .5 ms of the window's thread."""


class Cancelled(Exception):  # noqa: N818  a wish, not an error
    """The user does not want it any more."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far opening is.

    Attributes:
        what: "reading", "models", "analysing" or "writing".
        share: 0-1; None where it cannot be told.
    """

    what: str
    share: float | None = None


Tell = Callable[[Step], None]
"""Hears how far it is; raises `Cancelled` to end it."""


class Rows(Sequence[Row]):
    """The rows of a table, each made when it is asked for: an hour of them at once would take 300 MB.

    The values of the cues are left out (all NaN): a review shows their names and what they add, which is in `Row.top`.

    Attributes:
        t_s: their times, seconds, shape (rows,).
        p: best estimate of each: smoothed where known, else causal.
    """

    def __init__(self, table: Any) -> None:
        self._table = table.select([name for name in table.column_names if name not in CUE_NAMES]).combine_chunks()
        self.t_s = table.column("t_ns").to_numpy().astype(np.float64) / NS_PER_S
        causal, smoothed = (table.column(n).to_numpy().astype(np.float64) for n in ("p", "p_smoothed"))
        self.p = np.where(np.isnan(smoothed), causal, smoothed)
        self._blocks: dict[int, list[Row]] = {}

    def __len__(self) -> int:
        return len(self.t_s)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step == 1:
                return table_to_rows(self._table.slice(start, max(0, stop - start)))
            return table_to_rows(self._table.take(list(range(start, stop, step))))
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        number, place = divmod(at % len(self), BLOCK)
        if number not in self._blocks:
            if len(self._blocks) >= BLOCKS:
                self._blocks.pop(next(iter(self._blocks)))
            self._blocks[number] = table_to_rows(self._table.slice(number * BLOCK, BLOCK))
        return self._blocks[number][place]

    def at(self, t_s: float) -> int:
        """Number of the row that holds at `t_s`: the last one up to then; 0 before the first."""
        return max(0, int(np.searchsorted(self.t_s, t_s + 1e-9, side="right")) - 1)


@dataclass(slots=True)
class Loaded:
    """A session that is ready to be shown.

    Attributes:
        session: the folder.
        rows: made when asked for.
        timeline: words, segments, length and `info`; its rows are in `rows`.
        columns: what a view of the tracks draws.
        markers: of each word, the names of its language markers.
        human: the human tier.
        video: where the pictures are, None where there are none.
        sound: where the sound is.
        notes: what is damaged or missing, in sentences.
    """

    session: Session
    rows: Rows
    timeline: Timeline
    columns: Columns
    markers: list[tuple[str, ...]]
    human: Annotations
    video: Source | None
    sound: Source | None
    notes: list[str] = field(default_factory=list)


def load(folder: Path, clip: Path | None = None, tell: Tell = lambda _: None, keys: Keys | None = None) -> Loaded:
    """Open a session folder, or a folder that `analyze` wrote.

    Args:
        folder: the folder.
        clip: pictures and sound of an analysis whose clip is not where it was.
        tell: hears how far it is.
        keys: to open an encrypted session with; default those of this account and of the environment.

    Raises:
        StoreError: it is no session, or cannot be read.
        Cancelled: `tell` said so.
    """
    tell(Step("reading"))
    session = open_session(folder, keys)
    note(session.folder, session.info, Act.OPEN)
    try:
        table = session.table([name for name in FRAMES_SCHEMA.names if name not in CUE_NAMES])
        rows = Rows(table)
        columns = Columns()
        columns.set_table(table)
    except (KeyError, ValueError, TypeError) as error:
        raise StoreError(
            f"{session.folder} does not have the columns of a session ({error}); analyse it again.", value=folder
        ) from error
    timeline = _timeline(session, rows)
    columns.add_words(WordUpdate(tuple(timeline.words), (), 0, 0))
    columns.set_segments(timeline.segments)
    for event in _events(session):
        columns.add_event(event)
    human = Annotations(folder, files=session.files)
    columns.set_human(human.segments)
    len(columns)  # what was put in is worked off here, not by the painter
    video, sound, notes = media_of(session, clip, keys)
    notes = [*session.damage, *human.damage, *notes, *(str(n) for n in session.info.get("notes") or ())]
    return Loaded(session, rows, timeline, columns, markers(timeline.words), human, video, sound, notes)


def _timeline(session: Session, rows: Rows) -> Timeline:
    words = session.words()
    ends = [float(rows.t_s[-1]) if len(rows) else 0.0, *(w.end_ns / NS_PER_S for w in words[-1:])]
    duration_s = float(session.info.get("duration_s") or max(ends))
    stored: list[Segment] = [segment_of(e) for e in session.events() if e["kind"] == SEGMENT]
    # A session that was killed while recording has onsets and offsets only; they are joined here as for a clip.
    whole = session.state in ("closed", "analysed")
    segments = stored if stored or whole else find_segments(rows, rows.p.tolist(), words)
    return Timeline([], words, segments, max(duration_s, ends[0]), session.info)


def _events(session: Session) -> Iterator[Any]:
    from ahdetect.events import Event

    for entry in session.events():
        if not str(entry["kind"]).startswith("segment") and entry["kind"] != "audio_anchor":
            detail = {k: v for k, v in entry.items() if k not in ("t_ns", "kind")}
            yield Event(int(entry["t_ns"]), str(entry["kind"]), detail)


def markers(words: Sequence[Word]) -> list[tuple[str, ...]]:
    """For each word, the language markers that are said with it: all words of a phrase get its marker."""
    tokens = [token(w.text) for w in words]
    found: list[dict[str, None]] = [{} for _ in words]
    for i in range(1, len(tokens) + 1):
        for marker, phrase in spoken(tokens[max(0, i - LONGEST) : i]).items():
            for j in range(i - len(phrase.split()), i):
                found[j][marker] = None
    return [tuple(names) for names in found]


def media_of(
    session: Session, clip: Path | None = None, keys: Keys | None = None
) -> tuple[Source | None, Source | None, list[str]]:
    """Where pictures and sound of a session are, and what is missing of them, in sentences."""
    if clip is not None:
        return Source(clip), Source(clip), []
    if session.video is not None or session.audio is not None:
        video = Source(session.video, 0.0) if session.video is not None else None
        sound = Source(session.audio, -session.audio_offset_ns / NS_PER_S) if session.audio is not None else None
        return video, sound, []
    if session.clip is not None:
        return Source(session.clip), Source(session.clip), []
    source = session.info.get("source")
    path = Path(str(source["path"])) if isinstance(source, dict) and source.get("path") else None
    if path is not None and path.is_dir() and path != session.folder:
        with suppress(AhdetectError):  # the analysis of a recorded session
            return media_of(replace(open_session(path, keys), info={}), keys=keys)
    name = path.name if path is not None else None
    missing = f"{name} is not where it was" if name else "The recording was stored without pictures and sound"
    return None, None, [f"{missing}: there is nothing to be seen or heard."]


def make_player(loaded: Loaded) -> Player:
    """A player of what was opened; pictures that cannot be opened become a note."""
    try:
        return Player(loaded.video, loaded.sound, loaded.timeline.duration_s)
    except MediaError as error:
        source = loaded.session.info.get("source")
        if not isinstance(source, dict) or source.get("has_video", True):
            loaded.notes.append(str(error))
        return Player(None, loaded.sound, loaded.timeline.duration_s)


# -- a clip that has not been analysed


def find_analysis(clip: Path, places: Sequence[Path]) -> Path | None:
    """The newest folder in `places` that holds an analysis of this very file, made after its last change."""
    clip = clip.resolve()
    found: list[tuple[float, Path]] = []
    for place in places:
        with suppress(OSError):
            for info in place.glob(f"*/{SESSION_JSON}"):
                with suppress(OSError, ValueError, TypeError, KeyError):
                    source = json.loads(info.read_bytes())["source"]
                    made = info.stat().st_mtime
                    if source["path"] == str(clip) and made >= clip.stat().st_mtime:
                        found.append((made, info.parent))
    return max(found)[1] if found else None


def new_folder(clip: Path, place: Path) -> Path:
    """Make an empty folder for the analysis of `clip` in `place`, beside all that is there.

    Raises:
        StoreError: it cannot be made.
    """
    stem = re.sub(r"[^\w.-]+", "-", clip.stem).strip("-.") or "clip"
    try:
        private_folder(place)
        for number in count(1):
            folder = place / (stem if number == 1 else f"{stem}-{number}")
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return folder
    except OSError as error:
        raise StoreError(
            f"Cannot make a folder in {place}: {error.strerror or error}; choose another in Set-up.", value=place
        ) from error
    raise AssertionError


def analyse(clip: Path, place: Path, tell: Tell, settings: Settings | None = None) -> Path:
    """Analyse a clip into a new folder in `place`.

    Returns:
        The folder.

    Raises:
        MediaError: the clip cannot be read.
        StoreError: the folder cannot be made or written.
        Cancelled: `tell` said so; nothing is left behind.
    """
    if not clip.is_file():
        raise MediaError(f"There is no file {clip}; check the name and the folder.", value=clip)
    tell(Step("models"))

    def heard(progress: Progress) -> None:
        share = min(1.0, progress.done_s / progress.total_s) if progress.total_s else None
        tell(Step("analysing", share))

    timeline = analyze(clip, settings=settings, progress=heard)
    tell(Step("writing"))
    folder = new_folder(clip, place)
    try:
        write_tables(timeline, folder)
    except BaseException:
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()
        raise
    return folder


# -- the thread


class Opening:
    """Opens a folder or a clip on a thread of its own.

    Args:
        folder: a session or an analysis; None for a clip alone.
        clip: pictures and sound of `folder`, or the clip to analyse.
        place: where the analysis of a clip goes.
        keys: to open an encrypted session with; default those of this account and of the environment.

    Attributes:
        step: how far it is.
        loaded: what was opened, once it is done.
        player: plays it; whoever takes it closes it.
        error: why it was not.
    """

    def __init__(self, folder: Path | None, clip: Path | None, place: Path, keys: Keys | None = None) -> None:
        self.step = Step("reading")
        self.loaded: Loaded | None = None
        self.player: Player | None = None
        self.error: AhdetectError | None = None
        self._folder, self._clip, self._place, self._keys = folder, clip, place, keys
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahdetect-review-opening", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    @property
    def cancelled(self) -> bool:
        """Whether it is not wanted any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End it soon; returns at once."""
        self._cancelled.set()

    def close(self, timeout_s: float = 3.0) -> None:
        """Cancel it and wait for its end; what nobody took is closed."""
        self.cancel()
        self._thread.join(timeout_s)
        if self.player is not None:
            self.player.close()

    def _run(self) -> None:
        try:
            folder = self._folder
            if folder is None:
                if self._clip is None:
                    raise MediaError("There is nothing to open; choose a folder or a clip.")
                places = (self._place, self._clip.resolve().parent)
                folder = find_analysis(self._clip, places) or analyse(self._clip, self._place, self._tell)
            loaded = load(folder, self._clip, self._tell, self._keys)
            if not self.cancelled:
                self.player = make_player(loaded)
                self.loaded = loaded
        except Cancelled:
            pass
        except Exception as error:  # every error becomes a sentence on the screen
            self.error = known(error)

    def _tell(self, step: Step) -> None:
        if self.cancelled:
            raise Cancelled
        self.step = step


class SoundPeaks:
    """Reads the sound of a session on a thread of its own and puts its waveform into the columns, as far as it is."""

    def __init__(self, sound: Source, columns: Columns) -> None:
        self._sound, self._columns = sound, columns
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahdetect-review-waveform", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join(3.0)

    def _run(self) -> None:
        with suppress(AhdetectError):  # the player says what is wrong with the file
            reader = AudioReader(self._sound.path, lambda *_, **__: None)
            if reader.stream is None:
                return
            try:
                start = reader.stream.container.start_time or 0
                origin_s = self._sound.origin_s if self._sound.origin_s is not None else start // 1000 / 1000
                at = 0
                for pcm in _joined(block.pcm for block in reader):
                    if self._stop.is_set():
                        return
                    self._columns.add_sound(reader.start_ns / NS_PER_S - origin_s + at / SAMPLE_RATE, pcm)
                    at += len(pcm)
                    self._stop.wait(0.001)  # others want to paint
            finally:
                reader.close()


def _joined(blocks: Iterable[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
    """The same sound in fewer pieces: a second at first, so that something is there soon, then up to `PIECE_S`.

    The window takes each piece in by itself, and an hour has 100,000 blocks.
    """
    waiting: list[NDArray[np.int16]] = []
    held = passed = 0
    for block in blocks:
        waiting.append(block)
        held += len(block)
        if held >= min(PIECE_S * SAMPLE_RATE, max(SAMPLE_RATE, passed)):
            yield np.concatenate(waiting)
            passed += held
            waiting, held = [], 0
    if waiting:
        yield np.concatenate(waiting)
