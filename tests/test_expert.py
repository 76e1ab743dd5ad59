"""The language expert: additive, the same word by word as at once, blind to what comes later, strict about its file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ahdetect.errors import AssetError
from ahdetect.models.clauses import LEAST, MOST, Valence, WordLog
from ahdetect.models.cues import INDEX, Channel
from ahdetect.models.effects import EFFECTS, Kind, Ratios, _trained
from ahdetect.models.evidence import EvidenceFilter, EvidenceSettings
from ahdetect.models.expert import COVERAGE, FADE_S, LanguageExpert, Weights, load_weights, shipped
from ahdetect.models.language import LanguageModel, LanguageStream
from ahdetect.models.lexicon import MARKERS, PHRASES
from ahdetect.models.posterior import ChannelState, EvidenceFrame, Presence
from ahdetect.models.reference import Reference
from ahdetect.models.words import Transcript, Word, WordUpdate

S = 1_000_000_000

TORN = (
    "I want to call the doctor, but maybe not this week. I know that I should, and I love the idea, although it "
    "scares me a little because the last time was awful and I hated it. I don't know, um, I guess I could start "
    "with a short walk or something and then then see how I feel about the rest of it later"
)
PLAIN = "We went to the lake on Sunday. The water was cold, the children swam, and we drove home in the evening."
ANSWERS = (TORN, PLAIN, TORN + " " + PLAIN, "table " * 40, "but " * 30, "yes")


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel()


@pytest.fixture(scope="module")
def expert(model: LanguageModel) -> LanguageExpert:
    return model.expert


def timed(text: str, pace_s: float = 0.45, start_s: float = 0.0, *, settled: bool = True) -> list[Word]:
    """Each word lasts `pace_s`, one after the other."""
    return [
        Word(w, round((start_s + i * pace_s) * S), round((start_s + (i + 1) * pace_s) * S), 0.9, settled, 0)
        for i, w in enumerate(text.split())
    ]


def stream_of(model: LanguageModel, words: list[Word]) -> LanguageStream:
    stream = LanguageStream(model)
    for word in words:
        stream.push(word)
    return stream


def log_of(text: str, *, by_word: bool) -> WordLog:
    log = WordLog(Valence())
    if by_word:
        for word in text.split():
            log.push(word)
    else:
        log.extend(text.split())
    return log


# Clauses.


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_words_one_by_one_leave_what_words_at_once_leave(answer: str) -> None:
    one, whole = log_of(answer, by_word=True), log_of(answer, by_word=False)
    n = len(one)
    np.testing.assert_array_equal(one.counts, whole.counts)
    assert one.begins == whole.begins
    assert one.clauses(0, n) == whole.clauses(0, n)
    ends = [i for i in range(1, n) if one.begins[i] == i] + [n]
    assert [one.valued[i] for i in ends] == [whole.valued[i] for i in ends]
    assert one.mixed(0, n) == whole.mixed(0, n)


def test_an_answer_added_in_pieces_is_the_answer_added_at_once() -> None:
    words, pieces = TORN.split(), WordLog(Valence())
    for first in range(0, len(words), 7):
        pieces.extend(words[first : first + 7])
    whole = log_of(TORN, by_word=False)
    assert pieces.begins == whole.begins
    assert pieces.mixed(0, len(words)) == whole.mixed(0, len(words)) > 0


def test_a_push_names_the_markers_that_the_word_completes() -> None:
    log = WordLog(Valence())
    assert [[MARKERS[k] for k in log.push(w)] for w in ("kind", "of", "table")] == [["vagueness"], ["hedge"], []]


@pytest.mark.parametrize("n", [0, 1, 9, 30])
def test_forgetting_words_leaves_no_trace_of_them(n: int) -> None:
    words = TORN.split()
    log = log_of(TORN, by_word=True)
    log.truncate(n)
    for word in words[n:]:
        log.push(word)
    same = log_of(TORN, by_word=True)
    np.testing.assert_array_equal(log.counts, same.counts)
    assert (log.texts, log.tokens, log.begins, log.valued) == (same.texts, same.tokens, same.begins, same.valued)


def test_a_forgotten_word_is_replaced_by_another() -> None:
    log = log_of("we swam in the lake, but", by_word=True)
    log.truncate(5)
    log.push("maybe")
    assert log.texts[-1] == "maybe"
    assert [MARKERS[k] for k in np.flatnonzero(log.counts[-1])] == ["hedge"]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_clauses_cover_every_word_once_and_are_neither_long_nor_scraps(answer: str) -> None:
    n = len(answer.split())
    spans = log_of(answer, by_word=False).clauses(0, n)
    assert [i for a, b in spans for i in range(a, b)] == list(range(n))
    assert all(b - a <= MOST for a, b in spans[:-1])
    assert all(b - a >= min(LEAST, n) for a, b in spans)


def test_a_clause_ends_at_punctuation_and_before_a_conjunction() -> None:
    log = log_of("we swam in the lake, it was cold but the children liked it", by_word=False)
    assert [" ".join(log.texts[a:b]) for a, b in log.clauses(0, len(log))] == [
        "we swam in the lake,",
        "it was cold but the children liked it",
    ]


# Whole answers.


def offset(w: Weights) -> float:
    """What is in every log-likelihood ratio and in no clause: the bias and the mixture's mean."""
    return w.bias + w.mixed(0.0)


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_the_clauses_add_up_to_the_answer(expert: LanguageExpert, answer: str) -> None:
    score = expert.score(answer)
    total = offset(expert.weights) + score.length + sum(c.score for c in score.clauses)
    assert total == pytest.approx(score.log_likelihood_ratio, abs=1e-9)


