"""Which markers a word completes."""

from __future__ import annotations

import pytest

from ahdetect.models.lexicon import completed, token


@pytest.mark.parametrize(
    ("said", "markers"),
    [
        ("um", ["filler"]),
        ("Maybe", ["hedge"]),
        ("I'm kind of", ["hedge"]),
        ("well I don't know", ["hedge"]),  # one hedge; the negation came with "don't"
        ("I know", ["reflection"]),
        ("you know", ["agreement"]),
        ("but", ["contrast"]),
        ("I want", ["wanting"]),
        ("I don't", ["negation"]),
        ("I cannot", ["modal", "negation"]),
        ("my my", ["repair"]),
        ("very very", []),
        ("um um", ["filler"]),
        ("tw-", ["repair"]),
        ("table", []),
        ("kindness of", []),
    ],
)
def test_a_word_completes_the_markers_of_its_phrase(said: str, markers: list[str]) -> None:
    assert completed([token(w) for w in said.split()]) == markers


def test_punctuation_and_case_do_not_hide_a_marker() -> None:
    assert completed([token("But,")]) == ["contrast"]
    assert completed([token("I"), token("don’t"), token("know...")]) == ["hedge"]


def test_a_bare_hyphen_or_nothing_is_no_marker() -> None:
    assert completed([token("-")]) == []
    assert completed([]) == []
