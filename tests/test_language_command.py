"""`ahdetect language score`: every line in is a line out, in order, and a bad one is named by its number."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from full_disk import no_file_longer_than

from ahdetect import cli
from ahdetect.models.expert import LanguageExpert, shipped

FIRST = "I want to stop, but maybe not this week. I don't know."
SECOND = "We went to the lake – and I can’t say that I  hated it,\nalthough it was cold."
FOUND = {"p_ah", "log_likelihood_ratio", "words_counted", "length", "mixed", "markers", "clauses"}


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(["language", "score", *(str(a) for a in args)])
    return left.value.code if isinstance(left.value.code, int) else 0


def write(path: Path, *rows: object) -> Path:
    """A line a row; a string stands as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def scored(tmp_path: Path, *rows: object, args: tuple[object, ...] = (), code: int = 0) -> list[dict[str, Any]]:
    source, out = write(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl"
    assert run("--in", source, "--out", out, *args) == code
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]
    return read(out)


# Good lines.


def test_a_line_keeps_its_fields_and_gets_what_was_found(tmp_path: Path) -> None:
    row = {"id": "ä-7", "text": FIRST, "label": 1, "nested": {"a": [None, 2.5]}}
    [found] = scored(tmp_path, row)
    assert {key: found[key] for key in row} == row
    assert set(found) == {*row, *FOUND}
    score = LanguageExpert().score(FIRST)
    assert found["p_ah"] == pytest.approx(score.p_ah, abs=1e-6)
    assert found["log_likelihood_ratio"] == pytest.approx(score.log_likelihood_ratio, abs=1e-6)
    assert {m: entry["count"] for m, entry in found["markers"].items()} == {m: c for m, (c, _) in score.markers.items()}
    assert [c["score"] for c in found["clauses"]] == pytest.approx([c.score for c in score.clauses], abs=1e-4)


def test_lines_out_are_lines_in_in_order(tmp_path: Path) -> None:
    rows = [{"id": i, "text": f"{FIRST} " * (i % 4)} for i in range(40)]
    assert [row["id"] for row in scored(tmp_path, *rows)] == list(range(40))


def test_spans_point_into_the_text(tmp_path: Path) -> None:
    for row in scored(tmp_path, {"text": FIRST}, {"text": f"  {SECOND} "}):
        at = 0
        for clause in row["clauses"]:
            first, last = clause["span"]
            assert row["text"][first:last].split() == clause["text"].split()
            assert row["text"][at:first].strip() == ""
            at = last
        assert row["text"][at:].strip() == ""


def test_the_parts_add_up_to_the_log_likelihood_ratio(tmp_path: Path) -> None:
    for row in scored(tmp_path, {"text": FIRST}, {"text": SECOND}):
        total = shipped().bias + row["length"] + row["mixed"] + sum(m["adds"] for m in row["markers"].values())
        assert total == pytest.approx(row["log_likelihood_ratio"], abs=1e-3)


def test_words_with_times_give_the_clauses_times(tmp_path: Path) -> None:
    words = [{"text": w, "start_s": i * 0.5, "end_s": i * 0.5 + 0.4} for i, w in enumerate(FIRST.split())]
    whisper = [{"word": f" {w['text']}", "start": w["start_s"], "end": w["end_s"]} for w in words]
    full, bare, other = scored(tmp_path, {"text": FIRST, "words": words}, {"words": whisper}, {"words": FIRST.split()})
    assert full["clauses"][0]["start_s"] == 0.0
    assert full["clauses"][-1]["end_s"] == words[-1]["end_s"]
    for one, two in zip(full["clauses"], full["clauses"][1:], strict=False):
        assert two["start_s"] - one["end_s"] == pytest.approx(0.1)
    assert bare["clauses"] == full["clauses"]
    assert bare["words"] == whisper
    assert [c["text"] for c in other["clauses"]] == [c["text"] for c in full["clauses"]]
    assert not any("start_s" in c for c in other["clauses"])


