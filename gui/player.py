"""Player: a recording and wishes (play, seek, step, speed) flow in; picture and sound in time with each other flow out.

It knows no Qt. The sound clock leads and pictures follow: where a sample is heard is what time it is. Without a sound
device, or without sound in the recording, the computer's monotonic clock leads, and `Player.note` says so.

Sound at another speed keeps its pitch (FFmpeg's `atempo`, WSOLA). All decoding is done on two threads of its own;
nothing that a window calls here waits for a file or a device.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol, TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.media import Media, Picture, VideoReader, name_of
from ahdetect.capture.packets import Frame
from ahdetect.capture.portaudio import SoundDeviceBackend
from ahdetect.capture.quiet import quiet_stderr
from ahdetect.errors import AhdetectError, MediaError, StoreError

SPEEDS: Final = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)

MAX_SIDE: Final = 1280
"""Longest side of the pictures, px; larger ones are scaled down while they are converted."""

AHEAD: Final = 8
"""Pictures that are decoded ahead: a quarter of a second at 30 fps, 22 MB at 1280 x 720."""

NEAR_S: Final = 1.5
"""A moment up to this far ahead is reached by decoding on; beyond it a seek to the key frame before it is cheaper."""

LATE_S: Final = 1.0
"""Pictures that are further behind than this are reached by a seek, not by decoding all between."""

BUFFER_S: Final = 0.5
"""Seconds of sound that wait for the device."""

START_S: Final = 0.1
"""Seconds of sound that must wait before the device gets the first."""

LATENCY_S: Final = 0.2
"""Asked of the sound device: small enough to answer at once, large enough for a Python callback on a busy machine
(.08 ran dry every few seconds at a load of 10 on 2 cores). Pictures follow what is heard, so it does not shift them."""

BELIEVED_S: Final = 0.1
"""A device that says its samples are heard this much earlier or later than evenly has lost some."""

STEADY: Final = 0.05
"""Share of the difference that each callback takes over: half of it after 14 callbacks, a second or less."""

SILENT_AFTER_S: Final = 2.0
"""Without a callback of the sound device for this long, the monotonic clock takes over. A machine at seven times its
load leaves holes of a second (measured)."""

OPENING_S: Final = 3.0
"""Added to that for the first callback: opening a device of a sound server takes up to two seconds."""

SEARCH_S: Final = 0.3
"""A search for a picture that takes longer gives way to a newer wish, so that a cursor that is dragged about gets
pictures all the time and the last one soon."""

HELD_S: Final = 0.25
"""Pictures that come too late are left out, but not for longer than this: a slow machine shows some."""

CLOSING_S: Final = 3.0
"""Longest wait for a thread that ends: the driver of a device that was pulled out may never answer."""

HOLE_S: Final = 0.015
"""A jump of audio timestamps that is larger is a hole or an overlap, as in `capture.media`."""

_TICK_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class Source:
    """A file to play.

    Attributes:
        path: with pictures, with sound, or with both; of an encrypted session what opens it.
        origin_s: the file's own time that is session time 0; None takes the start of the file, as replay does.
    """

    path: Media
    origin_s: float | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that is on.

    Attributes:
        t_s: since when, session time.
        until_s: until when.
        frame: RGB uint8, (height, width, 3).
    """

    t_s: float
    until_s: float
    frame: Frame


class Output(Protocol):
    """An open sound device that calls back for samples."""

    rate: int

    def start(self) -> None:
        """Begin to call back."""
        ...

    def close(self) -> None:
        """Stop at once and let the device go."""
        ...


Fill: TypeAlias = Callable[[int, float], NDArray[np.float32]]
"""`fill(count, heard_at)`: float32, shape (count, 2), whose first sample is heard at `heard_at` of the clock."""

OpenOutput: TypeAlias = Callable[[Fill, Callable[[], float]], Output]
"""Opens a sound device; raises OSError with a sentence where there is none."""


