"""Sessions that are stored: what there is, whether it is whole, when it goes, and that nothing of it stays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from timelines import FRAME_NS, make_row

import ahdetect.cli as cli
from ahdetect.analysis import open_clip
from ahdetect.calibration.profile_store import FileProfiles
from ahdetect.capture.clock import ReplayClock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, Packet
from ahdetect.errors import ConfigError, ConsentError, NoKeyError, StoreError
from ahdetect.models.words import Word
from ahdetect.store.audit import Act, Audit
from ahdetect.store.catalogue import due, entry_of, person_of, sessions_in
from ahdetect.store.consent import Consent, Purpose, consent_of, consent_text
from ahdetect.store.erasure import TOMBSTONES, Erased, erase, tombstones, withdraw
from ahdetect.store.gate import check_stored, manifest, stored_consent
from ahdetect.store.journal import Journal, note
from ahdetect.store.keys import Cost, Keys
from ahdetect.store.lock import FolderLock
from ahdetect.store.reader import open_session
from ahdetect.store.vault import LOCKS, Vault
from ahdetect.store.verification import verify, verify_audit
from ahdetect.store.writer import SessionWriter
from ahdetect.timeline import Segment

FUZZ = int(os.environ.get("AHDETECT_FUZZ", "60"))
"""How many made-up files of a kind; a long run sets more."""
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEYS = Keys(store=(bytes(range(32)),))
OTHERS = Keys(passphrase="another's passphrase", cost=Cost(1, 8192))
NAMES = pytest.mark.parametrize("keys", [KEYS, None], ids=["sealed", "plain"])
SECRET = "peacock"  # a word that was said


def record(
    store: Path, name: str = "2026-01-02_P07", *, keys: Keys | None = KEYS, keep_days: int | None = 30,
    purposes: tuple[str, ...] = ("recording", "analysis", "adaptation", "research"), closed: bool = True,
) -> Path:  # fmt: skip
    """A second of a made-up session."""
    vault = Vault.new(keys) if keys is not None else None
    consent = Consent.given(purposes, consent_text("en"), person="P07", at=NOON, keep_days=keep_days)
    meta = {"id": vault.id.hex() if vault else "ab" * 16, **manifest(consent, NOON)}
    writer = SessionWriter(store / name, meta, started_at=NOON, audio=True, vault=vault)
    journal = Journal.begin(writer.folder, writer.info, consent)
    for i in range(30):
        pcm = (3000 * np.sin(np.arange(i * 533, (i + 1) * 533) * 0.2)).astype(np.int16)
        writer.write_audio(Packet("audio", i, i * FRAME_NS, FRAME_NS, 0, AudioBlock(pcm, i * 533)))
        writer.write_row(make_row(i))
    writer.write_word(Word(SECRET, 0, FRAME_NS, 0.9, True, 0))
    writer.write_event({"t_ns": 0, "kind": "marker", "note": "a note"})
    if closed:
        segment = Segment(0, FRAME_NS, 0.8, 0.7, ("hedge",), SECRET)
        writer.close({"audit": journal.mark.to_json(), "ledger": {"balances": True}}, segments=[segment])
        journal.stopped()
    else:
        writer._lock.release()
        for sink in writer._sinks.values():
            sink.file = None
    return store / name


class Profiles:
    """Profiles of which only the names matter."""

    def __init__(self, *names: str) -> None:
        self.there = set(names)

    def delete(self, name: str) -> None:
        if name not in self.there:
            raise ConfigError(f"There is no profile {name}.")
        self.there.remove(name)


# -- list


@NAMES
def test_a_session_is_listed_without_a_key(tmp_path: Path, keys: Keys | None) -> None:
    folder = record(tmp_path, keys=keys)
    (entry,) = sessions_in(tmp_path)
    assert entry.folder == folder
    assert entry.state == "closed"
    assert entry.encrypted is (keys is not None)
    assert entry.retain_until == date(2026, 2, 1)
    assert entry.consent is not None
    assert entry.consent.allows("research")
    assert entry.bytes == sum(p.stat().st_size for p in folder.iterdir())
    assert not entry.problem
    if keys is not None:
        assert "P07" not in json.dumps(json.loads((folder / "session.json").read_bytes()))


def test_the_pseudonym_needs_the_key(tmp_path: Path) -> None:
    folder = record(tmp_path)
    assert person_of(folder, KEYS) == "P07"
    assert person_of(folder, OTHERS) is None


def test_what_is_damaged_is_listed_with_the_reason_and_what_is_no_session_is_not(tmp_path: Path) -> None:
    (record(tmp_path) / "session.json").write_text("{")
    (tmp_path / "holiday").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    (entry,) = sessions_in(tmp_path)
    assert entry.state == "damaged"
    assert "is damaged" in entry.problem
    with pytest.raises(StoreError, match="Cannot look into"):
        sessions_in(tmp_path / "nowhere")


def test_a_recording_that_runs_is_told(tmp_path: Path) -> None:
    folder = record(tmp_path)
    lock = FolderLock(folder)
    assert lock.take()
    assert entry_of(folder).busy
    lock.release()
    assert not entry_of(folder).busy


# -- retention


def test_a_session_is_due_the_day_after_its_last(tmp_path: Path) -> None:
    record(tmp_path, "a", keep_days=30)
    record(tmp_path, "b", keep_days=365)
    record(tmp_path, "c", keep_days=None)
    assert due(tmp_path, date(2026, 2, 1)) == []
    assert [e.folder.name for e in due(tmp_path, date(2026, 2, 2))] == ["a"]
    assert [e.folder.name for e in due(tmp_path, date(2127, 1, 1))] == ["a", "b"]
    lock = FolderLock(tmp_path / "a")
    assert lock.take()
    assert due(tmp_path, date(2026, 2, 2)) == []
    lock.release()


# -- erase


@NAMES
def test_of_an_erased_session_a_tombstone_without_content_stays(tmp_path: Path, keys: Keys | None) -> None:
    folder = record(tmp_path, keys=keys)
    (folder / "audio.flac.part").write_bytes(b"a crash left this")
    gone = erase(folder, keys=keys, at=NOON)
    assert not folder.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audit.jsonl", TOMBSTONES]
    assert tombstones(tmp_path) == [{"id": gone.id, "erased_at": "2026-01-02T12:00:00+00:00", "why": "asked for"}]
    left = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"P07" not in left
    assert SECRET.encode() not in left
    assert Audit(tmp_path).lines()[-1]["what"] == "erase"
    assert verify_audit(tmp_path).problems == []


def test_the_key_goes_first_so_that_files_that_could_not_be_deleted_stay_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = record(tmp_path)
    locks = json.loads((folder / LOCKS).read_bytes())["encryption"]["locks"][0]["sealed"].encode()

    def refuse(_folder: Path) -> None:
        raise StoreError("The files could not be deleted.")

    monkeypatch.setattr("ahdetect.store.erasure.delete_session", refuse)
    with pytest.raises(StoreError, match="could not be deleted"):
        erase(folder)
    assert (folder / "audio.flac.ahd").exists()
    assert all(locks not in p.read_bytes() for p in folder.iterdir())
    with pytest.raises(StoreError):
        open_session(folder, KEYS)
    (entry,) = sessions_in(tmp_path)
    assert entry.state == "erasing"
    assert "half erased" in verify(folder, KEYS).problems[0]
    monkeypatch.undo()
    erase(folder)
    assert sessions_in(tmp_path) == []


def test_erasing_needs_no_key_but_the_profile_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AHDETECT_PASSPHRASE", "")
    first, second = record(tmp_path, "a"), record(tmp_path, "b")
    with pytest.raises(NoKeyError):
        erase(first, person=True, keys=OTHERS)
    assert person_of(first, KEYS) == "P07"  # nothing was touched
    erase(first, keys=OTHERS)
    profiles = Profiles("P07", "P08")
    assert erase(second, person=True, keys=KEYS, profiles=profiles).profile == "P07"  # type: ignore[arg-type]
    assert profiles.there == {"P08"}


def test_who_has_no_profile_is_no_error(tmp_path: Path) -> None:
    done = erase(record(tmp_path), person=True, keys=KEYS, profiles=FileProfiles(tmp_path / "profiles"))
    assert done.profile == ""


def test_a_damaged_session_can_be_erased(tmp_path: Path) -> None:
    folder = record(tmp_path)
    (folder / "session.json").write_bytes(b"\0")
    erase(folder)
    assert not folder.exists()
    assert len(tombstones(tmp_path)) == 1


def test_what_is_no_session_or_is_being_recorded_is_not_erased(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "video.mkv").write_text("a film")
    with pytest.raises(StoreError, match="not a session"):
        erase(tmp_path / "holiday")
    folder = record(tmp_path)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    lock = FolderLock(folder)
    assert lock.take()
    with pytest.raises(StoreError, match="is being recorded"):
        erase(folder)
    lock.release()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


# -- withdrawal


@NAMES
def test_without_consent_to_the_analysis_what_it_made_goes_and_the_recording_stays(
    tmp_path: Path, keys: Keys | None
) -> None:
    folder = record(tmp_path, keys=keys)
    changed = withdraw(folder, ["analysis"], keys=keys, at=NOON)
    assert isinstance(changed, Consent)
    session = open_session(folder, keys)
    assert stored_consent(session.info) == changed
    assert session.audio is not None
    assert session.words() == []
    assert [e["kind"] for e in session.events()] == ["audio_anchor", "marker"]
    with pytest.raises(StoreError, match="holds no rows"):
        session.table()
    found = verify(folder, keys)
    assert found.problems == []
    assert list(found.files) == ["audio.flac", "events.jsonl", "ledger.jsonl"]
    with pytest.raises(ConsentError, match="took back"):
        check_stored(session.info, Purpose.ANALYSIS)
    assert Audit(tmp_path).lines()[-1]["facts"] == {"purposes": ["analysis"]}


def test_without_consent_to_the_recording_the_session_goes(tmp_path: Path) -> None:
    folder = record(tmp_path)
    assert isinstance(withdraw(folder, ["recording"]), Erased)
    assert not folder.exists()
    assert tombstones(tmp_path)[0]["why"] == "consent withdrawn"


def test_without_consent_to_adaptation_the_profile_goes_and_the_session_stays(tmp_path: Path) -> None:
    folder, profiles = record(tmp_path), Profiles("P07")
    withdraw(folder, ["adaptation", "research"], keys=KEYS, profiles=profiles)  # type: ignore[arg-type]
    assert profiles.there == set()
    consent = stored_consent(open_session(folder, KEYS).info)
    assert consent is not None
    assert [p.value for p in Purpose if consent.allows(p)] == ["recording", "analysis"]
    assert verify(folder, KEYS).problems == []


def test_a_sealed_record_cannot_be_changed_without_the_key(tmp_path: Path) -> None:
    folder = record(tmp_path)
    with pytest.raises(NoKeyError):
        withdraw(folder, ["research"], keys=OTHERS)
    forged = json.loads((folder / "session.json").read_bytes())
    forged["consent"]["answers"]["research"]["given"] = False
    (folder / "session.json").write_text(json.dumps(forged))
    with pytest.raises(StoreError, match="was changed by something else"):
        verify(folder, KEYS)


# -- verify


@NAMES
def test_a_whole_session_is_whole(tmp_path: Path, keys: Keys | None) -> None:
    found = verify(record(tmp_path, keys=keys), keys)
    assert found.problems == []
    assert found.authenticated is (keys is not None)
    assert list(found.files) == ["audio.flac", "frames.parquet", "words.jsonl", "events.jsonl", "ledger.jsonl"]
    assert found.authenticated or "not encrypted" in found.notes[0]


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: _flip(f / "words.jsonl.ahd"), "words.jsonl"),
        (lambda f: _flip(f / "audio.flac.ahd"), "audio.flac"),
        (lambda f: (f / "audio.flac.ahd").write_bytes((f / "audio.flac.ahd").read_bytes()[:-9]), "audio.flac"),
        (lambda f: (f / "words.jsonl.ahd").unlink(), "words.jsonl is missing"),
        (lambda f: (f / "words.jsonl.ahd").write_bytes((f / "events.jsonl.ahd").read_bytes()), "words.jsonl is"),
    ],
    ids=["a bit of the words", "a bit of the sound", "cut off", "missing", "another file"],
)
def test_damage_is_named(tmp_path: Path, harm: Callable[[Path], None], said: str) -> None:
    folder = record(tmp_path)
    harm(folder)
    assert any(said in problem for problem in verify(folder, KEYS).problems)


def test_a_plain_file_that_does_not_read_is_named(tmp_path: Path) -> None:
    folder = record(tmp_path, keys=None)
    (folder / "words.jsonl").write_bytes(b"{torn")
    (folder / "frames.parquet").write_bytes(b"PAR1")
    assert [p.split(" is damaged")[0] for p in verify(folder).problems] == ["frames.parquet", "words.jsonl"]


def test_what_is_a_stranger_s_is_noted(tmp_path: Path) -> None:
    folder = record(tmp_path)
    (folder / "notes.txt").write_text("mine")
    found = verify(folder, KEYS)
    assert not found.problems
    assert "notes.txt" in found.notes[0]


# -- the log, held against the sessions


def test_a_log_that_was_cut_off_on_another_machine_shows_in_the_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, "a")
    record(tmp_path, "b")
    assert verify_audit(tmp_path).problems == []
    monkeypatch.setenv("AHDETECT_DATA", str(tmp_path / "another machine"))
    log = tmp_path / "audit.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:3]))
    found = verify_audit(tmp_path)
    assert not found.anchored
    assert any("The end is missing: a session of this folder knows of" in p for p in found.problems)
    log.unlink()
    assert len(verify_audit(tmp_path).problems) >= 2


def test_the_log_of_a_session_holds_nothing_of_the_person(tmp_path: Path) -> None:
    erase(record(tmp_path, "2026-01-02_P07"))
    log = (tmp_path / "audit.jsonl").read_text()
    assert [json.loads(line)["what"] for line in log.splitlines()] == [
        Act.BEGIN.value, Act.CONSENT.value, Act.START.value, Act.STOP.value, Act.ERASE.value,
    ]  # fmt: skip
    assert "P07" not in log
    assert str(tmp_path) not in log


# -- the commands


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sessions of which one is past its date, locked with a passphrase of the environment."""
    monkeypatch.setenv("AHDETECT_PASSPHRASE", "correct horse battery")
    keys = Keys(passphrase="correct horse battery", cost=Cost(1, 8192))
    record(tmp_path / "s", "old", keys=keys, keep_days=1)
    record(tmp_path / "s", "new", keys=keys, keep_days=36_000)
    return tmp_path / "s"


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main([str(a) for a in ("session", *args)])
    return left.value.code if isinstance(left.value.code, int) else 0


