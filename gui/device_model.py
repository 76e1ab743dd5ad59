"""Device model: chosen devices flow in; pictures with overlay, levels, remarks and states flow out as snapshots. No Qt.

Three threads of its own work here, and a window only reads snapshots: the camera's (picture, face cues, remarks), the
microphone's (level, voice cues, remarks) and the lookout's (lists of devices, model files, disk). Each is a `Stage`, so
a test may call `step()` itself on a `ManualClock`.
"""

from __future__ import annotations

import io
import shutil
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from numpy.typing import NDArray

from ahdetect.assets.cache import PULL, Cache, Checked, State
from ahdetect.capture.clock import NS_PER_MS, NS_PER_S, Clock, SessionClock
from ahdetect.capture.devices import SILENCE_DBFS, CameraDevice, cameras, level, microphones
from ahdetect.capture.edges import LATEST_ONLY, LOSSLESS, Edge, Policy
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, AudioPacket, Frame, Packet, VideoPacket
from ahdetect.capture.portaudio import BACKENDS, MicrophoneDevice
from ahdetect.capture.source import Source, SourceInfo
from ahdetect.capture.sources import open_audio, open_video
from ahdetect.capture.stage import Progress, Stage
from ahdetect.config import Settings
from ahdetect.errors import DeviceError, known
from ahdetect.gui.clap import DelayResult, DelayTest
from ahdetect.gui.quality import PictureJudge, Remark, SoundJudge
from ahdetect.models.cues import CueFrame
from ahdetect.store.media import VideoFile

T = TypeVar("T")

OFF: Final = "none"

AGAIN_S: Final = 2.0
"""Seconds between attempts to open a device that is not there or busy."""

RATE_OVER_S: Final = 2.0
"""Seconds over which the frame rate is measured."""

HOLD_S: Final = 1.5
"""Seconds for which the meter holds its peak: that of IEC 60268-18 meters is 1-3 s."""

ENCODE_S: Final = 4.0
"""Seconds of picture that are encoded, in memory, to measure what a recording will take."""
ENCODE_EVERY_S: Final = 60.0
SOUND_BYTES: Final = 27_000
"""Bytes a second of sound, worst case (docs/session-folder.md)."""
ROW_BYTES: Final = 40_000
"""Bytes a second of rows while a session is open (docs/session-folder.md)."""
USUAL_VIDEO_BYTES: Final = 270_000
"""Bytes a second of 640x480 at 30 fps, the most that was measured there; used until our own figure is there."""

DISK_EVERY_S: Final = 5.0

LET_GO_S: Final = 2.0
"""Seconds that a rescan waits for the microphone to be let go: closing a dead one is given up after that."""


class Status(Enum):
    """How a device is."""

    OFF = "off"
    OPENING = "opening"
    ON = "on"
    LOST = "lost"
    FAILED = "failed"


