"""The command line: exit codes, one sentence per error, commands that load only when called."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import ahdetect.cli as cli
from ahdetect.commands import doctor
from ahdetect.errors import AhdetectError, AssetError, ConfigError, DeviceError, MediaError, StoreError


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AHDETECT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AHDETECT_MODELS", raising=False)
    return tmp_path / "cache" / "models"


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(args)
    return left.value.code if isinstance(left.value.code, int) else 0


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Put a command with the given body in the table."""

    def put(body: str) -> None:
        text = f"import typer\napp = typer.Typer()\n@app.command()\ndef f():\n    {body}\n"
        (tmp_path / "made_up_command.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "made_up_command", raising=False)
        monkeypatch.setitem(cli.COMMANDS, "madeup", ("made_up_command", "Made up."))

    return put


def test_help_names_every_command_and_imports_none() -> None:
    code = (
        "import sys, ahdetect.cli as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit as left: assert not left.code\n"
        "print(sorted(m for m in sys.modules if m.startswith('ahdetect.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in cli.COMMANDS:
        assert name in done.stdout
    assert done.stdout.splitlines()[-1] == "['ahdetect.cli', 'ahdetect.errors']"


def test_every_command_of_the_table_loads_and_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cli.COMMANDS:
        assert run(name, "--help") == 0
        assert f"ahdetect {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("ahdetect ")


@pytest.mark.parametrize("args", [("nonsense",), ("assets", "nonsense"), ("assets", "list", "--nonsense"), ()])
def test_wrong_arguments_leave_with_2(args: tuple[str, ...]) -> None:
    assert run(*args) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [(AhdetectError, 1), (ConfigError, 2), (DeviceError, 3), (MediaError, 4), (AssetError, 5), (StoreError, 6)],
)
def test_an_error_is_one_sentence_and_its_exit_code(
    command, capsys: pytest.CaptureFixture[str], error: type[AhdetectError], code: int
) -> None:
    command(f"from ahdetect.errors import {error.__name__}; raise {error.__name__}('The thing broke; mend it.')")
    assert run("madeup") == code
    assert capsys.readouterr().err == "ahdetect: The thing broke; mend it.\n"


def test_an_error_nobody_expected_is_one_sentence_too(command, capsys: pytest.CaptureFixture[str]) -> None:
    command("raise KeyError('first\\nsecond')")
    assert run("madeup") == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "KeyError" in err


def test_debug_shows_where(command, capsys: pytest.CaptureFixture[str]) -> None:
    command("raise ValueError('deep down')")
    assert run("--debug", "madeup") == 1
    assert "made_up_command.py" in capsys.readouterr().err


def test_ctrl_c_leaves_with_130(command) -> None:
    command("raise KeyboardInterrupt")
    assert run("madeup") == 130


def test_a_missing_extra_breaks_its_own_command_only(command, capsys: pytest.CaptureFixture[str]) -> None:
    command("pass\nimport a_package_that_is_not_installed")
    assert run("madeup") == 2
    assert "a_package_that_is_not_installed" in capsys.readouterr().err
    assert run("--help") == 0


def test_assets_list_says_what_is_missing(empty_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("assets", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["state"] for row in rows} == {"missing"}
    assert str(empty_cache / "face_landmarker.task") in {row["path"] for row in rows}
    assert run("assets", "list") == 0
    assert "whisper_base" in capsys.readouterr().out


def test_assets_verify_leaves_with_5_and_names_the_command(
    empty_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("assets", "verify") == 5
    assert "ahdetect assets pull face_landmarker pose_landmarker_full whisper_tiny_en" in capsys.readouterr().err
    empty_cache.mkdir(parents=True)
    (empty_cache / "face_landmarker.task").write_bytes(b"half")
    assert run("assets", "verify", "face_landmarker") == 5
    assert "damaged (4 bytes instead of 3758596)" in capsys.readouterr().err


def test_doctor_names_what_is_missing_and_what_mends_it(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        doctor, "IMPORTS", (("Nothing", "a_package_that_is_not_installed", "apt install nothing", False),)
    )
    assert run("doctor", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    findings = {row["name"]: row for row in report["findings"]}
    assert findings["Python"]["ok"]
    assert findings["numpy"]["ok"]
    assert findings["face_landmarker: face_landmarker.task"]["mend"] == "ahdetect assets pull face_landmarker"
    assert findings["Nothing loads"] | {"found": ""} == {
        "name": "Nothing loads", "ok": False, "needed": False, "found": "", "mend": "apt install nothing",
    }  # fmt: skip
    assert "whisper_base: model.bin" not in findings  # optional and not fetched is no fault


@pytest.mark.models
def test_doctor_is_content_with_a_machine_that_is_set_up() -> None:
    assert run("doctor") == 0
