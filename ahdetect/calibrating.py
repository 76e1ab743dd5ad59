"""Calibrating: devices and a guide flow in; a person's baseline, and a new version of their profile, flow out.

The same for the command, for the desktop screen and for programs. What is said is not written down: a baseline needs to
know that and how somebody speaks, not what. Nothing is recorded either.
"""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType

from ahdetect.calibration.baseline import Baseline
from ahdetect.calibration.guide import DEFAULT_S, Guidance, Guide
from ahdetect.calibration.profile import Profile, Version
from ahdetect.calibration.profile_store import FileProfiles, ProfileStore
from ahdetect.config import Settings, validated
from ahdetect.engine import Models
from ahdetect.errors import CalibrationError, ConfigError
from ahdetect.models.cues import CueFrame
from ahdetect.models.posterior import EvidenceFrame
from ahdetect.person import setup_of
from ahdetect.session import Session
from ahdetect.timeline import NS_PER_S, Row


class Calibration:
    """A guided calibration on live devices, from `with` to its end.

    Args:
        video: as of `ahdetect.Session`.
        audio: likewise.
        seconds: of talk.
        quiet: whether a quiet moment follows.
        settings: what to compute; words are switched off in any case.
        models: weights already loaded.

    Attributes:
        session: the session behind it, for previews (`sight`, `on_sound`) and pauses.
        guide: steps, what is missing, redo.
        setup: the devices, as a profile knows them.

    Raises:
        ConfigError: `seconds` is out of bounds, or neither video nor audio was named.
        DeviceError: a camera or microphone is missing or busy.
        AssetError: a model file is missing or damaged.

    Example:
        >>> with Calibration(video="0", audio="default") as calibration:
        ...     while not calibration.wait(0.25):
        ...         guidance = calibration.guidance()
        ...         print(guidance.step.title, guidance.missing)
        >>> baseline = calibration.result()
        >>> if baseline.verdict.good:
        ...     keep(baseline, "P07")
    """

    def __init__(
        self,
        video: str = "0",
        audio: str = "default",
        *,
        seconds: float = DEFAULT_S,
        quiet: bool = False,
        settings: Settings | None = None,
        models: Models | None = None,
    ) -> None:
        try:
            self.guide = Guide(seconds, quiet=quiet)
        except ValueError as error:
            raise ConfigError(f"{str(error).capitalize()}; choose another length.", value=seconds) from error
        chosen = without_words(settings or Settings())
        models = models or Models.load(chosen, video=video != "none", audio=audio != "none")
        self.session = Session(video, audio, settings=chosen, models=models)
        self.setup = setup_of(self.session.video, self.session.audio)
        self._last_ns: int | None = None
        self.session.on_row(self._row_came)

    def __enter__(self) -> Calibration:
        self.session.start()
        self.guide.at(self.now_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.stop()

    @property
    def now_s(self) -> float:
        """Session time, s."""
        return self.session.clock.now_ns() / NS_PER_S

    def guidance(self) -> Guidance:
        """What to show at this moment."""
        return self.guide.at(self.now_s)

    def wait(self, seconds: float) -> bool:
        """Wait a little; True once the last step is over or the sources have ended by themselves."""
        return self.session.wait(seconds) or self.guidance().step is None

    def result(self) -> Baseline:
        """The baseline with its verdict; after the `with` block all that was seen and heard is in it.

        Raises:
            AhdetectError: a stage stopped by an error of ours (a device that is gone for good).
        """
        return replace(self.guide.result(), setup=self.setup)

    def _row_came(self, row: Row) -> None:
        if row.settled:
            lasted = 0 if self._last_ns is None else row.t_ns - self._last_ns
            self._last_ns = row.t_ns
            self.guide.take(evidence_of(row, lasted))


def without_words(settings: Settings) -> Settings:
    """The same settings with transcription switched off."""
    values = settings.model_dump()
    return validated({**values, "channels": {**values["channels"], "words": False}}, "settings")


def evidence_of(row: Row, dur_ns: int) -> EvidenceFrame:
    """The evidence that a row was made from; `dur_ns` since the row before."""
    cues = {c: None if values is None else CueFrame(c, row.t_ns, values) for c, values in row.cues.items()}
    return EvidenceFrame(row.t_ns, dur_ns, cues, row.states, row.settled)


def keep(
    baseline: Baseline, name: str, profiles: ProfileStore | None = None, *, accept_anyway: bool = False
) -> Version:
    """Store a baseline as a new version of a profile, which is made where there is none of that name.

    What the baseline does not know (gains, offsets, cues that were not there) is taken over from the version in force
    for the same devices.

    Args:
        baseline: of `Calibration.result`.
        name: of the profile, a pseudonym.
        profiles: default the user's own files.
        accept_anyway: store it although its verdict is not good.

    Raises:
        CalibrationError: the verdict is not good.
        ConfigError: the name is none that a profile may have.
        StoreError: the profile is damaged or cannot be written.
    """
    if not (baseline.verdict.good or accept_anyway):
        raise CalibrationError(f"Nothing was saved. {' '.join(baseline.verdict.sentences)}", value=name)
    profiles = profiles or FileProfiles()
    profile = profiles.load(name) if name in profiles.names() else Profile(name)
    before = profile.for_setup(baseline.setup)[0].personal
    change = baseline.change(before)
    if not change.accepted:
        change = replace(change, accepted=True, reason=f"Accepted by hand. {change.reason}")
    version = profile.add(baseline.personal(before), [change], "calibration", baseline.setup)
    profiles.save(profile)
    return version
