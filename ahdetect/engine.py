"""Engine: sources flow in; rows, words, events and a stored session flow out. Wires the stages, minds their threads.

    camera ──latest──> face ──┐ (finding it, and its cues, on a thread each)
       │ └───latest──> body ──┤ tracks        ┌──> rows to callbacks and iterators (newest first dropped, counted)
       │ └──lossless─> (times)┼──> fusion ────┼──> segment events
       │ └──3 s──────> video.mkv              └──> frames (lossless)
    microphone ─lossless─> voice ──┘ │
       │ └──────lossless─> transcription ──> words.jsonl
       │ └──────lossless─> audio.flac
       │ └──3 s──────────> who watches the sound (a waveform)

Who watches the pictures asks for the newest one (`sight`) and waits for nothing.

Each arrow is an `Edge` with its policy; each box a `Stage` on its own thread. In replay the same boxes hang on edges
that make the reader wait instead of dropping, so the rows do not depend on the machine's speed.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect import plugins
from ahdetect.calibration.adapt import Change
from ahdetect.calibration.fuser import adaptive_filter, adaptive_network
from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.capture.edges import LATEST_ONLY, LOSSLESS, RECORDER, REPLAY, Edge, Overflow, Policy
from ahdetect.capture.ledger import EdgeCounts, Ledger, LedgerRow
from ahdetect.capture.packets import SAMPLE_RATE, AudioPacket, Frame, Packet
from ahdetect.capture.source import Source
from ahdetect.capture.stage import Progress, Stage, giving_way
from ahdetect.config import Settings
from ahdetect.errors import AhdetectError, ConfigError
from ahdetect.events import Event, SegmentWatcher
from ahdetect.models.alignment import Aligner, Tracks
from ahdetect.models.body import BodyModel, BodyStream
from ahdetect.models.cues import Channel, CueFrame
from ahdetect.models.evidence import EvidenceFilter, EvidenceSettings
from ahdetect.models.face import Detection, FaceModel, FaceStream
from ahdetect.models.language import LanguageModel, LanguageStream
from ahdetect.models.personal import Personal
from ahdetect.models.posterior import ChannelState, Fuser, Presence
from ahdetect.models.runtime import FusionModel, NetworkFuser
from ahdetect.models.speech import SpeechModel, SpeechStream
from ahdetect.models.track import Track
from ahdetect.models.voice import VoiceModel, VoiceStream
from ahdetect.models.words import Transcript, Word, WordUpdate
from ahdetect.person import ADAPTATION, Person
from ahdetect.reading import RowEdge, Rows
from ahdetect.rows import Prompt, RowMaker
from ahdetect.store.writer import SessionWriter
from ahdetect.timeline import Row
from ahdetect.workers import CueWorker, EdgeWorker, RelayWorker, SinkWorker, WordWorker

TICKS: Final = Policy("times", Overflow.ALARM, span_s=5.0)
"""Camera to fusion: every frame gets a row, also one that no stage had time to look at."""

FOUND: Final = Policy("found faces", Overflow.ALARM, span_s=1.0)
"""Found faces to their cues, which take a tenth of the time that finding them took."""

REPLAY_AUDIO: Final = Policy("replay", Overflow.BLOCK, depth=3000)
"""Clip to sound stages: two minutes, so that one slow decode of words does not hold up the pictures."""

WATCHER: Final = Policy("sound to a watcher", Overflow.DROP_OLDEST, span_s=3.0)
"""Sound to a waveform on a screen: a screen that hangs loses some of it, and the session nothing."""

SIGHT_LATE_NS: Final = 400 * 1_000_000
"""A picture whose face took longer than this is passed over for a newer one without its face (the patience of rows)."""

REST_S: Final = 0.02
"""How often a caller that rests looks whether a replay has ended."""

BODY_EVERY_LIVE: Final = 3
"""Body landmarks on every third frame, 10 times a second at 30 fps (DESIGN, Speed)."""

BODY_EVERY_REPLAY: Final = 8
"""In an analysis on every eighth, for speed: `body_motion` comes out .6 times as large as live, the other body cues as
large but noisier (docs/cues-face-body.md); `channels.body_every = 3` gives the live rate."""

DEVICE_KINDS: Final = ("device_lost", "device_back")
"""Ledger rows that are events of the session as well."""

STALL_S: Final = 5.0
"""A stage without a heartbeat for this long is reported."""


@dataclass(frozen=True, slots=True)
class Models:
    """Weights, loaded once and shared by sessions; None where the settings switch a channel off or name no network."""

    face: FaceModel | None
    body: BodyModel | None
    voice: VoiceModel | None
    speech: SpeechModel | None
    language: LanguageModel
    fusion: FusionModel | None = None

    @staticmethod
    def load(settings: Settings, *, video: bool = True, audio: bool = True, yields: bool = False) -> Models:
        """Load what the settings ask for.

        Args:
            settings: which channels are on.
            video: whether there are pictures.
            audio: whether there is sound.
            yields: whether recognising speech gives way to the face, as in an analysis.

        Raises:
            AssetError: a model file is missing or damaged.
        """
        on = settings.channels
        speech = partial(SpeechModel, threads=settings.speech.threads)
        return Models(
            face=FaceModel() if video and on.face else None,
            body=BodyModel() if video and on.body else None,
            voice=VoiceModel() if audio and on.voice else None,
            speech=(giving_way(speech) if yields else speech()) if audio and on.words else None,
            language=LanguageModel(),
            fusion=FusionModel(Path(settings.fusion.network)) if settings.fusion.network else None,
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture to look at, and what was found in this very picture.

    Attributes:
        t_ns: session time of the picture.
        seq: its number.
        frame: RGB, uint8, shape (height, width, 3); not to be written to.
        overlay: as `CueFrame.overlay` of the face channel; empty where no face was found or nobody looked for one.
    """

    t_ns: int
    seq: int
    frame: Frame
    overlay: dict[str, NDArray[np.float32]]


