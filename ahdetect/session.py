"""Session: names of devices flow in, live rows and a session folder flow out; programs and `ahdetect record` use it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from ahdetect import plugins
from ahdetect.calibration.profile import Profile
from ahdetect.calibration.profile_store import ProfileStore
from ahdetect.capture.clock import PushClock, SessionClock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import SAMPLE_RATE, AudioPacket, Frame
from ahdetect.capture.push import PushedPictures, PushedSound
from ahdetect.capture.source import Source
from ahdetect.capture.sources import open_sources
from ahdetect.config import Settings
from ahdetect.engine import Engine, Models, Sight, describe
from ahdetect.errors import ConfigError, StoreError
from ahdetect.events import Event, find_segments
from ahdetect.models.words import Word, WordUpdate
from ahdetect.person import Person, load_profile, setup_of
from ahdetect.provenance import provenance
from ahdetect.reading import Rows
from ahdetect.store.consent import Consent, Purpose
from ahdetect.store.erasure import erase
from ahdetect.store.gate import manifest, may_analyse, may_record
from ahdetect.store.journal import Journal
from ahdetect.store.keys import Keys, default_keys
from ahdetect.store.storage import Storage, storage_of
from ahdetect.store.vault import Vault
from ahdetect.store.writer import SessionWriter
from ahdetect.timeline import Row, smooth_rows


class Session:
    """A live session: capture, cues, words and estimates, from `with` to its end.

    Args:
        video: camera number ("0"), stream address, file played in real time, "push" (see `push_video`), or "none".
        audio: "default", part of a microphone's name, "sounddevice:NAME", "pyaudio:NAME", a file, "push" (see
            `push_audio`), or "none".
        out: folder to store the session in; must not exist or be empty. None stores nothing.
        settings: what to compute; default everything.
        prompt_kind: what the person answers from the start (one of BAH's seven kinds), as a prior.
        models: weights already loaded.
        profile: the person's, or its name: cues are measured against what is usual in them, and unless
            `fusion.adapt` is off the fuser goes on adapting. What it learned becomes a new version at the end.
        profiles: where profiles are kept; default the user's own files. A `Profile` that was never stored is not
            stored here either.
        consent: what the person agreed to. Nothing is stored without a yes to the recording; where the record says no
            to the analysis nothing is estimated; without a yes to adaptation the profile learns nothing.
        store: what of it is stored: "everything", "audio" (and features), "features" (with words) or "nothing".
        keys: to lock the folder with; default those of this account (keychain, key file, `AHDETECT_PASSPHRASE`).
        plaintext: store the folder readable for everybody who gets at it.
        live: False, in push mode only: a push waits until there is room, nothing is dropped, time is what is pushed,
            and rows are settled ones; for clips that a program decodes by itself.

    Raises:
        NoKeyError: the session is to be stored, and there is nothing to lock it with.
        ConsentError: the session is to be stored, and nobody agreed to it.
        DeviceError: a camera or microphone is missing or busy.
        AssetError: a model file is missing or damaged.
        StoreError: the folder cannot be written or is not empty.
        ConfigError: an argument is not valid, or there is no such profile.

    Example:
        >>> with Session(video="0", audio="default") as session:
        ...     session.mark_prompt("hesitant")
        ...     for row in session.rows(settled_only=True):
        ...         print(f"{row.t_s:.2f} s  {row.p:.2f} ({row.band.value})", [c.phrase for c in row.top])
        ...         if row.t_s > 60:
        ...             break

    Leaving the `with` block stops the devices, works off what is still on its way (the last words), and closes the
    folder. A crash of the program leaves a folder that opens; see `ahdetect.store`.
    """

    def __init__(
        self,
        video: str = "0",
        audio: str = "default",
        *,
        out: str | Path | None = None,
        settings: Settings | None = None,
        prompt_kind: str | None = None,
        models: Models | None = None,
        profile: str | Profile | None = None,
        profiles: ProfileStore | None = None,
        consent: Consent | None = None,
        store: str = "everything",
        keys: Keys | None = None,
        plaintext: bool = False,
        live: bool = True,
    ) -> None:
        if not live and {_kind(video), _kind(audio)} - {"push", "none"}:
            raise ConfigError('live=False is for push mode; give video="push" or audio="push", or use `analyze`.')
        self.settings = (settings or Settings()).with_prompt(prompt_kind)
        plugins.check(self.settings)
        self.consent = consent
        self.storage = storage_of(store)
        out = None if self.storage is Storage.NOTHING else out
        self.vault: Vault | None = None
        if out is not None:
            self.settings = may_record(consent, self.settings, media=self.storage.audio)
            if not plaintext:
                self.vault = Vault.new(keys or default_keys(create=True, needed=True))
        elif consent is not None:
            self.settings = may_analyse(consent, self.settings)
        self.journal: Journal | None = None
        self.profiles = profiles
        found = load_profile(profile, profiles)
        self.models = models or Models.load(self.settings, video=video != "none", audio=audio != "none")
        self.clock = SessionClock() if live else PushClock()
        self.ledger = Ledger()
        self.writer: SessionWriter | None
        camera = self.settings.camera
        self.video, self.audio = open_sources(
            video, audio, self.clock, self.ledger, size=(camera.width, camera.height), fps=camera.fps
        )
        self.writer = None
        self._stopped = False
        self._on_stop: list[Callable[[], object]] = []
        try:
            setup = setup_of(self.video, self.audio)
            adapt = self.settings.fusion.adapt and consent is not None and consent.allows(Purpose.ADAPTATION)
            self.person = Person(found, setup, adapt=adapt) if found is not None else None
            self._prepare(out)
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Let go of devices and files of a session that could not be prepared."""
        for source in (self.video, self.audio):
            if source is not None:
                source.finish()
        if self.writer is not None:
            self.writer.close()

    def _prepare(self, out: str | Path | None) -> None:
        if out is not None:
            self.writer = SessionWriter(
                Path(out),
                {**provenance(self.settings, self.models, self.person), "devices": self.devices(), **self._agreed()},
                started_at=self.clock.started_at,
                video=self.video.info if self.video is not None and self.storage.video else None,
                audio=self.audio is not None and self.storage.audio,
                on_error=self._sink_off,
                vault=self.vault,
                storage=self.storage.value,
            )
            self.journal = Journal.begin(self.writer.folder, self.writer.info, self.consent)
        self.engine = Engine(
            self.video, self.audio, self.clock, self.ledger,
            settings=self.settings, models=self.models, writer=self.writer, person=self.person,
            live=isinstance(self.clock, SessionClock),
        )  # fmt: skip

    def _agreed(self) -> dict[str, Any]:
        """What the manifest holds of the consent, and a random id."""
        agreed = {} if self.consent is None else manifest(self.consent, self.clock.started_at)
        return {"id": secrets.token_hex(16) if self.vault is None else self.vault.id.hex(), **agreed}

    def __enter__(self) -> Session:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Session:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Start capture and analysis; `with` does it."""
        self.engine.start()

    def stop(self) -> None:
        """Stop capture, work off what is on its way, close the folder; `with` does it. A second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        try:
            if not self.engine.live:  # nothing that was pushed is lost
                self.push_end()
                self.engine.wait()
            self.engine.stop()
        finally:
            for callback in self._on_stop:
                callback()
            if self.person is not None:
                name = self.writer.folder.name if self.writer is not None else ""
                self.person.keep(f"session {name}".strip(), self.profiles)
            if self.writer is not None:
                self._close_folder(self.writer)
            if self.journal is not None:
                self.journal.stopped()

    def stop_and_delete(self) -> None:
        """Stop, and erase everything that was recorded: its key first; a tombstone without content stays.

        Raises:
            StoreError: a file could not be deleted, or files of others keep the folder; what was ours is deleted.
        """
        if self.person is not None:
            self.person.forget()
        try:
            self.stop()
        except StoreError:  # what could not be finished is deleted all the same
            pass
        finally:
            if self.writer is not None:
                erase(self.writer.folder, why="stopped and deleted")

    def _sink_off(self, error: StoreError) -> None:
        # Not into the ledger from here: this may be the ledger's own file. The supervisor writes it down.
        self.engine.sink_errors.append(error)

    def _close_folder(self, writer: SessionWriter) -> None:
        try:
            rows = writer.end_rows()
        except StoreError:  # told by the sink itself; what there is of the rest is closed all the same
            writer.close(self.report())
            return
        p = smooth_rows(rows, self.settings.fusion.segment_s)
        segments = find_segments(rows, p, self.words)
        if writer.info["video"] and self.video is not None:  # what is pushed tells its size with the first picture
            writer.info["video"] |= {"width": self.video.info.width, "height": self.video.info.height}
        writer.close(self.report(), segments=segments, p_smoothed={r.id: v for r, v in zip(rows, p, strict=True)})

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for `seconds`, or until the sources have ended by themselves (True)."""
        return self.engine.wait(seconds)

    def rows(self, *, settled_only: bool = False) -> Rows:
        """Rows as they come, until the session ends, by `for` or `async for`.

        A settled row replaces the provisional one with its id. A slow reader loses the oldest and delays nothing.
        """
        return self.engine.rows(settled_only=settled_only)

    def now_ns(self) -> int:
        """Session time, ns: the clock of `t_ns` everywhere."""
        return self.clock.now_ns()

    def push_video(self, frame: Frame, t_ns: int | None = None) -> None:
        """Give the session a picture, in push mode; from any thread, which may change the array afterwards.

        As from a camera, a stage that is still busy looks at the newest picture only. Push within half a second of
        `t_ns`: after that rows go on without a picture.

        Args:
            frame: RGB, uint8, shape (height, width, 3), upright.
            t_ns: when it was taken, session time (`now_ns`), later than the picture before; None: now, and where
                `live` is False, one frame (`camera.fps`) after the one before.

        Raises:
            ConfigError: it is no such array, its time is not later or is of another clock, the end was said, or the
                session has another camera.
        """
        if not isinstance(self.video, PushedPictures):
            raise ConfigError('This session has no pushed video; make it with video="push".')
        self.video.push(frame, t_ns)

    def push_audio(self, pcm: NDArray[Any], t_ns: int | None = None, *, rate: int = SAMPLE_RATE) -> None:
        """Give the session sound, in push mode, in chunks of any length; from any thread.

        As from a microphone, no sample is lost, and a hole in the times is a recorded gap. 20 to 100 ms suit best.

        Args:
            pcm: int16, or float in -1..1; shape (n,) or (n, channels).
            t_ns: when its first sample was heard, session time (`now_ns`), later than the chunk before; None: it ends
                now, and where `live` is False, it follows the one before.
            rate: samples a second.

        Raises:
            ConfigError: it is no such array, its time is not later, is of another clock or does not fit the rate, the
                end was said, or the session has another microphone.
        """
        if not isinstance(self.audio, PushedSound):
            raise ConfigError('This session has no pushed sound; make it with audio="push".')
        self.audio.push(pcm, t_ns, rate=rate)

    def push_end(self) -> None:
        """Nothing more will be pushed: the session ends by itself once everything is worked off (`wait`)."""
        for source in (self.video, self.audio):
            if isinstance(source, PushedPictures | PushedSound):
                source.end()

    def on_row(self, callback: Callable[[Row], None]) -> None:
        """Call `callback` with every row, on the fusion thread; keep it short."""
        self.engine.on_row(callback)

    def on_words(self, callback: Callable[[WordUpdate], None]) -> None:
        """Call `callback` with every change of the transcript, on the transcription thread."""
        self.engine.on_words(callback)

    def on_event(self, callback: Callable[[Event], None]) -> None:
        """Call `callback` with onsets and offsets of segments, prompts, markers, device losses and crashes."""
        self.engine.on_event(callback)

    def on_stop(self, callback: Callable[[], object]) -> None:
        """Call `callback` once everything is worked off, and before the folder is closed; it must not raise."""
        self._on_stop.append(callback)

    def on_sound(self, callback: Callable[[AudioPacket], None]) -> None:
        """Call `callback` with the sound as it comes, for a waveform; before the session starts."""
        self.engine.on_sound(callback)

    def sight(self) -> Sight | None:
        """The newest picture with the face found in this very picture, for a preview; None where there is none."""
        return self.engine.sight()

    @property
    def paused(self) -> bool:
        """Whether nothing is recorded or analysed at the moment."""
        return self.engine.paused

    def pause(self) -> None:
        """Record and analyse nothing until `resume()`; the sound of that time is a gap with the reason "paused"."""
        self.engine.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        self.engine.resume()

    def mark_prompt(self, kind: str | None = None) -> None:
        """A prompt has just ended; `kind` (one of BAH's seven) sets the prior of the answer."""
        self.settings.with_prompt(kind)  # says so where the kind is not one
        self.engine.mark_prompt(kind)

    def ask(self, text: str, kind: str | None = None, *, t_ns: int | None = None) -> int:
        """Mark that the person was asked `text`, and may answer from now on (or from `t_ns`).

        Call it when a spoken question has ended. The prior of the answer becomes that of `kind`, and
        `voice_response_latency` counts from here. The text is stored only where the session is, under its consent, and
        stays out of exports without words.

        Args:
            text: the question.
            kind: one of BAH's seven kinds of prompt; None: prompt-blind.
            t_ns: session time at which it ended; None: now.

        Returns:
            That session time, ns.

        Raises:
            ConfigError: `kind` is not a kind of prompt.
        """
        self.settings.with_prompt(kind)
        asked_ns = self.now_ns() if t_ns is None else t_ns
        self.engine.mark_prompt(kind, text=text, t_ns=asked_ns)
        return asked_ns

    def mark(self, note: str = "", t_ns: int | None = None) -> None:
        """Set a marker at session time `t_ns` (a note takes a while to write), or at this moment."""
        self.engine.mark(note, t_ns)

    def add_event(self, event: Event) -> None:
        """Store an event of your own with the session and hand it to the callbacks; `Outlets` adds triggers so.

        Its detail has to be JSON-ready, and holds words of the person only where exports may quote them.
        """
        self.engine.add_event(event)

    @property
    def words(self) -> list[Word]:
        """Settled words so far."""
        return self.engine.transcript.settled()

    @property
    def errors(self) -> list[str]:
        """What stopped a stage of this session, or kept what it learned from being stored, in sentences."""
        failure = self.person.failure if self.person is not None else None
        engine = self.engine
        return [describe(e) for e in (*engine.errors, *engine.plugin_errors, *((failure,) if failure else ()))]

    def devices(self) -> dict[str, Any]:
        """What the sources turned out to be."""
        return {name: _device(s) for name, s in (("video", self.video), ("audio", self.audio)) if s is not None}

    def report(self) -> dict[str, Any]:
        """Books and delays so far, as they stand in `session.json`."""
        return {
            "devices": self.devices(),
            "ledger": self.engine.ledger_totals(),
            "latency_ms": self.engine.latency_table(),
            "stages": self.engine.stage_table(),
            "stage_errors": self.errors,
            "profile": self.person.info() if self.person is not None else None,
            **({"audit": self.journal.mark.to_json()} if self.journal is not None else {}),
        }


def _kind(spec: str) -> str:
    """What stands before the colon."""
    return spec.partition(":")[0]


def _device(source: Source) -> dict[str, Any]:
    i = source.info
    return {
        "name": i.name, "driver": i.driver, "width": i.width, "height": i.height, "fps": round(i.fps, 3),
        "audio_rate": i.audio_rate, "audio_channels": i.audio_channels,
    }  # fmt: skip