class Loading(Enum):
    """How the face model is."""

    LOADING = "loading"
    READY = "ready"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class CameraState:
    """What the camera gives.

    Attributes:
        status: how it is.
        message: why it failed or was lost, one sentence; "" otherwise.
        frame: the latest picture, RGB.
        overlay: what was found in this very picture.
        number: how many pictures were shown; changes with each.
        info: what was opened.
        fps: measured over the last `RATE_OVER_S`; NaN while unknown.
        remarks: what to mend.
        face: how the face model is.
        face_message: the sentence that names what mends it.
        bytes_per_s: measured cost of a recording's picture; None while unknown.
    """

    status: Status = Status.OFF
    message: str = ""
    frame: Frame | None = None
    overlay: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    number: int = 0
    info: SourceInfo | None = None
    fps: float = float("nan")
    remarks: tuple[Remark, ...] = ()
    face: Loading = Loading.LOADING
    face_message: str = ""
    bytes_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class MicrophoneState:
    """What the microphone gives.

    Attributes:
        status: how it is.
        message: why it failed or was lost, one sentence; "" otherwise.
        info: what was opened.
        peak_dbfs: of the latest block.
        rms_dbfs: of the latest block.
        hold_dbfs: highest peak of the last `HOLD_S`.
        clipping: whether samples were at full scale in the last seconds.
        noise_db: level without speech, dBFS; NaN while unknown.
        speech_db: level of speech, dBFS; NaN while unknown.
        remarks: what to mend.
        heard: whether any block came.
    """

    status: Status = Status.OFF
    message: str = ""
    info: SourceInfo | None = None
    peak_dbfs: float = SILENCE_DBFS
    rms_dbfs: float = SILENCE_DBFS
    hold_dbfs: float = SILENCE_DBFS
    clipping: bool = False
    noise_db: float = float("nan")
    speech_db: float = float("nan")
    remarks: tuple[Remark, ...] = ()
    heard: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What the lookout saw.

    Attributes:
        number: of the scan; 0 before the first.
        cameras: plugged in.
        microphones: of every backend.
        notes: a sentence for each sound backend that cannot be used.
        missing: needed model files that are missing or damaged.
        models: needed model files in all.
        free_bytes: on the disk that sessions go to; None where it cannot be told.
    """

    number: int = 0
    cameras: tuple[CameraDevice, ...] = ()
    microphones: tuple[MicrophoneDevice, ...] = ()
    notes: tuple[str, ...] = ()
    missing: tuple[Checked, ...] = ()
    models: int = 0
    free_bytes: int | None = None

    @property
    def command(self) -> str:
        """What mends the model files; "" where nothing is to be mended."""
        return PULL if self.missing else ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it at one moment.

    Attributes:
        camera: picture.
        microphone: sound.
        found: lists, model files, disk.
        testing: whether the clap test runs.
        delay: what the clap test knows.
    """

    camera: CameraState
    microphone: MicrophoneState
    found: Found
    testing: bool
    delay: DelayResult

    @property
    def both_live(self) -> bool:
        """Whether a camera and a microphone are there, neither of them a file."""
        both = self.camera, self.microphone
        return all(d.status is Status.ON and d.info is not None and d.info.duration_s is None for d in both)

    @property
    def bytes_per_s(self) -> float:
        """What a recording takes, bytes a second."""
        video = 0.0
        if self.camera.status is not Status.OFF:
            video = self.camera.bytes_per_s or USUAL_VIDEO_BYTES
        return video + (SOUND_BYTES if self.microphone.status is not Status.OFF else 0) + ROW_BYTES

    @property
    def hours(self) -> float | None:
        """Hours that can be recorded; None while unknown."""
        return None if self.found.free_bytes is None else self.found.free_bytes / self.bytes_per_s / 3600


class Face(Protocol):
    """The part of `FaceStream` that is used."""

    def step(self, packet: VideoPacket) -> CueFrame: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Voice(Protocol):
    """The part of `VoiceStream` that is used."""

    def step(self, packet: AudioPacket) -> list[CueFrame]: ...  # noqa: D102


Opener = Callable[[str, Clock, Ledger], "Source | None"]


_PORTAUDIO: Final = threading.Lock()
"""PortAudio's list is one for the process: it is not made anew while a stream is being opened from it."""


def open_sound(spec: str, clock: Clock, ledger: Ledger) -> Source | None:
    """Open as a session will; where there is no such microphone, it is looked for anew before the next attempt."""
    with _PORTAUDIO:
        try:
            return open_audio(spec, clock, ledger)
        except DeviceError:
            _look_anew()
            raise


def open_camera(spec: str, clock: Clock, ledger: Ledger) -> Source | None:
    """Open as a session will: the same size and rate are asked for."""
    asked = Settings().camera
    return open_video(spec, clock, ledger, size=(asked.width, asked.height), fps=asked.fps)


def make_face() -> Face:
    """A face stream on the installed model."""
    from ahdetect.models.face import FaceModel, FaceStream  # loads MediaPipe

    return FaceStream(FaceModel())


