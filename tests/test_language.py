"""Running language cues: what they count, and that they never look ahead."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ahdetect.models.language import FADE_S, LanguageModel, LanguageStream
from ahdetect.models.words import Transcript, Word, WordUpdate

S = 1_000_000_000


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel()


def spoken(text: str, start_s: float = 0.0, pace_s: float = 0.5, *, settled: bool = True) -> list[Word]:
    """Each word lasts `pace_s`, one after the other."""
    return [
        Word(w, round((start_s + i * pace_s) * S), round((start_s + (i + 1) * pace_s) * S), 0.9, settled, 0)
        for i, w in enumerate(text.split())
    ]


def stream_of(model: LanguageModel, text: str) -> LanguageStream:
    stream = LanguageStream(model)
    for word in spoken(text):
        stream.push(word)
    return stream


def test_before_the_first_word_has_ended_the_channel_is_absent(model: LanguageModel) -> None:
    stream = stream_of(model, "maybe tomorrow")
    assert stream.at(round(0.49 * S)).absent == "no words yet"
    assert stream.at(round(0.5 * S)).absent == ""


def test_rates_are_per_hundred_words_of_the_answer_so_far(model: LanguageModel) -> None:
    frame = stream_of(model, "maybe I could but um I could not").at(4 * S)
    assert frame["language_hedge_rate"] == pytest.approx(100 / 8)
    assert frame["language_modal_rate"] == pytest.approx(200 / 8)
    assert frame["language_filler_rate"] == pytest.approx(100 / 8)
    assert frame["language_log_words"] == pytest.approx(math.log(9))


def test_a_marker_fades_with_the_length_of_a_segment(model: LanguageModel) -> None:
    stream = stream_of(model, "maybe")
    assert stream.at(round(0.5 * S))["language_hedge"] == pytest.approx(1.0)
    assert stream.at(round((0.5 + FADE_S) * S))["language_hedge"] == pytest.approx(math.exp(-1), rel=1e-4)


def test_later_words_change_no_earlier_cue(model: LanguageModel) -> None:
    short, long = stream_of(model, "maybe I will"), stream_of(model, "maybe I will but I don't know um")
    for t in (round(0.6 * S), 1 * S, round(1.4 * S)):
        np.testing.assert_array_equal(short.at(t).values, long.at(t).values)


def test_provisional_words_count_until_they_are_replaced(model: LanguageModel) -> None:
    transcript, stream = Transcript(), LanguageStream(model)
    transcript.apply(WordUpdate((), tuple(spoken("maybe", settled=False)), 0, 0))
    assert stream.update(transcript)
    assert stream.at(1 * S)["language_hedge"] > 0.5
    transcript.apply(WordUpdate(tuple(spoken("May")), (), 1 * S, 0))
    assert stream.update(transcript)
    assert stream.at(1 * S)["language_hedge"] == 0.0
    assert stream.at(1 * S)["language_log_words"] == pytest.approx(math.log(2))


def test_the_same_words_give_the_same_cues_whether_or_not_they_were_provisional_first(model: LanguageModel) -> None:
    words = spoken("um I guess I want to but I don't know")
    plain, transcript, revised = LanguageStream(model), Transcript(), LanguageStream(model)
    for word in words:
        plain.push(word)
    for n in range(0, len(words), 2):
        transcript.apply(WordUpdate((), tuple(words[n : n + 2]), 0, 0))
        revised.update(transcript)
        transcript.apply(WordUpdate(tuple(words[n : n + 2]), (), 0, 0))
        revised.update(transcript)
    np.testing.assert_array_equal(plain.at(6 * S).values, revised.at(6 * S).values)


def test_an_unchanged_transcript_is_no_news(model: LanguageModel) -> None:
    transcript, stream = Transcript(), LanguageStream(model)
    transcript.apply(WordUpdate(tuple(spoken("yes")), (), 0, 0))
    assert stream.update(transcript)
    assert not stream.update(transcript)


def test_a_prompt_begins_a_new_answer(model: LanguageModel) -> None:
    stream = stream_of(model, "maybe maybe")
    stream.mark_prompt(1 * S)
    assert stream.at(2 * S).absent == "no words yet"
    for word in spoken("yes of course", start_s=2.0):
        stream.push(word)
    assert stream.at(4 * S)["language_log_words"] == pytest.approx(math.log(4))
    assert stream.at(4 * S)["language_hedge"] == 0.0
    assert stream.at(round(0.9 * S))["language_hedge_rate"] == pytest.approx(100.0)


def test_length_says_nothing_beyond_the_longest_answer_of_the_corpus(model: LanguageModel) -> None:
    stream = stream_of(model, "table " * 100)
    assert stream.at(96 * S)["language_answer"] > stream.at(97 * S)["language_answer"]
    stream.mark_prompt(200 * S)
    stream.push(Word("well", 201 * S, 202 * S, 0.9, True, 1))
    assert stream.at(203 * S)["language_log_words"] == pytest.approx(math.log(2))


def test_valence_is_of_the_last_words(model: LanguageModel) -> None:
    stream = stream_of(model, "I love it this is great " + "table " * 20)
    assert stream.at(3 * S)["language_valence"] > 0.5
    assert stream.at(20 * S)["language_valence"] == 0.0


def test_marked_words_are_found_again_for_an_explanation(model: LanguageModel) -> None:
    stream = stream_of(model, "tomorrow maybe we talk")
    assert [(w.text, m) for w, m in stream.marked(0, 3 * S)] == [("maybe", ["hedge"])]
