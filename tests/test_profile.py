"""A profile's history only grows, its file is private and whole, and its commands say what happened."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ahdetect import cli
from ahdetect.calibration import profile_store
from ahdetect.calibration.adapt import Change
from ahdetect.calibration.profile import SCHEMA_VERSION, Profile, Version, checked_name
from ahdetect.calibration.profile_store import FileProfiles, default_folder, seal, unseal
from ahdetect.errors import ConfigError, StoreError
from ahdetect.models.cues import Channel
from ahdetect.models.personal import Personal, Usual

HOME = {"camera": "Webcam C920", "microphone": "USB mic", "room": "2.14"}
LAB = {"camera": "Lab camera", "microphone": "USB mic", "room": "lab"}
FIRST = Personal({"face_smile_sd": Usual(0.1 + 0.2, 0.03, 70.3), "voice_slow": Usual(-1 / 3, 0.9, 20.0)})
SECOND = Personal(FIRST.usual, {Channel.FACE: 0.8}, {Channel.VOICE: -0.1}, 0.25)
TAKEN = Change("evidence-em", 300.0, "s", FIRST.figures(), SECOND.figures(), {"mean_p": 0.3, "nothing": float("nan")})
REFUSED = Change("evidence-em", 60.0, "s", {}, {"prevalence": 0.5}, {}, False, "all would be one class")


class Clock:
    """A minute later each time it is asked."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


def profile(name: str = "p-07") -> Profile:
    made = Profile(name, now=Clock())
    made.add(FIRST, [Change("baseline", 75.0, "s", {}, FIRST.figures())], "calibration", HOME)
    made.add(SECOND, [TAKEN, REFUSED], "session monday", HOME)
    return made


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileProfiles:
    monkeypatch.setenv("AHDETECT_DATA", str(tmp_path / "data"))
    return FileProfiles()


# Versions.


def test_a_new_profile_is_the_population() -> None:
    made = Profile("p")
    assert (made.current.number, made.current.personal, made.versions) == (0, Personal(), ())


def test_the_newest_version_is_the_current_one() -> None:
    made = profile()
    assert [v.number for v in made.versions] == [1, 2]
    assert made.current.personal == SECOND
    assert made.current.changes[1] == REFUSED
    assert made.versions[0].created_at < made.versions[1].created_at


def test_going_back_makes_a_new_version_with_exactly_the_old_parameters() -> None:
    made = profile()
    history = made.versions
    back = made.rollback(1)
    assert made.versions[:2] == history
    assert (back.number, back.why, back.restores, back.setup) == (3, "rollback to 1", 1, HOME)
    assert back.personal == FIRST
    assert made.current is back
    assert back.changes[0].before == SECOND.figures()


def test_going_back_twice_goes_back_two_steps_and_then_says_that_there_is_no_more() -> None:
    made = profile()
    made.add(FIRST, (), "session tuesday", HOME)
    assert [made.rollback().restores for _ in range(3)] == [2, 1, 0]
    assert made.current.personal == Personal()
    with pytest.raises(ConfigError, match="back at the population's values"):
        made.rollback()
    with pytest.raises(ConfigError, match="no version to go back from"):
        Profile("p").rollback()


def test_going_back_stays_in_its_set_up() -> None:
    made = profile()
    made.add(FIRST, (), "calibration", LAB)
    assert made.rollback().restores == 0
    assert made.current.setup == LAB
    assert made.for_setup(LAB)[0].personal == Personal()
    assert made.for_setup(HOME)[0].number == 2


@pytest.mark.parametrize("number", [3, -1, 99])
def test_there_is_no_way_to_a_version_that_is_not_there(number: int) -> None:
    with pytest.raises(ConfigError, match=f"no version {number}; it has 1 to 2"):
        profile().rollback(number)


def test_a_session_takes_the_newest_version_with_its_own_set_up() -> None:
    made = profile()
    made.add(FIRST, (), "calibration", LAB)
    assert made.for_setup(HOME) == (made.version(2), "")
    assert made.for_setup(LAB) == (made.version(3), "")
    assert made.for_setup({"camera": "Webcam C920"}) == (made.version(2), "")


def test_a_strange_set_up_takes_the_newest_and_says_so() -> None:
    made = profile()
    version, said = made.for_setup({**HOME, "camera": "Other"})
    assert version.number == 2
    assert "not calibrated with this set-up (camera 'Webcam C920' then, 'Other' now)" in said
    version, said = Profile("p").for_setup(HOME)
    assert version.number == 0
    assert "no calibration yet" in said


