"""The audit log: a chain in which every change shows, and whose end is known elsewhere."""

from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ahdetect.errors import StoreError
from ahdetect.store.audit import Act, Audit, Mark, mark_of

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(tmp_path / "store", tmp_path / "anchors")


def filled(audit: Audit, count: int = 4) -> list[Mark]:
    return [audit.append(Act.START, f"s{i}", at=NOON, purposes=["recording"]) for i in range(count)]


def raw(audit: Audit) -> list[bytes]:
    return audit.path.read_bytes().splitlines(keepends=True)


def test_a_log_that_was_only_appended_to_is_whole(audit: Audit) -> None:
    marks = filled(audit)
    found = audit.check(marks)
    assert found.problems == []
    assert found.lines == 5  # the first says that a log begins
    assert found.anchored
    assert [line["what"] for line in audit.lines()] == ["begin", *["start"] * 4]
    assert audit.lines()[1] == {
        "n": 1, "at": "2026-01-02T12:00:00+00:00", "what": "start", "session": "s0",
        "facts": {"purposes": ["recording"]}, "before": audit.lines()[0]["hash"], "hash": marks[0].hash,
    }  # fmt: skip


def test_no_log_is_no_problem_where_nobody_knows_of_one(audit: Audit) -> None:
    assert audit.check().problems == []
    assert audit.check().lines == 0


def test_log_and_anchor_are_their_owner_s_alone(audit: Audit) -> None:
    filled(audit, 1)
    for path in (audit.path, audit.anchor):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"s0", b"s9"), *lines[2:]], "Line 2: it was changed"),
        (lambda lines: [lines[0], *lines[2:]], "Line 2: it has the number 3"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "Line 2: it has the number 3"),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "Line 3: it has the number 2"),
        (lambda lines: [lines[0], b"{}\n", *lines[2:]], "Line 2: it cannot be read"),
        (lambda lines: lines[:-2], "The end is missing: this machine's anchor knows of 2 more lines"),
        (lambda _: [], "The end is missing: this machine's anchor knows of 5 more lines"),
    ],
    ids=["changed", "removed", "swapped", "doubled", "no line", "end cut off", "emptied"],
)
def test_what_was_done_to_the_log_shows(audit: Audit, change, said: str) -> None:
    filled(audit)
    audit.path.write_bytes(b"".join(change(raw(audit))))
    problems = audit.check().problems
    assert any(said in problem for problem in problems), problems


def test_a_log_that_was_written_anew_as_a_whole_chain_shows_against_anchor_and_sessions(
    audit: Audit, tmp_path: Path
) -> None:
    marks = filled(audit)
    forged = Audit(tmp_path / "elsewhere", tmp_path / "other")
    filled(forged)
    audit.path.write_bytes(forged.path.read_bytes())
    assert audit.check().problems == ["Line 5 is not the one that this machine's anchor knows."]
    audit.anchor.unlink()
    found = audit.check(marks[:1])
    assert not found.anchored
    assert found.problems == ["Line 2 is not the one that a session of this folder knows."]


def test_a_shortened_log_that_is_written_on_says_so_for_ever(audit: Audit) -> None:
    filled(audit)
    audit.path.write_bytes(b"".join(raw(audit)[:2]))
    filled(audit, 1)
    assert [line["what"] for line in audit.lines()] == ["begin", "start", "broken", "start"]
    assert any("was found shortened or replaced here" in p for p in audit.check().problems)
    audit.path.unlink()
    filled(audit, 1)
    assert [line["what"] for line in audit.lines()] == ["begin", "broken", "start"]


def test_a_line_that_a_power_cut_tore_stays_and_shows(audit: Audit) -> None:
    filled(audit, 2)
    with audit.path.open("ab") as file:
        file.write(b'{"n":3,"at"')
    filled(audit, 1)
    lines = raw(audit)
    assert lines[3] == b'{"n":3,"at"\n'
    assert json.loads(lines[4])["what"] == "broken"
    assert any("Line 4: it cannot be read" in p for p in audit.check().problems)


def test_an_anchor_that_is_one_line_behind_is_no_fault(audit: Audit) -> None:
    """The power may go between the line and its anchor."""
    filled(audit, 2)
    behind = audit.anchor.read_bytes()
    filled(audit, 1)
    audit.anchor.write_bytes(behind)
    assert audit.check().problems == []
    filled(audit, 1)
    assert audit.check().problems == []


def test_several_writers_make_one_chain(audit: Audit) -> None:
    threads = [threading.Thread(target=filled, args=(Audit(audit.path.parent, audit._anchors), 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = audit.check()
    assert found.problems == []
    assert found.lines == 41


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"audit log .* cannot be written"):
        Audit(tmp_path / "file" / "store", tmp_path / "anchors").append(Act.START)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(tmp_path_factory: pytest.TempPathFactory, place: int, flip: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    audit = Audit(folder / "store", folder / "anchors")
    filled(audit, 3)
    before = audit.path.read_bytes()
    content = bytearray(before)
    content[place % len(content)] ^= flip
    audit.path.write_bytes(bytes(content))
    assert audit.check().problems or bytes(content).splitlines() == before.splitlines()  # another sign for a line's end


def test_a_mark_comes_back_and_nonsense_is_none() -> None:
    assert mark_of(Mark(3, "ab").to_json()) == Mark(3, "ab")
    assert mark_of({"number": "3"}) is None
    assert mark_of(None) is None
