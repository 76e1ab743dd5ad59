"""Consent: what a person agreed to, and the text they were shown, flow in; whether a stream may be kept flows out.

Each purpose is a question of its own; one that was not asked counts as a no. The record holds a pseudonym at most. What
stands readable in the manifest (`public`) leaves that out, so that retention, withdrawal and a check need no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from ahdetect.errors import ConsentError

LANGUAGES: Final = ("en", "fr")
"""Languages of the texts that ship."""

NEWEST: Final = "1"
"""Version of the text that is shown today; older ones stay in `assets/consent`, for records that name them."""

KEEP_DAYS: Final = 90
"""How long a session is kept where nobody chose; assumed. A study has a term of its own."""


class Purpose(StrEnum):
    """What a person is asked, one by one."""

    RECORDING = "recording"
    ANALYSIS = "analysis"
    ADAPTATION = "adaptation"
    RESEARCH = "research"


PURPOSE_OF: Final[Mapping[str, Purpose]] = {
    "video": Purpose.RECORDING,
    "audio": Purpose.RECORDING,
    "events": Purpose.RECORDING,
    "ledger": Purpose.RECORDING,
    "frames": Purpose.ANALYSIS,
    "words": Purpose.ANALYSIS,
    "annotations": Purpose.ANALYSIS,
    "timeline": Purpose.ANALYSIS,
}
"""Stream of a session to the purpose that allows it. Events and ledger tell of a recording or an analysis, whichever
there is: either purpose allows them."""

EITHER: Final = frozenset({"events", "ledger"})


@dataclass(frozen=True, slots=True)
class ConsentText:
    """A text as it was shown.

    Attributes:
        version: "1", "2", ... of the texts that ship; a study names its own as it likes.
        language: code of two letters.
        body: Markdown.
    """

    version: str
    language: str
    body: str

    @property
    def sha256(self) -> str:
        """Of the text in UTF-8: the same words on any machine."""
        return hashlib.sha256(self.body.encode()).hexdigest()


def consent_text(language: str = "en", version: str = NEWEST) -> ConsentText:
    """A text that ships with ahdetect.

    Raises:
        ConsentError: there is none of that version and language.
    """
    file = resources.files("ahdetect.assets") / "consent" / f"{version}.{language}.md"
    try:
        return ConsentText(version, language, file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConsentError(
            f"There is no consent text of version {version} in the language {language!r}; "
            f"the newest is {NEWEST}, in {', '.join(LANGUAGES)}.",
            value=version,
        ) from error


def text_of(sha256: str) -> ConsentText | None:
    """The text that ships and has this hash; None where the text is somebody's own."""
    folder = resources.files("ahdetect.assets") / "consent"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        version, _, ending = file.name.rpartition(".")[0].partition(".")
        if file.name.endswith(".md") and ending in LANGUAGES:
            text = ConsentText(version, ending, file.read_text(encoding="utf-8"))
            if text.sha256 == sha256:
                return text
    return None


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(_Record):
    """Yes or no to one purpose.

    Attributes:
        given: whether it was a yes.
        at: when, UTC.
        withdrawn_at: when a yes was taken back.
    """

    given: StrictBool
    at: AwareDatetime
    withdrawn_at: AwareDatetime | None = None

    @property
    def holds(self) -> bool:
        """Whether it is a yes that was not taken back."""
        return self.given and self.withdrawn_at is None

    @field_validator("at", "withdrawn_at")
    @classmethod
    def _in_seconds_of_utc(cls, at: datetime | None) -> datetime | None:
        return None if at is None else at.astimezone(UTC).replace(microsecond=0)

    @field_serializer("at", "withdrawn_at")
    def _as_text(self, at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()


class Consent(_Record):
    """What one person answered to one text, for one session.

    Attributes:
        person: who gave it, a pseudonym; "" where none was entered. Never a name.
        language: of the text that was shown.
        text_version: its version.
        text_sha256: its hash.
        answers: purpose to answer; a purpose that is missing was not asked.
        keep_days: how long the person was told it is kept, days; None: without a date.

    Example:
        >>> consent = Consent.given(["recording", "analysis"], consent_text("en"), person="P07")
        >>> consent.allows("adaptation")
        False
    """

    person: str = Field("", max_length=64)
    language: str = Field(pattern=r"^[a-z]{2,3}$")
    text_version: str = Field(min_length=1, max_length=32)
    text_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    answers: dict[Purpose, Answer]
    keep_days: int | None = Field(KEEP_DAYS, ge=1, le=36_500)

    @model_validator(mode="after")
    def _is_of_its_text(self) -> Consent:
        """A version of ours goes with the hash of ours: a record that names another text than was shown is none."""
        shipped = text_of(self.text_sha256)
        if shipped is not None and (shipped.version, shipped.language) != (self.text_version, self.language):
            raise ValueError(f"text_sha256 is that of version {shipped.version} ({shipped.language})")
        return self

    @classmethod
    def given(
        cls,
        purposes: Iterable[Purpose | str],
        text: ConsentText,
        *,
        person: str = "",
        at: datetime | None = None,
        keep_days: int | None = KEEP_DAYS,
    ) -> Consent:
        """A record of a yes to `purposes` and a no to all others.

        Args:
            purposes: what was agreed to.
            text: what was shown: one that ships, or a study's own.
            person: pseudonym.
            at: when the answers were given; None: now.
            keep_days: as the person was told.

        Raises:
            ConsentError: a purpose is none of the four, or a value is out of bounds.
        """
        chosen = {_purpose(p) for p in purposes}
        when = at or datetime.now(UTC)
        return _validated(
            {
                "person": person,
                "language": text.language,
                "text_version": text.version,
                "text_sha256": text.sha256,
                "answers": {p: Answer(given=p in chosen, at=when) for p in Purpose},
                "keep_days": keep_days,
            },
            "The record of consent",
        )

    def allows(self, purpose: Purpose | str) -> bool:
        """Whether there is a yes to `purpose` that was not taken back."""
        answer = self.answers.get(Purpose(purpose))
        return answer is not None and answer.holds

    def require(self, purpose: Purpose | str) -> None:
        """Go on only where `purpose` was agreed to.

        Raises:
            ConsentError: it was not, or was taken back.
        """
        purpose = Purpose(purpose)
        answer = self.answers.get(purpose)
        if answer is None or not answer.given:
            raise ConsentError(
                f"The person did not agree to {NAMES[purpose]}, so it is not done; ask them, and record a yes first.",
                value=purpose.value,
            )
        if answer.withdrawn_at is not None:
            raise ConsentError(
                f"The person took back their consent to {NAMES[purpose]} on "
                f"{answer.withdrawn_at.astimezone(UTC):%Y-%m-%d}, so it is not done.",
                value=purpose.value,
            )

    def withdraw(self, purposes: Iterable[Purpose | str], at: datetime | None = None) -> Consent:
        """The same record with the yes to `purposes` taken back; a no, or what was taken back already, stays."""
        when = at or datetime.now(UTC)
        wanted = {_purpose(p) for p in purposes}
        answers = {
            p: Answer(given=True, at=a.at, withdrawn_at=when) if p in wanted and a.holds else a
            for p, a in self.answers.items()
        }
        return self.model_copy(update={"answers": answers})

    def allowed_by(self, stream: str) -> Purpose | None:
        """The purpose that allows `stream` (a key of `PURPOSE_OF`) to be kept; None where nothing does."""
        purpose = PURPOSE_OF[stream]
        candidates = (purpose, Purpose.ANALYSIS) if stream in EITHER else (purpose,)
        return next((p for p in candidates if self.allows(p)), None)

    def retain_until(self, started_at: datetime) -> date | None:
        """The last day on which a session that began then is kept; None without a date."""
        return None if self.keep_days is None else (started_at + timedelta(days=self.keep_days)).date()

    def to_json(self) -> dict[str, Any]:
        """Everything, with the pseudonym: for the encrypted part of a session."""
        return self.model_dump(mode="json")

    def public(self) -> dict[str, Any]:
        """The record without the pseudonym: for what stands readable in the manifest."""
        return self.model_dump(mode="json", exclude={"person"})


NAMES: Final[Mapping[Purpose, str]] = {
    Purpose.RECORDING: "keeping picture and sound (recording)",
    Purpose.ANALYSIS: "the analysis",
    Purpose.ADAPTATION: "adaptation, which learns what is usual for them",
    Purpose.RESEARCH: "reuse for research",
}
"""Purposes within a sentence."""


def consent_of(raw: object, where: str = "The record of consent") -> Consent:
    """A record from what `to_json` or `public` gave.

    Raises:
        ConsentError: it is none; names the place.
    """
    return _validated(raw, where)


def read_consent(path: Path) -> Consent:
    """A record from a JSON file.

    Raises:
        ConsentError: the file cannot be read, or is no record of consent.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConsentError(f"Cannot read the record of consent {path}: {reason}.", value=path) from error
    try:
        return Consent.model_validate_json(text)
    except ValidationError as error:
        raise _told(error, str(path)) from error


def _validated(raw: object, where: str) -> Consent:
    try:
        return Consent.model_validate(raw)
    except ValidationError as error:
        raise _told(error, where) from error


def _told(error: ValidationError, where: str) -> ConsentError:
    """The first thing that is wrong, without the value: it may be somebody's name."""
    first = error.errors(include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    return ConsentError(
        f"{where} is no valid one ({key + ': ' if key else ''}{first['msg']}); docs/data-protection.md shows one.",
        value=key,
    )


def _purpose(name: Purpose | str) -> Purpose:
    try:
        return Purpose(name)
    except ValueError as error:
        raise ConsentError(
            f"{str(name)!r} is no purpose that one can agree to; there are {', '.join(Purpose)}.", value=name
        ) from error