def test_a_set_up_has_no_other_keys() -> None:
    with pytest.raises(ConfigError, match="not 'lamp'"):
        Profile("p").add(FIRST, (), "calibration", {"lamp": "on"})


def test_what_could_not_be_stored_is_not_taken_in() -> None:
    made = profile()
    with pytest.raises(ValueError):
        made.add(Personal({"voice_slow": Usual(0.0, 1.0, float("inf"))}), (), "calibration", HOME)
    assert len(made.versions) == 2


# JSON.


def test_a_profile_comes_back_from_json_bit_by_bit() -> None:
    made = profile()
    made.rollback(1)
    back = Profile.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False)))
    assert (back.name, back.created_at) == (made.name, made.created_at)
    assert back.versions[2] == made.versions[2]
    assert [v.personal for v in back.versions] == [FIRST, SECOND, FIRST]
    assert str(asdict(back.versions[1].changes[0])) == str(asdict(TAKEN))  # NaN is not equal to itself


def spoilt(path: str, value: Any) -> Any:
    raw = profile().to_json()
    at: Any = raw
    *way, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    for key in way:
        at = at[key]
    if value is KeyError:
        del at[last]
    else:
        at[last] = value
    return raw


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema_version", KeyError),
        ("schema_version", True),
        ("schema_version", 0),
        ("name", "../p"),
        ("name", 7),
        ("created_at", "2026-01-31T09:00:00"),
        ("created_at", "yesterday"),
        ("versions", {}),
        ("versions", None),
        ("versions/0/number", 2),
        ("versions/0/number", True),
        ("versions/1/restores", 2),
        ("versions/1/restores", "1"),
        ("versions/0/created_at", 0),
        ("versions/0/why", None),
        ("versions/0/setup", ["camera"]),
        ("versions/0/setup", {"camera": 3}),
        ("versions/0/personal", {}),
        ("versions/0/personal/usual/voice_slow/scale", -1.0),
        ("versions/0/personal/usual/voice_slow/scale", "1"),
        ("versions/0/personal/usual/voice_slow/location", 10**400),
        ("versions/0/personal/usual/no_such_cue", {"location": 0.0, "scale": 1.0, "seconds": 1.0}),
        ("versions/1/personal/gain/face", 9.0),
        ("versions/1/personal/gain/smell", 1.0),
        ("versions/1/personal/prevalence", 0.9),
        ("versions/1/changes", {}),
        ("versions/1/changes/0/amount", "much"),
        ("versions/1/changes/0/accepted", 1),
        ("versions/1/changes/0/before", 3),
        ("versions/1/changes/0/method", KeyError),
    ],
)
def test_what_is_no_profile_is_refused(path: str, value: Any) -> None:
    with pytest.raises(ValueError):
        Profile.from_json(spoilt(path, value))


@pytest.mark.parametrize("raw", [None, [], "p", 3, {}])
def test_nor_is_anything_else(raw: Any) -> None:
    with pytest.raises(ValueError):
        Profile.from_json(raw)


def test_times_are_utc() -> None:
    raw = spoilt("versions/0/created_at", "2026-01-31T10:01:00+01:00")
    at = Profile.from_json(raw).versions[0].created_at
    assert at == datetime(2026, 1, 31, 9, 1, tzinfo=UTC)
    assert at.tzinfo is UTC or at.tzinfo == timezone.utc  # noqa: UP017


# Names.


@pytest.mark.parametrize("name", ["a", "P-07", "anna_2", "7.b", "x" * 64])
def test_a_pseudonym_is_a_name(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", ".a", "-rf", "a b", "a\n", "a\0b", "x" * 65, "é", "١", "C:"],
)
def test_a_trick_is_none(name: str, store: FileProfiles) -> None:
    for use in (checked_name, Profile, store.load, store.delete, store.path):
        with pytest.raises(ConfigError, match="use a pseudonym"):
            use(name)  # type: ignore[operator]


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=70))
def test_whatever_the_name_its_file_stays_in_the_folder(name: str) -> None:
    store = FileProfiles(Path("/profiles"))
    try:
        path = store.path(name)
    except ConfigError:
        return
    assert path.parent == store.folder
    assert not path.name.startswith(".")


# The store.


def test_what_is_stored_can_be_loaded(store: FileProfiles) -> None:
    assert store.names() == ()
    for name in ("b", "a"):
        store.save(profile(name))
    assert store.names() == ("a", "b")
    assert [v.personal for v in store.load("a").versions] == [FIRST, SECOND]


