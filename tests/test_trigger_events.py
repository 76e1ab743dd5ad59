"""Triggers of a scripted session: stored as its events, read back, shown in review and in exports that hold events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreed import AGREED

from ahdetect.capture.packets import SAMPLE_RATE
from ahdetect.config import Settings, validated
from ahdetect.engine import Models
from ahdetect.events import trigger_text
from ahdetect.export.exporters import export
from ahdetect.export.material import Options, material_of
from ahdetect.gui.lanes import event_text
from ahdetect.gui.opening import load
from ahdetect.models.cues import Channel
from ahdetect.models.language import LanguageModel
from ahdetect.models.posterior import Band, EvidenceFrame, Posterior, TopCue
from ahdetect.models.voice import VoiceModel
from ahdetect.outlets import Outlets
from ahdetect.rules import Rule
from ahdetect.session import Session
from ahdetect.store.reader import open_session

SECONDS = 12
BUT = TopCue("language_contrast", 1.0, 0.8, "a 'but'")
RULE = Rule.model_validate(
    {"name": "hesitates", "moments": ["onset", "sustained", "offset"], "sustained_s": 2.0, "coverage": 0.0}
)


class Scripted:
    """A fuser that says .2, and .8 from 3 s to 8 s; its cue is a 'but'."""

    def __init__(self, settings: object) -> None:
        pass

    def step(self, frame: EvidenceFrame) -> Posterior:
        p = 0.8 if 3e9 <= frame.t_ns < 8e9 else 0.2
        band = Band.ELEVATED if p > 0.5 else Band.LOW
        return Posterior(p, p - 0.1, p + 0.1, band, 0.0, dict.fromkeys(Channel, 0.0), (BUT,) if p > 0.5 else ())

    def set_prompt(self, kind: str | None) -> None:
        pass

    def state(self) -> object:
        return None

    def restore(self, state: object) -> None:
        pass


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    voice = {"face": False, "body": False, "voice": True, "words": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ahdetect.plugins.load", lambda *_: Scripted)
        yield validated({"channels": voice, "fusion": {"fuser": "plugin:scripted"}}, "test")


def recorded(folder: Path, settings: Settings, rules: Sequence[Rule], *, plaintext: bool = True) -> Path:
    """Silence, a question at the beginning and a note: pushed without hurry, so that every run is the same."""
    session = Session(
        "none", "push", out=folder, settings=settings, models=Models(None, None, VoiceModel(), None, LanguageModel()),
        consent=AGREED, plaintext=plaintext, live=False,
    )  # fmt: skip
    with Outlets(session, [], rules), session:
        session.ask("And what keeps you?", "hesitant", t_ns=0)
        for _ in range(SECONDS):
            session.push_audio(np.zeros(SAMPLE_RATE, np.int16), rate=SAMPLE_RATE)
        session.mark("looks away", 5_000_000_000)
    return folder


@pytest.fixture(scope="module")
def folder(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the rule, not encrypted."""
    return recorded(tmp_path_factory.mktemp("sessions") / "s", settings, [RULE])


def triggers(folder: Path) -> list[dict[str, Any]]:
    return [event for event in open_session(folder).events() if event["kind"] == "trigger"]


def test_they_are_stored_at_their_moments_and_read_back(folder: Path) -> None:
    found = triggers(folder)
    assert [(e["rule"], e["moment"], e["t_ns"] / 1e9) for e in found] == [
        ("hesitates", "onset", 3.0), ("hesitates", "sustained", 5.0), ("hesitates", "offset", 8.0),
    ]  # fmt: skip
    assert (found[1]["p"], found[1]["low"], found[1]["high"], found[1]["length_s"]) == (0.8, 0.7, 0.9, 2.0)
    assert found[1]["cues"] == [{"name": "language_contrast", "log_odds": 0.8, "phrase": "a 'but'"}]
    assert {e["kind_of_prompt"] for e in found} == {"hesitant"}
    assert "keeps you" not in json.dumps(found)  # no words


def test_they_are_in_an_encrypted_session_as_well(folder: Path, tmp_path: Path, settings: Settings) -> None:
    sealed = recorded(tmp_path / "s", settings, [RULE], plaintext=False)
    assert not (sealed / "events.jsonl").exists()
    assert triggers(sealed) == triggers(folder)


def test_without_rules_a_session_writes_what_it_wrote_before(folder: Path, tmp_path: Path, settings: Settings) -> None:
    without = recorded(tmp_path / "s", settings, [])

    def lines(of: Path) -> list[str]:
        return sorted((of / "events.jsonl").read_text().splitlines())

    assert lines(without) == [line for line in lines(folder) if '"trigger"' not in line]
    assert len(lines(folder)) == len(lines(without)) + 3
    ledger = (without / "ledger.jsonl").read_text()
    assert "rules" not in ledger
    assert "outlet" not in ledger


def test_exports_that_hold_events_hold_them(folder: Path, tmp_path: Path) -> None:
    material = material_of(
        open_session(folder), Options(words=False), made_at=datetime(2026, 1, 1, tzinfo=UTC), name="x"
    )
    files = export(material, ["eaf", "textgrid", "xdf", "report-html"], tmp_path / "out")
    said = "hesitates sustained: p 0.80 [0.70, 0.90], coverage 100 %, a 'but'"
    for path in files:
        text = path.read_bytes().decode("utf-8", "replace").replace("&#39;", "'").replace("&#x27;", "'")
        assert said in text, path
        assert "keeps you" not in text


def test_review_shows_them_in_the_lane_of_events(folder: Path) -> None:
    shown = load(folder).columns.events
    texts = [event_text(event) for event in shown if event.kind == "trigger"]
    assert texts[0].startswith("Trigger: hesitates onset: p 0.80 [0.70, 0.90]")
    assert len(texts) == 3


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({}, ""),
        ({"rule": "r"}, "r"),
        ({"rule": "r", "moment": "onset", "p": "x", "low": None, "coverage": [], "cues": 3}, "r onset: p ? [?, ?]"),
        ({"rule": "r", "cues": [1, {}, {"phrase": "a 'but'"}]}, "r: a 'but'"),
    ],
)
def test_what_a_damaged_file_says_of_one_is_shown_as_far_as_it_goes(event: dict[str, object], text: str) -> None:
    assert trigger_text(event) == text