class Player:
    """Plays a recording, scrubs in it, and steps through its pictures.

    Args:
        video: where the pictures are; None where there are none.
        sound: where the sound is; None where there is none.
        duration_s: length of the recording.
        output: opens the sound device.
        now: monotonic clock, seconds.

    Raises:
        MediaError: the pictures cannot be opened. (Sound that cannot be opened becomes a `note`.)
    """

    def __init__(
        self,
        video: Source | None,
        sound: Source | None,
        duration_s: float,
        *,
        output: OpenOutput | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.duration_s = duration_s
        self.speed = 1.0
        self._now = now
        self._lock = threading.RLock()
        self._at_s = 0.0
        self._playing = False
        self._clock: tuple[float, float] | None = None  # (now, position) where the monotonic clock leads
        self._began = 0.0
        self._sound = _Sound(sound, duration_s, output or open_sounddevice, now) if sound is not None else None
        self.note = "" if sound is not None else "no sound in the recording"
        self._pictures = _Pictures(video, lambda: self.position_s) if video is not None else None

    @property
    def damage(self) -> str:
        """What of the pictures could not be read, in a sentence; "" while nothing is wrong."""
        return self._pictures.damage if self._pictures is not None else ""

    # -- what a window asks for, at any time

    @property
    def playing(self) -> bool:
        """Whether time goes on by itself."""
        self.position_s  # noqa: B018  the end is noticed by whoever looks first
        return self._playing

    @property
    def leads(self) -> str:
        """Which clock leads: "sound" or "clock"."""
        return "sound" if self._sound is not None and not self.note else "clock"

    @property
    def has_picture(self) -> bool:
        """Whether there are pictures."""
        return self._pictures is not None

    @property
    def position_s(self) -> float:
        """What time of the recording it is now."""
        with self._lock:
            if self._playing:
                self._at_s = min(max(self._position(), self._at_s), self.duration_s)
                if self._at_s >= self.duration_s:
                    self.pause()
            return self._at_s

    def picture(self, ahead_s: float = 0.0) -> Shown | None:
        """The picture that is on now, or, while it is being looked for, the one before.

        Args:
            ahead_s: while playing, seconds of real time until it will be seen: half a beat of the one who asks makes
                pictures as often early as late.
        """
        if self._pictures is None:
            return None
        stepped = self._pictures.take_stepped()
        if stepped is not None:
            with self._lock:
                if not self._playing:
                    self._at_s = stepped
        at = self.position_s
        return self._pictures.at(at + ahead_s * self.speed if self._playing else at)

    # -- what a window wants

    def play(self) -> None:
        """Go on from here; from the end, begin again."""
        with self._lock:
            if self._playing:
                return
            if self._at_s >= self.duration_s - 1e-3:
                self.seek(0.0)
            self._playing = True
            self._start()

    def pause(self) -> None:
        """Stop here."""
        with self._lock:
            if not self._playing:
                return
            self._at_s = min(max(self._position(), self._at_s), self.duration_s)
            self._playing, self._clock = False, None
            if self._sound is not None:
                self._sound.stop()
            if self._pictures is not None:
                self._pictures.pause()
                self._pictures.seek(self._at_s)

    def seek(self, t_s: float) -> None:
        """Go to `t_s`; playing goes on from there."""
        with self._lock:
            self._at_s = min(max(t_s, 0.0), self.duration_s)
            if self._pictures is not None:
                self._pictures.seek(self._at_s)
            if self._playing:
                self._start()

    def step(self, pictures: int) -> None:
        """Go on or back by a number of pictures; pauses."""
        self.pause()
        if self._pictures is not None:
            self._pictures.step(pictures)

    def set_speed(self, speed: float) -> None:
        """Play at this many times the real speed, one of `SPEEDS`."""
        with self._lock:
            at = self.position_s
            self.speed = speed
            if self._playing:
                self._at_s = at
                self._start()

    def close(self) -> None:
        """End the threads, let go of files and device."""
        with self._lock:
            self._playing = False
        for part in (self._sound, self._pictures):
            if part is not None:
                part.close()

    # -- time

    def _start(self) -> None:
        self._began = self._now()
        self._clock = None
        if self._sound is None:
            self._clock = self._began, self._at_s
        else:
            self.note = ""
            self._sound.play(self._at_s, self.speed)
        if self._pictures is not None:
            self._pictures.play()

    def _position(self) -> float:
        now = self._now()
        if self._clock is None:
            assert self._sound is not None
            trouble = self._sound.trouble or self._silent(now)
            if not trouble:
                return self._sound.position(now)
            self.note = trouble
            self._clock = now, max(self._at_s, self._sound.position(now))
            self._sound.stop()
        since, at = self._clock
        return at + (now - since) * self.speed

    def _silent(self, now: float) -> str:
        assert self._sound is not None
        last = self._sound.called_at
        late = now - last > SILENT_AFTER_S if last is not None else now - self._began > SILENT_AFTER_S + OPENING_S
        return "the sound device does not answer" if late else ""


# -- pictures


class _Pictures:
    """Decodes on a thread of its own: the picture of a moment, the ones around it, and those to come."""

    def __init__(self, source: Source, position: Callable[[], float]) -> None:
        self._reader = VideoReader(source.path, MAX_SIDE)
        if self._reader.stream is None:
            raise MediaError(f"There is no video in {source.path}.", value=source.path)
        self._origin_s = _origin(self._reader.stream.container, source)
        self._position = position
        self.damage = ""
        self._changed = threading.Condition()
        self._wanted: float | None = 0.0
        self._steps = 0
        self._stepped: float | None = None
        self._playing = False
        self._closing = False
        self._ended = False
        self._ahead: deque[Shown] = deque()
        self._decoded: Iterator[Picture] = iter(())
        self._held: Picture | None = None
        self._thread = threading.Thread(target=self._run, name="ahdetect-player-pictures", daemon=True)
        self._thread.start()

    # from any thread

    def at(self, t_s: float) -> Shown | None:
        with self._changed:
            while len(self._ahead) > 1 and self._ahead[1].t_s <= t_s + 1e-6:
                self._ahead.popleft()
                self._changed.notify()
            return self._ahead[0] if self._ahead else None

    def seek(self, t_s: float) -> None:
        with self._changed:
            self._wanted, self._steps, self._stepped, self._ended = t_s, 0, None, False
            self._changed.notify()

    def step(self, pictures: int) -> None:
        with self._changed:
            self._steps += pictures
            self._changed.notify()

    def take_stepped(self) -> float | None:
        with self._changed:
            stepped, self._stepped = self._stepped, None
            return stepped

    def play(self) -> None:
        with self._changed:
            self._playing = True
            self._changed.notify()

    def pause(self) -> None:
        with self._changed:
            self._playing = False

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSING_S)

    # on the thread

    def _run(self) -> None:
        with closing(self._reader):
            while True:
                with self._changed:
                    self._changed.wait_for(self._busy)
                    if self._closing:
                        return
                    wanted, self._wanted = self._wanted, None
                    steps = 0
                    if wanted is None:
                        steps, self._steps = self._steps, 0
                try:
                    if wanted is not None:
                        self._show(self._find(wanted))
                    elif steps:
                        self._step(steps)
                    else:
                        self._go_on()
                except StoreError as error:  # a damaged stretch of an encrypted file; the rest can be looked at
                    self.damage = str(error)
                    self._lose()

    def _lose(self) -> None:
        """Forget the place: nothing more comes until a new wish leads elsewhere."""
        self._held, self._decoded = None, iter(())
        with self._changed:
            self._ended = True

    def _busy(self) -> bool:
        more = self._playing and not self._ended and len(self._ahead) < AHEAD
        return self._closing or self._wanted is not None or bool(self._steps) or more

    def _interrupted(self, since: float = 0.0) -> bool:
        return self._closing or (self._wanted is not None and time.monotonic() - since > SEARCH_S)

    def _show(self, picture: Picture | None, *, stepped: bool = False) -> None:
        """Put up one picture in place of all others."""
        if picture is None:
            return
        shown = self._shown(picture)
        with self._changed:
            self._ahead.clear()
            self._ahead.append(shown)
            if stepped and self._wanted is None:
                self._stepped = shown.t_s

    def _step(self, pictures: int) -> None:
        with self._changed:
            on = self._ahead[0].t_s if self._ahead else 0.0
        self._find(on)
        for _ in range(abs(pictures)):
            if self._held is None or self._interrupted():
                break
            before = self._held
            if pictures > 0:
                if self._next() is None:
                    self._held = before
            else:
                self._find(self._time(self._held) - _TICK_S)
        if self._held is not None and not self._interrupted():
            self._show(self._held, stepped=True)

    def _go_on(self) -> None:
        """Decode the next picture; one whose time is over already is not converted."""
        at = self._position()
        far = self._held is not None and self._time(self._held) < at - LATE_S
        picture = self._find(at) if far else self._next()
        if picture is None:
            with self._changed:
                self._ended = True
            return
        with self._changed:
            newest = self._ahead[-1].t_s if self._ahead else -HELD_S
        if self._time(picture) + picture.dur_ns / 1e9 <= at and self._time(picture) < newest + HELD_S:
            return
        shown = self._shown(picture)
        with self._changed:
            if self._wanted is None and (not self._ahead or shown.t_s > self._ahead[-1].t_s):
                self._ahead.append(shown)

    def _find(self, t_s: float) -> Picture | None:
        """The picture on at `t_s`; the first one before the start, the last one after the end."""
        held, since = self._held, time.monotonic()
        if held is None or not self._time(held) <= t_s <= self._time(held) + NEAR_S:
            back_s = 0.0
            while True:
                self._seek(t_s - back_s)
                if self._held is None or self._time(self._held) <= t_s or t_s - back_s <= 0 or self._interrupted(since):
                    break
                back_s = back_s * 3 + 2.0  # an index that points behind the moment
        while self._held is not None and self._time(self._held) + self._held.dur_ns / 1e9 <= t_s + 1e-6:
            before = self._held
            if self._interrupted(since):
                break
            if self._next() is None:
                self._held = before
                break
        return self._held

    def _seek(self, t_s: float) -> None:
        stream = self._reader.stream
        assert stream is not None
        try:
            stream.container.seek(max(0, int(Fraction(t_s + self._origin_s) / stream.time_base)), stream=stream)
        except av.error.FFmpegError:  # a file without an index that was cut short: read it from its start
            with suppress(av.error.FFmpegError):
                stream.container.seek(0)
        self._decoded = iter(self._reader)
        self._next()

    def _next(self) -> Picture | None:
        self._held = next(self._decoded, None)
        return self._held

    def _time(self, picture: Picture) -> float:
        return picture.t_ns / 1e9 - self._origin_s

    def _shown(self, picture: Picture) -> Shown:
        t_s = self._time(picture)
        return Shown(t_s, t_s + picture.dur_ns / 1e9, self._reader.rgb(picture))