def make_voice() -> Voice:
    """A voice stream."""
    from ahdetect.models.voice import VoiceModel, VoiceStream  # loads onnxruntime

    return VoiceStream(VoiceModel())


class _DeviceRows(Ledger):
    """Only what devices do: a preview may run all day, and its dropped pictures are nobody's loss."""

    def write(self, t_ns: int, kind: str, where: str, **detail: Any) -> None:
        if kind.startswith("device_"):
            super().write(t_ns, kind, where, **detail)


class _Loader(Generic[T]):
    """Makes something slow on a thread of its own, once."""

    def __init__(self, name: str, make: Callable[[], T]) -> None:
        self._make = make
        self.made: T | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"ahdetect-{name}", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            self.made = self._make()
        except BaseException as error:  # shown as a sentence
            self.error = error


class Watch(Stage, Generic[T]):
    """Keeps the chosen device open, hands its packets to `take`, and tells how it is.

    Opening happens on this stage's thread. A device that is not there is tried again every `AGAIN_S`; one that was
    unplugged looks after itself (capture does that) and its ledger says so here. A file that ends begins anew.

    Args:
        name: of the thread.
        clock: session time of the preview.
        opener: makes the source from what was chosen.
        policy: of the edge from it.
    """

    def __init__(self, name: str, clock: Clock, opener: Opener, policy: Policy) -> None:
        super().__init__(name, clock)
        self._opener, self._policy = opener, policy
        self._wanted: str | None = None
        self._spec: str | None = None
        self._source: Source | None = None
        self._edge: Edge[T] | None = None
        self._rows: Ledger = _DeviceRows()
        self._rows_read = 0
        self._next_try_ns = 0
        self._permanent = False
        self.idle = threading.Event()
        self.idle.set()

    def choose(self, spec: str | None) -> None:
        """Take this device from now on; None or "none" lets go of the present one. Any thread; returns at once."""
        if spec == OFF:
            spec = None
        if spec is not None:
            self.idle.clear()
        self._wanted = spec

    def step(self) -> Progress:
        """Open, close, or take one packet."""
        wanted = self._wanted
        if wanted != self._spec:
            self._let_go()
            self._spec, self._next_try_ns = wanted, 0
            self.tell(Status.OFF if wanted is None else Status.OPENING, "")
        if self._spec is None:
            self.idle.set()
            return self._rest()
        self.idle.clear()
        if self._source is None:
            return self._try()
        assert self._edge is not None
        packet = self._edge.take(0.05)
        self._read_rows()
        if packet is None:
            if self._edge.exhausted:
                self._ended()
            return Progress.IDLE
        self.take(packet)
        return Progress.WORKED

    def finish(self) -> None:
        """Let the device go."""
        self._let_go()
        self.idle.set()

    @abstractmethod
    def opened(self, source: Source, edge: Edge[T]) -> None:
        """Subscribe `edge` to a source that was opened, and begin anew."""

    @abstractmethod
    def take(self, packet: Packet[T]) -> None:
        """One packet of it."""

    @abstractmethod
    def tell(self, status: Status, message: str) -> None:
        """The device is now so."""

    def _try(self) -> Progress:
        assert self._spec is not None
        if self.clock.now_ns() < self._next_try_ns or self._permanent:
            return self._rest()
        rows = _DeviceRows()
        try:
            source = self._opener(self._spec, self.clock, rows)
        except Exception as error:  # one that nobody expected must not end the preview either
            told = known(error)
            self._permanent = told.permanent
            self._next_try_ns = self.clock.now_ns() + round(AGAIN_S * NS_PER_S)
            self.tell(Status.FAILED, str(told))
            return Progress.IDLE
        if source is None:
            self._spec = self._wanted = None
            return Progress.IDLE
        edge: Edge[T] = Edge(f"{self.name}->preview", self._policy, self.clock, rows)
        self._source, self._edge, self._rows, self._rows_read = source, edge, rows, 0
        self.opened(source, edge)
        source.start()
        self.tell(Status.ON, "")
        return Progress.WORKED

    def _read_rows(self) -> None:
        news, self._rows_read = self._rows.since(self._rows_read)
        for row in news:
            lost = row.kind == "device_lost"
            self.tell(Status.LOST if lost else Status.ON, str(row.detail.get("reason", "")) if lost else "")

    def _ended(self) -> None:
        error = self._source.error if self._source is not None else None
        self._let_go()
        if error is not None:
            self._next_try_ns = self.clock.now_ns() + round(AGAIN_S * NS_PER_S)
            self.tell(Status.FAILED, str(known(error)))

    def _let_go(self) -> None:
        self._permanent = False
        source, self._source, self._edge = self._source, None, None
        if source is not None:
            source.stop()
            source.join(10.0)  # a stuck stream answers within its time-out (capture/camera.py)

    def _rest(self) -> Progress:
        self.clock.wait_until(self.clock.now_ns() + 50 * NS_PER_MS, self.stopping)
        return Progress.IDLE


