"""The documentation says what the code does: tables are the code's own, examples run, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from media import beginning
from pydantic import BaseModel

import ahdetect
import ahdetect.errors
from ahdetect.cli import COMMANDS
from ahdetect.config import Settings
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS
from ahdetect.provenance import NOTE

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])
DEMO = ROOT / "assets" / "demo.mp4"


def blocks(page: Path) -> list[str]:
    """The Python examples of a page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_pages_of_cues_and_effects_are_the_code_s() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "cue_page.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_changed_page_is_found_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import cue_page

    for name, page in cue_page.PAGES.items():
        (tmp_path / name).write_text(page(), encoding="utf-8")
    assert cue_page.stale(tmp_path) == []
    (tmp_path / "cues.md").write_text(cue_page.cue_page().replace("Hz", "kHz"), encoding="utf-8")
    assert cue_page.stale(tmp_path) == ["cues.md"]


def _settings() -> dict[str, Any]:
    found = {}
    for group, field in Settings.model_fields.items():
        assert isinstance(field.default, BaseModel)
        found |= {f"{group}.{key}": value for key, value in field.default.model_dump().items()}
    return found


def test_every_setting_is_listed_with_its_default_and_no_other() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([\w.]+)` \| ([^|]+?) \|", page, re.MULTILINE))
    words = {None: "none", True: "true", False: "false"}
    expected = {
        key: f'"{v}"' if isinstance(v, str) else words[v] if v is None or isinstance(v, bool) else str(v)
        for key, v in _settings().items()
    }
    assert listed == expected


def test_every_command_is_named_in_the_readme_and_on_its_page() -> None:
    for page in (ROOT / "README.md", DOCS / "cli.md"):
        text = page.read_text(encoding="utf-8")
        assert [name for name in COMMANDS if f"`ahdetect {name}" not in text] == []


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^\$ make run\b", readme, re.MULTILINE)
    assert re.search(r"^\$ make test\b", readme, re.MULTILINE)


def test_the_model_card_says_first_what_was_not_validated_and_what_was_trained() -> None:
    card = (DOCS / "model-cards" / "evidence-filter.md").read_text(encoding="utf-8").splitlines()
    assert card[2].startswith(
        "Not validated on frame labels. Words weigh by weights trained on labels of whole answers,"
    )
    assert "body and discord by small assumed ones" in card[2]


def test_the_model_card_explains_the_kinds_of_effect_that_there_are() -> None:
    card = (DOCS / "model-cards" / "evidence-filter.md").read_text(encoding="utf-8")
    table = card.split("| kind |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| (\w+) \|", table, re.MULTILINE)) == {effect.kind.value for effect in EFFECTS}


def test_the_note_in_every_session_file_says_which_channels_were_trained_and_which_assumed() -> None:
    assert {e.channel for e in EFFECTS if "trained" in e.source} == {Channel.LANGUAGE}
    assert {e.channel for e in EFFECTS if all(o.assumed for o in EFFECTS if o.channel is e.channel)} == {
        Channel.BODY,
        Channel.DISCORD,
    }
    assert "Words weigh by weights trained" in NOTE
    assert "body and discord by small assumed ones" in NOTE


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_to_files_lead_to_files(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert missing == []


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    assert [str(p.relative_to(DOCS)) for p in sorted(DOCS.rglob("*.md")) if str(p.relative_to(DOCS)) not in nav] == []


def test_every_name_of_the_sdk_is_in_the_reference() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^::: ahdetect\.([\w.]+)$", page, re.MULTILINE)
    named = {name.rpartition(".")[2] for name in listed}
    assert [n for n in ahdetect.__all__ if n not in named and n not in vars(ahdetect.errors)] == ["CUES"]
    assert "errors" in listed


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "sdk.md", DOCS / "plugins.md"], ids=lambda p: p.name)
def test_examples_are_python(page: Path) -> None:
    assert blocks(page)
    for block in blocks(page):
        compile(block, page.name, "exec")


@pytest.mark.parametrize("name", ["language.md", "evaluation.md"])
def test_the_examples_of_a_page_that_need_nothing_run(name: str) -> None:
    pytest.importorskip("sklearn")
    names: dict[str, Any] = {}
    for block in blocks(DOCS / name):
        exec(compile(block, f"docs/{name}", "exec"), names)
    assert names


@pytest.mark.models
def test_the_examples_of_the_sdk_page_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In order, in one namespace, as a reader would type them; `clip` is the beginning of the demo clip."""
    names: dict[str, Any] = {"clip": str(beginning(DEMO, tmp_path / "clip.mkv", 3.0)), "folder": tmp_path / "session"}
    for block in blocks(DOCS / "sdk.md"):
        exec(compile(block, "docs/sdk.md", "exec"), names)
    said = capsys.readouterr().out
    assert "['prompt', 'marker'] True" in said
    assert "no-such-clip.mp4 4" in said
    assert (tmp_path / "session" / "frames.parquet.ahd").is_file()