def _origin(container: Any, source: Source) -> float:
    if source.origin_s is not None:
        return source.origin_s
    return float((container.start_time or 0) // 1000 / 1000)  # us, in whole ms as pictures are


# -- sound


@dataclass(frozen=True, slots=True)
class _Span:
    """Samples that were handed to the device: heard from `since` to `until`, from `t_s` on at `slope`."""

    since: float
    until: float
    t_s: float
    slope: float


class Feed:
    """Samples that wait for the device, and at what time which of them is heard.

    Args:
        t_s: where in the recording they begin.
        speed: seconds of the recording per second.
        rate: samples a second of the device.
    """

    def __init__(self, t_s: float, speed: float, rate: int) -> None:
        self.called_at: float | None = None
        self._lock = threading.Lock()
        self._chunks: deque[NDArray[np.float32]] = deque()
        self._waiting = 0
        self._t_s, self._speed, self._rate = t_s, speed, rate
        self._spans: deque[_Span] = deque(maxlen=64)
        self._end_s: float | None = None

    @property
    def waiting_s(self) -> float:
        """Seconds that wait."""
        with self._lock:
            return self._waiting / self._rate

    def push(self, samples: NDArray[np.float32]) -> None:
        """Add float32, shape (n, 2)."""
        with self._lock:
            self._chunks.append(samples)
            self._waiting += len(samples)

    def finish(self, end_s: float) -> None:
        """Nothing more comes: once all is heard it is `end_s`."""
        with self._lock:
            self._end_s = end_s

    @property
    def finished(self) -> bool:
        """Whether all there is was pushed."""
        with self._lock:
            return self._end_s is not None

    def fill(self, count: int, heard_at: float, now: float) -> NDArray[np.float32]:
        """The next samples; silence, in which time stands still, where there are none."""
        out = np.zeros((count, 2), np.float32)
        at = 0
        with self._lock:
            self.called_at = now
            heard_at = self._steady(heard_at)
            while at < count and self._chunks:
                chunk = self._chunks[0]
                take = min(count - at, len(chunk))
                out[at : at + take] = chunk[:take]
                at += take
                if take == len(chunk):
                    self._chunks.popleft()
                else:
                    self._chunks[0] = chunk[take:]
            self._waiting -= at
            for length, slope in ((at, self._speed), (count - at, 0.0)):
                if length:
                    until = heard_at + length / self._rate
                    self._spans.append(_Span(heard_at, until, self._t_s, slope))
                    self._t_s += length / self._rate * slope
                    heard_at = until
        return out

    def _steady(self, heard_at: float) -> float:
        """When the next samples are heard: right after those before, moved slowly to what the device says now.

        A sound server tells its delay in steps of its own blocks; samples themselves come evenly.
        """
        if not self._spans or abs(heard_at - self._spans[-1].until) > BELIEVED_S:
            return heard_at
        expected = self._spans[-1].until
        return expected + STEADY * (heard_at - expected)

    def position(self, now: float) -> float:
        """What is heard now, seconds of the recording."""
        with self._lock:
            span = next((s for s in reversed(self._spans) if s.since <= now), None)
            if span is None:
                return self._spans[0].t_s if self._spans else self._t_s
            if self._end_s is not None and not self._waiting and now >= self._heard_until():
                return self._end_s
            return span.t_s + (min(now, span.until) - span.since) * span.slope

    def _heard_until(self) -> float:
        return max((s.until for s in self._spans if s.slope), default=self._spans[-1].since)


class _Sound:
    """Decodes, stretches and hands out sound on a thread of its own."""

    def __init__(self, source: Source, duration_s: float, output: OpenOutput, now: Callable[[], float]) -> None:
        self.trouble = ""
        self._source, self._duration_s, self._open, self._now = source, duration_s, output, now
        self._changed = threading.Condition()
        self._order: tuple[float, float] | None = None
        self._number = 0  # of the newest order; what was begun for an older one stops
        self._feed: Feed | None = None
        self._from = 0.0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="ahdetect-player-sound", daemon=True)
        self._thread.start()

    # from any thread

    @property
    def called_at(self) -> float | None:
        with self._changed:
            return self._feed.called_at if self._feed is not None else None

    def play(self, t_s: float, speed: float) -> None:
        with self._changed:
            self._order, self._from, self._feed, self.trouble = (t_s, speed), t_s, None, ""
            self._number += 1
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._order, self._feed = None, None
            self._number += 1
            self._changed.notify()

    def position(self, now: float) -> float:
        with self._changed:
            feed = self._feed
            return feed.position(now) if feed is not None else self._from

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self.stop()
        self._thread.join(CLOSING_S)

    # on the thread

    def _run(self) -> None:
        device: Output | None = None
        while True:
            with self._changed:
                if device is None:
                    self._changed.wait_for(lambda: self._order is not None or self._closing)
                order, number, ended = self._order, self._number, self._closing
            if order is None or ended:
                if device is not None:
                    device.close()
                    device = None
                if ended:
                    return
                continue
            try:
                device = device or self._open(self._fill, self._now)
                device.start()
                self._serve(device, number, *order)
            except (OSError, AhdetectError, av.error.FFmpegError) as error:
                self._fail(number, str(error))

    def _fill(self, count: int, heard_at: float) -> NDArray[np.float32]:
        with self._changed:
            feed = self._feed
        return np.zeros((count, 2), np.float32) if feed is None else feed.fill(count, heard_at, self._now())

    def _serve(self, device: Output, number: int, t_s: float, speed: float) -> None:
        feed = Feed(t_s, speed, device.rate)
        chunks = read_sound(self._source, t_s, self._duration_s, speed, device.rate)
        with closing(chunks):
            for samples in chunks:
                feed.push(samples)
                with self._changed:
                    if self._number == number and feed.waiting_s > START_S:
                        self._feed = feed
                    while self._number == number and feed.waiting_s > BUFFER_S:
                        self._changed.wait(BUFFER_S / 4)
                    if self._number != number:
                        return
        feed.finish(self._duration_s)
        with self._changed:
            if self._number == number:
                self._feed = feed
                self._changed.wait_for(lambda: self._number != number)

    def _fail(self, number: int, why: str) -> None:
        with self._changed:
            if self._number == number:
                self._order = None
                self.trouble = why


