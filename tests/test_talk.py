"""Change talk and sustain talk: the reader, the head, its memory, its training, and what it costs."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from ahdetect.errors import AssetError, DataError
from ahdetect.models.datasets import annomi
from ahdetect.models.talk import CLASSES, MARKERS, N_CUES, N_SHAPE, Memory, TalkModel, TalkStream, cues, terms, tokens

THIRTY = (
    "well i do want to stop but i am not sure that i can because all of my friends still go out "
    "every weekend and i like it when we are there"
)


@pytest.fixture(scope="module")
def model() -> TalkModel:
    return TalkModel.load()


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def row(transcript: int, utterance: int, who: str, text: str, label: str = "n/a", video: str = "v0") -> dict[str, str]:
    return {
        "transcript_id": str(transcript),
        "mi_quality": "high" if transcript % 3 else "low",
        "video_url": video,
        "topic": "more walks",
        "utterance_id": str(utterance),
        "interlocutor": who,
        "utterance_text": text,
        "main_therapist_behaviour": "question" if who == "therapist" else "n/a",
        "client_talk_type": label,
    }


def test_reader_keeps_turns_in_order_with_the_therapists_turn_before_each(tmp_path: Path) -> None:
    path = write(
        tmp_path / annomi.FILE,
        [
            row(0, 0, "client", "Hello.", "neutral"),
            row(0, 1, "therapist", "Would you walk more?"),
            row(0, 2, "client", "I will.", "change"),
            row(0, 3, "client", "Or I won't.", "sustain"),
        ],
    )
    (dialogue,) = annomi.read(annomi.find(tmp_path))
    assert dialogue.video == "v0"
    assert [annomi.LABELS[turn.label] for turn in dialogue.turns] == ["neutral", "change", "sustain"]
    assert [turn.therapist for turn in dialogue.turns] == ["", "Would you walk more?", ""]
    assert dialogue.turns[1].behaviour == "question"
    assert annomi.find(path) == path


def test_reader_names_the_columns_that_a_file_lacks(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row(0, 0, "client", "Yes.", "neutral").items() if k not in ("video_url", "topic")}]
    with pytest.raises(DataError, match="lacks the columns video_url, topic"):
        annomi.read(write(tmp_path / "a.csv", rows))


def test_reader_says_where_a_label_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="utterance 7 of transcript 3 'maybe'"):
        annomi.read(write(tmp_path / "a.csv", [row(3, 7, "client", "Yes.", "maybe")]))


def test_reader_refuses_a_row_cut_short_a_file_without_clients_and_no_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [row(0, 0, "client", "Yes.", "neutral")])
    path.write_text(path.read_text(encoding="utf-8") + "0,high\n", encoding="utf-8")
    with pytest.raises(DataError, match="ends short in line 3"):
        annomi.read(path)
    with pytest.raises(DataError, match="no turn of a client"):
        annomi.read(write(tmp_path / "b.csv", [row(0, 0, "therapist", "Hello.")]))
    with pytest.raises(DataError, match=f"No {annomi.FILE}"):
        annomi.find(tmp_path / "nowhere")


def test_tokens_leave_out_what_a_recogniser_keeps_or_loses_by_chance() -> None:
    assert tokens("Um, I-I don’t know [chuckles], 25 years?") == ["i", "don't", "know", "0", "years", "?"]
    assert tokens(["I", "don't", "know,"]) == tokens("I don't know")
    assert terms(["a", "b", "c"]) == ["a", "b", "c", "a b", "b c"]


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ("commitment", "I'm really going to do it"),
        ("desire", "I really want to"),
        ("ability", "I think I can"),
        ("need", "I know I have to"),
        ("steps", "I've already tried"),
        ("no_desire", "I don't really want to"),
        ("no_ability", "I just can't"),
        ("no_need", "I don't have a problem"),
        ("no_commitment", "I'm not ready"),
        ("liking", "I like smoking"),
    ],
)
def test_markers_find_their_kind_of_talk(marker: str, text: str) -> None:
    found = dict(zip(MARKERS, cues(tokens(text))[N_SHAPE:], strict=True))
    assert found[marker] == 1


def test_negated_ability_and_desire_are_no_change_talk() -> None:
    for text, marker in (("I can't", "ability"), ("I don't want to", "desire"), ("I like to", "liking")):
        assert dict(zip(MARKERS, cues(tokens(text))[N_SHAPE:], strict=True))[marker] == 0


def test_probabilities_of_any_text_sum_to_one(model: TalkModel) -> None:
    for text in ("", "?", "zzzz qqqq", "Yeah.", THIRTY, THIRTY * 20):
        scores = model.scores(text)
        assert scores.shape == (3,)
        assert (scores > 0).all()
        assert scores.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I really want to quit for my kids, I'm going to start tomorrow and I know I can do it.", "change"),
        ("I need to change, my health is getting worse and I have to do something about it.", "change"),
        ("I don't want to stop, I like it and it helps me relax, I don't see a problem.", "sustain"),
        ("I'm not ready to quit and I can't, it's just too hard.", "sustain"),
        ("Yeah.", "neutral"),
        ("About two years ago.", "neutral"),
    ],
)
def test_plain_cases_are_told_apart(model: TalkModel, text: str, expected: str) -> None:
    assert model.label(text) == expected


def test_words_and_text_score_alike(model: TalkModel) -> None:
    text = "I guess, um, I could try."
    np.testing.assert_array_equal(model.scores(text), model.scores(text.split()))


def test_the_memory_of_earlier_turns_moves_the_score_and_nothing_later_does(model: TalkModel) -> None:
    stream = TalkStream(model)
    fresh = stream.scores("Yeah, maybe.")
    for _ in range(3):
        stream.end_turn("I really want to quit, I'm going to start tomorrow.")
    after = stream.scores("Yeah, maybe.")
    assert after[CLASSES.index("change")] > fresh[CLASSES.index("change")] + 0.05
    stream.scores("I will quit.")  # a look at a turn that is not over leaves no trace
    np.testing.assert_array_equal(stream.scores("Yeah, maybe."), after)


def test_memory_of_one_turn_is_that_turn_and_it_fades() -> None:
    memory = Memory()
    assert not memory.read().any()
    memory.add(np.full(6, 2.0))
    assert memory.read()[:6] == pytest.approx(2.0)
    memory.add(np.zeros(6))
    assert memory.read()[:6] == pytest.approx(0.0)
    assert memory.read()[-6:] == pytest.approx(0.95 * 2 / 2.95)


def test_the_shipped_file_is_small_and_holds_terms_of_one_or_two_words(model: TalkModel) -> None:
    assert len(files("ahdetect.assets").joinpath("talk.json").read_bytes()) <= 400_000
    assert all(1 <= len(term.split()) <= 2 for term in model.index)


def test_a_model_survives_writing_and_reading(model: TalkModel) -> None:
    again = TalkModel.from_dict(json.loads(json.dumps(model.to_dict())))
    np.testing.assert_allclose(again.scores(THIRTY), model.scores(THIRTY), atol=1e-4)


def test_damaged_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "talk.json").write_text('{"terms": ["a"], "idf": [1, 2]}', encoding="utf-8")
    monkeypatch.setattr("ahdetect.models.talk.files", lambda _: tmp_path)
    TalkModel.load.cache_clear()
    with pytest.raises(AssetError, match=r"talk\.json are missing or damaged"):
        TalkModel.load()
    monkeypatch.undo()
    TalkModel.load.cache_clear()


def test_thirty_words_take_less_than_a_millisecond(model: TalkModel) -> None:
    assert len(THIRTY.split()) >= 30
    took = []
    for _ in range(50):
        start = time.perf_counter()
        model.scores(THIRTY)
        took.append(time.perf_counter() - start)
    assert min(took) < 1e-3


def test_inference_loads_no_scikit_learn() -> None:
    code = "import sys, ahdetect.models.talk as t; t.TalkModel.load().scores('a'); print('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve videos in which the label can be read off the words."""
    said = {
        "change": ["i want to walk more", "i will walk every day", "i need to change", "i can do that with you"],
        "sustain": ["i do not want to walk", "i like my chair too much", "i can't do that", "it is fine like this"],
        "neutral": ["yeah", "about two years", "okay", "the one near the river"],
    }
    rng = np.random.default_rng(3)
    rows = []
    for video in range(12):
        for k in range(24):
            label = CLASSES[int(rng.integers(3))]
            text = f"{said[label][int(rng.integers(4))]} {['now', 'then', 'so'][int(rng.integers(3))]}"
            rows.append(row(video, 2 * k, "therapist", "Mm.", video=f"v{video}"))
            rows.append(row(video, 2 * k + 1, "client", text, label, f"v{video}"))
    return write(tmp_path_factory.mktemp("annomi") / annomi.FILE, rows)


