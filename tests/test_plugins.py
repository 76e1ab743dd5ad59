"""Plug-ins by entry points: found without being imported, and a broken one is a sentence that stops nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from agreed import AGREED
from media import grey, tone, write_clip

from ahdetect import analyze, plugins
from ahdetect.config import Settings, validated
from ahdetect.errors import ConfigError
from ahdetect.export.exporters import EXPORTERS, chosen, export
from ahdetect.export.material import material_of
from ahdetect.session import Session
from ahdetect.store.reader import open_session

ROOT = Path(__file__).parent.parent
VOICE: dict[str, object] = {"face": False, "body": False, "voice": True, "words": False}
Install = Callable[..., None]


def settings(**groups: object) -> Settings:
    return validated({"channels": VOICE, **groups}, "test")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mkv", grey(50), tone(200, 2.0))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a package with one module and its entry points on the path, as an installer would."""

    def make(module: str, code: str, **groups: dict[str, str]) -> None:
        site = tmp_path / "site"
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(code, encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
        lines = [
            line
            for group, points in groups.items()
            for line in (f"[ahdetect.{group}]", *(f"{name} = {module}:{what}" for name, what in points.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.setattr(sys, "modules", dict(sys.modules))

    return make


def test_without_plugins_there_are_none_and_a_wish_says_so() -> None:
    assert plugins.names("cue_extractors") == []
    with pytest.raises(ConfigError, match=r"no plug-in 'x' for a fuser; installed are: none\."):
        plugins.load("fusers", "x")


def test_names_are_known_without_importing_anything(install: Install) -> None:
    install("trap", "raise SystemExit('imported')", exporters={"one": "X"}, fusers={"two": "X"})
    assert plugins.names("exporters") == ["one"]
    assert plugins.names("fusers") == ["two"]


@pytest.mark.parametrize("code", ["import not_there", "1 / 0", "def other(): ..."])
def test_a_plugin_that_cannot_be_imported_is_one_sentence_before_anything_begins(
    install: Install, code: str, tmp_path: Path, clip: Path
) -> None:
    install("broken", code, fusers={"mine": "make"})
    with pytest.raises(ConfigError, match=r"plug-in 'mine' for a fuser \(package broken\) cannot be loaded") as caught:
        Session(
            str(clip), str(clip), out=tmp_path / "s", consent=AGREED, settings=settings(fusion={"fuser": "plugin:mine"})
        )
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "s").exists()


def test_a_name_with_strange_characters_is_no_setting() -> None:
    with pytest.raises(ConfigError, match=r"fusion\.fuser"):
        settings(fusion={"fuser": "plugin:a b"})
    with pytest.raises(ConfigError, match=r"fusion\.fuser"):
        settings(fusion={"fuser": "evidence2"})


# -- fusers

FAILS = """
from ahdetect.models.evidence import EvidenceFilter, EvidenceSettings

class Fuser(EvidenceFilter):
    steps = 0

    def step(self, frame):
        self.steps += 1
        if frame.t_ns >= 1_000_000_000:
            raise RuntimeError("out of ideas\\nand more")
        return super().step(frame)

def make(settings):
    return Fuser(EvidenceSettings(settings.segment_s, settings.prevalence, settings.personal), settings.prompt_kind)

def never(settings):
    raise OSError("no licence")
"""


def test_a_fuser_that_fails_is_said_once_and_the_evidence_filter_goes_on(install: Install, clip: Path) -> None:
    install("faulty", FAILS, fusers={"faulty": "make"})
    timeline = analyze(clip, settings=settings(fusion={"fuser": "plugin:faulty", "prompt_kind": "hesitant"}))
    assert [row.id for row in timeline.rows] == list(range(50))
    (said,) = (e for e in timeline.events if e["kind"] == "plugin_failed")
    assert said["error"] == (
        "The fuser of plug-in 'faulty' failed (RuntimeError: out of ideas); the evidence filter goes on."
    )
    assert timeline.rows[-1].prior_log_odds == timeline.rows[0].prior_log_odds  # the prompt is still in force
    assert timeline.info["configuration"]["fusion"]["fuser"] == "plugin:faulty"


def test_live_a_fuser_that_fails_stops_no_row_and_stands_in_the_errors(install: Install, clip: Path) -> None:
    install("faulty", FAILS, fusers={"faulty": "make"})
    with Session(str(clip), str(clip), settings=settings(fusion={"fuser": "plugin:faulty"})) as session:
        rows = session.rows(settled_only=True)
        session.wait()
    assert [row.id for row in rows] == list(range(50))
    assert len(session.errors) == 1
    assert len(session.ledger.rows("plugin_failed")) == 1


def test_a_fuser_that_cannot_be_made_is_refused(install: Install, clip: Path) -> None:
    install("faulty", FAILS, fusers={"faulty": "never"})
    with pytest.raises(ConfigError, match=r"cannot start: OSError: no licence"):
        analyze(clip, settings=settings(fusion={"fuser": "plugin:faulty"}))


# -- cue extractors

MEASURES = """
class Loud:
    stream = "audio"
    closed = 0
    def step(self, packet):
        if FAIL and packet.seq == 5:
            raise ValueError("too loud")
        return {"peak": abs(packet.data.pcm).max()} if packet.seq % 25 == 0 else None
    def close(self):
        Loud.closed += 1

class Mute:
    pass
"""


def test_what_a_cue_extractor_measures_becomes_events_in_order(install: Install, clip: Path) -> None:
    install("loud", "FAIL = False" + MEASURES, cue_extractors={"loud": "Loud"})
    timeline = analyze(clip, settings=settings(plugins={"cue_extractors": ["loud"]}))
    found = [e for e in timeline.events if e["kind"] == "plugin_cues"]
    assert [(e["t_ns"], e["plugin"]) for e in found] == [(40_000_000, "loud"), (1_040_000_000, "loud")]
    assert found[0]["cues"]["peak"] == pytest.approx(16384, rel=0.01)
    assert sys.modules["loud"].Loud.closed == 1


def test_a_cue_extractor_that_fails_stops_only_itself(install: Install, clip: Path) -> None:
    install("loud", "FAIL = True" + MEASURES, cue_extractors={"loud": "Loud"})
    with Session(str(clip), str(clip), settings=settings(plugins={"cue_extractors": ["loud"]})) as session:
        rows = session.rows(settled_only=True)
        session.wait()
    assert [row.id for row in rows] == list(range(50))
    assert session.errors == ["ValueError: too loud"]
    assert sys.modules["loud"].Loud.closed == 1


def test_what_is_no_cue_extractor_is_refused(install: Install, clip: Path) -> None:
    install("loud", "FAIL = False" + MEASURES, cue_extractors={"mute": "Mute"})
    with pytest.raises(ConfigError, match="needs stream"):
        analyze(clip, settings=settings(plugins={"cue_extractors": ["mute"]}))


# -- exporters


def test_what_is_no_exporter_is_refused_and_the_others_are_as_they_were(install: Install) -> None:
    install("odd", "X = 3", exporters={"odd": "X"})
    with pytest.raises(ConfigError, match="'odd' names no exporter but a int"):
        chosen(["odd"])
    assert chosen(["csv"]) == ["csv"]
    assert "odd" not in EXPORTERS


# -- the worked example


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/plugin, installed by pip into a site of its own."""
    site = tmp_path_factory.mktemp("example")
    source = tmp_path_factory.mktemp("source") / "plugin"
    subprocess.run(["cp", "-r", str(ROOT / "examples" / "plugin"), str(source)], check=True)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--target", str(site), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return site


def test_the_worked_example_installs_and_each_of_its_plugins_takes_part(
    example: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(example))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    for name, row in list(EXPORTERS.items()):
        monkeypatch.setitem(EXPORTERS, name, row)  # the table is as before afterwards
    wanted = settings(fusion={"fuser": "plugin:words-only"}, plugins={"cue_extractors": ["brightness"]})
    session = Session("push", "push", live=False, out=tmp_path / "s", consent=AGREED, settings=wanted)
    with session:
        for i, frame in enumerate(grey(50)):
            session.push_video(frame, i * 40_000_000)
            session.push_audio(tone(200, 0.04), i * 40_000_000)
    assert session.errors == []

    stored = open_session(tmp_path / "s")
    measured = [e["cues"]["brightness"] for e in stored.events() if e["kind"] == "plugin_cues"]
    assert measured == pytest.approx([20 / 255, (20 + 4 * 25) / 255], abs=0.01)
    (p,) = {row.p for row in stored.timeline().rows}
    assert p == pytest.approx(0.18)
    material = replace(material_of(stored, made_at=datetime(2026, 1, 1, tzinfo=UTC)), name="s")
    (path,) = export(material, ["minutes"], tmp_path / "out")
    assert path.read_text() == "minute\tlow\tunclear\televated\n0\t50\t0\t0\n"
    assert plugins.names("outlets") == ["counter"]
    assert plugins.make("outlets", "counter").name == "counter"
    EXPORTERS.pop("minutes")
