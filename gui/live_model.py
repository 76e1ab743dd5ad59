"""Live model: devices and a plan flow in, a session runs on threads behind; what a screen paints flows out. No Qt.

All work of the session (loading models, opening devices, pausing, marking, finishing files) is done by one thread, in
the order in which it was asked for; `snapshot()` only reads. What happens meanwhile (a camera is gone, a stage crashed,
a file is off) comes as a `Notice`, once, for the screen to put into words.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.calibration.profile_store import FileProfiles
from ahdetect.capture.packets import AUDIO_CHUNK, AudioPacket
from ahdetect.config import Settings
from ahdetect.engine import Models
from ahdetect.errors import AhdetectError, known
from ahdetect.events import Event
from ahdetect.gui.columns import Columns
from ahdetect.gui.own_thread import OwnThread
from ahdetect.gui.plan import GB_PER_HOUR, PlannedPrompt, free_bytes
from ahdetect.gui.weights import shared
from ahdetect.models.cues import INDEX, Channel
from ahdetect.models.posterior import FIXED_REASONS, Presence
from ahdetect.models.words import WordUpdate
from ahdetect.session import Session
from ahdetect.store.consent import Consent
from ahdetect.store.keys import Keys
from ahdetect.timeline import NS_PER_S, Row

if TYPE_CHECKING:
    from ahdetect.gui.context import DeviceChoice, SessionPlan

LOOK_S: Final = 0.5
"""How often the books, the disk and the sources are looked at."""
RECENT_S: Final = 10.0
"""The line of truth tells of this long."""
ROOM_S: Final = 3600.0
"""A session of an hour draws its tracks from memory that it has from the start: 23 MB. A longer one takes more."""
LOW_DISK_S: Final = 600.0
"""Less than ten minutes of space is a warning."""
GONE_S: Final = 1.0
"""A picture older than this is not shown as if it were now."""
FRESH_S: Final = 0.3
"""A row this long after a prompt knows of it: its voice cues are at most .12 s old (`models.alignment.FRESH_NS`)."""
LATENCY: Final = INDEX["voice_response_latency"]
NOT_IN_A_NAME: Final = re.compile(r"[^\w.-]+")


OF_DEVICE: Final = {"camera": (Channel.FACE, Channel.BODY), "microphone": (Channel.VOICE, Channel.LANGUAGE)}
LOST_REASONS: Final = {"camera": "the camera is gone", "microphone": "the microphone is gone"}
"""A plainer reason than the engine's own, which knows only that nothing comes."""


class State(Enum):
    """What the model is doing."""

    IDLE = "idle"
    STARTING = "starting"
    RECORDING = "recording"
    PAUSED = "paused"
    STOPPING = "stopping"
    DELETING = "deleting"
    ENDED = "ended"
    FAILED = "failed"


BUSY: Final = (State.STARTING, State.RECORDING, State.PAUSED, State.STOPPING, State.DELETING)
RUNNING: Final = (State.RECORDING, State.PAUSED)


