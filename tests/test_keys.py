"""A session key is locked for keychain, passphrase and age keys; any one opens it, and nothing else does."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import keyring.backend
import pytest
from typer.testing import CliRunner

from ahdetect import store_key
from ahdetect.calibration import profile_store
from ahdetect.commands import keying
from ahdetect.commands import keys as keys_command
from ahdetect.errors import ConfigError, DamagedError, NoKeyError, StoreError, TruncatedError, WrongKeyError
from ahdetect.sealing import new_key
from ahdetect.store.keys import Cost, Keys, default_keys, new_identity, read_identities, read_passphrase
from ahdetect.store_key import find_store_keys, into_file

QUICK = Cost(1, 8192)
SESSION, KEY = bytes(16), new_key()
WORDS = "correct horse battery"


class Chain(keyring.backend.KeyringBackend):
    """A keychain in memory."""

    priority = 5.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise RuntimeError("the collection is locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account without any key; its configuration folder."""
    for name in ("AHDETECT_KEY_FILE", "AHDETECT_PASSPHRASE", "AHDETECT_IDENTITY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store_key.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "config"))
    monkeypatch.setattr(keyring, "get_keyring", lambda: keyring.backends.fail.Keyring())
    return tmp_path / "config"


@pytest.fixture
def chain(account: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    made = Chain()
    monkeypatch.setattr(keyring, "get_keyring", lambda: made)
    return made


def run(*args: object) -> Any:
    return CliRunner().invoke(keys_command.app, [str(a) for a in args])


# -- locking and opening


@pytest.mark.parametrize("way", ["store", "passphrase", "age"])
def test_every_way_in_opens_alone(way: str) -> None:
    store, (private, public) = new_key(), new_identity()
    locks = Keys(store=(store,), passphrase=WORDS, recipients=(public,), cost=QUICK).lock(KEY, SESSION)
    alone = {
        "store": Keys(store=(new_key(), store)),
        "passphrase": Keys(passphrase=WORDS),
        "age": Keys(identities=(new_identity()[0], private)),
    }[way]
    assert [lock["kind"] for lock in locks] == ["store", "passphrase", "age"]
    assert alone.unlock(locks, SESSION, "monday") == KEY
    assert KEY.hex() not in str(locks)


def test_a_wrong_passphrase_is_told_as_such() -> None:
    locks = Keys(passphrase=WORDS, cost=QUICK).lock(KEY, SESSION)
    with pytest.raises(WrongKeyError, match="The passphrase does not open monday"):
        Keys(passphrase=WORDS + ".").unlock(locks, SESSION, "monday")


def test_a_passphrase_opens_however_its_accents_were_typed() -> None:
    locks = Keys(passphrase="caf\u00e9 au lait", cost=QUICK).lock(KEY, SESSION)
    assert Keys(passphrase="cafe\u0301 au lait").unlock(locks, SESSION, "monday") == KEY


def test_a_passphrase_is_asked_for_only_where_nothing_else_opens() -> None:
    asked: list[str] = []
    store = new_key()
    locks = Keys(store=(store,), passphrase=WORDS, cost=QUICK).lock(KEY, SESSION)
    asking = Keys(ask=lambda: asked.append("?") or WORDS)
    assert replace(asking, store=(store,)).unlock(locks, SESSION, "monday") == KEY
    assert asked == []
    assert asking.unlock(locks, SESSION, "monday") == KEY
    assert asked == ["?"]


def test_without_any_key_the_sentence_names_what_would_open_it() -> None:
    public = new_identity()[1]
    locks = Keys(store=(new_key(),), passphrase=WORDS, recipients=(public,), cost=QUICK).lock(KEY, SESSION)
    with pytest.raises(NoKeyError) as caught:
        Keys().unlock(locks, SESSION, "monday")
    for way in ("--passphrase", "--identity", public[:16], "keychain"):
        assert way in str(caught.value)


def test_with_nothing_to_lock_with_the_sentence_names_the_three_ways() -> None:
    with pytest.raises(NoKeyError) as caught:
        Keys().lock(KEY, SESSION)
    for way in ("--passphrase", "--recipient", "ahdetect keys init", "--plaintext"):
        assert way in str(caught.value)


def test_another_age_key_opens_nothing() -> None:
    locks = Keys(recipients=(new_identity()[1],)).lock(KEY, SESSION)
    with pytest.raises(WrongKeyError):
        Keys(identities=(new_identity()[0],)).unlock(locks, SESSION, "monday")


def test_a_lock_of_another_session_opens_nothing() -> None:
    store = new_key()
    locks = Keys(store=(store,)).lock(KEY, SESSION)
    with pytest.raises(DamagedError):
        Keys(store=(store,)).unlock(locks, bytes([1]) * 16, "monday")


@pytest.mark.parametrize(
    "change",
    [
        {"memory": 1 << 40},
        {"ops": 10_000},
        {"kdf": "md5"},
        {"salt": "?"},
        {"sealed": ""},
        {"sealed": None},
        {"memory": "much"},
    ],
)
def test_a_lock_that_was_changed_neither_opens_nor_works_us_to_death(change: dict[str, Any]) -> None:
    (lock,) = Keys(passphrase=WORDS, cost=QUICK).lock(KEY, SESSION)
    with pytest.raises((DamagedError, TruncatedError)):
        Keys(passphrase=WORDS).unlock([lock | change], SESSION, "monday")


def test_what_is_no_recipient_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="is no age public key"):
        Keys(recipients=("age1nobody",)).lock(KEY, SESSION)


def test_keys_do_not_show_in_their_representation() -> None:
    text = repr(Keys(store=(KEY,), passphrase=WORDS, identities=("AGE-SECRET-KEY-1X",)))
    assert WORDS not in text
    assert "SECRET" not in text
    assert repr(KEY) not in text


# -- the store key


def test_the_first_recording_makes_a_store_key_in_the_keychain(chain: Chain) -> None:
    assert default_keys().store == ()
    (made,) = default_keys(create=True).store
    assert default_keys().store == (made,)
    assert len(chain.kept) == 1


def test_without_a_keychain_no_key_is_made_behind_the_user_s_back(account: Path) -> None:
    assert default_keys(create=True).store == ()
    assert not account.exists()


def test_keys_init_makes_a_key_file_once_that_only_its_owner_reads(account: Path) -> None:
    assert run("init").exit_code == 0
    path = account / "store.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (key,) = find_store_keys()
    again = run("init")
    assert isinstance(again.exception, ConfigError)
    assert find_store_keys() == (key,)
    assert path.read_text().strip() not in run("show").stdout


def test_keys_init_makes_the_file_that_is_named(
    chain: Chain, account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence that says that it is missing names this command."""
    monkeypatch.setenv("AHDETECT_KEY_FILE", str(tmp_path / "named.key"))
    assert run("init").exit_code == 0
    assert (tmp_path / "named.key").is_file()
    assert not chain.kept
    assert run("init").exit_code == 1


def test_keys_init_prefers_the_keychain(chain: Chain, account: Path) -> None:
    assert "Chain" in run("init").stdout
    assert not account.exists()
    assert len(find_store_keys()) == 1


def test_a_key_file_that_others_may_read_is_refused(account: Path) -> None:
    into_file(KEY, account / "store.key")
    (account / "store.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        find_store_keys()


@pytest.mark.parametrize("text", ["", "hello", "AHDETECT-STORE-KEY-1-abc", "AHDETECT-STORE-KEY-1-é"])
def test_a_key_file_that_holds_no_key_is_one_sentence(account: Path, text: str) -> None:
    path = into_file(KEY, account / "store.key") and account / "store.key"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is no store key"):
        find_store_keys()


def test_a_named_key_file_is_the_only_place(chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_store_keys(create=True)
    monkeypatch.setenv("AHDETECT_KEY_FILE", str(tmp_path / "mine.key"))
    with pytest.raises(ConfigError, match="There is no key file"):
        find_store_keys()
    into_file(KEY, tmp_path / "mine.key")
    assert find_store_keys() == (KEY,)


def test_a_keychain_that_refuses_is_one_sentence(chain: Chain) -> None:
    chain.locked = True
    with pytest.raises(StoreError, match="the collection is locked"):
        default_keys(create=True, needed=True)
    assert default_keys().store == ()  # a passphrase may open what is to be opened


# -- from the command line


def test_a_recipient_locks_alone_unless_a_passphrase_is_given(chain: Chain, tmp_path: Path) -> None:
    public = new_identity()[1]
    alone = keying.locking_keys(False, None, [public])
    assert (alone.store, alone.passphrase, alone.recipients) == ((), None, (public,))
    (tmp_path / "words").write_text(WORDS + "\n")
    both = keying.locking_keys(False, tmp_path / "words", [public])
    assert len(both.store) == 1
    assert both.passphrase == WORDS


def test_a_passphrase_comes_from_a_file_a_variable_or_a_person(
    account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words").write_text("from the file\nand more\n")
    assert read_passphrase(tmp_path / "words") == "from the file"
    monkeypatch.setattr(keying.getpass, "getpass", lambda *_, **__: "from a person")
    assert keying.locking_keys(True, None, None).passphrase == "from a person"
    monkeypatch.setenv("AHDETECT_PASSPHRASE", "from the variable")
    assert keying.locking_keys(False, None, None).passphrase == "from the variable"
    assert keying.opening_keys().passphrase == "from the variable"


def test_a_passphrase_typed_in_two_ways_or_too_short_is_refused(
    account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter(["one passphrase", "another one"])
    monkeypatch.setattr(keying.getpass, "getpass", lambda *_, **__: next(typed))
    with pytest.raises(ConfigError, match="differ"):
        keying.locking_keys(True, None, None)
    (tmp_path / "words").write_text("short")
    with pytest.raises(ConfigError, match="shorter than 8"):
        keying.locking_keys(False, tmp_path / "words", None)


def test_keys_recipient_makes_an_age_key_that_opens(account: Path, tmp_path: Path) -> None:
    public = run("recipient", tmp_path / "lead.key").stdout.strip()
    assert stat.S_IMODE((tmp_path / "lead.key").stat().st_mode) == 0o600
    locks = Keys(recipients=(public,)).lock(KEY, SESSION)
    assert Keys(identities=read_identities(tmp_path / "lead.key")).unlock(locks, SESSION, "monday") == KEY
    before = (tmp_path / "lead.key").read_text()
    assert isinstance(run("recipient", tmp_path / "lead.key").exception, ConfigError)
    assert (tmp_path / "lead.key").read_text() == before


# -- profiles are sealed with the same key


def test_a_profile_is_sealed_with_the_store_key(chain: Chain, tmp_path: Path) -> None:
    sealed = profile_store.seal(b"usual pitch")
    assert b"pitch" not in sealed
    assert profile_store.unseal(sealed) == b"usual pitch"
    with pytest.raises(ValueError, match="not those that were written"):
        profile_store.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    chain.kept.clear()
    with pytest.raises(NoKeyError, match="another account"):
        profile_store.unseal(sealed)
    default_keys(create=True)
    with pytest.raises(WrongKeyError):
        profile_store.unseal(sealed)


def test_without_a_store_key_a_profile_is_plain_and_opens_later_as_well(account: Path) -> None:
    plain = profile_store.seal(b"usual pitch")
    assert plain.endswith(b"usual pitch")
    run("init")
    assert profile_store.unseal(plain) == b"usual pitch"
