"""Gate: a record of consent and what is to be done flow in; settings that keep to it flow out, or a refusal.

The one place where a recording, an analysis and adaptation ask whether they may.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ahdetect.config import Settings, validated
from ahdetect.errors import ConsentError
from ahdetect.store.consent import PURPOSE_OF, Consent, Purpose, consent_of

_OFF: Final = {"face": False, "body": False, "voice": False, "words": False}


def may_record(consent: Consent | None, settings: Settings, *, media: bool = True) -> Settings:
    """The settings with which a session may be stored.

    Without a yes to the analysis every channel is off: picture and sound are kept, and nothing is estimated.

    Args:
        consent: what the person agreed to.
        settings: what is wanted.
        media: whether picture or sound are to be kept.

    Raises:
        ConsentError: there is no record, or not the yes that is needed; the sentence says which.
    """
    if consent is None:
        raise ConsentError(
            "Nothing is stored without a record of consent; give one (`--consent FILE.json` or `--consent-given "
            "recording,analysis`; in a program `Session(out=..., consent=Consent.given(...))`), or store nothing."
        )
    if media:
        consent.require(Purpose.RECORDING)
    else:
        consent.require(Purpose.ANALYSIS)
    return may_analyse(consent, settings)


def may_analyse(consent: Consent, settings: Settings) -> Settings:
    """The same settings, with every channel off where the analysis was not agreed to."""
    if consent.allows(Purpose.ANALYSIS):
        return settings
    return validated({**settings.model_dump(), "channels": {**settings.channels.model_dump(), **_OFF}}, "consent")


def may_learn(consent: Consent | None) -> None:
    """Go on only where adaptation was agreed to.

    Raises:
        ConsentError: it was not, or nobody was asked.
    """
    if consent is None:
        raise ConsentError(
            "A profile learns from nobody who did not agree to it; record their consent to adaptation first "
            "(`--consent FILE.json` or `--consent-given adaptation`)."
        )
    consent.require(Purpose.ADAPTATION)


def check_stored(info: Mapping[str, Any], purpose: Purpose) -> None:
    """Go on with a session that is stored only where its own record allows `purpose`.

    A session without a record passes (of an older version, or the analysis of a clip, which somebody else recorded):
    whoever made it answers for it.

    Raises:
        ConsentError: its record says no, or the yes was taken back.
    """
    consent = stored_consent(info)
    if consent is not None:
        consent.require(purpose)


def manifest(consent: Consent, started_at: datetime) -> dict[str, Any]:
    """What a session says of it: the record without the pseudonym, what allows each stream, and the last day, all
    readable without a key; and the pseudonym, which is sealed where the session is.
    """
    until = consent.retain_until(started_at)
    return {
        "consent": agreed_entry(consent),
        "retain_until": until.isoformat() if until is not None else None,
        "person": consent.person,
    }


def agreed_entry(consent: Consent) -> dict[str, Any]:
    """The record without the pseudonym, and the purpose that allows each stream."""
    streams = {stream: consent.allowed_by(stream) for stream in PURPOSE_OF}
    return {**consent.public(), "streams": {s: p.value for s, p in streams.items() if p is not None}}


def stored_consent(info: Mapping[str, Any]) -> Consent | None:
    """The record of a session; None for one without.

    Args:
        info: what stands in `session.json` (then without the pseudonym) or in its sealed part.

    Raises:
        ConsentError: what stands there is no record.
    """
    raw = info.get("consent")
    if not isinstance(raw, Mapping):
        return None
    person = {"person": str(info.get("person") or "")}
    return consent_of(
        {**{k: v for k, v in raw.items() if k != "streams"}, **person}, "This session's record of consent"
    )
