"""The record of consent: a yes or no per purpose, to a text that can be found again, and what may be kept by it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ahdetect.errors import ConsentError
from ahdetect.store.consent import (
    LANGUAGES,
    NEWEST,
    PURPOSE_OF,
    Consent,
    ConsentText,
    Purpose,
    consent_of,
    consent_text,
    read_consent,
    text_of,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

SHOWN = {
    ("1", "en"): "b80acfadfd70b737550a754a65df4d36ddd72e5c23e2c1499a355016bbecba47",
    ("1", "fr"): "6dc3acb82526af34c38d7331a359b3c8e58a25f5328d4b83da0be3efedc88667",
}
"""Texts that people were shown. One that changes gets a new version; the old words stay for records that name it."""


def agreed(*purposes: str) -> Consent:
    return Consent.given(purposes, consent_text("en"), person="P07", at=NOON)


# -- the texts


@pytest.mark.parametrize(("version", "language"), SHOWN)
def test_a_text_that_was_shown_is_never_changed(version: str, language: str) -> None:
    text = consent_text(language, version)
    assert text.sha256 == SHOWN[version, language]
    assert text.sha256 == hashlib.sha256(text.body.encode()).hexdigest()
    assert text_of(text.sha256) == text


def test_the_newest_text_is_there_in_every_language_and_names_every_purpose() -> None:
    for language in LANGUAGES:
        assert (NEWEST, language) in SHOWN
        body = consent_text(language).body
        assert [n for n in range(1, len(Purpose) + 1) if f"\n{n}. *" not in body] == []


def test_a_text_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ConsentError, match=r"no consent text of version 99 .* the newest is 1, in en, fr"):
        consent_text("en", "99")
    with pytest.raises(ConsentError, match=r"in the language '\.\./\.\./x'"):
        consent_text("../../x")
    assert text_of("0" * 64) is None


# -- yes and no


def test_what_was_not_agreed_to_is_a_no() -> None:
    consent = agreed("recording", "analysis")
    assert [p.value for p in Purpose if consent.allows(p)] == ["recording", "analysis"]
    assert {p for p, a in consent.answers.items() if not a.given} == {Purpose.ADAPTATION, Purpose.RESEARCH}
    consent.require("analysis")
    with pytest.raises(ConsentError, match="did not agree to reuse for research"):
        consent.require("research")


def test_a_purpose_that_was_not_asked_counts_as_a_no() -> None:
    raw = agreed("recording", "research").to_json()
    del raw["answers"]["research"]
    assert not consent_of(raw).allows("research")


def test_a_yes_that_was_taken_back_holds_no_longer_and_stays_on_record() -> None:
    consent = agreed("recording", "adaptation").withdraw(["adaptation", "research"], datetime(2026, 2, 1, tzinfo=UTC))
    assert not consent.allows("adaptation")
    assert consent.allows("recording")
    assert consent.answers[Purpose.ADAPTATION].given
    assert consent.answers[Purpose.RESEARCH].withdrawn_at is None  # it was a no
    with pytest.raises(ConsentError, match=r"took back their consent to adaptation.* on 2026-02-01"):
        consent.require("adaptation")
    again = consent.withdraw(["adaptation"], datetime(2026, 3, 1, tzinfo=UTC))
    assert again == consent


def test_each_stream_names_the_purpose_that_allows_it() -> None:
    both, seen, studied, none = (agreed(*p) for p in (("recording", "analysis"), ("recording",), ("analysis",), ()))
    assert {s: both.allowed_by(s) for s in PURPOSE_OF} == dict(PURPOSE_OF)
    assert [s for s in PURPOSE_OF if seen.allowed_by(s)] == ["video", "audio", "events", "ledger"]
    assert [s for s in PURPOSE_OF if studied.allowed_by(s)] == ["events", "ledger", "frames", "words", "annotations",
                                                                "timeline"]  # fmt: skip
    assert studied.allowed_by("events") is Purpose.ANALYSIS
    assert [s for s in PURPOSE_OF if none.allowed_by(s)] == []


def test_retention_counts_from_the_start() -> None:
    assert agreed().retain_until(NOON) == date(2026, 4, 2)
    kept = Consent.given([], consent_text(), keep_days=None)
    assert kept.retain_until(NOON) is None


# -- the record


def test_a_record_comes_back_from_a_file(tmp_path: Path) -> None:
    consent = agreed("recording").withdraw(["recording"], NOON)
    (tmp_path / "c.json").write_text(json.dumps(consent.to_json()))
    assert read_consent(tmp_path / "c.json") == consent
    assert consent.to_json()["answers"]["recording"] == {
        "given": True, "at": "2026-01-02T12:00:00+00:00", "withdrawn_at": "2026-01-02T12:00:00+00:00",
    }  # fmt: skip


def test_what_stands_readable_holds_no_pseudonym() -> None:
    public = agreed("recording").public()
    assert "P07" not in json.dumps(public)
    assert consent_of(public).allows("recording")


def test_a_study_s_own_text_is_as_good() -> None:
    own = ConsentText("study 7, of May", "de", "Ich stimme zu.")
    consent = Consent.given(["recording"], own)
    assert consent.text_sha256 == own.sha256
    assert consent_of(consent.to_json()) == consent


def test_a_record_that_names_another_text_than_was_shown_is_refused() -> None:
    raw = agreed("recording").to_json() | {"language": "fr"}
    with pytest.raises(ConsentError, match=r"text_sha256 is that of version 1 \(en\)"):
        consent_of(raw)


@pytest.mark.parametrize(
    "change",
    [{"text_sha256": "abc"}, {"answers": {"lies": {"given": True, "at": "2026-01-02T12:00:00Z"}}}, {"name": "Anna"},
     {"keep_days": 0}, {"answers": {"recording": {"given": True, "at": "2026-01-02T12:00:00"}}}, {"person": "x" * 65},
     {"answers": {"recording": {"given": "yes", "at": "2026-01-02T12:00:00Z"}}}],
)  # fmt: skip
def test_what_is_no_record_is_one_sentence_without_the_value(change: dict[str, object]) -> None:
    with pytest.raises(ConsentError) as told:
        consent_of(agreed().to_json() | change)
    assert "docs/data-protection.md" in str(told.value)
    assert "Anna" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConsentError, match="Cannot read the record of consent"):
        read_consent(tmp_path / "none.json")
    (tmp_path / "c.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ConsentError, match="no UTF-8 text"):
        read_consent(tmp_path / "c.json")
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(ConsentError, match="no valid one"):
        read_consent(tmp_path / "c.json")


def test_a_purpose_that_there_is_not_is_named() -> None:
    with pytest.raises(ConsentError, match=r"'film' is no purpose.*recording, analysis, adaptation, research"):
        agreed("film")
