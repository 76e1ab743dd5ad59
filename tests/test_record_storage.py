"""What `ahdetect record` stores, and for whom: encrypted unless told otherwise, and only what was asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail
import pytest
from agreed import AGREED, OPTIONS
from media import grey, tone, write_clip

from ahdetect import cli, store_key
from ahdetect.config import Settings
from ahdetect.errors import ConfigError, NoKeyError
from ahdetect.session import Session
from ahdetect.store.keys import Keys, new_identity
from ahdetect.store.reader import open_session, read_manifest

PLAIN = "[channels]\nface = false\nbody = false\nvoice = true\nwords = false\n"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", grey(20), tone(200, 0.8))


@pytest.fixture
def record(clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    """Records the clip with further options; exit code, what it printed as JSON, stderr."""
    (tmp_path / "plain.toml").write_text(PLAIN)
    common = ("--video", clip, "--audio", clip, "--settings", tmp_path / "plain.toml", "--json", *OPTIONS)

    def run(*args: object, out: str = "s") -> tuple[int, dict[str, Any], str]:
        with pytest.raises(SystemExit) as left:
            cli.main([str(a) for a in ("record", "--out", tmp_path / out, *common, *args)])
        said, err = capfd.readouterr()
        return int(left.value.code or 0), json.loads(said) if said else {}, err

    return run


@pytest.fixture
def no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account without keychain and key file."""
    monkeypatch.delenv("AHDETECT_KEY_FILE")
    monkeypatch.setattr(store_key.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "config"))
    monkeypatch.setattr(keyring, "get_keyring", lambda: keyring.backends.fail.Keyring())


def test_a_recording_is_encrypted_without_being_asked_to(record: Any, tmp_path: Path) -> None:
    code, said, err = record()
    assert (code, said["encrypted"], said["picture"], err) == (0, True, None, "")
    assert {p.suffix for p in (tmp_path / "s").iterdir()} == {".ahd", ".json", ".keys", ".meta"}
    session = open_session(tmp_path / "s")
    assert (session.state, session.info["id"]) == ("closed", read_manifest(tmp_path / "s")["id"])
    assert session.info["id"] == read_manifest(tmp_path / "s")["encryption"]["session"]


def test_plaintext_is_warned_about_and_stamped(record: Any, tmp_path: Path) -> None:
    code, said, err = record("--plaintext")
    assert (code, said["encrypted"]) == (0, False)
    assert "Not encrypted (--plaintext)" in err
    assert json.loads((tmp_path / "s" / "session.json").read_text())["encrypted"] is False
    assert (tmp_path / "s" / "video.mkv").read_bytes().startswith(b"\x1aE\xdf\xa3")
    assert (tmp_path / "s" / "timeline.png").exists()


@pytest.mark.usefixtures("no_keys")
def test_without_any_key_nothing_is_recorded_and_the_ways_are_named(record: Any, tmp_path: Path) -> None:
    code, _, err = record()
    assert code == 6
    assert re.fullmatch(r"ahdetect: [^\n]+\n", err)
    for way in ("--passphrase", "--recipient", "ahdetect keys init", "--plaintext"):
        assert way in err
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("no_keys")
def test_a_recipient_alone_is_enough_to_record_and_needed_to_read(record: Any, tmp_path: Path) -> None:
    private, public = new_identity()
    assert record("--recipient", public)[0] == 0
    with pytest.raises(NoKeyError):
        open_session(tmp_path / "s")
    assert open_session(tmp_path / "s", Keys(identities=(private,))).timeline().rows


@pytest.mark.parametrize(
    ("store", "media"), [("everything", {"video", "audio"}), ("audio", {"audio"}), ("features", set())]
)
def test_only_what_was_asked_for_is_stored(record: Any, tmp_path: Path, store: str, media: set[str]) -> None:
    code, said, _ = record("--store", store)
    session = open_session(tmp_path / "s")
    assert code == 0
    assert said["ledger"]["balances"]
    assert {name for name in ("video", "audio") if getattr(session, name) is not None} == media
    assert {name for name in ("video", "audio") if session.info[name] is not None} == media
    assert read_manifest(tmp_path / "s")["storage"] == store
    rows = session.timeline().rows
    assert len(rows) >= 20
    assert session.state == "closed"


def test_nothing_means_nothing(record: Any, tmp_path: Path) -> None:
    code, said, _ = record("--store", "nothing")
    assert (code, said["out"], said["ledger"]["rows"]["settled"] >= 20) == (0, None, True)
    assert not (tmp_path / "s").exists()


def test_another_word_is_refused(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose one of everything, audio, features, nothing"):
        Session(str(clip), str(clip), out=tmp_path / "s", settings=Settings(), consent=AGREED, store="faces")
