"""Calibration model: devices and a pseudonym flow in; a guided calibration and the person's versions flow out. No Qt.

All work (loading models, opening devices, finishing, reading and writing profiles) is done by one thread, in the order
in which it was asked for; `snapshot()` only reads. Nothing is recorded: the session has no folder, and what it hears
and sees is forgotten once the numbers of the baseline are made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.calibrating import Calibration, keep, without_words
from ahdetect.calibration.baseline import GOOD_SHARE, Baseline, Verdict
from ahdetect.calibration.guide import DEFAULT_S, Guidance, Step
from ahdetect.calibration.profile import Profile, Version
from ahdetect.calibration.profile_store import FileProfiles, ProfileStore
from ahdetect.config import Settings
from ahdetect.engine import Models
from ahdetect.errors import AhdetectError, known
from ahdetect.gui.live_model import GONE_S, audio_spec
from ahdetect.gui.own_thread import OwnThread
from ahdetect.gui.weights import shared
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Presence
from ahdetect.timeline import NS_PER_S, Row

if TYPE_CHECKING:
    from ahdetect.gui.context import DeviceChoice

LOOK_S: Final = 0.1
"""How often the steps and the sources are looked at."""


class State(Enum):
    """What the model is doing."""

    IDLE = "idle"
    STARTING = "starting"
    GATHERING = "gathering"
    STOPPING = "stopping"
    JUDGED = "judged"
    SAVING = "saving"
    ACCEPTED = "accepted"
    FAILED = "failed"


BUSY: Final = (State.STARTING, State.GATHERING, State.STOPPING, State.SAVING)


@dataclass(frozen=True, slots=True)
class ChannelGathered:
    """What there is of one channel.

    Attributes:
        channel: which.
        seconds: gathered.
        wanted_s: seconds wanted.
        share: of what is wanted, 0-1.
        enough: whether it is enough for a good verdict.
        presence: whether the channel is there at the moment; None while nothing runs.
        reason: why it is not.
    """

    channel: Channel
    seconds: float
    wanted_s: float
    share: float
    enough: bool
    presence: Presence | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a screen paints.

    Attributes:
        state: what the model is doing.
        progress: key of the step in hand while starting: "models" or "devices".
        profile: pseudonym of the person; "" where none is chosen.
        aim_s: seconds of talk that are planned.
        frame: newest picture, RGB uint8 (height, width, 3), or None.
        overlay: what was found in this very picture.
        step: what to do now; None where nothing is to be done.
        step_number: of it, from 1.
        steps: how many there are.
        left_s: seconds left of it.
        gathered: per channel.
        missing: what is still missing, English phrases of `calibration.baseline`.
        verdict: how good it is; None before the end.
        versions: of the profile, oldest first, the population's values as number 0; empty where there is no profile.
        in_use: number of the version in use, 0 where it is the population's values.
        error: why it could not start, one sentence.
    """

    state: State
    progress: str
    profile: str
    aim_s: float
    frame: NDArray[np.uint8] | None
    overlay: Mapping[str, NDArray[np.float32]]
    step: Step | None
    step_number: int
    steps: int
    left_s: float
    gathered: tuple[ChannelGathered, ...]
    missing: tuple[str, ...]
    verdict: Verdict | None
    versions: tuple[Version, ...]
    in_use: int
    error: str


