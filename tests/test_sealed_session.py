"""An encrypted session: nothing in the clear at any moment, nothing lost but the last second, no damage unnoticed."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from killed import killed_recording
from test_store import STARTED, chunk, frame, noise, quota
from timelines import make_row, make_words, same_row
from typer.testing import CliRunner

from ahdetect.analysis import open_clip
from ahdetect.capture.clock import ReplayClock
from ahdetect.capture.ledger import Ledger
from ahdetect.commands import session as session_command
from ahdetect.errors import DamagedError, NoKeyError, ReplacedError, StoreError, TruncatedError, WrongKeyError
from ahdetect.gui.opening import load, make_player
from ahdetect.models.words import Word
from ahdetect.store.annotations import Annotations, read_annotations
from ahdetect.store.keys import Cost, Keys, default_keys, new_identity
from ahdetect.store.media import VideoFormat, open_media, read_pcm
from ahdetect.store.reader import Session, open_session, read_manifest
from ahdetect.store.repair import repair
from ahdetect.store.vault import LOCKS, META, SUFFIX, Vault
from ahdetect.store.writer import FILES, SessionWriter, delete_session
from ahdetect.timeline import Segment

SECRET = "zymurgy"
WORDS = "correct horse battery"
KEYS = Keys(passphrase=WORDS, cost=Cost(1, 8192))
PCM = noise(50 * 640)


def write(folder: Path, keys: Keys = KEYS, close: bool = True, **options: Any) -> SessionWriter:
    writer = SessionWriter(
        folder,
        {"devices": {"camera": SECRET}},
        started_at=STARTED,
        video=VideoFormat(160, 120),
        audio=True,
        vault=Vault.new(keys),
        **options,
    )
    for i in range(60):
        writer.write_video(frame(i))
        writer.write_row(make_row(i, duration_s=2.0))
    for i in range(50):
        writer.write_audio(chunk(i, PCM))
    for word in (*make_words(2.0), Word(SECRET, 1_900_000_000, 1_950_000_000, 0.9, True, 9)):
        writer.write_word(word)
    writer.write_event({"t_ns": 5, "kind": "marker", "note": SECRET})
    if close:
        writer.close({"note": SECRET}, segments=[Segment(500_000_000, 1_500_000_000, 0.9, 0.8, (SECRET,), SECRET)])
    return writer


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed") / "s"
    write(folder)
    return folder


def check(session: Session) -> None:
    """It holds what was written."""
    timeline = session.timeline()
    assert session.damage == []
    assert all(map(same_row, timeline.rows, [make_row(i, duration_s=2.0) for i in range(60)]))
    assert timeline.words[-1].text == SECRET
    with open_media(session.video) as container:  # type: ignore[arg-type]
        assert sum(1 for _ in container.decode(video=0)) == 60
    np.testing.assert_array_equal(read_pcm(session.audio), PCM)  # type: ignore[arg-type]


# -- what goes in comes out, and nobody else sees it


def test_a_sealed_session_holds_what_flowed_in(closed: Path) -> None:
    session = open_session(closed, KEYS)
    check(session)
    assert session.state == "closed"
    assert session.info["devices"] == {"camera": SECRET}
    assert session.timeline().segments[0].phrases == (SECRET,)
    with open_media(session.video) as container:  # type: ignore[arg-type]
        assert container.duration / 1e6 == pytest.approx(60 * 0.033, abs=0.05)  # written by going back at the end


def test_it_opens_by_any_name_of_its_folder(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(closed)
    check(open_session(Path(), KEYS))


def test_nothing_of_it_is_in_the_clear_at_any_moment(tmp_path: Path) -> None:
    """The folder during and after recording, and whatever the process opened for writing."""
    opened: list[str] = []
    armed = [True]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if armed[0] and event == "open" and isinstance(args[0], str) and args[2] & (os.O_WRONLY | os.O_RDWR):
            opened.append(args[0])

    sys.addaudithook(hook)
    folder = tmp_path / "s"
    writer = write(folder, close=False)
    during = {path.name: path.read_bytes() for path in folder.iterdir()}
    writer.close({"note": SECRET})
    repair(folder, KEYS)
    Annotations(folder, files=open_session(folder, KEYS).files).add(0, 10**9, by="KM", note=SECRET)
    armed[0] = False
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    for content in (*during.values(), *after.values()):
        for mark in (SECRET.encode(), b"fLaC", b"\x1aE\xdf\xa3", b"matroska", b"PAR1", b"ARROW", b"log_odds"):
            assert mark not in content
    names = {Path(name).name for name in opened}
    sealed = {name for name in names if name.endswith((SUFFIX, SUFFIX + ".part"))}
    assert names - sealed <= {f"{n}{p}" for n in ("session.json", LOCKS, META) for p in ("", ".part")}
    assert {Path(name).parent for name in opened} == {folder}


def test_only_the_owner_may_read_it(closed: Path) -> None:
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in closed.iterdir()} == {0o600}


def test_the_manifest_can_be_read_without_a_key_and_tells_nothing_of_the_person(closed: Path) -> None:
    manifest = read_manifest(closed)
    assert (manifest["state"], manifest["encrypted"], manifest["storage"]) == ("closed", True, "everything")
    assert set(manifest) <= {
        "format", "schema_version", "id", "state", "encrypted", "storage", "consent", "retain_until", "files", "audit",
        "encryption", "code",
    }  # fmt: skip


@pytest.mark.parametrize(("keys", "error"), [(Keys(), NoKeyError), (Keys(passphrase="not the one"), WrongKeyError)])
def test_it_does_not_open_without_its_key(closed: Path, keys: Keys, error: type[StoreError]) -> None:
    with pytest.raises(error) as caught:
        open_session(closed, keys)
    assert "\n" not in str(caught.value)


def test_who_records_for_another_cannot_read_it(tmp_path: Path) -> None:
    private, public = new_identity()
    write(tmp_path / "s", Keys(recipients=(public,)))
    with pytest.raises(NoKeyError, match="age key"):
        open_session(tmp_path / "s", default_keys())
    check(open_session(tmp_path / "s", Keys(identities=(private,))))


def test_all_of_it_is_deleted(tmp_path: Path) -> None:
    write(tmp_path / "s")
    assert {p.name.removesuffix(SUFFIX) for p in (tmp_path / "s").iterdir()} <= set(FILES)
    delete_session(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


# -- it is reviewed, analysed and annotated as any other


def test_review_plays_it_from_any_place(closed: Path) -> None:
    loaded = load(closed, keys=KEYS)
    assert [w.text for w in loaded.timeline.words][-1] == SECRET
    player = make_player(loaded)
    try:
        player.seek(1.5)
        import time

        end = time.monotonic() + 10
        while time.monotonic() < end:
            shown = player.picture()
            if shown is not None and shown.t_s <= 1.5 < shown.until_s:
                break
        assert shown is not None
        assert shown.t_s == pytest.approx(1.485, abs=0.02)
        assert player.damage == ""
    finally:
        player.close()


def test_it_is_analysed_as_it_was_recorded(closed: Path) -> None:
    replay = open_clip(closed, ReplayClock(), Ledger(), KEYS)
    assert (replay.info.has_video, replay.info.has_audio, replay.info.width) == (True, True, 160)
    replay.finish()


def test_what_people_say_is_sealed_as_well_and_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "s")
    files = open_session(tmp_path / "s", KEYS).files
    tier = Annotations(tmp_path / "s", files=files)
    tier.add(0, 10**9, by="KM", note=SECRET)
    tier.add(10**9, 2 * 10**9, by="KM")
    tier.undo()
    assert [h.note for h in read_annotations(tmp_path / "s", open_session(tmp_path / "s", KEYS).files)] == [SECRET]
    assert SECRET.encode() not in (tmp_path / "s" / f"annotations.jsonl{SUFFIX}").read_bytes()


# -- damage


def test_damage_of_any_file_is_told_and_costs_that_file_only(closed: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for path in sorted(closed.glob(f"*{SUFFIX}")):
        folder = shutil.copytree(closed, tmp_path / path.name)
        content = bytearray(path.read_bytes())
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        (folder / path.name).write_bytes(content)
        session = open_session(folder, KEYS)
        with pytest.raises(StoreError) as caught, session.files.read(path.name.removesuffix(SUFFIX)) as file:
            file.read()
        assert isinstance(caught.value, DamagedError | ReplacedError)


def test_damage_reaches_whoever_decodes(closed: Path, tmp_path: Path) -> None:
    """The error goes through FFmpeg and Arrow as it is."""
    folder = shutil.copytree(closed, tmp_path / "s")
    for name in ("video.mkv", "frames.parquet", "words.jsonl"):
        path = folder / (name + SUFFIX)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    session = open_session(folder, KEYS)
    with pytest.raises(DamagedError), open_media(session.video) as container:  # type: ignore[arg-type]
        for _ in container.decode(video=0):
            pass
    with pytest.raises(DamagedError):
        session.table()
    with pytest.raises(DamagedError):
        session.words()


@pytest.mark.parametrize("name", ["video.mkv", "words.jsonl", "frames.parquet"])
def test_a_file_of_a_closed_session_that_is_cut_off_is_told(closed: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(closed, tmp_path / "s")
    path = folder / (name + SUFFIX)
    os.truncate(path, path.stat().st_size - 40)
    with pytest.raises(TruncatedError):
        open_session(folder, KEYS).files.read(name)


def test_a_file_that_is_missing_is_told(closed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(closed, tmp_path / "s")
    (folder / f"words.jsonl{SUFFIX}").unlink()
    assert open_session(folder, KEYS).damage == ["words.jsonl is missing"]


def test_an_older_state_of_a_file_is_told(tmp_path: Path) -> None:
    writer = write(tmp_path / "s", close=False)
    path = tmp_path / "s" / f"words.jsonl{SUFFIX}"
    writer._sinks["words.jsonl"].close()
    with open_session(tmp_path / "s", KEYS).files.whole("words.jsonl") as file:
        file.write(b"{}\n")
    older = path.read_bytes()
    with open_session(tmp_path / "s", KEYS).files.whole("words.jsonl") as file:
        file.write(b"{}\n")
    writer.close()
    path.write_bytes(older)
    with pytest.raises(ReplacedError, match="older state"):
        open_session(tmp_path / "s", KEYS).words()


def test_a_changed_manifest_is_told_and_made_anew(closed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(closed, tmp_path / "s")
    path = folder / "session.json"
    whole = path.read_text()
    for change in ({"state": "recording"}, {"storage": "features"}, {"files": {}}, {"retain_until": "2099-01-01"}):
        path.write_text(json.dumps(json.loads(whole) | change))
        with pytest.raises(ReplacedError, match=r"session\.json of .* was changed"):
            open_session(folder, KEYS)
        check(repair(folder, KEYS))
        assert path.read_text() == whole


@pytest.mark.parametrize("damage", ["lost", "torn", "plain", "locks"])
def test_a_lost_manifest_does_not_cost_the_session(closed: Path, tmp_path: Path, damage: str) -> None:
    folder = shutil.copytree(closed, tmp_path / "s")
    path = folder / "session.json"
    content = json.loads(path.read_text())
    if damage == "lost":
        path.unlink()
    elif damage == "torn":
        path.write_text(path.read_text()[:100])
    elif damage == "plain":
        path.write_text(json.dumps({"schema_version": 1, "state": "closed"}))
    else:
        content["encryption"]["locks"][0]["sealed"] = content["encryption"]["locks"][0]["sealed"][::-1]
        path.write_text(json.dumps(content))
    with pytest.raises(StoreError):
        open_session(folder, KEYS)
    check(repair(folder, KEYS))
    check(open_session(folder, KEYS))


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_damaged_copy_of_the_locks_is_told_and_made_anew(closed: Path, tmp_path: Path, content: str | None) -> None:
    folder = shutil.copytree(closed, tmp_path / "s")
    whole = (folder / LOCKS).read_bytes()
    (folder / LOCKS).unlink() if content is None else (folder / LOCKS).write_text(content)
    assert LOCKS in open_session(folder, KEYS).damage[0]
    check(repair(folder, KEYS))
    assert (folder / LOCKS).read_bytes() == whole


def test_a_lost_description_does_not_cost_the_streams(closed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(closed, tmp_path / "s")
    (folder / META).write_bytes(b"nothing")
    with pytest.raises(StoreError):
        open_session(folder, KEYS)
    session = repair(folder, KEYS)
    check(session)
    assert "description was lost" in session.info["note"]


def test_a_full_disk_ends_one_sealed_file_and_keeps_the_rest(tmp_path: Path) -> None:
    errors: list[StoreError] = []
    writer = write(tmp_path / "s", opener=quota(f"audio.flac{SUFFIX}", 30_000), on_error=errors.append)
    assert writer.info["state"] == "closed"
    assert len(errors) == 1
    session = open_session(tmp_path / "s", KEYS)
    assert list(session.info["sinks_off"]) == ["audio.flac"]
    sound = read_pcm(session.audio)  # type: ignore[arg-type]
    assert 640 < len(sound) < len(PCM)
    np.testing.assert_array_equal(sound, PCM[: len(sound)])
    assert len(session.timeline().rows) == 60


# -- kill -9


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A sealed folder whose process was killed after two seconds, and the last times (ns) it said it had written."""
    folder = tmp_path_factory.mktemp("killed") / "s"
    return folder, killed_recording(folder, "sealed")