def test_only_the_owner_may_read_it(store: FileProfiles) -> None:
    old = os.umask(0)
    try:
        store.save(profile())
    finally:
        os.umask(old)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path("p-07").stat().st_mode) == 0o600


def test_a_folder_that_others_may_read_is_closed(store: FileProfiles) -> None:
    store.folder.mkdir(parents=True)
    store.folder.chmod(0o755)
    store.save(profile())
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_the_environment_moves_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AHDETECT_DATA", str(tmp_path))
    assert default_folder() == tmp_path / "profiles"
    monkeypatch.delenv("AHDETECT_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "ahdetect" / "profiles"


def test_an_unknown_name_lists_those_that_there_are(store: FileProfiles) -> None:
    for use in (store.load, store.delete):
        with pytest.raises(ConfigError, match="no profile nobody; there are none in"):
            use("nobody")
    store.save(profile("a"))
    store.save(profile("b"))
    for use in (store.load, store.delete):
        with pytest.raises(ConfigError, match="no profile nobody; there are a, b"):
            use("nobody")


def test_further_versions_are_added(store: FileProfiles) -> None:
    store.save(profile())
    for number in (3, 4):
        again = store.load("p-07")
        again.rollback(1)
        store.save(again)
        assert len(store.load("p-07").versions) == number
    again.rollback(2)
    store.save(again)
    assert len(store.load("p-07").versions) == 5


def test_who_comes_second_with_an_older_state_is_refused(store: FileProfiles) -> None:
    store.save(profile())
    mine, theirs = store.load("p-07"), store.load("p-07")
    theirs.rollback(1)
    store.save(theirs)
    mine.add(SECOND, (), "session tuesday", HOME)
    with pytest.raises(StoreError, match="Another program changed profile p-07") as refused:
        store.save(mine)
    assert not refused.value.permanent
    assert store.load("p-07").current.why == "rollback to 1"


def test_a_second_profile_of_the_same_name_is_refused(store: FileProfiles) -> None:
    store.save(profile())
    with pytest.raises(StoreError, match="There is a profile p-07 already"):
        store.save(profile())


def test_a_deleted_person_does_not_come_back(store: FileProfiles) -> None:
    store.save(profile())
    running = store.load("p-07")
    store.delete("p-07")
    running.rollback(1)
    with pytest.raises(StoreError, match="was deleted in the meantime"):
        store.save(running)
    assert store.names() == ()


def test_writers_at_the_same_time_lose_nothing(store: FileProfiles) -> None:
    store.save(Profile("p"))
    errors: list[BaseException] = []

    def write(who: int) -> None:
        mine = FileProfiles(store.folder)
        for i in range(5):
            while True:
                try:
                    loaded = mine.load("p")
                    loaded.add(FIRST, (), f"{who} {i}", HOME)
                    mine.save(loaded)
                    break
                except StoreError as error:
                    if error.permanent:
                        errors.append(error)
                        return

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    whys = [v.why for v in store.load("p").versions]
    assert sorted(whys) == sorted(f"{who} {i}" for who in range(4) for i in range(5))
    for who in range(4):
        assert [w for w in whys if w.startswith(str(who))] == [f"{who} {i}" for i in range(5)]


def test_deleting_leaves_nothing(store: FileProfiles) -> None:
    store.save(profile("stays"))
    store.save(profile())
    (store.folder / ".p-07.profile.part").write_bytes(b"cut off")
    store.delete("p-07")
    assert [p.name for p in store.folder.iterdir()] == ["stays.profile"]


def test_what_a_cut_off_write_left_can_be_deleted_and_is_no_profile(store: FileProfiles) -> None:
    store.save(profile("stays"))
    (store.folder / ".p-07.profile.part").write_bytes(b"cut off")
    (store.folder / "not a name.profile").write_bytes(b"")
    assert store.names() == ("stays",)
    store.delete("p-07")
    assert not (store.folder / ".p-07.profile.part").exists()


# Damage.


def damaged() -> Iterator[tuple[str, bytes]]:
    """Made when a test runs: sealing asks for the key of the account, which the fixtures set."""
    whole = seal(json.dumps(profile().to_json()).encode())
    yield "empty", b""
    yield "cut off", whole[:-20]
    yield "one byte", whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]
    yield "no profile", b"something else\n{}"
    yield "no JSON", seal(b"{")
    yield "no text", seal(b"\xff\xfe")
    yield "nested", seal(b"[" * 100_000)
    yield "another person's", seal(json.dumps(profile("other").to_json()).encode())
    yield "out of bounds", seal(json.dumps(spoilt("versions/1/personal/prevalence", 0.9)).encode())


