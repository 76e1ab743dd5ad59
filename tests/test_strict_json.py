"""What is read from a file can be written again, or is refused."""

from __future__ import annotations

import json

import pytest

from ahdetect import strict_json
from ahdetect.models.words import Word
from ahdetect.store.entries import event_of, number_in, segment_entry, segment_of, word_entry, word_of
from ahdetect.timeline import Segment


@pytest.mark.parametrize(
    "data",
    [
        b"NaN",
        b'{"a": Infinity}',
        b"1e999",
        b"[" * 100_000,
        b'"\xff"',
        b'"\\ud83d"',
        '"\ud83d"',
        b'{"\\udc00": 1}',
        b"{",
        b"",
    ],
)
def test_what_cannot_be_written_again_is_refused(data: bytes | str) -> None:
    with pytest.raises(ValueError):
        strict_json.loads(data)


@pytest.mark.parametrize("value", [None, 0.1, -1e300, 2**80, "\U0001f600 é", {"a": [True, {}]}, "\\u"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_everything_else_comes_back(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert strict_json.loads(text) == strict_json.loads(text.encode()) == value


def test_words_and_segments_come_back_from_their_lines() -> None:
    word, segment = Word("um", 5, 9, 0.5, True, 3), Segment(1, 2, 0.5, 0.25, ("gaze",), "um")
    assert word_of(word_entry(word)) == word
    assert segment_of(segment_entry(segment)) == segment
    nothing = segment_of({**segment_entry(segment), "peak_p": None})
    assert nothing.peak_p != nothing.peak_p  # NaN, which is stored as null


@pytest.mark.parametrize("change", [{"start_ns": "5"}, {"end_ns": 2**70}, {"text": None}, {"confidence": 2.0}])
def test_a_line_that_is_none_of_a_word_is_refused_without_its_words(change: dict[str, object]) -> None:
    entry = {**word_entry(Word("secret", 5, 9, 0.5, True, 3)), **change}
    with pytest.raises(ValueError) as told:
        word_of(entry)
    assert "secret" not in str(told.value)


def test_an_event_has_a_time_and_a_kind_and_a_segment_all_of_its_own() -> None:
    assert event_of({"t_ns": 1, "kind": "marker", "note": "x"})["note"] == "x"
    for entry in ({"t_ns": 1}, {"kind": "marker"}, {"t_ns": True, "kind": "marker"}, {"t_ns": 1, "kind": "segment"}):
        with pytest.raises(ValueError):
            event_of(dict(entry))


def test_a_number_of_a_manifest_is_one_or_none() -> None:
    info = {"a": 1, "b": 0.5, "c": True, "d": "1", "e": 2**80, "f": None}
    assert [number_in(info, key) for key in "abcdefg"] == [1.0, 0.5, None, None, None, None, None]
    assert number_in(None, "a") is None