class Supervisor(Stage):
    """Looks at the other stages ten times a second; a crash or stall becomes a ledger row and a callback."""

    def __init__(
        self,
        clock: Clock,
        ledger: Ledger,
        stages: list[Stage],
        sink_errors: list[AhdetectError],
        on_crash: Callable[[Stage], None],
        on_device: Callable[[LedgerRow], None],
        *,
        live: bool,
    ) -> None:
        super().__init__("supervisor", clock)
        self._live = live  # a replay's clock jumps with the clip and says nothing about a stage that takes its time
        self._ledger = ledger
        self._stages = stages
        self._sink_errors = sink_errors
        self._sinks_said = 0
        self._on_crash = on_crash
        self._on_device = on_device
        self._read = 0
        self._said: set[str] = set()

    def step(self) -> Progress:
        """Look once, then wait a tenth of a second."""
        self.look()
        self.stopping.wait(0.1)
        return Progress.WORKED

    def finish(self) -> None:
        """A last look, so that a crash at the end is told as well."""
        self.look()

    def watch(self, stage: Stage) -> None:
        """Look after one more stage; before the start."""
        self._stages.append(stage)

    def look(self) -> None:
        """Report what is new since the last look."""
        now = self.clock.now_ns()
        while self._sinks_said < len(self._sink_errors):
            self._ledger.write(now, "sink_off", "store", error=str(self._sink_errors[self._sinks_said]))
            self._sinks_said += 1
        news, self._read = self._ledger.since(self._read)
        for row in news:
            if row.kind in DEVICE_KINDS:
                self._on_device(row)
        for stage in self._stages:
            if stage.error is not None and stage.name not in self._said:
                self._said.add(stage.name)
                self._ledger.write(now, "stage_crashed", stage.name, error=describe(stage.error))
                self._on_crash(stage)
            stalled = self._live and stage.alive and (now - stage.heartbeat_ns) / NS_PER_S > STALL_S
            if stalled and f"stall {stage.name}" not in self._said:
                self._said.add(f"stall {stage.name}")
                self._ledger.write(now, "alarm", stage.name, stalled_s=round((now - stage.heartbeat_ns) / NS_PER_S, 1))
            elif not stalled:
                self._said.discard(f"stall {stage.name}")