class CalibrationModel:
    """One calibration after the other, and the profile of the person who is chosen.

    Args:
        make: makes a calibration, as `ahdetect.calibrating.Calibration` does.
        load: loads weights, as `Models.load` does.
        profiles: where profiles are kept.
        seconds: of talk to gather.

    Attributes:
        messages: (level, sentence) of what the user has to know, for the screen to take out.
    """

    def __init__(
        self,
        make: Callable[..., Calibration] = Calibration,
        load: Callable[..., Models] = shared,
        profiles: ProfileStore | None = None,
        seconds: float = DEFAULT_S,
    ) -> None:
        self._make, self._load = make, load
        self._profiles = profiles or FileProfiles()
        self._seconds = seconds
        self.messages: deque[tuple[str, str]] = deque()
        self.state = State.IDLE
        self._progress = self._error = self._name = ""
        self._of = ""  # whom the calibration in hand is of
        self._profile: Profile | None = None
        self._running: Calibration | None = None
        self._stack = ExitStack()  # within it a calibration has its devices
        self._guidance: Guidance | None = None
        self._baseline: Baseline | None = None
        self._row: Row | None = None
        self._cancelled = False
        self._own = OwnThread(
            "ahdetect-calibration", lambda said: self.messages.append(("error", said)),
            self._look, lambda: LOOK_S if self._running is not None else None,
        )  # fmt: skip

    @property
    def busy(self) -> bool:
        """Whether devices are being opened, used or let go, or a profile is being written."""
        return self.state in BUSY

    # -- what the user asks for; all return at once

    def choose(self, name: str) -> None:
        """Take this person's profile; what was gathered of another person and not accepted is dropped."""
        if name != self._name:
            self._name, self._profile = name, None
            if not self.busy:
                self._forget(State.IDLE)
            self.stop()
        if name:
            self._own.do(lambda: self._open(name))

    def start(self, choice: DeviceChoice) -> None:
        """Open the devices and begin with the first step; while gathering, forget what there is and begin again."""
        if self.state is State.GATHERING and self._running is not None:
            self._running.guide.redo()
            return
        if self.busy or not self._name:
            return
        self._forget(State.STARTING)
        self._of = self._name
        self._cancelled, self._error, self._progress = False, "", "models"
        self._own.do(lambda: self._start(choice.video, audio_spec(choice)))

    def next_step(self) -> None:
        """The step in hand is done."""
        running = self._running
        if self.state is State.GATHERING and running is not None:
            running.guide.go_on(running.now_s)

    def stop(self) -> None:
        """Judge what was gathered so far; while it starts, give up starting."""
        if self.state is State.STARTING:
            self._cancelled = True
        elif self.state is State.GATHERING:
            self.state = State.STOPPING
            self._own.do(self._finish)

    def accept(self) -> None:
        """Keep what was gathered as a new version."""
        if self.state is State.JUDGED and self._baseline is not None and self._baseline.verdict.good:
            name, baseline, self.state = self._of, self._baseline, State.SAVING
            self._own.do(lambda: self._accept(name, baseline))

    def roll_back(self, number: int) -> None:
        """Use the parameters of an older version, 0 for the population's; the history stays."""
        name = self._name
        if name and not self.busy:
            self._own.do(lambda: self._roll_back(name, number))

    def close(self, timeout: float | None = 20.0) -> bool:
        """Stop what runs, and end the thread; True where it ended in time."""
        self.stop()
        return self._own.close(timeout)

    # -- what is there to be painted

    def snapshot(self) -> Snapshot:
        """Everything a screen shows, as of now; cheap, waits for nothing."""
        running, now, profile = self._running, self._guidance, self._profile
        gathering = self.state is State.GATHERING
        sight = running.session.sight() if running is not None and gathering else None
        if sight is not None and running is not None and running.now_s - sight.t_ns / NS_PER_S > GONE_S:
            sight = None
        here = now is not None and gathering
        return Snapshot(
            state=self.state,
            progress=self._progress,
            profile=self._name,
            aim_s=self._seconds,
            frame=sight.frame if sight is not None else None,
            overlay=sight.overlay if sight is not None else {},
            step=now.step if now is not None and here else None,
            step_number=now.number if now is not None else 0,
            steps=now.of if now is not None else 0,
            left_s=now.left_s if now is not None else 0.0,
            gathered=self._gathered(now, running=gathering),
            missing=now.missing if now is not None and here else (),
            verdict=self._baseline.verdict if self._baseline is not None else None,
            versions=(profile.version(0), *profile.versions) if profile is not None else (),
            in_use=profile.current.number if profile is not None else 0,
            error=self._error,
        )

    def _gathered(self, now: Guidance | None, *, running: bool) -> tuple[ChannelGathered, ...]:
        if now is None:
            return ()
        row = self._row if running else None
        found = []
        for channel, g in now.gathered.items():
            state = row.states.get(channel) if row is not None else None
            presence, reason = (state.presence, state.reason) if state is not None else (None, "")
            enough = g.share >= GOOD_SHARE
            found.append(ChannelGathered(channel, g.seconds, g.wanted, g.share, enough, presence, reason))
        return tuple(found)

    # -- what comes from the engine's threads

    def _row_came(self, row: Row) -> None:
        self._row = row

    # -- what the model's own thread does

    def _forget(self, state: State) -> None:
        self._guidance = self._baseline = self._row = None
        self.state = state

    def _start(self, video: str, audio: str) -> None:
        running: Calibration | None = None
        try:
            settings = without_words(Settings())
            models = self._load(settings, video=video != "none", audio=audio != "none")
            if not self._cancelled:
                self._progress = "devices"
                running = self._make(video, audio, seconds=self._seconds, settings=settings, models=models)
                running.session.on_row(self._row_came)
                self._stack.enter_context(running)
        except Exception as error:
            self._error = str(known(error))
            self.state = State.IDLE if self._cancelled else State.FAILED
            return
        if running is None or self._cancelled:
            self._stack.close()
            self._forget(State.IDLE)
            return
        self._running, self.state = running, State.GATHERING

    def _look(self) -> None:
        running = self._running
        if running is None or self.state is not State.GATHERING:
            return
        self._guidance = running.guidance()
        if self._guidance.step is None or running.session.wait(0):
            self.state = State.STOPPING
            self._finish()

    def _finish(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        try:
            self._stack.close()
        except AhdetectError as error:
            self.messages.append(("error", str(error)))
        self.messages.extend(("warning", sentence) for sentence in running.session.errors)
        self._guidance = running.guidance()  # all that was still on its way is in it
        self._baseline = running.result()
        if self._of == self._name:
            self.state = State.JUDGED
        else:  # another person was chosen meanwhile
            self._forget(State.IDLE)

    # -- the profile

    def _open(self, name: str) -> None:
        if name == self._name:
            self._profile = self._profiles.load(name) if name in self._profiles.names() else None

    def _accept(self, name: str, baseline: Baseline) -> None:
        try:
            keep(baseline, name, self._profiles)
        except Exception:
            self.state = State.JUDGED  # it can be tried again
            raise
        self._open(name)
        if name == self._name:
            self.state = State.ACCEPTED
        else:
            self._forget(State.IDLE)

    def _roll_back(self, name: str, number: int) -> None:
        profile = self._profiles.load(name)
        profile.rollback(number)
        self._profiles.save(profile)
        self._open(name)
