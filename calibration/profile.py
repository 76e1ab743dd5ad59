"""Profile: baselines and steps of adaptation of one person flow in; versions that can be gone back to flow out.

A profile belongs to a pseudonym. Each version holds all parameters, why it was made, from which steps (refused ones
too), and the set-up (camera, microphone, room) it holds for. History only grows: going back makes a new version.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from ahdetect.calibration.adapt import Change
from ahdetect.errors import ConfigError
from ahdetect.models.personal import Personal

SCHEMA_VERSION: Final = 1

SETUP: Final = ("camera", "microphone", "room")
"""What makes up a set-up: a change of any of them changes what cues usually are (light, distance, sound)."""

LONGEST_NAME: Final = 64
_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}", re.ASCII)


class SchemaError(ValueError):
    """The profile was written by a newer ahdetect."""


def checked_name(name: str) -> str:
    """The name of a profile, as it is.

    Raises:
        ConfigError: it is not a pseudonym that may stand in a file name.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a profile; use a pseudonym of at most {LONGEST_NAME} letters a-z, digits, "
            "'-', '_' and '.', that begins with a letter or a digit.",
            value=name,
        )
    return name


@dataclass(frozen=True, slots=True)
class Version:
    """What was known of the person at one time.

    Attributes:
        number: from 1; 0 is the population, of which nothing is personal.
        created_at: UTC.
        personal: all parameters.
        changes: the steps that led here from the version before, refused ones too.
        why: "calibration", "session NAME", "rollback to 2".
        setup: what it was measured with (`SETUP`); empty where it is not known.
        restores: number of the version whose parameters these are, where somebody went back; None otherwise.
    """

    number: int
    created_at: datetime
    personal: Personal
    changes: tuple[Change, ...] = ()
    why: str = ""
    setup: Mapping[str, str] = field(default_factory=dict)
    restores: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "number": self.number,
            "created_at": self.created_at.isoformat(),
            "why": self.why,
            "setup": dict(self.setup),
            "restores": self.restores,
            "personal": self.personal.to_json(),
            "changes": [_plain(change.to_json()) for change in self.changes],
        }