def test_training_learns_what_can_be_learnt_and_repeats_itself(invented: Path, tmp_path: Path) -> None:
    training = pytest.importorskip("ahdetect.models.training.talk", exc_type=ImportError)
    results = training.train_talk(invented, tmp_path / "a", 0)
    assert results["variants"]["alone"]["macro_f1"] > 0.9
    assert results["videos"] == 12
    assert "| **this turn alone (shipped default)** |" in (tmp_path / "a" / "cards" / "talk.md").read_text("utf-8")
    written = json.loads((tmp_path / "a" / "talk.json").read_text("utf-8"))
    assert TalkModel.from_dict(written).label("I want to walk more now.") == "change"
    corpus = training.load_corpus(annomi.read(invented))
    assert training.fit(corpus, None, 0)[0].to_dict() == written


def test_training_and_inference_compute_the_same_emission(invented: Path) -> None:
    training = pytest.importorskip("ahdetect.models.training.talk", exc_type=ImportError)
    corpus = training.load_corpus(annomi.read(invented))
    model, penalties = training.fit(corpus, None, 0)
    at = np.arange(len(corpus.y))
    rows = training.pruned(training.fit_emission(corpus, None, at, penalties))(corpus, at[:20])
    np.testing.assert_allclose(rows, [model.emission(words) for words in corpus.words[:20]], atol=1e-9)


def test_folds_never_split_a_video(invented: Path) -> None:
    training = pytest.importorskip("ahdetect.models.training.talk", exc_type=ImportError)
    corpus = training.load_corpus(annomi.read(invented))
    for train, test in training._folds(corpus.videos, training.OUTER, 0):
        assert not set(corpus.videos[train]) & set(corpus.videos[test])


def test_too_few_videos_are_refused(tmp_path: Path) -> None:
    training = pytest.importorskip("ahdetect.models.training.talk", exc_type=ImportError)
    path = write(tmp_path / annomi.FILE, [row(0, 0, "client", "Yes.", "neutral")])
    with pytest.raises(DataError, match="fewer than 10 videos"):
        training.train_talk(path, tmp_path / "out")


def test_names_are_no_terms() -> None:
    training = pytest.importorskip("ahdetect.models.training.talk", exc_type=ImportError)
    found = training.proper_nouns(["Well, Anna said I can walk", "I told Anna so", "Anna knows, and I will walk"])
    assert "anna" in found
    assert not found & {"i", "walk", "can", "will"}


def test_the_shape_and_markers_of_silence_are_finite() -> None:
    assert cues([]).shape == (N_CUES,)
    assert np.isfinite(cues([])).all()