def test_words_that_lack_a_time_and_words_of_another_text_go_without(tmp_path: Path) -> None:
    half = [{"text": "maybe", "start_s": 0.0, "end_s": 0.4}, {"text": "not"}]
    untimed, foreign = scored(tmp_path, {"words": half}, {"text": "yes", "words": ["no", "way"]})
    assert [set(c) for c in untimed["clauses"]] == [{"text", "score", "span"}]
    assert [set(c) for c in foreign["clauses"]] == [{"text", "score"}]


def test_an_answer_without_words_is_scored(tmp_path: Path) -> None:
    for row in scored(tmp_path, {"text": ""}, {"text": " \n"}, {"words": []}):
        assert (row["words_counted"], row["clauses"], row["markers"]) == (0, [], {})
        assert 0 < row["p_ah"] < 0.5


def test_the_prompt_is_a_prior_where_its_field_is_named_and_there(tmp_path: Path) -> None:
    rates = shipped().prompt_rates
    kinds = sorted(rates, key=lambda kind: rates[kind])
    rows = [{"text": FIRST, "asked": kind} for kind in kinds] + [{"text": FIRST}, {"text": FIRST, "asked": None}]
    blind = scored(tmp_path, *rows)
    assert len({row["p_ah"] for row in blind}) == 1
    (tmp_path / "out.jsonl").unlink()
    known = scored(tmp_path, *rows, args=("--prompt-field", "asked"))
    assert [row["p_ah"] for row in known[: len(kinds)]] == sorted(row["p_ah"] for row in known[: len(kinds)])
    assert known[0]["p_ah"] < known[len(kinds) - 1]["p_ah"]
    assert [row["p_ah"] for row in known[-2:]] == [blind[0]["p_ah"]] * 2
    assert {row["log_likelihood_ratio"] for row in known} == {blind[0]["log_likelihood_ratio"]}


def test_a_last_line_without_a_newline_and_windows_newlines_count(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"text": "but maybe"}\r\n{"text": "yes"}')
    assert run("--in", source, "--out", out) == 0
    assert [row["text"] for row in read(out)] == ["but maybe", "yes"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'\xef\xbb\xbf{"text": "but maybe"}\n')
    assert run("--in", source, "--out", out) == 0
    assert [row["text"] for row in read(out)] == ["but maybe"]


def test_the_file_of_peoples_words_is_for_its_owner_and_the_folder_is_made(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "er" / "out.jsonl"
    assert run("--in", write(tmp_path / "in.jsonl", {"text": FIRST}), "--out", out) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_totals_can_be_read_by_a_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored(tmp_path, {"text": FIRST}, "[]", args=("--json",), code=7)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"rows": 2, "errors": [{"line": 2, "error": "it is not an object with a `text`"}]}
    assert "line 2 of" in err


# Bad lines.