def read_sound(
    source: Source, t_s: float, until_s: float, speed: float, rate: int
) -> Generator[NDArray[np.float32], None, None]:
    """Sound of a recording from a moment on, stretched in time, its pitch kept.

    Args:
        source: the file.
        t_s: session time to begin at.
        until_s: session time to end at; where the file has nothing, there is silence.
        speed: times the real speed.
        rate: samples a second that are wanted.

    Yields:
        float32, shape (n, 2). Sample k is of the time t_s + k * speed / rate.

    Raises:
        MediaError: the file cannot be opened or has no sound.
    """
    if speed == 1.0:
        yield from _from_moment(source, t_s, until_s, rate)
        return
    graph = av.filter.Graph()
    buffer = graph.add_abuffer(format="flt", sample_rate=rate, layout="stereo", time_base=Fraction(1, rate))
    tempo, sink = graph.add("atempo", str(speed)), graph.add("abuffersink")
    buffer.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    fed = 0
    for samples in _from_moment(source, t_s, until_s, rate):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, fed, Fraction(1, rate)
        fed += len(samples)
        buffer.push(frame)
        yield from _pulled(sink)
    buffer.push(None)
    yield from _pulled(sink)


def _pulled(sink: Any) -> Iterator[NDArray[np.float32]]:
    while True:
        try:
            yield sink.pull().to_ndarray().reshape(-1, 2)
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _from_moment(source: Source, t_s: float, until_s: float, rate: int) -> Iterator[NDArray[np.float32]]:
    """float32 (n, 2) from `t_s` to `until_s` without holes: what timestamps leave out is silence."""
    total = max(0, round((until_s - t_s) * rate))
    given = 0
    for want, samples in _decoded_sound(source, t_s, rate):
        off = want - given
        if off < -len(samples):
            continue  # before the moment
        if abs(off) > HOLE_S * rate or given == 0:
            if off > 0:
                for length in _pieces(min(off, total - given), rate):
                    given += length
                    yield np.zeros((length, 2), np.float32)
            else:
                samples = samples[-off:]
        samples = samples[: total - given]
        if len(samples):
            given += len(samples)
            yield samples
        if given >= total:
            return
    for length in _pieces(total - given, rate):
        yield np.zeros((length, 2), np.float32)