class CameraWatch(Watch[Frame]):
    """The camera: pictures, face, remarks, cost of recording.

    Attributes:
        state: the latest.
        test: the clap test, while there is one; the face is not looked for meanwhile, so that no picture is missed.
    """

    def __init__(self, clock: Clock, opener: Opener = open_camera, face: Callable[[], Face] = make_face) -> None:
        super().__init__("devices-camera", clock, opener, LATEST_ONLY)
        self.state = CameraState()
        self.test: DelayTest | None = None
        self._make_face = face
        self._loader: _Loader[Face] | None = None
        self._forget_face = threading.Event()
        self._begin()

    def reload_face(self) -> None:
        """Look for the model file anew, if it was missing. Any thread."""
        self._forget_face.set()

    def opened(self, source: Source, edge: Edge[Frame]) -> None:
        """Begin anew with a camera."""
        if not source.info.has_video:
            edge.close()
        source.subscribe_video(edge)
        self._begin()
        self.state = replace(self.state, info=source.info, fps=float("nan"))

    def tell(self, status: Status, message: str) -> None:
        """Keep it; the picture of a device that is not there is not shown."""
        gone = status is not Status.ON
        if gone:
            self._judge = PictureJudge()
            self._times.clear()
            self.state = replace(
                self.state, frame=None, overlay={}, remarks=(), fps=float("nan"), number=self.state.number + 1
            )
        if status in (Status.OFF, Status.OPENING):
            self.state = replace(self.state, info=None, bytes_per_s=None)
        self.state = replace(self.state, status=status, message=message)

    def take(self, packet: VideoPacket) -> None:
        """One picture."""
        test, face = self.test, self._face()
        cues: CueFrame | None = None
        if test is not None:
            test.see(packet)
        elif face is not None:
            cues = face.step(packet)
        self._judge.step(packet.t_ns, packet.data, cues)
        fps = self._rate(packet)
        self._cost(packet, fps)
        overlay = cues.overlay if cues is not None else {}
        self.state = replace(
            self.state,
            frame=packet.data,
            overlay=overlay,
            number=self.state.number + 1,
            fps=fps,
            remarks=self._judge.remarks(fps),
        )

    def finish(self) -> None:
        """Let camera and face go."""
        super().finish()
        if self._loader is not None:
            self._loader.join()
            if self._loader.made is not None:
                self._loader.made.close()
                self._loader = None

    def _begin(self) -> None:
        self._judge = PictureJudge()
        self._times: deque[tuple[int, int]] = deque()
        self._encoder: _Cost | None = None
        self._encode_at_ns = self.clock.now_ns() + NS_PER_S  # after the rush of opening

    def _face(self) -> Face | None:
        loader = self._loader
        if loader is not None and loader.error is not None and self._forget_face.is_set():
            loader = None
        self._forget_face.clear()
        if loader is None:
            loader = self._loader = _Loader("devices-face", self._make_face)
            self.state = replace(self.state, face=Loading.LOADING, face_message="")
        if not loader.ended:
            return None
        if loader.error is not None:
            self.state = replace(self.state, face=Loading.MISSING, face_message=str(known(loader.error)))
        elif self.state.face is not Loading.READY:
            self.state = replace(self.state, face=Loading.READY, face_message="")
        return loader.made

    def _rate(self, packet: VideoPacket) -> float:
        """Pictures a second that the camera made, those that nobody had time for included."""
        self._times.append((packet.seq, packet.t_ns))
        while self._times[0][1] < packet.t_ns - RATE_OVER_S * NS_PER_S:
            self._times.popleft()
        (first, began_ns), (last, now_ns) = self._times[0], self._times[-1]
        if now_ns - began_ns < RATE_OVER_S / 2 * NS_PER_S:
            return self.state.fps
        return (last - first) * NS_PER_S / (now_ns - began_ns)

    def _cost(self, packet: VideoPacket, fps: float) -> None:
        """Encode some seconds now and then, as a recording would be."""
        if self.test is not None or packet.t_ns < self._encode_at_ns:
            return
        if self._encoder is None:
            self._encoder = _Cost(fps)
        self._encoder.add(packet)
        if self._encoder.seconds >= ENCODE_S:
            self.state = replace(self.state, bytes_per_s=self._encoder.finish())
            self._encoder, self._encode_at_ns = None, packet.t_ns + round(ENCODE_EVERY_S * NS_PER_S)