def test_the_markers_add_up_to_the_answer(expert: LanguageExpert) -> None:
    score = expert.score(TORN)
    total = expert.weights.bias + score.length + score.mixed + sum(adds for _, adds in score.markers.values())
    assert total == pytest.approx(score.log_likelihood_ratio, abs=1e-9)
    assert score.markers["contrast"][0] == 2
    assert "emphasis" in score.markers


def test_a_torn_answer_stands_above_a_plain_one_and_the_turn_is_in_its_clause(expert: LanguageExpert) -> None:
    torn, plain = expert.score("I will call the doctor soon, but I want to wait."), expert.score(PLAIN)
    assert torn.log_likelihood_ratio > plain.log_likelihood_ratio
    said = "We drove to the lake on Sunday morning, but maybe we want to stay at home."
    assert max(expert.score(said).clauses, key=lambda c: c.score).text.startswith("but maybe")


def test_a_clause_keeps_its_score_whatever_comes_later(expert: LanguageExpert) -> None:
    whole = expert.score(TORN).clauses
    words = TORN.split()
    for k in range(2, len(whole)):
        begun = expert.score(words[: whole[k].start]).clauses
        assert [(c.text, pytest.approx(c.score)) for c in begun] == [(c.text, c.score) for c in whole[:k]]


def test_text_and_its_words_score_alike(expert: LanguageExpert) -> None:
    assert expert.score(TORN) == expert.score(TORN.split())


def test_an_empty_answer_has_a_score_and_no_clause(expert: LanguageExpert) -> None:
    for empty in ("", "  \n", []):
        score = expert.score(empty)
        assert score.clauses == []
        assert score.markers == {}
        assert 0 < score.p_ah < 1
        assert score.p_ah < expert.score(TORN).p_ah


def test_a_very_long_answer_stays_a_probability(expert: LanguageExpert) -> None:
    score = expert.score(f"{TORN} " * 200)
    assert 0 < score.p_ah <= 1
    assert math.isfinite(score.log_likelihood_ratio)
    assert len(score.clauses) > 1000
    assert offset(expert.weights) + score.length + sum(c.score for c in score.clauses) == pytest.approx(
        score.log_likelihood_ratio, abs=1e-6
    )


def test_typographic_apostrophes_capitals_and_quotes_change_nothing(expert: LanguageExpert) -> None:
    plain = expert.score("I don't know, but I can't do it and I'm not sure")
    fancy = expert.score("I don’t KNOW, “But” I can’t do it and I’m not sure")
    assert fancy.markers == plain.markers
    assert fancy.markers["hedge"][0] == 2
    assert fancy.log_likelihood_ratio == pytest.approx(plain.log_likelihood_ratio, abs=1e-9)


@pytest.mark.parametrize("strange", ["🙂 🙂", "\x00 \x1b[0m", "но может быть", "--- ... ''' -", "a" * 10_000])
def test_strange_text_is_scored_without_markers(expert: LanguageExpert, strange: str) -> None:
    score = expert.score(strange)
    assert score.markers == {}
    assert math.isfinite(score.log_likelihood_ratio)


# The kind of prompt.


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_the_kind_of_prompt_changes_the_probability_and_nothing_else(expert: LanguageExpert, answer: str) -> None:
    blind = expert.score(answer)
    for kind in expert.weights.prompt_rates:
        known = expert.score(answer, kind)
        assert known.log_likelihood_ratio == blind.log_likelihood_ratio
        assert (known.markers, known.clauses) == (blind.markers, blind.clauses)


def test_a_kind_of_prompt_that_brings_more_ah_makes_it_likelier_by_its_own_odds(expert: LanguageExpert) -> None:
    rates = expert.weights.prompt_rates
    for llr in (-2.0, 0.0, 1.5):
        found = [(rate, expert.probability(llr, kind)) for kind, rate in rates.items()]
        shifts = [math.log(p / (1 - p)) - math.log(rate / (1 - rate)) for rate, p in found]
        assert shifts == pytest.approx([shifts[0]] * len(shifts))
        assert [p for _, p in sorted(found)] == sorted(p for _, p in found)