def test_the_list_names_the_person_only_on_request(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", store, "--json") == 0
    listed = json.loads(capsys.readouterr().out)["sessions"]
    assert [row["folder"] for row in listed] == [str(store / "new"), str(store / "old")]
    assert listed[0]["consent"] == ["recording", "analysis", "adaptation", "research"]
    assert "person" not in listed[0]
    assert run("list", store, "--json", "--person") == 0
    assert [row["person"] for row in json.loads(capsys.readouterr().out)["sessions"]] == ["P07", "P07"]
    assert run("list", store / "nowhere") == 6


def test_the_sweep_says_first_and_then_does(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("purge", store) == 0
    assert "would erase" in capsys.readouterr().out
    assert (store / "old").exists()
    assert run("purge", store, "--yes") == 0
    assert [e.folder.name for e in sessions_in(store)] == ["new"]
    assert [t["why"] for t in tombstones(store)] == ["past its date"]
    capsys.readouterr()
    assert run("purge", store) == 0
    assert capsys.readouterr().out == "Nothing to erase.\n"


def test_erase_goes_on_after_one_that_cannot_be_erased(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("erase", store / "new") == 0
    assert (store / "new").exists()
    assert run("erase", store / "nowhere", store / "new", "--yes") == 6
    assert not (store / "new").exists()
    assert "nowhere" in capsys.readouterr().err


def test_verify_leaves_with_6_where_something_is_wrong(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", store, "--audit") == 0
    assert capsys.readouterr().out.count("whole, every byte authenticated") == 2
    _flip(store / "old" / "audio.flac.ahd")
    (store / "audit.jsonl").unlink()
    assert run("verify", store, "--audit", "--json") == 6
    told = json.loads(capsys.readouterr().out)
    assert [row["whole"] for row in told["sessions"]] == [True, False]
    assert any("the log does not know that it began" in p for p in told["audit"][0]["problems"])


def test_consent_can_be_taken_back_from_the_command_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("withdraw", store / "new", "research") == 0
    assert "--yes" in capsys.readouterr().out
    assert run("withdraw", store / "new", "research", "--yes") == 0
    entry = entry_of(store / "new")
    assert entry.consent is not None
    assert not entry.consent.allows("research")
    assert run("withdraw", store / "new", "films", "--yes") == 8


def test_the_text_of_consent_is_printed_as_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("consent", "--language", "fr") == 0
    out, err = capsys.readouterr()
    assert out == consent_text("fr").body + "\n"
    assert consent_text("fr").sha256 in err
    assert run("consent", "--language", "xx") == 8


# -- what is done with them


def test_looking_at_a_session_stands_in_the_log(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", store / "new", "--json") == 0
    assert json.loads(capsys.readouterr().out)["agreed_to"] == ["recording", "analysis", "adaptation", "research"]
    last = Audit(store).lines()[-1]
    assert last["what"] == "open"
    assert last["session"] == entry_of(store / "new").id


def test_what_was_not_agreed_to_is_not_analysed(tmp_path: Path) -> None:
    folder = record(tmp_path, purposes=("recording",))
    with pytest.raises(ConsentError, match="did not agree to the analysis"):
        open_clip(folder, ReplayClock(), Ledger(), KEYS)
    open_clip(record(tmp_path, "b"), ReplayClock(), Ledger(), KEYS).finish()


def test_a_session_in_a_folder_without_a_log_can_be_looked_at(tmp_path: Path) -> None:
    folder = record(tmp_path)
    (tmp_path / "audit.jsonl").unlink()
    assert not note(folder, {}, Act.OPEN)
    assert not (tmp_path / "audit.jsonl").exists()


# -- files of strangers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WHOLE = manifest(Consent.given(["recording"], consent_text("en"), at=NOON), NOON)


@st.composite
def almost(draw: st.DrawFn, whole: object = WHOLE) -> object:
    """A manifest in which one thing, somewhere, is something else."""
    made = json.loads(json.dumps(whole))
    here, key = made, draw(st.sampled_from(sorted(made)))
    while isinstance(here[key], dict) and here[key] and draw(st.booleans()):
        here, key = here[key], draw(st.sampled_from(sorted(here[key])))
    here[key] = draw(JSON)
    return made


@settings(max_examples=FUZZ, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=almost() | JSON)
def test_no_manifest_brings_the_list_down(raw: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzzed" / "session"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "session.json").write_text(json.dumps(raw))
    entry = entry_of(folder)
    entry.to_json()
    assert isinstance(entry.is_due(date(2026, 1, 1)), bool)


@settings(max_examples=FUZZ, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=almost(WHOLE["consent"]) | JSON)
def test_what_is_no_record_of_consent_is_never_taken_for_a_yes_by_accident(raw: object) -> None:
    try:
        consent = stored_consent({"consent": raw})
    except ConsentError:
        return
    if consent is None:
        assert not isinstance(raw, dict)
        return
    assert isinstance(raw, dict)
    yes = {p for p, answer in raw["answers"].items() if answer["given"] is True}
    assert {p.value for p in Purpose if consent.allows(p)} <= yes
    assert consent_of(consent.to_json()) == consent


@settings(max_examples=FUZZ, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines=st.lists(JSON.map(lambda v: json.dumps(v).encode()) | st.binary(max_size=40), max_size=6))
def test_no_log_brings_the_check_down(lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    store = tmp_path_factory.getbasetemp() / "fuzzed log"
    store.mkdir(exist_ok=True)
    (store / "audit.jsonl").write_bytes(b"\n".join(lines))
    audit = Audit(store, store / "anchors")
    assert audit.check().problems or not b"".join(lines).strip()
    audit.anchor.unlink(missing_ok=True)
    audit.append(Act.OPEN)