class _Size(io.BytesIO):
    """A file in memory that knows how large it was when it was closed."""

    size = 0

    def close(self) -> None:
        if not self.closed:
            self.size = self.getbuffer().nbytes
        super().close()


class _Cost:
    """Pictures flow in, the bytes a second that the recorder's own encoder makes of them flow out."""

    def __init__(self, fps: float) -> None:
        self._file = _Size()
        self._video = VideoFile(self._file, fps if fps >= 1 else 0.0)
        self._first: VideoPacket | None = None
        self._last: VideoPacket | None = None
        self._count = 0
        self._fps = fps

    @property
    def seconds(self) -> float:
        """Encoded so far."""
        return 0.0 if self._first is None or self._last is None else (self._last.t_ns - self._first.t_ns) / NS_PER_S

    def add(self, packet: VideoPacket) -> None:
        """One more picture."""
        self._video.write(packet)
        self._first, self._last, self._count = self._first or packet, packet, self._count + 1

    def finish(self) -> float:
        """Bytes a second; pictures that the preview skipped are counted in by their share."""
        self._video.close()
        assert self._first is not None
        assert self._last is not None
        made = self._last.seq - self._first.seq + 1
        return self._file.size / self.seconds * made / self._count


class MicrophoneWatch(Watch[AudioBlock]):
    """The microphone: level, noise, remarks.

    Attributes:
        state: the latest.
        test: the clap test, while there is one.
    """

    def __init__(self, clock: Clock, opener: Opener = open_sound, voice: Callable[[], Voice] = make_voice) -> None:
        super().__init__("devices-microphone", clock, opener, LOSSLESS)
        self.state = MicrophoneState()
        self.test: DelayTest | None = None
        self._make_voice = voice
        self._loader: _Loader[Voice] | None = None
        self._voice: Voice | None = None
        self._begin()

    def opened(self, source: Source, edge: Edge[AudioBlock]) -> None:
        """Begin anew with a microphone."""
        source.subscribe_audio(edge)
        self._begin()
        self.state = replace(self.state, info=source.info)

    def tell(self, status: Status, message: str) -> None:
        """Keep it; the level of a device that is not there is not shown."""
        if status is not Status.ON:
            self.state = MicrophoneState(info=self.state.info)
            self._judge = SoundJudge()
        if status in (Status.OFF, Status.OPENING):
            self.state = replace(self.state, info=None)
        self.state = replace(self.state, status=status, message=message)

    def take(self, packet: AudioPacket) -> None:
        """One block."""
        test = self.test
        if test is not None:
            test.hear(packet)
        frames = self._frames(packet)
        if packet.data.synthetic or not len(packet.data.pcm):
            return
        now = level(packet.data.pcm, packet.end_ns)
        self._judge.step(now, frames)
        self._peaks.append((now.t_ns, now.peak_dbfs))
        while self._peaks[0][0] < now.t_ns - HOLD_S * NS_PER_S:
            self._peaks.popleft()
        self.state = replace(
            self.state,
            peak_dbfs=now.peak_dbfs,
            rms_dbfs=now.rms_dbfs,
            hold_dbfs=max(peak for _, peak in self._peaks),
            clipping=self._judge.clipping,
            noise_db=self._judge.noise_db,
            speech_db=self._judge.speech_db,
            remarks=self._judge.remarks(),
            heard=True,
        )

    def finish(self) -> None:
        """Let the microphone go."""
        super().finish()
        if self._loader is not None:
            self._loader.join()

    def _begin(self) -> None:
        self._judge = SoundJudge()
        self._peaks: deque[tuple[int, float]] = deque()
        self._voice = None
        self._loader = None

    def _frames(self, packet: AudioPacket) -> list[CueFrame]:
        """Voice cues, once the stream is made; without it the level is shown all the same."""
        if self._loader is None:
            self._loader = _Loader("devices-voice", self._make_voice)
        if not self._loader.ended or self._loader.made is None:
            return []
        return self._loader.made.step(packet)