@dataclass(frozen=True, slots=True)
class Lamp:
    """Whether a channel says anything now.

    Attributes:
        presence: present, stale or absent; None before the first row.
        age_s: age of the value that is used, seconds; 0 where absent.
        reason: why it is stale or absent.
    """

    presence: Presence | None = None
    age_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """The session's books over the last ten seconds and since the start.

    Attributes:
        fps: frames a second, last `RECENT_S`; None without a camera.
        dropped: share of all frames so far that the face stage (or without one the video file) did not take, 0-1.
        audio_lost: samples that the microphone did not give, pauses left out, plus sound that a stage did not take;
            None without a microphone.
        words_behind_s: how far transcription is behind; None without it.
        row_ms: median from the frame in the world to its row, last `RECENT_S`; None before the first.
        off: files that are not written any more.
        stopped: stages that an error stopped.
    """

    fps: float | None = None
    dropped: float | None = None
    audio_lost: int | None = None
    words_behind_s: float | None = None
    row_ms: float | None = None
    off: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disk:
    """Space where the session is stored.

    Attributes:
        free: bytes.
        left_s: how long it lasts at the rate of this recording (before that is known: of an ordinary one).
    """

    free: int
    left_s: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user has to know.

    Attributes:
        kind: "device_lost", "device_back", "stage_crashed", "sink_off", "disk_low", "error", "source_ended", "watcher",
            "profile".
        where: "camera" or "microphone", the stage, the file, or the person.
        detail: a sentence or a reason.
    """

    kind: str
    where: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The prompt in hand.

    Attributes:
        number: of the prompt in the plan, from 0; -1 before the first.
        ended_s: when it ended (session seconds); None while it is put.
        latency_s: from its end to the first speech; None before there is an answer.
        waited_s: how long an answer has been waited for; 0 where none is waited for.
    """

    number: int = -1
    ended_s: float | None = None
    latency_s: float | None = None
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a screen paints.

    Attributes:
        state: what the model is doing.
        progress: key of the step in hand while starting: "models", "devices" or "threads".
        elapsed_s: session time, pauses counted in.
        folder: where the session is stored.
        frame: newest picture, RGB uint8 (height, width, 3), or None.
        overlay: what was found in this very picture.
        row: newest row, provisional or settled.
        lamps: per channel.
        truth: the books.
        disk: space left; None before it was looked at.
        asked: the prompt in hand.
        error: why it failed, one sentence.
        lost: devices that are gone at the moment, of "camera" and "microphone".
    """

    state: State
    progress: str
    elapsed_s: float
    folder: Path | None
    frame: NDArray[np.uint8] | None
    overlay: dict[str, NDArray[np.float32]]
    row: Row | None
    lamps: dict[Channel, Lamp]
    truth: Truth
    disk: Disk | None
    asked: Asked
    error: str
    lost: frozenset[str]


@dataclass(slots=True)
class _Recent:
    """Counts of the last `RECENT_S`."""

    frames: deque[tuple[float, int]] = field(default_factory=deque)
    rows_ms: deque[tuple[float, float]] = field(default_factory=deque)

    def fps(self, now_s: float, frames: int) -> float:
        self.frames.append((now_s, frames))
        _forget(self.frames, now_s)
        (t0, n0), (t1, n1) = self.frames[0], self.frames[-1]
        return (n1 - n0) / (t1 - t0) if t1 > t0 else 0.0

    def row_ms(self, now_s: float) -> float | None:
        _forget(self.rows_ms, now_s)
        values = [ms for _, ms in list(self.rows_ms)]
        return float(np.median(values)) if values else None


class LiveModel:
    """One recording after the other; at most one runs.

    Args:
        make: makes a session, as `ahdetect.Session` does.
        load: loads weights, as `Models.load` does; they are kept for the next session.

    Attributes:
        columns: what the tracks draw; a fresh one for each session.
        notices: what happened since the screen last looked; it takes them out.
        consent: what the person of the next session agreed to; without it nothing is recorded.
        keys: to lock it with; None: those of this account.
    """

    def __init__(self, make: Callable[..., Session] = Session, load: Callable[..., Models] = shared) -> None:
        self._make, self._load = make, load
        self.columns = Columns()
        self.notices: deque[Notice] = deque()
        self.consent: Consent | None = None
        self.keys: Keys | None = None
        self.state = State.IDLE
        self._progress = ""
        self._error = ""
        self._folder: Path | None = None
        self._session: Session | None = None
        self._loaded: tuple[object, Models] | None = None
        self._prompts: list[PlannedPrompt] = []
        self._storage = "everything"
        self._own = OwnThread(
            "ahdetect-live", lambda said: self.notices.append(Notice("error", "", said)),
            self._look, lambda: LOOK_S if self._session is not None else None,
        )  # fmt: skip
        self._cancelled = False
        self._reset()

    def _reset(self, room_s: float = 0.0) -> None:
        self.columns = Columns(room_s)
        self._row: Row | None = None
        self._recent = _Recent()
        self._truth = Truth()
        self._disk: Disk | None = None
        self._asked = Asked()
        self._sinks_said = 0
        self._disk_said = self._watcher_said = self._end_said = False
        self._elapsed_s = 0.0
        self._lost: frozenset[str] = frozenset()

    # -- what the user asks for; all return at once

    def start(self, choice: DeviceChoice, plan: SessionPlan, settings: Settings | None = None) -> None:
        """Load what is needed, open the devices and record; a second call while one runs does nothing."""
        if self.state in BUSY:
            return
        self._reset(ROOM_S)
        self._error, self._cancelled = "", False
        self.state, self._progress = State.STARTING, "models"
        self._prompts, self._storage = list(plan.prompts), plan.storage
        self._folder = plan.out.expanduser() / folder_name(plan.name, datetime.now())
        folder, chosen, profile = self._folder, settings or Settings(), plan.profile
        self._own.do(lambda: self._start(choice.video, audio_spec(choice), folder, chosen, profile))

    def pause(self) -> None:
        """Record and analyse nothing until `resume()`."""
        if self.state is State.RECORDING:
            self.state = State.PAUSED
            self._own.do(lambda: self._with_session(lambda s: s.pause()))

    def resume(self) -> None:
        """Go on after a pause."""
        if self.state is State.PAUSED:
            self.state = State.RECORDING
            self._own.do(lambda: self._with_session(lambda s: s.resume()))

    def stop(self) -> None:
        """Stop and finish the files; while it starts, give up starting."""
        self._end(State.STOPPING)

    def stop_and_delete(self) -> None:
        """Stop and delete everything that was recorded."""
        self._end(State.DELETING)

    def prompt(self, number: int) -> None:
        """Put prompt `number` of the plan to the person."""
        if 0 <= number < len(self._prompts):
            self._asked = Asked(number)

    def prompt_ended(self) -> None:
        """The prompt in hand has just ended: its kind is the prior of the answer, and the response latency runs."""
        session, asked = self._session, self._asked
        if session is None or self.state is not State.RECORDING:
            return
        if self._prompts and (asked.number < 0 or asked.ended_s is not None):
            return  # put the next one first; without a plan every prompt is one that nobody named
        kind = self._prompts[asked.number].kind if asked.number >= 0 else None
        self._asked = Asked(asked.number, session.clock.now_ns() / NS_PER_S)
        self._own.do(lambda: self._with_session(lambda s: s.mark_prompt(kind)))

    def mark(self, note: str = "", t_ns: int | None = None) -> None:
        """Set a marker at `t_ns`, or now."""
        session = self._session
        if session is not None and self.state in RUNNING:
            at = session.clock.now_ns() if t_ns is None else t_ns
            self._own.do(lambda: self._with_session(lambda s: s.mark(note, at)))

    def now_ns(self) -> int:
        """Session time; 0 without one."""
        return self._session.clock.now_ns() if self._session is not None else 0

    def close(self, timeout: float | None = None) -> bool:
        """Finish what runs, and end the thread.

        Args:
            timeout: how long to wait for it, seconds; None: as long as it takes.

        Returns:
            Whether the thread has ended.
        """
        self.stop()
        return self._own.close(timeout)

    @property
    def busy(self) -> bool:
        """Whether a recording is being started, runs or is being finished."""
        return self.state in BUSY

    @property
    def prompts(self) -> list[PlannedPrompt]:
        """The prompts of the session in hand."""
        return self._prompts

    # -- what is there to be painted

    def snapshot(self) -> Snapshot:
        """Everything a screen shows, as of now; cheap, waits for nothing."""
        session, row, state = self._session, self._row, self.state
        sight = session.sight() if session is not None and state is State.RECORDING else None
        if session is not None and state in RUNNING:
            self._elapsed_s = session.clock.now_ns() / NS_PER_S
        if sight is not None and self._elapsed_s - sight.t_ns / NS_PER_S > GONE_S:
            sight = None
        return Snapshot(
            state,
            self._progress,
            self._elapsed_s,
            self._folder,
            sight.frame if sight is not None else None,
            sight.overlay if sight is not None else {},
            row,
            self._lamps(row),
            self._truth,
            self._disk,
            self._answer(row),
            self._error,
            self._lost,
        )

    def _lamps(self, row: Row | None) -> dict[Channel, Lamp]:
        if row is None:
            return {c: Lamp() for c in Channel}
        if self.state is State.PAUSED:
            return {c: Lamp(Presence.ABSENT, 0.0, "paused") for c in Channel}
        lamps = {c: Lamp(s.presence, s.age_ns / NS_PER_S, s.reason) for c, s in row.states.items()}
        for device in self._lost:
            for channel in OF_DEVICE[device]:
                if lamps[channel].reason not in FIXED_REASONS:
                    lamps[channel] = Lamp(Presence.ABSENT, 0.0, LOST_REASONS[device])
        return lamps

    def _answer(self, row: Row | None) -> Asked:
        asked, ended_s = self._asked, self._asked.ended_s
        if ended_s is None or asked.latency_s is not None:
            return asked
        since = ended_s + FRESH_S  # before that, voice may be of before the prompt
        voice = row.cues[Channel.VOICE] if row is not None and row.t_s > since else None
        if voice is not None and np.isfinite(voice[LATENCY]):
            self._asked = Asked(asked.number, ended_s, float(voice[LATENCY]))
            return self._asked
        return Asked(asked.number, ended_s, None, max(0.0, self._elapsed_s - ended_s))

    # -- what comes from the engine's threads

    def _watch(self, session: Session) -> None:
        columns = self.columns

        def heard(packet: AudioPacket) -> None:
            if not packet.data.synthetic:
                columns.add_sound(packet.t_ns / NS_PER_S, packet.data.pcm)

        session.on_row(self._guarded(self._row_came))
        session.on_words(self._guarded(self._words_came))
        session.on_event(self._guarded(lambda event: self._event_came(event, session)))
        session.on_sound(heard)

    def _guarded(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """A view at fault must not stop the stage that hands it something."""

        def guarded(what: Any) -> None:
            try:
                take(what)
            except Exception as error:
                if not self._watcher_said:
                    self._watcher_said = True
                    self.notices.append(Notice("watcher", "", str(known(error))))

        return guarded

    def _row_came(self, row: Row) -> None:
        self.columns.add(row)
        if self._row is None or row.t_ns >= self._row.t_ns:
            self._row = row
        if row.latency_ns >= 0:
            self._recent.rows_ms.append((row.t_s, row.latency_ns / 1e6))

    def _words_came(self, update: WordUpdate) -> None:
        self.columns.add_words(update)

    def _event_came(self, event: Event, session: Session) -> None:
        self.columns.add_event(event)
        if event.kind in ("device_lost", "device_back"):
            is_camera = session.video is not None and event.detail.get("device") == session.video.info.name
            where = "camera" if is_camera else "microphone"
            self._lost = self._lost | {where} if event.kind == "device_lost" else self._lost - {where}
            self.notices.append(Notice(event.kind, where, str(event.detail.get("reason", ""))))
        elif event.kind == "stage_crashed":
            self.notices.append(Notice(event.kind, str(event.detail["stage"]), str(event.detail["error"])))

    # -- what the model's own thread does

    def _with_session(self, work: Callable[[Session], None]) -> None:
        if self._session is not None:
            work(self._session)

    def _start(self, video: str, audio: str, folder: Path, settings: Settings, profile: str) -> None:
        try:
            session = self._opened(video, audio, folder, settings, profile)
        except Exception as error:
            self._error, self._folder = str(known(error)), None
            self.state = State.IDLE if self._cancelled else State.FAILED
            return
        if session is None or self._cancelled:
            if session is not None:
                session.stop_and_delete()
            self._folder, self.state = None, State.IDLE
            return
        self._session, self.state = session, State.RECORDING
        self._look()

    def _opened(self, video: str, audio: str, folder: Path, settings: Settings, profile: str) -> Session | None:
        models = self._models(settings, video != "none", audio != "none")
        if self._cancelled:
            return None
        self._progress = "devices"
        known_person = profile and profile in FileProfiles().names()  # who was never calibrated has none
        options: dict[str, Any] = {"profile": profile} if known_person else {}
        options |= {"consent": self.consent, "keys": self.keys, "store": self._storage}
        session = self._make(video, audio, out=folder, settings=settings, models=models, **options)
        self._folder = folder if session.writer is not None else None
        if session.person is not None and session.person.note:
            self.notices.append(Notice("profile", session.person.name, session.person.note))
        self._watch(session)
        self._progress = "threads"
        session.start()
        return session

    def _models(self, settings: Settings, video: bool, audio: bool) -> Models:
        key = settings.channels, settings.speech, video, audio
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None
            self._loaded = key, self._load(settings, video=video, audio=audio)
        return self._loaded[1]

    def _end(self, state: State) -> None:
        if self.state is State.STARTING:
            self._cancelled = True
        elif self.state in RUNNING:
            self.state = state
            self._own.do(self._finish)

    def _finish(self) -> None:
        session, deleting = self._session, self.state is State.DELETING
        if session is None:
            return
        try:
            session.stop_and_delete() if deleting else session.stop()
        except AhdetectError as error:
            self._error = str(error)
            self.notices.append(Notice("error", "", self._error))
        self._report_sinks(session)
        self._session = None
        self._folder = None if deleting and self._folder is not None and not self._folder.exists() else self._folder
        self.state = State.IDLE if deleting else State.ENDED

    # -- looking after it

    def _look(self) -> None:
        session = self._session
        if session is None or self.state not in RUNNING:
            return
        self._truth = self._truth_of(session)
        self._report_sinks(session)
        self._look_at_disk()
        if session.wait(0) and not self._end_said:  # the clip that was played as a camera is over
            self._end_said = True
            self.notices.append(Notice("source_ended"))
            self.stop()

    def _truth_of(self, session: Session) -> Truth:
        engine = session.engine
        now_s = session.clock.now_ns() / NS_PER_S
        edge = engine.edge_counts("camera->face") or engine.edge_counts("camera->video file")
        has_video = session.video is not None and session.video.info.has_video
        fps = self._recent.fps(now_s, session.video.totals.frames) if session.video is not None and has_video else None
        dropped = edge.dropped / max(1, edge.offered) if edge is not None else None
        lost = None
        if session.audio is not None and session.audio.info.has_audio:
            totals = session.audio.totals
            lost = totals.gap_samples - totals.paused_samples + engine.dropped_samples() * AUDIO_CHUNK
        return Truth(
            fps,
            dropped,
            lost,
            engine.transcript.behind_s if session.models.speech is not None else None,
            self._recent.row_ms(now_s),
            tuple(Path(str(error.value)).name for error in engine.sink_errors),
            tuple(stage.name for stage in engine.crashed),
        )

    def _report_sinks(self, session: Session) -> None:
        errors = session.engine.sink_errors
        while self._sinks_said < len(errors):
            error = errors[self._sinks_said]
            self._sinks_said += 1
            self.notices.append(Notice("sink_off", Path(str(error.value)).name, str(error)))

    def _look_at_disk(self) -> None:
        if self._folder is None:
            return
        free = free_bytes(self._folder)
        rate = GB_PER_HOUR * 1e9 / 3600
        self._disk = Disk(free, free / rate)
        if self._disk.left_s < LOW_DISK_S and not self._disk_said:
            self._disk_said = True
            self.notices.append(Notice("disk_low", str(self._folder), f"{free / 1e9:.1f} GB"))


def _forget(values: deque[tuple[float, Any]], now_s: float) -> None:
    while values and values[0][0] < now_s - RECENT_S:
        values.popleft()


def folder_name(name: str, at: datetime) -> str:
    """Name of a session's folder: the time, and the plan's name where it has one, without what a file system minds.

    Example:
        >>> folder_name("P 07/a", datetime(2026, 1, 2, 3, 4, 5))
        '2026-01-02_03-04-05_P-07-a'
    """
    plain = NOT_IN_A_NAME.sub("-", name.strip()).strip("-.")
    return f"{at:%Y-%m-%d_%H-%M-%S}" + (f"_{plain}" if plain else "")


def audio_spec(choice: DeviceChoice) -> str:
    """The microphone as `ahdetect.Session` takes it, with the driver that was chosen."""
    known_driver = choice.audio.partition(":")[0] in ("sounddevice", "pyaudio")
    if choice.audio == "none" or known_driver or "/" in choice.audio or Path(choice.audio).exists():
        return choice.audio
    return f"{choice.audio_driver}:{choice.audio}"