def _pieces(count: int, most: int) -> Iterator[int]:
    while count > 0:
        yield min(count, most // 10)
        count -= most // 10


def _decoded_sound(source: Source, t_s: float, rate: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Decoded frames from a bit before `t_s` on, each with its place relative to `t_s` in samples."""
    try:
        container = (
            av.open(source.path(), metadata_errors="replace")
            if callable(source.path)
            else av.open(f"file:{source.path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
        )
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"{name_of(source.path)} cannot be opened as sound.", value=source.path) from error
    with container:
        if not container.streams.audio:
            raise MediaError("no sound in the recording", value=source.path)
        stream = container.streams.audio[0]
        origin_s = _origin(container, source)
        with suppress(av.error.FFmpegError):
            container.seek(max(0, int((t_s + origin_s - 0.1) / stream.time_base)), stream=stream)
        mixer: Any = None
        setup: Any = None
        at: float | None = None
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                continue
            for frame in frames:
                if frame.pts is not None:
                    at = (float(frame.pts * frame.time_base) - origin_s - t_s) * rate
                if setup != (setup := (frame.format.name, frame.layout.name, frame.sample_rate)) or mixer is None:
                    mixer = av.AudioResampler(format="flt", layout="stereo", rate=rate)
                for mixed in mixer.resample(frame):
                    samples = mixed.to_ndarray().reshape(-1, 2)
                    yield round(at or 0.0), samples
                    at = (at or 0.0) + len(samples)


# -- the device


class _SoundDevice:
    """Default output of the system, by sounddevice."""

    def __init__(self, sounddevice: Any, fill: Fill, now: Callable[[], float]) -> None:
        info = sounddevice.query_devices(kind="output")
        channels = min(2, int(info["max_output_channels"]))
        self.rate = round(info["default_samplerate"]) or 48_000

        def callback(out: Any, count: int, times: Any, status: Any) -> None:  # noqa: ARG001  PortAudio's signature
            at = now()
            told = times.outputBufferDacTime and times.currentTime
            ahead = times.outputBufferDacTime - times.currentTime if told else self._stream.latency
            samples = fill(count, at + max(0.0, ahead))
            out[:] = samples if channels == 2 else samples.mean(axis=1, keepdims=True)

        self._stream = sounddevice.OutputStream(
            samplerate=self.rate, channels=channels, dtype="float32", latency=LATENCY_S, callback=callback
        )

    def start(self) -> None:
        """Begin to call back; nothing happens where it has begun."""
        if not self._stream.active:
            self._stream.start()

    def close(self) -> None:
        """Stop at once; a device that is gone says what it likes."""
        with suppress(Exception):
            self._stream.abort()
        with suppress(Exception):
            self._stream.close()


def open_sounddevice(fill: Fill, now: Callable[[], float]) -> Output:
    """Open the system's default sound output.

    Raises:
        OSError: there is none, or it is busy.
    """
    try:
        import sounddevice

        backend = SoundDeviceBackend()
    except Exception as error:  # no PortAudio on this machine
        raise OSError("no sound device (PortAudio is missing)") from error
    for attempt in range(2):
        try:
            with quiet_stderr():
                return _SoundDevice(sounddevice, fill, now)
        except (sounddevice.PortAudioError, ValueError, KeyError) as error:
            if attempt:
                raise OSError("no sound device") from error
            backend.rescan()  # PortAudio freezes its list when it is loaded
    raise AssertionError