BAD: dict[str, tuple[object, str]] = {
    "no JSON": ("text: but", "it is not JSON"),
    "blank": ("", "it is not JSON"),
    "NaN": ('{"text": "but", "x": NaN}', "it is not JSON"),
    "a number beyond all": ('{"text": "but", "x": 1e999}', "cannot be written again"),
    "half a character": ('{"text": "but \\ud800"}', "cannot be written again"),
    "no object": (["but"], "not an object"),
    "too deep": ("[" * 100_000, "nested too deep"),
    "no text": ({"id": 1}, "`text` is missing"),
    "text is a number": ({"text": 5}, "no string"),
    "text is a number beside words": ({"text": 5, "words": ["but"]}, "no string"),
    "words are a string": ({"words": "but"}, "`words` are no list"),
    "a word is a number": ({"words": ["but", 5]}, "has no text"),
    "a word without text": ({"words": [{"start_s": 0.0}]}, "has no text"),
    "prompt unknown": ({"text": "but", "asked": "angry"}, "'angry' is none of"),
    "prompt is a number": ({"text": "but", "asked": 3}, "'asked' is no string"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_named_and_kept_and_the_others_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    bad, says = BAD[case]
    rows = scored(tmp_path, {"text": FIRST}, bad, {"text": SECOND}, args=("--prompt-field", "asked"), code=7)
    assert [row.get("text") for row in (rows[0], rows[2])] == [FIRST, SECOND]
    assert all(row.keys() >= FOUND and "error" not in row for row in (rows[0], rows[2]))
    assert rows[1]["line"] == 2
    assert says in rows[1]["error"]
    assert "p_ah" not in rows[1]
    if isinstance(bad, dict):
        assert {key: rows[1][key] for key in bad} == bad
    _, err = capsys.readouterr()
    assert f"ahdetect: line 2 of {tmp_path / 'in.jsonl'}: " in err
    assert "2 of 3 answers scored" in err


def test_a_line_that_is_not_utf_8_is_named_and_kept(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"text": "but \xff"}\n{"text": "yes"}\n')
    assert run("--in", source, "--out", out) == 7
    rows = read(out)
    assert (rows[0]["error"], rows[0]["line"]) == ("it is not UTF-8 text", 1)
    assert rows[1]["text"] == "yes"


def test_an_error_never_repeats_what_somebody_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored(tmp_path, '{"text": "my secret', {"text": ["my secret"]}, {"words": ["my secret", 3]}, code=7)
    out, err = capsys.readouterr()
    assert "secret" not in out + err


# Files.


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ahdetect: ")
    assert len(err.splitlines()) == 1
    return err


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").touch()
    for name, says in (("none.jsonl", "No such file"), (".", "Is a directory"), ("empty.jsonl", "is empty")):
        assert run("--in", tmp_path / name, "--out", tmp_path / "out.jsonl") == 7
        assert says in one_sentence(capsys)
    assert not (tmp_path / "out.jsonl").exists()


def test_the_answers_are_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.jsonl", {"text": FIRST})
    (tmp_path / "link.jsonl").symlink_to(source)
    before = source.read_bytes()
    for same in (source, tmp_path / "." / "in.jsonl", tmp_path / "link.jsonl"):
        assert run("--in", source, "--out", same) == 2
        assert "the same file" in one_sentence(capsys)
    assert source.read_bytes() == before


def test_weights_that_cannot_be_used_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, weights = write(tmp_path / "in.jsonl", {"text": FIRST}), write(tmp_path / "mine.json", {"schema": 1})
    assert run("--in", source, "--out", tmp_path / "out.jsonl", "--weights", weights) == 5
    assert "mine.json cannot be used" in one_sentence(capsys)


def test_other_weights_can_be_given(tmp_path: Path) -> None:
    raw = shipped().to_json()
    raw["bias"] += 1.0
    [ours] = scored(tmp_path, {"text": FIRST})
    mine = write(tmp_path / "mine.json", raw)
    assert run("--in", tmp_path / "in.jsonl", "--out", tmp_path / "other.jsonl", "--weights", mine) == 0
    [other] = read(tmp_path / "other.jsonl")
    assert other["log_likelihood_ratio"] == pytest.approx(ours["log_likelihood_ratio"] + 1.0, abs=1e-5)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.jsonl", {"text": FIRST})
    (tmp_path / "taken").touch()
    (tmp_path / "folder").mkdir()
    for out in (tmp_path / "taken" / "out.jsonl", tmp_path / "folder"):
        assert run("--in", source, "--out", out) == 6
        assert "cannot be written" in one_sentence(capsys)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "in.jsonl", "taken"]


def test_a_run_that_is_stopped_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LanguageExpert, "score", stopped)
    assert run("--in", write(tmp_path / "in.jsonl", {"text": FIRST}), "--out", tmp_path / "out.jsonl") == 130
    assert [p.name for p in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_full_disk_leaves_the_older_file_and_nothing_half_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in.jsonl", *[{"text": FIRST}] * 200)
    out = write(tmp_path / "out.jsonl", {"older": True})
    with no_file_longer_than(20_000):
        assert run("--in", source, "--out", out) == 6
    assert "out.jsonl cannot be written" in one_sentence(capsys)
    assert read(out) == [{"older": True}]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]
