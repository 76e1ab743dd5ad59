"""Person: a profile and the devices flow in; a fuser that knows the person, and what it learned of them, flow out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ahdetect.calibration.adapt import Change
from ahdetect.calibration.profile import Profile, Version
from ahdetect.calibration.profile_store import FileProfiles, ProfileStore
from ahdetect.capture.source import Source
from ahdetect.errors import AhdetectError, StoreError
from ahdetect.models.personal import Personal

ADAPTATION: Final = "adaptation"
"""Kind of the events and ledger rows that a step of adaptation, taken or refused, leaves."""


CLIP_DRIVER: Final = "pyav"
"""Driver of a clip that is played in place of a device; which device it was filmed with is not known."""


class Person:
    """A profile in use in one session.

    Args:
        profile: of the person.
        setup: devices of the session (`calibration.profile.SETUP`); empty where they are not known.
        adapt: whether the fuser goes on adapting.

    Attributes:
        version: in force at the start; number 0 is the population.
        note: a sentence where the version does not fit the set-up; "" where it does.
        steps: of adaptation, taken and refused.
        learned: the person's parameters after them; None while they are those of the version.
        kept: number of the version that was made of them; None where none was.
        failure: why none could be made.
    """

    def __init__(self, profile: Profile, setup: Mapping[str, str] | None = None, *, adapt: bool = True) -> None:
        self.profile = profile
        self.setup = dict(setup or {})
        self.adapt = adapt
        self.version, self.note = profile.for_setup(self.setup)
        self.steps: list[Change] = []
        self.learned: Personal | None = None
        self.kept: int | None = None
        self.failure: AhdetectError | None = None

    @property
    def name(self) -> str:
        """The pseudonym."""
        return self.profile.name

    def took(self, change: Change, personal: Personal) -> None:
        """Note a step of adaptation, taken or refused, and the parameters in force after it."""
        self.steps.append(change)
        self.learned = personal if personal != self.version.personal else None

    def forget(self) -> None:
        """Learn nothing from this session."""
        self.learned = None

    def keep(self, why: str, profiles: ProfileStore | None = None) -> Version | None:
        """Make a new version of what was learned; None where nothing was, or where it failed (`failure` says why).

        Args:
            why: what the history says.
            profiles: where the profile is kept; a profile that was never stored is not stored here either.
        """
        if self.learned is None:
            return None
        try:
            profile = self.profile if self.profile.stored is None else self._as_it_is(profiles or FileProfiles())
            version = profile.add(self.learned, in_short(self.steps), why, self.setup)
            if profile.stored is not None:
                (profiles or FileProfiles()).save(profile)
        except AhdetectError as error:
            self.failure = error
            return None
        self.kept = version.number
        return version

    def _as_it_is(self, profiles: ProfileStore) -> Profile:
        """The profile as it is stored now.

        Raises:
            StoreError: it cannot be read, or another version is in force by now.
            ConfigError: it was deleted.
        """
        profile = profiles.load(self.name)
        if profile.for_setup(self.setup)[0].to_json() != self.version.to_json():
            raise StoreError(
                f"Profile {self.name} was changed during the session, so what this session learned was not added to "
                "it; the steps stand in the session's events.",
                value=self.name,
            )
        return profile

    def info(self) -> dict[str, Any]:
        """What the session file says, JSON-ready: nothing but the pseudonym tells of the person."""
        return {
            "name": self.name,
            "version": self.version.number,
            "why": self.version.why,
            "note": self.note,
            "adaptation": self.adapt,
            "steps": len(self.steps),
            "refused": sum(not change.accepted for change in self.steps),
            "changes": [change.to_json() for change in in_short(self.steps)],
            "kept_as_version": self.kept,
        }


def setup_of(video: Source | None, audio: Source | None) -> dict[str, str]:
    """The devices of a session as a profile knows them; a clip is no device and fits every set-up."""
    sources = {"camera": video, "microphone": audio}
    return {name: s.info.name for name, s in sources.items() if s is not None and s.info.driver != CLIP_DRIVER}


def setup_in(devices: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """The same from "devices" of a `session.json`."""
    sources = {"camera": devices.get("video"), "microphone": devices.get("audio")}
    return {name: str(d["name"]) for name, d in sources.items() if d and d.get("driver") != CLIP_DRIVER}


def load_profile(profile: str | Profile | None, profiles: ProfileStore | None) -> Profile | None:
    """A profile by its name; what is none by name stays as it is.

    Raises:
        ConfigError: there is no profile of that name; the sentence names those that there are.
        StoreError: it is damaged.
    """
    return (profiles or FileProfiles()).load(profile) if isinstance(profile, str) else profile


def in_short(steps: Sequence[Change]) -> list[Change]:
    """Steps as a history tells them: those taken as one, from the first to the last, then each that was refused."""
    taken = [change for change in steps if change.accepted]
    refused = [change for change in steps if not change.accepted]
    if not taken:
        return refused
    first, last = taken[0], taken[-1]
    names = {name for change in taken for name in change.after}
    before = {name: next(c.before[name] for c in taken if name in c.before) for name in sorted(names)}
    after = {name: next(c.after[name] for c in reversed(taken) if name in c.after) for name in sorted(names)}
    effect = {**last.effect, "steps": float(len(taken))}
    if "mean_p_before" in first.effect:
        effect["mean_p_before"] = first.effect["mean_p_before"]
    return [replace(last, before=before, after=after, effect=effect), *refused]


def profile_in_words(info: Mapping[str, Any]) -> str:
    """What `Person.info` says, in a sentence."""
    said = f"Profile {info['name']}, version {info['version']}"
    steps, refused = info["steps"], info["refused"]
    if not info["adaptation"]:
        said += "; no adaptation"
    else:
        said += f"; {steps} step{'' if steps == 1 else 's'} of adaptation" + (f", {refused} refused" if refused else "")
    return said + (f"; kept as version {info['kept_as_version']}." if info["kept_as_version"] else ".")