class Profile:
    """The versions of one person.

    Args:
        name: a pseudonym.
        versions: oldest first, numbered from 1.
        created_at: when the profile was begun; default now.
        now: tells the time.

    Attributes:
        stored: versions that a store has of it; None while it was never stored.

    Raises:
        ConfigError: the name is not one that a profile may have.
        ValueError: the versions are not numbered 1, 2, ...
    """

    def __init__(
        self,
        name: str,
        versions: Iterable[Version] = (),
        created_at: datetime | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = checked_name(name)
        self._versions = list(versions)
        self._now = now
        self.created_at = created_at or now()
        self.stored: int | None = None
        for number, version in enumerate(self._versions, 1):
            if version.number != number or not (version.restores is None or 0 <= version.restores < number):
                raise ValueError(f"version {number} of profile {name} is out of order")

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions, oldest first; without the population, number 0."""
        return tuple(self._versions)

    @property
    def current(self) -> Version:
        """The newest version; number 0, the population, where there is none."""
        return self._versions[-1] if self._versions else self.version(0)

    def version(self, number: int) -> Version:
        """The version of that number.

        Raises:
            ConfigError: there is none.
        """
        if number == 0:
            return Version(0, self.created_at, Personal(), why="population")
        if not 1 <= number <= len(self._versions):
            last = len(self._versions)
            has = f"it has 1 to {last}, and 0 for the population" if last else "it has none but 0, the population"
            raise ConfigError(f"Profile {self.name} has no version {number}; {has}.", value=number)
        return self._versions[number - 1]

    def newest(self) -> tuple[Version, ...]:
        """The newest version of each set-up, newest last."""
        found: dict[tuple[tuple[str, str], ...], Version] = {}
        for version in self._versions:
            key = tuple(sorted(version.setup.items()))
            found.pop(key, None)
            found[key] = version
        return tuple(found.values())

    def for_setup(self, setup: Mapping[str, str]) -> tuple[Version, str]:
        """The newest version that was measured with this set-up, and a sentence where there is none.

        Only what both sides name is compared: a version of which no room is known fits every room. Without a match it
        is the newest version of all: another set-up of the same person is nearer than the population.
        """
        for version in reversed(self._versions):
            if not _differs(version.setup, setup):
                return version, ""
        current = self.current
        if current.number == 0:
            return current, f"Profile {self.name} holds no calibration yet; the population's values are used."
        other = "; ".join(
            f"{key} {current.setup[key]!r} then, {setup[key]!r} now" for key in _differs(current.setup, setup)
        )
        return current, (
            f"Profile {self.name} was not calibrated with this set-up ({other}); version {current.number} is used, "
            "calibrate again for a better fit."
        )

    def add(self, personal: Personal, changes: Iterable[Change], why: str, setup: Mapping[str, str]) -> Version:
        """A new version, which is then the current one.

        Raises:
            ConfigError: `setup` has a key that is none of `SETUP`.
        """
        strange = [key for key in setup if key not in SETUP]
        if strange:
            raise ConfigError(f"A set-up has {', '.join(SETUP)}, not {strange[0]!r}.", value=strange[0])
        return self._append(Version(0, self._now(), personal, tuple(changes), why, dict(setup)))

    def rollback(self, number: int | None = None) -> Version:
        """A new version with exactly the parameters of an older one; nothing is taken out of the history.

        Args:
            number: which one, 0 for the population's values; None for the one before the current one in the same
                set-up, the population where there is none. What was itself brought back counts as the version that
                it restores, so that going back twice goes back two steps.

        Raises:
            ConfigError: there is no such version, or nothing to go back from.
        """
        old = self._before() if number is None else self.version(number)
        # The population fits every set-up; here it is to be used in the one that was gone back from.
        setup = old.setup or self.current.setup
        change = Change("rollback", 0.0, "s", self.current.personal.figures(), old.personal.figures())
        new = Version(0, self._now(), old.personal, (change,), f"rollback to {old.number}", setup, old.number)
        return self._append(new)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "created_at": self.created_at.isoformat(),
            "versions": [version.to_json() for version in self._versions],
        }

    @classmethod
    def from_json(cls, raw: Any, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Profile:
        """What `to_json` wrote.

        Raises:
            SchemaError: a newer ahdetect wrote it.
            ValueError: it is not that, or a value is out of its bounds.
        """
        try:
            if type(raw["schema_version"]) is not int or raw["schema_version"] < 1:
                raise ValueError("schema_version is not a number from 1")
            if raw["schema_version"] > SCHEMA_VERSION:
                raise SchemaError(f"schema_version {raw['schema_version']}, and this ahdetect knows {SCHEMA_VERSION}")
            return cls(raw["name"], [_version(v) for v in _list(raw["versions"])], _time(raw["created_at"]), now)
        except (KeyError, TypeError, AttributeError, OverflowError, ConfigError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def _append(self, version: Version) -> Version:
        numbered = replace(version, number=len(self._versions) + 1)
        json.dumps(numbered.to_json(), allow_nan=False)  # what could not be stored is not taken in
        self._versions.append(numbered)
        return numbered

    def _before(self) -> Version:
        if not self._versions:
            raise ConfigError(f"Profile {self.name} has no version to go back from.", value=self.name)
        at = self.current
        while at.restores is not None:
            at = self.version(at.restores)
        if at.number == 0:
            raise ConfigError(
                f"Profile {self.name} is back at the population's values; name a version to go to.", value=self.name
            )
        setup = self.current.setup
        older = [v for v in self._versions[: at.number - 1] if v.restores is None and v.setup == setup]
        return older[-1] if older else self.version(0)


def _differs(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [key for key in SETUP if key in then and key in now and then[key] != now[key]]


def _plain(value: Any) -> Any:
    """A number that is none (a mean of nothing) is null in JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _figures(raw: Mapping[str, Any]) -> dict[str, float]:
    return {str(key): math.nan if value is None else float(value) for key, value in raw.items()}


def _time(raw: str) -> datetime:
    at = datetime.fromisoformat(raw)
    if at.tzinfo is None:
        raise ValueError(f"{raw} has no time zone")
    return at.astimezone(UTC)


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError(f"{raw!r} is no text")
    return raw


def _list(raw: Any) -> list[Any]:
    if not isinstance(raw, list):
        raise TypeError(f"{raw!r} is no list")
    return raw


def _version(raw: Mapping[str, Any]) -> Version:
    restores = raw["restores"]
    if type(raw["number"]) is not int or not (restores is None or type(restores) is int):
        raise ValueError("a version has no number")
    setup = {_text(key): _text(value) for key, value in raw["setup"].items()}
    changes = tuple(_change(change) for change in _list(raw["changes"]))
    personal = Personal.from_json(raw["personal"])
    return Version(raw["number"], _time(raw["created_at"]), personal, changes, _text(raw["why"]), setup, restores)


def _change(raw: Mapping[str, Any]) -> Change:
    if type(raw["accepted"]) is not bool:
        raise ValueError("a step was neither taken nor refused")
    return Change(
        _text(raw["method"]), float(raw["amount"]), _text(raw["unit"]), _figures(raw["before"]), _figures(raw["after"]),
        _figures(raw["effect"]), raw["accepted"], _text(raw["reason"]),
    )  # fmt: skip
