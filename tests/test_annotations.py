"""The human tier: only growing file, readable after damage, the model's tier untouched."""

from __future__ import annotations

import json
import stat
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ahdetect.errors import ConfigError, StoreError
from ahdetect.store.annotations import ANNOTATIONS, Annotations, Verdict, append_line, read_annotations
from ahdetect.timeline import Segment

S = 1_000_000_000
FIRST, SECOND = Segment(2 * S, 5 * S, 0.8, 0.7), Segment(9 * S, 12 * S, 0.7, 0.6)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / ANNOTATIONS).read_text().splitlines()]


def test_a_folder_that_nobody_spoke_about_has_an_empty_tier_and_no_file(tmp_path: Path) -> None:
    assert read_annotations(tmp_path) == []
    assert Annotations(tmp_path).segments == []
    assert not (tmp_path / ANNOTATIONS).exists()


def test_each_verdict_is_read_again_as_it_was_said(tmp_path: Path) -> None:
    tier = Annotations(tmp_path)
    said = [
        tier.accept(FIRST, by="KM"),
        tier.correct(SECOND, 8 * S, 11 * S, by="KM", note="starts with the sigh"),
        tier.reject(SECOND, by="JB", note="laughing"),
        tier.add(20 * S, 22 * S, by="JB"),
    ]
    assert [h.verdict for h in said] == [Verdict.ACCEPT, Verdict.CORRECT, Verdict.REJECT, Verdict.ADD]
    again = read_annotations(tmp_path)
    assert sorted(again, key=lambda h: h.id) == sorted(said, key=lambda h: h.id)
    assert [h.start_ns for h in again] == [2 * S, 8 * S, 9 * S, 20 * S]
    assert again[0].model == (2 * S, 5 * S)
    assert again[3].model is None


def test_the_file_only_grows_and_each_line_has_its_time_in_utc(tmp_path: Path) -> None:
    clock = iter(datetime(2026, 1, 2, 12, 0, tzinfo=UTC) + timedelta(seconds=i) for i in range(99))
    tier = Annotations(tmp_path, now=lambda: next(clock))
    tier.accept(FIRST, by="KM")
    before = (tmp_path / ANNOTATIONS).read_bytes()
    tier.reject(FIRST, by="KM")
    tier.undo()
    assert (tmp_path / ANNOTATIONS).read_bytes().startswith(before)
    times = [str(line["at"]) for line in lines(tmp_path)]
    assert len(times) == 3
    assert times == sorted(times)
    assert all(t.startswith("2026-01-02T12:00:") and t.endswith("Z") for t in times)


def test_a_person_has_one_say_about_a_segment_and_two_people_have_two(tmp_path: Path) -> None:
    tier = Annotations(tmp_path)
    tier.accept(FIRST, by="KM")
    tier.reject(FIRST, by=" KM ")
    tier.accept(FIRST, by="JB")
    assert {(h.by, h.verdict) for h in tier.about(FIRST)} == {("KM", Verdict.REJECT), ("JB", Verdict.ACCEPT)}
    assert tier.about(SECOND) == []


def test_undo_and_redo_walk_back_and_forth_and_a_reader_sees_the_same(tmp_path: Path) -> None:
    tier = Annotations(tmp_path)
    tier.accept(FIRST, by="KM")
    tier.reject(FIRST, by="KM")
    added = tier.add(20 * S, 22 * S, by="KM")
    tier.withdraw(added)
    states = [tier.segments]
    while tier.undo():
        states.append(tier.segments)
        assert read_annotations(tmp_path) == states[-1]
    assert [len(s) for s in states] == [1, 2, 1, 1, 0]
    assert states[3][0].verdict is Verdict.ACCEPT
    for state in reversed(states[:-1]):
        assert tier.redo()
        assert tier.segments == state == read_annotations(tmp_path)
    assert not tier.redo()


def test_something_new_said_after_an_undo_ends_what_could_be_redone(tmp_path: Path) -> None:
    tier = Annotations(tmp_path)
    tier.accept(FIRST, by="KM")
    tier.undo()
    tier.reject(FIRST, by="KM")
    assert not tier.can_redo
    assert [h.verdict for h in tier.segments] == [Verdict.REJECT]


def test_added_borders_can_be_changed_and_stay_an_addition(tmp_path: Path) -> None:
    tier = Annotations(tmp_path)
    added = tier.add(20 * S, 22 * S, by="KM")
    changed = tier.change(added, 19 * S, 22 * S, by="KM", note="earlier")
    assert (changed.id, changed.verdict, changed.start_ns) == (added.id, Verdict.ADD, 19 * S)
    assert read_annotations(tmp_path) == [changed]


def test_a_torn_last_line_costs_nothing_but_itself_and_the_next_one_stands_alone(tmp_path: Path) -> None:
    tier = Annotations(tmp_path)
    kept = tier.accept(FIRST, by="KM")
    tier.reject(SECOND, by="KM")
    path = tmp_path / ANNOTATIONS
    path.write_bytes(path.read_bytes()[:-20])
    again = Annotations(tmp_path)
    assert again.segments == [kept]
    assert "1 damaged line" in again.damage[0]
    added = again.add(20 * S, 21 * S, by="KM")
    assert read_annotations(tmp_path) == [kept, added]


@pytest.mark.parametrize(
    "line", ['{"op":"set"}', '{"op":"dance","id":"1"}', "[]", '{"op":"set","id":"x","verdict":"accept","start_ns":"?"}']
)
def test_a_line_that_makes_no_sense_is_left_out_and_told(tmp_path: Path, line: str) -> None:
    kept = Annotations(tmp_path).accept(FIRST, by="KM")
    with (tmp_path / ANNOTATIONS).open("a") as file:
        file.write(line + "\n")
    assert Annotations(tmp_path).segments == [kept]
    assert Annotations(tmp_path).damage


@pytest.mark.parametrize(("start", "end", "by"), [(5, 5, "KM"), (6, 5, "KM"), (-1, 5, "KM"), (1, 5, "  ")])
def test_nonsense_is_refused_and_not_written(tmp_path: Path, start: int, end: int, by: str) -> None:
    tier = Annotations(tmp_path)
    with pytest.raises(ConfigError):
        tier.add(start * S, end * S, by=by)
    assert not tier.can_undo
    assert not (tmp_path / ANNOTATIONS).exists()


def test_what_could_not_be_stored_was_not_said(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    tier = Annotations(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(StoreError, match="not stored"):
        tier.accept(FIRST, by="KM")
    assert tier.segments == []
    assert not tier.can_undo


def test_an_undo_that_could_not_be_stored_leaves_what_was_said(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    tier = Annotations(tmp_path / "here")
    said = tier.accept(FIRST, by="KM")
    (tmp_path / "here").rename(tmp_path / "moved")
    with pytest.raises(StoreError):
        tier.undo()
    assert tier.segments == [said]
    assert tier.can_undo


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    Annotations(tmp_path).accept(FIRST, by="KM")
    assert stat.S_IMODE((tmp_path / ANNOTATIONS).stat().st_mode) == 0o600


def test_two_writers_at_once_tear_no_line(tmp_path: Path) -> None:
    def write(name: str) -> None:
        for i in range(40):
            append_line(tmp_path / "x.jsonl", {"by": name, "i": i, "note": "n" * 500})

    threads = [threading.Thread(target=write, args=(name,)) for name in "ABC"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert sorted((e["by"], e["i"]) for e in read) == [(n, i) for n in "ABC" for i in range(40)]