def test_more_evidence_makes_it_likelier_whatever_was_asked(expert: LanguageExpert) -> None:
    for kind in (None, *expert.weights.prompt_rates):
        p = [expert.probability(llr, kind) for llr in (-40.0, -2.0, 0.0, 2.0, 40.0)]
        assert p == sorted(p)
        assert p[1] < p[2] < p[3]
    assert expert.probability(0.0) == pytest.approx(expert.weights.base_rate)


def test_a_prompt_that_nobody_knows_is_refused_with_those_that_are_known(expert: LanguageExpert) -> None:
    with pytest.raises(ValueError, match=r"'angry' is none of .*hesitant"):
        expert.score("yes", "angry")


# Moments.


def test_no_later_word_changes_a_cue_or_a_finished_clause(model: LanguageModel) -> None:
    words = timed(TORN)
    whole = stream_of(model, words)
    for n in range(1, len(words), 5):
        begun, t = stream_of(model, words[:n]), words[n].end_ns - 1
        np.testing.assert_array_equal(begun.at(t).values, whole.at(t).values)
        done = begun.clauses()[:-2]  # a short rest joins the clause before it, until it has grown
        assert whole.clauses()[: len(done)] == done


def test_the_clauses_of_a_stream_are_those_of_the_answer_with_times(model: LanguageModel) -> None:
    words = timed(TORN, pace_s=0.5, start_s=2.0)
    clauses = model.expert.score(TORN).clauses
    found = stream_of(model, words).clauses()
    assert [(a, b) for a, b, _ in found] == [(words[c.start].start_ns, words[c.end - 1].end_ns) for c in clauses]
    assert [score for *_, score in found] == pytest.approx([c.score for c in clauses])


def test_a_second_answer_is_scored_by_itself(model: LanguageModel) -> None:
    stream = LanguageStream(model)
    stream.mark_prompt(0)
    for word in timed(TORN):
        stream.push(word)
    over = 60 * S
    stream.mark_prompt(over)
    for word in timed(PLAIN, start_s=61.0):
        stream.push(word)
    second = [score for start, _, score in stream.clauses() if start >= over]
    assert second == pytest.approx([c.score for c in model.expert.score(PLAIN).clauses])
    assert len(stream.clauses()) == len(second) + len(model.expert.score(TORN).clauses)


def test_replaced_provisional_words_leave_no_trace(model: LanguageModel) -> None:
    transcript, stream = Transcript(), LanguageStream(model)
    transcript.apply(WordUpdate((), tuple(timed("but maybe I do not know at all", settled=False)), 0, 0))
    stream.update(transcript)
    transcript.apply(WordUpdate(tuple(timed(PLAIN)), (), 60 * S, 0))
    stream.update(transcript)
    plain = stream_of(model, timed(PLAIN))
    np.testing.assert_array_equal(stream.at(5 * S).values, plain.at(5 * S).values)
    assert stream.clauses() == plain.clauses()


@pytest.mark.parametrize("t_s", [1.0, 4.0, 12.0, 30.0])
def test_the_llr_of_a_moment_is_what_the_filter_weighs(model: LanguageModel, t_s: float) -> None:
    frame = stream_of(model, timed(TORN)).at(round(t_s * S))
    weighed = [e for e in EFFECTS if e.channel is Channel.LANGUAGE]
    values = np.array([frame[e.cue] for e in weighed], dtype=np.float64)
    nats = Ratios(weighed)(values, np.zeros(len(weighed)), np.zeros(len(weighed)))
    assert frame["language_llr"] == pytest.approx(nats.sum(), rel=1e-5)

    levels = {e.cue: Reference(0.0, 1.0, 1.0, 1) for e in EFFECTS if e.kind is Kind.LEVEL}
    filter_ = EvidenceFilter(EvidenceSettings(), references=levels)
    dur_ns = S // 10
    row = EvidenceFrame(
        frame.t_ns, dur_ns, {Channel.LANGUAGE: frame}, {Channel.LANGUAGE: ChannelState(Presence.PRESENT)}, True
    )
    shares = filter_.step(row).contributions
    assert shares[Channel.LANGUAGE] == pytest.approx(frame["language_llr"] * 0.1 / FADE_S, rel=1e-5)
    assert all(share == 0 for channel, share in shares.items() if channel is not Channel.LANGUAGE)


def test_a_turn_raises_its_moment_and_fades(model: LanguageModel) -> None:
    stream = stream_of(model, timed("we drove to the lake and swam but"))
    said = 8 * 0.45
    before, at, later = (stream.at(round(t * S))["language_llr"] for t in (said - 0.01, said, said + 3 * FADE_S))
    assert at > before
    assert later < at