DAMAGES = (
    "empty", "cut off", "one byte", "no profile", "no JSON", "no text", "nested", "another person's", "out of bounds",
)  # fmt: skip


def test_every_damage_is_tried() -> None:
    assert [name for name, _ in damaged()] == list(DAMAGES)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_one_sentence_and_can_be_deleted(name: str, store: FileProfiles) -> None:
    data = dict(damaged())[name]
    store.folder.mkdir(parents=True)
    store.path("p-07").write_bytes(data)
    with pytest.raises(StoreError, match=r"p-07\.profile is damaged \(.*`ahdetect profile delete p-07`"):
        store.load("p-07")
    with pytest.raises(StoreError, match="damaged"):
        store.save(profile())
    assert store.path("p-07").read_bytes() == data
    store.delete("p-07")
    store.save(profile())


def test_a_newer_profile_is_not_damaged_but_newer(store: FileProfiles) -> None:
    store.folder.mkdir(parents=True)
    store.path("p-07").write_bytes(seal(json.dumps(spoilt("schema_version", SCHEMA_VERSION + 1)).encode()))
    with pytest.raises(StoreError, match=r"written by a newer ahdetect .*update ahdetect"):
        store.load("p-07")


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_state_whole(
    store: FileProfiles, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    store.save(profile())
    before = store.path("p-07").read_bytes()
    changed = store.load("p-07")
    changed.rollback(1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if where == "fsync":
            patch.setattr(profile_store.os, "fsync", full)
        else:
            patch.setattr(Path, "replace", full)
        with pytest.raises(StoreError, match="cannot be written: No space left on device; check"):
            store.save(changed)
    assert [p.name for p in store.folder.iterdir()] == ["p-07.profile"]
    assert store.path("p-07").read_bytes() == before
    store.save(changed)
    assert store.load("p-07").current.restores == 1


def test_a_folder_that_cannot_be_had_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = FileProfiles(tmp_path / "file" / "profiles")
    for use in (lambda: store.save(profile()), store.names, lambda: store.load("p")):
        with pytest.raises(StoreError, match="check the rights"):
            use()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_sentence(store: FileProfiles) -> None:
    store.folder.mkdir(parents=True)
    store.folder.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        store.save(profile())
    assert store.names() == ()


def test_a_folder_that_the_owner_made_read_only_stays_so(store: FileProfiles) -> None:
    store.folder.mkdir(parents=True)
    store.folder.chmod(0o555)
    with suppress(StoreError):  # root may write all the same
        store.save(profile())
    assert stat.S_IMODE(store.folder.stat().st_mode) & 0o200 == 0


def test_the_bytes_on_the_disk_are_the_seal_s(tmp_path: Path) -> None:
    def turned(data: bytes) -> bytes:
        return bytes(b ^ 0x55 for b in data)

    store = FileProfiles(tmp_path, turned, turned)
    store.save(profile())
    assert b"face_smile_sd" not in store.path("p-07").read_bytes()
    assert store.load("p-07").current.personal == SECOND
    with pytest.raises(StoreError, match="damaged"):
        FileProfiles(tmp_path).load("p-07")


def test_unsealing_gives_what_was_sealed() -> None:
    assert unseal(seal(b"a\nb")) == b"a\nb"


# The commands.


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(["profile", *(str(a) for a in args)])
    return left.value.code if isinstance(left.value.code, int) else 0


def told(capsys: pytest.CaptureFixture[str], *args: object) -> Any:
    assert run(*args, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_list_names_all_and_what_is_wrong_with_one(store: FileProfiles, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    assert "There is no profile in" in capsys.readouterr().out
    store.save(profile())
    store.path("bad").write_bytes(b"x")
    bad, good = told(capsys, "list")["profiles"]
    assert "damaged" in bad["error"]
    assert (good["name"], good["versions"], good["why"], good["setup"]) == ("p-07", 2, "session monday", HOME)
    assert run("list") == 0
    out = capsys.readouterr().out
    assert "p-07" in out
    assert "damaged" in out


def test_show_says_what_is_usual(store: FileProfiles, capsys: pytest.CaptureFixture[str]) -> None:
    store.save(profile())
    found = told(capsys, "show", "p-07")
    assert (found["number"], found["versions"]) == (2, 2)
    assert Personal.from_json(found["personal"]) == SECOND
    assert told(capsys, "show", "p-07", "--version", 1)["why"] == "calibration"
    assert run("show", "p-07") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "p-07, version 2 of 2: session monday, 2026-01-31 09:03 UTC" in out
    assert "face_smile_sd 0.3 0.03 70 s" in out
    assert "face: its evidence counts 0.80 times" in out
    assert run("show", "p-07", "--version", 0) == 0
    assert "No cue is personal" in capsys.readouterr().out


def test_show_names_the_version_of_each_set_up(store: FileProfiles, capsys: pytest.CaptureFixture[str]) -> None:
    made = profile()
    made.add(FIRST, (), "calibration", LAB)
    made.add(SECOND, (), "session tuesday", HOME)
    store.save(made)
    setups = told(capsys, "show", "p-07")["setups"]
    assert setups == [{"setup": LAB, "version": 3}, {"setup": HOME, "version": 4}]
    assert run("show", "p-07") == 0
    assert "With camera Lab camera, microphone USB mic, room lab: version 3" in capsys.readouterr().out


def test_history_tells_each_step_with_its_data_its_effect_and_the_refused_ones(
    store: FileProfiles, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    made = profile()
    made.rollback(1)
    store.save(made)
    assert run("history", "p-07") == 0
    out = capsys.readouterr().out
    assert "baseline: set 4 figures" in out
    assert "75 s" in out
    assert "prevalence 0.25, face.gain 0.8, voice.offset -0.1" in out
    assert "mean p 0.3" in out
    assert "refused: prevalence 0.5 (all would be one class)" in out
    assert "rollback to 1" in out
    steps = told(capsys, "history", "p-07")["versions"][1]["changes"]
    assert [(s["method"], s["accepted"], s["amount"]) for s in steps] == [
        ("evidence-em", True, 300.0),
        ("evidence-em", False, 60.0),
    ]
    assert steps[0]["effect"] == {"mean_p": 0.3, "nothing": None}


def test_rollback_restores_and_stores(store: FileProfiles, capsys: pytest.CaptureFixture[str]) -> None:
    store.save(profile())
    assert run("rollback", "p-07") == 0
    assert "p-07 is now at version 3: the parameters are those of version 1." in capsys.readouterr().out
    assert store.load("p-07").current.personal == FIRST
    found = told(capsys, "rollback", "p-07", "--to", 0)
    assert (found["before"], found["number"], found["restores"]) == (3, 4, 0)
    assert store.load("p-07").current.personal == Personal()
    assert run("rollback", "p-07", "--to", 9) == 2
    assert "no version 9; it has 1 to 4" in capsys.readouterr().err
    assert len(store.load("p-07").versions) == 4


def test_export_writes_readable_json_once(
    store: FileProfiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(profile())
    out = tmp_path / "p.json"
    assert run("export", "p-07", "--out", out) == 0
    raw = json.loads(out.read_text(encoding="utf-8"))
    assert [v.personal for v in Profile.from_json(raw).versions] == [FIRST, SECOND]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert run("export", "p-07", "--out", out) == 2
    assert "is there already" in capsys.readouterr().err
    assert run("export", "p-07", "--out", tmp_path / "no" / "p.json") == 6
    assert told(capsys, "export", "p-07", "--out", tmp_path / "q.json")["file"] == str(tmp_path / "q.json")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, ()), ("n\n", 2, ("p-07",)), ("\n", 2, ("p-07",))])
def test_delete_asks(
    store: FileProfiles, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: tuple[str, ...]
) -> None:
    store.save(profile())
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert run("delete", "p-07") == code
    assert store.names() == left


def test_delete_takes_no_silence_for_a_yes(
    store: FileProfiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(profile())
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert run("delete", "p-07") == 2
    assert "say --yes" in capsys.readouterr().err
    assert store.names() == ("p-07",)
    assert told(capsys, "delete", "p-07", "--yes") == {"profile": "p-07", "deleted": True}
    assert list(store.folder.iterdir()) == []


def test_a_damaged_profile_can_be_deleted(store: FileProfiles) -> None:
    store.folder.mkdir(parents=True)
    store.path("bad").write_bytes(b"x")
    assert run("show", "bad") == 6
    assert run("delete", "bad", "--yes") == 0
    assert store.names() == ()


@pytest.mark.parametrize("command", ["show", "history", "rollback", "delete"])
def test_an_unknown_profile_leaves_with_2(
    store: FileProfiles, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(profile("a"))
    assert run(command, "nobody") == 2
    assert "There is no profile nobody; there are a." in capsys.readouterr().err
    assert run(command, "../a") == 2


def test_a_version_says_what_it_is() -> None:
    assert Version(0, datetime(2026, 1, 1, tzinfo=UTC), Personal()).to_json()["restores"] is None