def describe(error: BaseException) -> str:
    """An error in one line; our own say it themselves, others are named."""
    return str(error) if isinstance(error, AhdetectError) else f"{type(error).__name__}: {error}"


class Engine:
    """One person, one stretch of time, from sources that are already open.

    Args:
        video: source of pictures, or None.
        audio: source of sound, or None; may be the same object as `video` (a clip).
        clock: the clock that the sources stamp with.
        ledger: the ledger that the sources write to.
        settings: what to compute; default everything.
        models: weights that are already loaded; default loads them.
        writer: where to store the session; None stores nothing.
        live: provisional rows and latest-only cameras (True), or a replay that waits (False).
        person: whose profile to use; None for anybody.

    Most programs use `ahdetect.Session`, which opens devices by name, or `ahdetect.analyze`.
    """

    def __init__(
        self,
        video: Source | None,
        audio: Source | None,
        clock: Clock,
        ledger: Ledger,
        *,
        settings: Settings | None = None,
        models: Models | None = None,
        writer: SessionWriter | None = None,
        live: bool = True,
        person: Person | None = None,
    ) -> None:
        if video is None and audio is None:
            raise ConfigError("A session needs a camera, a microphone or a clip; both were switched off.")
        self.clock = clock
        self.ledger = ledger
        self.settings = settings or Settings()
        self.live = live
        self.person = person
        self.transcript = Transcript()
        self.latency_ms: dict[str, array[float]] = {
            name: array("f") for name in ("capture_to_row", "words_settled", "words_provisional")
        }
        self.sink_errors: list[AhdetectError] = []
        self.plugin_errors: list[AhdetectError] = []
        self.counts = {"shown": 0, "rows": 0, "rows_face": 0, "words": 0}
        self._sources = list({id(s): s for s in (video, audio) if s is not None}.values())
        self._video, self._audio = video, audio
        self._edges: list[Edge[Any]] = []
        self._workers: list[EdgeWorker[Any]] = []
        self._sinks: list[EdgeWorker[Any]] = []
        self._readers: list[RowEdge] = []
        self._row_edge: Edge[Row] | None = None
        self._on_row: list[Callable[[Row], None]] = []
        self._on_words: list[Callable[[WordUpdate], None]] = []
        self._on_event: list[Callable[[Event], None]] = []
        self._watcher = SegmentWatcher()
        self._last_provisional = 0
        self._last_settled_ns = 0
        self._writer = writer
        self._lock = threading.Lock()
        self._closed = False
        self._sight: Sight | None = None
        has_video = video is not None and video.info.has_video
        has_audio = audio is not None and audio.info.has_audio
        self.models = models or Models.load(self.settings, video=has_video, audio=has_audio)
        self._tracks = self._wire(has_video, has_audio)
        stages: list[Stage] = [*self._sources, *self._workers, self._fusion, *self._sinks]
        self._supervisor = Supervisor(
            clock, ledger, stages, self.sink_errors, self._crashed, self._device_changed, live=live
        )

    # -- wiring

    def _edge(self, name: str, live: Policy, replay: Policy) -> Edge[Any]:
        edge: Edge[Any] = Edge(name, live if self.live else replay, self.clock, self.ledger)
        self._edges.append(edge)
        return edge

    def _wire(self, has_video: bool, has_audio: bool) -> Tracks:
        self._wire_plugins(has_video, has_audio)
        on, models = self.settings.channels, self.models
        cues: dict[Channel, Track[CueFrame]] = {}
        missing: dict[Channel, str] = {}
        ticks: Edge[Frame] | None = None
        if has_video:
            assert self._video is not None
            ticks = self._edge("camera->fusion", TICKS, REPLAY)
            self._video.subscribe_video(ticks)
            if models.face is not None:
                self._face_workers(FaceStream(models.face), cues)
            if models.body is not None:
                body = BodyStream(models.body) if self.live else giving_way(partial(BodyStream, models.body))
                self._cue_worker(
                    "body",
                    Channel.BODY,
                    cues,
                    lambda p: [body.step(p)],
                    close=body.close,
                    video=True,
                    every=on.body_every or (BODY_EVERY_LIVE if self.live else BODY_EVERY_REPLAY),
                )
        for channel, wanted in ((Channel.FACE, on.face), (Channel.BODY, on.body)):
            if channel not in cues:
                missing[channel] = "no video" if wanted else "switched off"
        transcript: Transcript | None = None
        self._voice: VoiceStream | None = None
        sound: EdgeWorker[Any] | None = None
        if has_audio:
            assert self._audio is not None
            if models.voice is not None:
                self._voice = VoiceStream(models.voice)
                sound = self._cue_worker("voice", Channel.VOICE, cues, self._voice.step, self._voice.flush, video=False)
            if models.speech is not None:
                transcript = self.transcript
                edge = self._edge("microphone->transcription", LOSSLESS, REPLAY_AUDIO)
                self._audio.subscribe_audio(edge)
                recogniser = SpeechStream(models.speech, live=self.live, clock=self.clock)
                words = WordWorker(self.clock, edge, transcript, recogniser)
                words.yields = not self.live
                words.on_update(self._words_came)
                self._workers.append(words)
        for channel, wanted in ((Channel.VOICE, on.voice), (Channel.LANGUAGE, on.words)):
            if channel not in cues:
                missing[channel] = "no sound" if wanted else "switched off"
        tracks = Tracks(cues, transcript, missing)
        self._fusion = RowMaker(
            self.clock,
            Aligner(tracks, LanguageStream(models.language)),
            self._make_fuser,
            self._row_came,
            ticks,
            live=self.live,
            audio_until_ns=lambda: sound.until_ns if isinstance(sound, CueWorker) else 0,
        )
        if self._writer is not None:
            self._wire_writer(self._writer, has_video, has_audio)
        return tracks

    def _face_workers(self, face: FaceStream, cues: dict[Channel, Track[CueFrame]]) -> None:
        """Finding the face takes most of a core; what follows from it runs beside it, on the next picture's time."""
        assert self._video is not None
        pictures = self._edge("camera->face", LATEST_ONLY, REPLAY)
        found = self._edge("face->face cues", FOUND, REPLAY)
        self._video.subscribe_video(pictures)
        track: Track[CueFrame] = Track("face")
        cues[Channel.FACE] = track

        def find(packet: Packet[Frame]) -> tuple[Detection | None, Frame | None]:
            return face.detect(packet), packet.data if self.live else None

        def describe_face(packet: Packet[tuple[Detection | None, Frame | None]]) -> list[CueFrame]:
            shot, picture = packet.data
            cue = face.describe(packet.carrying(shot))
            if picture is not None:
                self._sight = Sight(packet.t_ns, packet.seq, picture, cue.overlay)
            return [cue]

        finder = RelayWorker("face", self.clock, pictures, find, found, face.close)
        self._workers += [
            finder,
            CueWorker("face cues", self.clock, found, Channel.FACE, track, describe_face, feeder=finder),
        ]

    def _cue_worker(
        self,
        name: str,
        channel: Channel,
        cues: dict[Channel, Track[CueFrame]],
        extract: Callable[[Packet[Any]], Any],
        flush: Callable[[], Any] = tuple,
        close: Callable[[], Any] = tuple,
        *,
        video: bool,
        every: int = 1,
    ) -> CueWorker[Any]:
        track: Track[CueFrame] = Track(name)
        cues[channel] = track
        if video:
            assert self._video is not None
            edge = self._edge(f"camera->{name}", LATEST_ONLY, REPLAY)
            self._video.subscribe_video(edge)
        else:
            assert self._audio is not None
            edge = self._edge(f"microphone->{name}", LOSSLESS, REPLAY_AUDIO)
            self._audio.subscribe_audio(edge)
        worker: CueWorker[Any] = CueWorker(name, self.clock, edge, channel, track, extract, flush, close, every)
        worker.yields = not self.live
        self._workers.append(worker)
        return worker

    def _wire_writer(self, writer: SessionWriter, has_video: bool, has_audio: bool) -> None:
        def sink(name: str, policy: Policy, write: Callable[[Packet[Any]], None]) -> Edge[Any]:
            edge = self._edge(name, policy, policy)
            self._sinks.append(SinkWorker(name.split("->")[1], self.clock, edge, write))
            return edge

        if has_video and writer.keeps_video:
            assert self._video is not None
            self._video.subscribe_video(sink("camera->video file", RECORDER, writer.write_video))
        if has_audio and writer.keeps_audio:
            assert self._audio is not None
            self._audio.subscribe_audio(sink("microphone->audio file", LOSSLESS, writer.write_audio))
        self._row_edge = sink("fusion->frames file", LOSSLESS, lambda p: writer.write_row(p.data))
        self.ledger.attach(writer.write_ledger)

    def _make_fuser(self) -> Fuser:
        s, person = self.settings.fusion, self.person
        settings = EvidenceSettings(s.segment_s, s.prevalence, s.personal)
        personal = person.version.personal if person is not None else None
        if s.fuser == "network":
            if self.models.fusion is None:
                raise ConfigError("The settings ask for a fusion network, but the models were loaded without one.")
            model = self.models.fusion
            if person is None or not person.adapt:
                return NetworkFuser(model, s.prompt_kind, s.prevalence, personal)
            network = adaptive_network(
                model,
                s.prompt_kind,
                s.prevalence,
                personal,
                on_change=lambda change: self._adapted(change, network.personal),
            )
            return network
        if s.fuser.startswith(plugins.PREFIX):
            name = s.fuser.removeprefix(plugins.PREFIX)
            return plugins.GuardedFuser(
                name,
                plugins.make("fusers", name, s),
                lambda: EvidenceFilter(settings, s.prompt_kind, personal=personal),
                self._plugin_failed,
            )
        if person is None or not person.adapt:
            return EvidenceFilter(settings, s.prompt_kind, personal=personal)
        # Only the fuser of the settled rows learns (the other sees none), so only that one tells of changes.
        fuser = adaptive_filter(
            settings, s.prompt_kind, personal, on_change=lambda change: self._adapted(change, fuser.personal)
        )
        return fuser

    def _wire_plugins(self, has_video: bool, has_audio: bool) -> None:
        """Cue extractors of other packages, each beside the session's own stages; what they measure becomes events."""
        for name in self.settings.plugins.cue_extractors:
            extractor = plugins.cue_extractor(name)
            video = extractor.stream == "video"
            if not (has_video if video else has_audio):
                continue
            source = self._video if video else self._audio
            assert source is not None
            stage = f"plug-in {name}"
            if video:
                edge = self._edge(f"camera->{stage}", LATEST_ONLY, REPLAY)
                source.subscribe_video(edge)
            else:
                edge = self._edge(f"microphone->{stage}", LOSSLESS, REPLAY_AUDIO)
                source.subscribe_audio(edge)
            measure = partial(self._measure, name, extractor)
            self._workers.append(SinkWorker(stage, self.clock, edge, measure, extractor.close))

    def _measure(self, name: str, extractor: plugins.CueExtractor, packet: Packet[Any]) -> None:
        values = extractor.step(packet)
        if values:
            t_ns = packet.end_ns if packet.stream == "audio" else packet.t_ns
            cues = {key: float(value) for key, value in values.items()}
            self._event(Event(t_ns, plugins.CUES_EVENT, {"plugin": name, "cues": cues}))

    def _plugin_failed(self, sentence: str) -> None:
        """Once: the fuser of the provisional rows tells of it as well."""
        if sentence in map(str, self.plugin_errors):
            return
        self.plugin_errors.append(AhdetectError(sentence))
        now = self.clock.now_ns()
        self.ledger.write(now, plugins.FAILED_EVENT, "fusion", error=sentence)
        self._event(Event(now, plugins.FAILED_EVENT, {"error": sentence}))

    # -- life cycle

    def start(self) -> None:
        """Start all threads, consumers before sources."""
        for stage in (*self._sinks, self._fusion, *self._workers, self._supervisor):
            stage.start()
        for source in self._sources:
            source.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the sources end by themselves (True), or for `seconds` of session time (False)."""
        deadline = None if seconds is None else self.clock.now_ns() + round(seconds * NS_PER_S)
        while any(s.alive for s in self._sources) or (not self.live and self._fusion.alive):
            if deadline is not None and self.clock.now_ns() >= deadline:
                return False
            self._supervisor.stopping.wait(0.05)
        return True

    def rest(self, seconds: float) -> None:
        """Let `seconds` pass, or less where the session ends before."""
        # Not by joining the thread: an interrupt in `Thread.join` marks a running thread as ended (Python 3.11).
        for _ in range(max(1, round(seconds / REST_S))):
            if self._supervisor.stopping.wait(REST_S) or not (self.live or self._fusion.alive):
                return

    def stop(self) -> None:
        """End the session: sources first, then everything that is still on its way is worked off and stored."""
        if self._closed:
            return
        for source in self._sources:
            source.stop()
        for stage in (*self._sources, *self._workers):
            stage.join()
        self._fusion.join()
        if self._row_edge is not None:
            self._row_edge.close()
        for sink in self._sinks:
            sink.join()
        self._supervisor.stop()
        self._supervisor.join()
        with self._lock:
            self._closed = True
            for reader in self._readers:
                reader.close()

    @property
    def errors(self) -> list[BaseException]:
        """What stopped a stage, in order of the stages."""
        return [s.error for s in self.crashed if s.error is not None]

    @property
    def crashed(self) -> list[Stage]:
        """Stages that an error stopped; the others go on."""
        stages: list[Stage] = [*self._sources, *self._workers, self._fusion, *self._sinks]
        return [s for s in stages if s.error is not None]

    def dropped_samples(self) -> int:
        """Sound that a stage did not take, in packets; 0 as long as the lossless edges hold."""
        return sum(e.counts().dropped for e in self._edges if e.name.startswith("microphone"))

    # -- what comes out

    def on_row(self, callback: Callable[[Row], None]) -> None:
        """Call `callback` with every row, provisional and settled, on the fusion thread; keep it short."""
        self._on_row.append(callback)

    def on_words(self, callback: Callable[[WordUpdate], None]) -> None:
        """Call `callback` with every update of the words, on the transcription thread."""
        self._on_words.append(callback)

    def on_event(self, callback: Callable[[Event], None]) -> None:
        """Call `callback` with segment onsets and offsets, prompts, markers, pauses, device losses and crashes."""
        self._on_event.append(callback)

    def on_sound(self, callback: Callable[[AudioPacket], None]) -> None:
        """Call `callback` with the sound, on a thread of its own; before `start()`.

        Where it raises, or falls 3 s behind, only it loses sound.
        """
        if self._audio is None:
            return
        edge = self._edge("microphone->watcher", WATCHER, WATCHER)
        self._audio.subscribe_audio(edge)
        watcher = SinkWorker("watcher", self.clock, edge, callback)
        self._sinks.append(watcher)
        self._supervisor.watch(watcher)

    def sight(self) -> Sight | None:
        """The newest picture with what was found in it, or a newer one without where finding takes long; live only.

        None before the first, while paused, and without video.
        """
        if self._video is None or self.paused:
            return None
        newest, sight = self._video.newest, self._sight
        if newest is None:
            return None
        if sight is not None and newest.t_ns - sight.t_ns <= SIGHT_LATE_NS:
            return sight
        return Sight(newest.t_ns, newest.seq, newest.data, {})

    @property
    def paused(self) -> bool:
        """Whether nothing is taken at the moment."""
        return any(source.paused for source in self._sources)

    def pause(self) -> None:
        """Take no pictures and no sound until `resume()`; the session's time goes on.

        The sound of that time is a recorded gap with the reason "paused", no frame is looked at or stored, and rows
        (ten a second) say that the channels are paused. A second call does nothing.
        """
        if not self.paused:
            for source in self._sources:
                source.pause()
            self._event(Event(self.clock.now_ns(), "paused", {}))

    def resume(self) -> None:
        """Take pictures and sound again."""
        if self.paused:
            for source in self._sources:
                source.resume()
            self._event(Event(self.clock.now_ns(), "resumed", {}))

    def rows(self, *, settled_only: bool = False) -> Rows:
        """Rows as they come, until the session ends; a settled row replaces the provisional one with its id."""
        edge = RowEdge(self.clock, self.ledger)
        with self._lock:
            if self._closed:
                edge.close()
            self._readers.append(edge)
        return Rows(edge, settled_only=settled_only)

    def mark_prompt(self, kind: str | None = None, *, text: str = "", t_ns: int | None = None) -> None:
        """A prompt ended, now or at `t_ns`: sets the prior of the answer and starts the clock of response latency."""
        ended_ns = self.clock.now_ns() if t_ns is None else t_ns
        self._fusion.mark_prompt(Prompt(ended_ns, kind))
        if self._voice is not None:
            self._voice.mark_prompt(ended_ns)
        self._event(Event(ended_ns, "prompt", {"kind_of_prompt": kind, **({"text": text} if text else {})}))

    def mark(self, note: str = "", t_ns: int | None = None) -> None:
        """Set a marker at session time `t_ns`, or at this moment."""
        self._event(Event(self.clock.now_ns() if t_ns is None else t_ns, "marker", {"note": note}))

    def add_event(self, event: Event) -> None:
        """Store an event that somebody else found, and tell it to the callbacks; from any thread."""
        self._event(event)

    def _row_came(self, row: Row) -> None:
        row = self._said_paused(row)
        if row.latency_ns >= 0:
            self.latency_ms["capture_to_row"].append(row.latency_ns / 1e6)
        if not row.settled:
            self.counts["shown"] += 1
        else:
            self._last_settled_ns = row.t_ns
            self.counts["rows"] += 1
            self.counts["rows_face"] += row.face_seen
            event = self._watcher.step(row)
            if event is not None:
                self._event(event)
        for callback in self._on_row:
            callback(row)
        now = self.clock.now_ns()  # a settled row is older than the provisional one before it; the edge wants order
        packet = Packet("rows", row.id, now, 0, now, row)
        if self._row_edge is not None:
            self._row_edge.offer(packet)
        with self._lock:
            for reader in self._readers:
                reader.offer(packet)

    def _said_paused(self, row: Row) -> Row:
        """In a pause a channel has nothing to say because of the pause, whatever else it may look like."""
        if not any(source.was_paused(row.t_ns, row.t_ns + 1) for source in self._sources):
            return row
        missing = {
            channel: ChannelState(Presence.ABSENT, reason="paused")
            for channel, state in row.states.items()
            if state.presence is Presence.ABSENT and state.in_session
        }
        return replace(row, states={**row.states, **missing})

    def _words_came(self, update: WordUpdate) -> None:
        self.counts["words"] += len(update.settled)
        if self.live:
            self._note_delays("words_settled", update.settled, update.created_ns)
            fresh = update.provisional[max(0, self._last_provisional - len(update.settled)) :]
            self._note_delays("words_provisional", fresh, update.created_ns)
            self._last_provisional = len(update.provisional)
        if self._writer is not None:
            for word in update.settled:
                self._writer.write_word(word)
        for callback in self._on_words:
            callback(update)

    def _note_delays(self, name: str, words: tuple[Word, ...], now_ns: int) -> None:
        for word in words:
            self.latency_ms[name].append((now_ns - word.end_ns) / 1e6)

    def _event(self, event: Event) -> None:
        if self._writer is not None:
            self._writer.write_event({"t_ns": event.t_ns, "kind": event.kind, **event.detail})
        for callback in self._on_event:
            callback(event)

    def _adapted(self, change: Change, personal: Personal) -> None:
        """A step of adaptation was taken or refused, right after the last settled row."""
        assert self.person is not None
        self.person.took(change, personal)
        brief = {"method": change.method, "accepted": change.accepted, "reason": change.reason}
        self.ledger.write(self.clock.now_ns(), ADAPTATION, "fusion", **brief)
        self._event(Event(self._last_settled_ns, ADAPTATION, change.to_json()))

    def _crashed(self, stage: Stage) -> None:
        assert stage.error is not None
        self._event(Event(self.clock.now_ns(), "stage_crashed", {"stage": stage.name, "error": describe(stage.error)}))

    def _device_changed(self, row: LedgerRow) -> None:
        self._event(Event(row.t_ns, row.kind, {"device": row.where, **row.detail}))

    # -- accounts

    def edge_counts(self, name: str) -> EdgeCounts | None:
        """Totals of one edge ("camera->face"), cheap enough for a status line; None where there is no such edge."""
        return next((e.counts() for e in self._edges if e.name == name), None)

    def ledger_totals(self) -> dict[str, Any]:
        """The books of the session, JSON-ready: every edge, the sound and the pictures, and whether they balance."""
        ours = [*(e for source in self._sources for e in source.inlets), *self._edges]
        edges = {e.name: {**_counts(e), "policy": e.policy.name} for e in (*ours, *self._readers)}
        totals: dict[str, Any] = {"edges": edges, "balances": all(e.counts().balances for e in ours)}
        if self._audio is not None and self._audio.info.has_audio:
            t = self._audio.totals
            totals["audio"] = {
                "samples": t.samples, "gap_samples": t.gap_samples, "gaps": t.gaps,
                "seconds": round((t.samples + t.gap_samples) / SAMPLE_RATE, 4),
            }  # fmt: skip
        if self._video is not None and self._video.info.has_video:
            totals["video"] = {"frames": self._video.totals.frames, "broken": self._video.totals.broken}
        totals["rows"] = {"shown": self.counts["shown"], "settled": self.counts["rows"]}
        totals["entries"] = self.ledger.entries()
        return totals

    def latency_table(self) -> dict[str, dict[str, float]]:
        """Median, 95th and 99th percentile and count of each delay, ms."""
        return {name: percentiles(values) for name, values in self.latency_ms.items() if len(values)}

    def stage_table(self) -> dict[str, dict[str, float]]:
        """Packets and mean wall time per packet of each worker, ms."""
        return {
            w.name: {"packets": w.count, "mean_ms": round(w.busy_ns / 1e6 / max(1, w.count), 3)}
            for w in (*self._workers, *self._sinks)
        }


def _counts(edge: Edge[Any]) -> dict[str, int]:
    c = edge.counts()
    return {"offered": c.offered, "delivered": c.delivered, "dropped": c.dropped, "in_flight": c.in_flight}


def percentiles(values: array[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile, largest, and count."""
    values = values[:]  # a copy: while numpy looks at an array, the stage that appends to it would crash
    p50, p95, p99 = np.percentile(np.frombuffer(values, dtype=np.float32), (50, 95, 99))
    return {
        "p50": round(float(p50), 1), "p95": round(float(p95), 1), "p99": round(float(p99), 1),
        "max": round(max(values), 1), "n": len(values),
    }  # fmt: skip