def test_the_answer_so_far_is_bounded_by_what_ah_covers(expert: LanguageExpert) -> None:
    many = np.where(expert.weights.markers > 0, 50.0, 0.0)
    most = expert.so_far(many, 60.0, 0.0)
    share, base = COVERAGE, expert.weights.base_rate
    assert most <= math.log(share / (1 - share)) - math.log(share * base / (1 - share * base)) + 1e-9
    assert most > 0 > expert.so_far(np.where(expert.weights.markers < 0, 50.0, 0.0), 60.0, 0.0)


def test_the_usual_number_of_markers_says_nothing_about_the_answer(expert: LanguageExpert) -> None:
    usual, mixed = expert.weights.rates * 60.0, expert.weights.mixed.mean
    assert expert.so_far(usual, 60.0, mixed) == pytest.approx(0.0, abs=1e-9)
    assert expert.so_far(usual, 60.0, mixed, length=200) > 0


def test_a_marker_counts_as_a_moment_first_and_as_the_past_of_the_answer_later() -> None:
    stream = LanguageStream()
    for i, text in enumerate(["well", "but", "but", "but", "we", "can"]):
        stream.push(Word(text, i * 10**9 // 2, (i + 1) * 10**9 // 2, 0.9, True, 0))
    seconds = (3, 9, 20, 90)
    frames = [stream.at(s * 10**9) for s in seconds]
    contrast = [f["language_contrast"] for f in frames]
    assert contrast == sorted(contrast, reverse=True)
    assert frames[1]["language_answer"] > frames[0]["language_answer"]
    assert frames[1]["language_answer"] > frames[3]["language_answer"]


def test_every_marker_has_a_cue_and_a_kept_one_an_effect() -> None:
    weighed = {e.cue for e in EFFECTS}
    for name, weight in zip(MARKERS, shipped().markers, strict=True):
        assert f"language_{name}" in INDEX
        assert (f"language_{name}" in weighed) == (weight != 0 or name == "filler")


def test_fillers_keep_their_published_odds_ratio_whatever_was_trained() -> None:
    markers = shipped().markers.copy()
    markers[MARKERS.index("filler")] = 3.0
    for weights in (shipped(), replace(shipped(), markers=markers)):
        [filler] = [e for e in _trained(weights) if e.cue == "language_filler"]
        assert "odds ratio" in filler.source
        assert filler in EFFECTS


# The file.


def test_the_weights_go_through_their_file_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "language.json"
    path.write_text(json.dumps(shipped().to_json()))
    again = load_weights(path)
    assert again.to_json() == shipped().to_json()
    assert LanguageExpert(again).score(TORN) == LanguageExpert().score(TORN)


def damaged(**changes: Any) -> str:
    """The shipped file with top-level entries replaced, or removed where None."""
    raw = {**shipped().to_json(), **changes}
    return json.dumps({k: v for k, v in raw.items() if v is not None})


RENAMED = {("other" if m == MARKERS[0] else m): {"weight": 0, "error": 0, "share": 0, "rate": 0} for m in MARKERS}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        damaged()[:400],
        damaged(schema=99),
        damaged(schema=None),
        damaged(markers=None),
        damaged(markers=RENAMED),
        damaged(markers=list(PHRASES)),
        damaged(markers={m: {"weight": "heavy"} for m in MARKERS}),
        damaged(length={"weight": 1.0}),
        damaged(mixed=[1, 2, 3, 4]),
        damaged(bias="much"),
        damaged(prompt={"rates": {}}),
        damaged(about=3),
        damaged(bias=math.nan),
        damaged(base_rate=1.5),
        damaged(mixed={"weight": 1, "error": 0, "mean": 0, "sd": 0}),
        damaged(mixed={"weight": 1, "error": 0, "mean": 0, "sd": "wide"}),
        damaged(prompt={"scale": 1, "bias": 0, "rates": {"neutral": 0.0}}),
        "[" * 100_000,
    ],
    ids=range(23),
)
def test_a_damaged_or_foreign_file_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "language.json"
    path.write_text(content)
    with pytest.raises(AssetError, match=r"language\.json cannot be used") as caught:
        load_weights(path)
    assert caught.value.value == path
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_binary_or_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.json", tmp_path / "binary", tmp_path):
        with pytest.raises(AssetError, match="cannot be used"):
            load_weights(path)


def test_other_weights_give_other_scores(tmp_path: Path) -> None:
    raw = shipped().to_json()
    raw["markers"]["contrast"]["weight"] = 5.0
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(raw))
    mine, ours = LanguageExpert(load_weights(path)), LanguageExpert()
    assert mine.score("but").log_likelihood_ratio > ours.score("but").log_likelihood_ratio + 1
    assert mine.score("table") == ours.score("table")
