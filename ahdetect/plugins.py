"""Entry points of other packages flow in; their cue extractors, fusers, exporters and outlets flow out, by name.

| group | what the entry point names |
|---|---|
| `ahdetect.cue_extractors` | makes a `CueExtractor` when called |
| `ahdetect.fusers` | makes a `Fuser` when called with the settings of the fusion |
| `ahdetect.exporters` | an `ahdetect.export.exporters.Exporter` |
| `ahdetect.outlets` | makes an outlet when called; see `ahdetect.outlets` |

Nothing of a plug-in is imported before somebody names it. One that cannot be had is a sentence before anything begins;
one that fails on the way is a sentence in the session, which goes on without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Literal, Protocol

from ahdetect.capture.packets import Packet
from ahdetect.config import Settings
from ahdetect.errors import AhdetectError, ConfigError
from ahdetect.models.posterior import EvidenceFrame, Fuser, Posterior

Group = Literal["cue_extractors", "fusers", "exporters", "outlets"]

PREFIX: Final = "plugin:"
"""What stands before the name of a plug-in where a setting may name something built in as well."""

CUES_EVENT: Final = "plugin_cues"
"""Kind of the events that hold what a cue extractor measured."""

FAILED_EVENT: Final = "plugin_failed"
"""Kind of the event and ledger row of a plug-in that failed on the way."""


class CueExtractor(Protocol):
    """Measures something in pictures or in sound, on a thread of its own.

    Attributes:
        stream: "video" for pictures (the newest one, where it is slow), "audio" for all of the sound.
    """

    stream: Literal["video", "audio"]

    def step(self, packet: Packet[Any]) -> Mapping[str, float] | None:
        """What was measured in a frame or an `AudioBlock`, by name; None for nothing new."""
        ...

    def close(self) -> None:
        """The session has ended; on the same thread."""
        ...


def names(group: Group) -> list[str]:
    """Names of the plug-ins that are installed, sorted; none of them is imported."""
    return sorted({point.name for point in _points(group)})


def load(group: Group, name: str) -> Any:
    """What a plug-in's entry point names.

    Raises:
        ConfigError: there is no such plug-in, or it cannot be imported.
    """
    found = [point for point in _points(group) if point.name == name]
    what = group.replace("_", " ")[:-1]
    if not found:
        there = ", ".join(names(group)) or "none"
        raise ConfigError(f"There is no plug-in {name!r} for a {what}; installed are: {there}.", value=name)
    try:
        return found[0].load()
    except Exception as error:  # whatever a stranger's module does when it is imported
        raise ConfigError(
            f"The plug-in {name!r} for a {what} ({_package(found[0])}) cannot be loaded: {_brief(error)}; mend or "
            "remove that package, or name another.",
            value=name,
        ) from error


def make(group: Group, name: str, *args: object) -> Any:
    """What a plug-in makes when it is called.

    Raises:
        ConfigError: as `load`, or it fails.
    """
    maker = load(group, name)
    try:
        return maker(*args)
    except AhdetectError:
        raise
    except Exception as error:
        raise ConfigError(
            f"The plug-in {name!r} for a {group.replace('_', ' ')[:-1]} cannot start: {_brief(error)}; see its own "
            "documentation, or name another.",
            value=name,
        ) from error


def cue_extractor(name: str) -> CueExtractor:
    """A cue extractor of a plug-in.

    Raises:
        ConfigError: as `make`, or it names no stream.
    """
    made: CueExtractor = make("cue_extractors", name)
    if getattr(made, "stream", None) not in ("video", "audio") or not callable(getattr(made, "step", None)):
        raise ConfigError(
            f'The plug-in {name!r} makes no cue extractor: it needs stream = "video" or "audio", and step().',
            value=name,
        )
    return made


def check(settings: Settings) -> None:
    """Load what settings name, so that what cannot be had is said before a device is opened.

    Raises:
        ConfigError: as `load`.
    """
    for name in settings.plugins.cue_extractors:
        load("cue_extractors", name)
    if settings.fusion.fuser.startswith(PREFIX):
        load("fusers", settings.fusion.fuser.removeprefix(PREFIX))


class GuardedFuser:
    """A plug-in's fuser; where it fails, another one goes on from there, and that is said once.

    Args:
        name: of the plug-in.
        theirs: its fuser.
        instead: makes the one that goes on.
        failed: told the sentence.
    """

    def __init__(self, name: str, theirs: Fuser, instead: Callable[[], Fuser], failed: Callable[[str], None]) -> None:
        self._name = name
        self._theirs: Fuser = theirs
        self._instead = instead
        self._failed = failed
        self._ours: Fuser | None = None
        self._prompted: tuple[str | None] | None = None  # the kind of the last prompt, None before the first

    def step(self, frame: EvidenceFrame) -> Posterior:
        """What the plug-in says, or the other one."""
        if self._ours is None:
            try:
                return _checked(self._theirs.step(frame))
            except Exception as error:  # of a stranger's code
                self._give_up(error)
        assert self._ours is not None
        return self._ours.step(frame)

    def set_prompt(self, kind: str | None) -> None:
        """Tell whoever is in charge."""
        self._prompted = (kind,)
        if self._ours is None:
            try:
                self._theirs.set_prompt(kind)
                return
            except Exception as error:
                self._give_up(error)
        assert self._ours is not None
        self._ours.set_prompt(kind)

    def state(self) -> object:
        """Who is in charge, and a copy of what it knows."""
        if self._ours is None:
            try:
                return self._prompted, False, self._theirs.state()
            except Exception as error:
                self._give_up(error)
        assert self._ours is not None
        return self._prompted, True, self._ours.state()

    def restore(self, state: object) -> None:
        """Go back to a state, and to whom it is of."""
        assert isinstance(state, tuple)
        self._prompted, ours, inner = state
        if not ours:
            self._ours = None
            try:
                self._theirs.restore(inner)
                return
            except Exception as error:
                self._give_up(error)
                return
        if self._ours is None:
            self._ours = self._instead()
        self._ours.restore(inner)

    def _give_up(self, error: Exception) -> None:
        self._ours = self._instead()
        if self._prompted is not None:
            self._ours.set_prompt(*self._prompted)
        self._failed(f"The fuser of plug-in {self._name!r} failed ({_brief(error)}); the evidence filter goes on.")


def _checked(said: Posterior) -> Posterior:
    """What a plug-in says, where it is an estimate.

    Raises:
        TypeError: it is none.
        ValueError: its probability is none.
    """
    if not isinstance(said, Posterior):
        raise TypeError(f"step() gave {type(said).__name__}, not a Posterior")
    if not (math.isfinite(said.p) and 0.0 <= said.p <= 1.0):
        raise ValueError(f"p = {said.p} is no probability")
    return said


def _points(group: Group) -> list[EntryPoint]:
    return list(entry_points(group=f"ahdetect.{group}"))


def _package(point: EntryPoint) -> str:
    return f"package {point.dist.name}" if point.dist is not None else point.value


def _brief(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