def ends_ns(session: Session) -> list[int]:
    with open_media(session.video) as container:  # type: ignore[arg-type]
        times = [round(f.pts * f.time_base * 1000) * 1_000_000 for f in container.decode(video=0)]
    sound = session.audio_offset_ns + len(read_pcm(session.audio)) * 62_500  # type: ignore[arg-type]
    return [times[-1], sound, session.timeline().rows[-1].t_ns]


def test_a_killed_session_opens_and_holds_all_but_the_last_second(killed: tuple[Path, list[int]]) -> None:
    session = open_session(killed[0])
    assert session.state == "recording"
    lost = [said - end for said, end in zip(killed[1], ends_ns(session), strict=True)]
    assert max(lost) < 1_000_000_000, lost
    assert session.damage == []


def test_repair_finishes_a_killed_session_without_losing_more(killed: tuple[Path, list[int]], tmp_path: Path) -> None:
    folder = shutil.copytree(killed[0], tmp_path / "s")
    before, words = ends_ns(open_session(folder)), open_session(folder).words()
    session = repair(folder)
    assert session.state == "repaired"
    assert ends_ns(session) == before
    assert session.words() == words
    assert session.info["damage"] == []
    with open_media(session.video) as container:  # type: ignore[arg-type]
        assert container.duration / 1e6 == pytest.approx(before[0] / 1e9, abs=0.1)
    assert not list(folder.glob("frames.arrow*"))
    assert all(name in session.info["files"] for name in ("video.mkv", "audio.flac", "frames.parquet", "words.jsonl"))
    again = {p.name: p.read_bytes() for p in folder.iterdir()}
    repair(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == again


def test_repair_saves_what_is_around_a_damaged_place_and_tells_of_it(
    killed: tuple[Path, list[int]], tmp_path: Path
) -> None:
    folder = shutil.copytree(killed[0], tmp_path / "s")
    path = folder / f"frames.arrow{SUFFIX}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    session = repair(folder)
    assert any("frames.arrow" in note for note in session.info["damage"])
    assert read_pcm(session.audio).any()  # type: ignore[arg-type]


# -- the commands


def test_show_and_repair_take_a_passphrase_from_a_file(closed: Path, tmp_path: Path) -> None:
    (tmp_path / "words").write_text(WORDS)
    run = CliRunner().invoke
    shown = run(session_command.app, ["show", str(closed), "--json", "--passphrase-file", str(tmp_path / "words")])
    found = json.loads(shown.stdout)
    assert (found["encrypted"], found["rows"]) == (True, 60)
    assert isinstance(run(session_command.app, ["show", str(closed)]).exception, NoKeyError)
    picture = tmp_path / "t.png"
    options = ["--out", str(picture), "--passphrase-file", str(tmp_path / "words")]
    assert run(session_command.app, ["picture", str(closed), *options]).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_decrypt_writes_a_folder_that_opens_without_a_key(closed: Path, tmp_path: Path) -> None:
    (tmp_path / "words").write_text(WORDS)
    out = tmp_path / "plain"
    args = ["decrypt", str(closed), "--out", str(out), "--passphrase-file", str(tmp_path / "words")]
    assert CliRunner().invoke(session_command.app, args).exit_code == 0
    session = open_session(out, Keys())
    check(session)
    assert session.info["encrypted"] is False
    assert {stat.S_IMODE(p.stat().st_mode) for p in out.iterdir()} == {0o600}
    assert isinstance(CliRunner().invoke(session_command.app, args).exception, StoreError)