def reload_sound() -> None:
    """Make PortAudio look for microphones anew; it does nothing while a stream of ours is open."""
    with _PORTAUDIO:
        _look_anew()


def _look_anew() -> None:
    for make in BACKENDS.values():
        with suppress(Exception):  # `microphones` makes a note of it
            make().rescan()


def list_microphones() -> tuple[list[MicrophoneDevice], list[str]]:
    """Microphones of every backend, and a sentence for each backend that cannot be used."""
    with _PORTAUDIO:
        return microphones()


class Lookout(Stage):
    """Looks for devices, model files and disk space.

    Attributes:
        found: the latest.
        folder: where sessions go; it need not exist yet.
        hush: within it no microphone is open; sound devices are looked for anew only then.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        find_cameras: Callable[[], list[CameraDevice]] = cameras,
        find_microphones: Callable[[], tuple[list[MicrophoneDevice], list[str]]] = list_microphones,
        reload: Callable[[], None] = reload_sound,
        cache: Callable[[], Cache] = Cache.default,
    ) -> None:
        super().__init__("devices-lookout", clock)
        self.found = Found()
        self.folder = Path.home()
        self.hush: Callable[[], AbstractContextManager[None]] = nullcontext
        self._find_cameras, self._find_microphones = find_cameras, find_microphones
        self._reload, self._cache = reload, cache
        self._asked = threading.Event()
        self._asked.set()
        self._next_disk_ns = 0

    def rescan(self) -> None:
        """Look again. Any thread; returns at once."""
        self._asked.set()

    def step(self) -> Progress:
        """Look if asked to; otherwise at the disk now and then."""
        worked = False
        if self._asked.is_set():
            self._asked.clear()
            self._scan()
            worked = True
        if self.clock.now_ns() >= self._next_disk_ns:
            self._next_disk_ns = self.clock.now_ns() + round(DISK_EVERY_S * NS_PER_S)
            self.found = replace(self.found, free_bytes=free_bytes(self.folder))
        if not worked:
            self.clock.wait_until(self.clock.now_ns() + 50 * NS_PER_MS, self.stopping)
        return Progress.WORKED if worked else Progress.IDLE

    def _scan(self) -> None:
        seen = self._find_cameras()
        if self.found.number:  # the first list is fresh
            with self.hush():
                self._reload()
        heard, notes = self._find_microphones()
        found = replace(self.found, cameras=tuple(seen), microphones=tuple(heard), notes=tuple(notes))
        needed = [row for row in self._cache().verify(full=False) if not row.entry.optional]
        missing = tuple(row for row in needed if row.state is not State.OK)
        self.found = replace(found, missing=missing, models=len(needed), number=found.number + 1)


def free_bytes(folder: Path) -> int | None:
    """Free for this user on the disk that `folder` is on, or will be."""
    for existing in (folder, *folder.parents):
        try:
            return shutil.disk_usage(existing).free
        except OSError:
            continue
    return None


class DeviceModel:
    """Camera, microphone and lookout in one; what the devices screen shows.

    Args:
        clock: of the preview; None makes one.
        camera: watches the camera.
        microphone: watches the microphone.
        lookout: looks around.

    Example:
        >>> model = DeviceModel()
        >>> model.start()
        >>> model.choose("0", "sounddevice:default")
        >>> model.snapshot().camera.fps
        >>> model.close()
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        camera: CameraWatch | None = None,
        microphone: MicrophoneWatch | None = None,
        lookout: Lookout | None = None,
    ) -> None:
        clock = clock or SessionClock()
        self.camera = camera or CameraWatch(clock)
        self.microphone = microphone or MicrophoneWatch(clock)
        self.lookout = lookout or Lookout(clock)
        self.lookout.hush = self._without_microphone
        self._audio: str | None = None
        self._hushed = False
        self._test: DelayTest | None = None
        self._result = DelayResult()

    def start(self) -> None:
        """Start the threads; nothing is opened yet."""
        for stage in self._stages():
            stage.start()

    def choose(self, video: str | None, audio: str | None) -> None:
        """Take these devices, as `open_video` and `open_audio` name them; None or "none" lets go."""
        self.camera.choose(video)
        self._audio = audio
        if not self._hushed:
            self.microphone.choose(audio)

    def rescan(self) -> None:
        """Look again for devices and for model files."""
        self.camera.reload_face()
        self.lookout.rescan()

    def let_go(self, timeout_s: float = 0.3) -> bool:
        """Let the devices go, and wait a moment for it; True where they are free."""
        self.stop_test()
        self.choose(None, None)
        began_ns = self.camera.clock.now_ns()
        free = self.camera.idle.wait(timeout_s) if self.camera.alive else True
        left_s = max(0.0, timeout_s - (self.camera.clock.now_ns() - began_ns) / NS_PER_S)
        return (self.microphone.idle.wait(left_s) if self.microphone.alive else True) and free

    def start_test(self) -> None:
        """Begin the clap test, from nothing."""
        self._result = DelayResult()
        self._test = self.camera.test = self.microphone.test = DelayTest()

    def stop_test(self) -> None:
        """End the clap test; what it knows stays."""
        if self._test is not None:
            self._result = self._test.result()
        self._test = self.camera.test = self.microphone.test = None

    def snapshot(self) -> Snapshot:
        """Everything at this moment; ends a clap test that is done."""
        if self._test is not None:
            self._result = self._test.result()
            if self._result.done:
                self.stop_test()
        return Snapshot(
            self.camera.state, self.microphone.state, self.lookout.found, self._test is not None, self._result
        )

    def close(self, timeout_s: float = 5.0) -> bool:
        """End the threads and let everything go; True where all ended in time."""
        stages = self._stages()
        for stage in stages:
            stage.stop()
        ended = [stage.join(timeout_s) for stage in stages]
        return all(ended)

    @contextmanager
    def _without_microphone(self) -> Iterator[None]:
        """The microphone is let go for a moment; on the lookout's thread."""
        self._hushed = True
        self.microphone.choose(None)
        if self.microphone.alive:
            self.microphone.idle.wait(LET_GO_S)
        try:
            yield
        finally:
            self._hushed = False
            self.microphone.choose(self._audio)

    def _stages(self) -> tuple[Stage, ...]:
        return self.camera, self.microphone, self.lookout


def audio_spec(audio: str, driver: str) -> str:
    """A remembered microphone as `open_audio` takes it; files, "none" and names with a driver are left alone."""
    if audio == OFF or "/" in audio or Path(audio).exists() or audio.partition(":")[0] in BACKENDS:
        return audio
    return f"{driver}:{audio}"
