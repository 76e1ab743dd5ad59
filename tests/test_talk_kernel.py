"""Kernels over turns and what was said before, the agreement of experts, and both in the training's results."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from test_training_encoder import EPS, HEADS, INNER, WIDTH, small_weights, write_safetensors

from ahdetect.errors import AssetError, DataError
from ahdetect.models.datasets import annomi
from ahdetect.models.datasets.annomi import ClientTurn, Dialogue
from ahdetect.models.training.talk_agreement import agreement

family = pytest.importorskip("ahdetect.models.training.talk_kernel", exc_type=ImportError)
training = pytest.importorskip("ahdetect.models.training.talk", exc_type=ImportError)

VOCABULARY = ("[UNK]", "[B]", "[E]", "yes", "no", "maybe", "but", "red", "green", "blue")


def make_encoder(path: Path, *, marks: bool = True) -> Path:
    """A BERT of six tiny layers."""
    pytest.importorskip("torch")
    tokenizers = pytest.importorskip("tokenizers")
    config = {
        "hidden_size": WIDTH, "num_attention_heads": HEADS, "intermediate_size": INNER, "layer_norm_eps": EPS,
    }  # fmt: skip
    (path / "config.json").write_text(json.dumps(config))
    words = tokenizers.models.WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(words)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    if marks:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
            "[B] $A [E]", None, [("[B]", 1), ("[E]", 2)]
        )
    tokenizer.save(str(path / "tokenizer.json"))
    write_safetensors(path / "model.safetensors", small_weights())
    return path


def said(*turns: tuple[str, str]) -> Dialogue:
    return Dialogue("0", "v0", "high", "walks", tuple(ClientTurn(text, 1, therapist, "") for therapist, text in turns))


def test_a_turn_is_read_after_what_was_said_before_it_and_never_after_what_follows(tmp_path: Path) -> None:
    folder = make_encoder(tmp_path)
    alone, after = family.encode(folder, [said(("red", "yes"), ("green", "no"), ("blue", "maybe but"))])
    other_alone, other_after = family.encode(folder, [said(("red", "yes"), ("green", "no"), ("red", "yes"))])
    np.testing.assert_allclose(alone[:2], other_alone[:2])
    np.testing.assert_allclose(after[:2], other_after[:2])
    assert np.abs(alone[0] - after[0]).max() > 1e-3
    _, first_changed = family.encode(folder, [said(("red", "but"), ("green", "no"), ("blue", "maybe but"))])
    assert np.abs(after[1] - first_changed[1]).max() > 1e-3


def test_notes_in_brackets_are_not_read(tmp_path: Path) -> None:
    encoder = family.TurnEncoder(make_encoder(tmp_path))
    assert encoder.tokens("yes [red] no") == encoder.tokens("yes no") == [3, 4]


def test_a_tokenizer_without_marks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="no marks of begin and end"):
        family.TurnEncoder(make_encoder(tmp_path, marks=False))


def test_the_course_of_a_dialogue_knows_earlier_turns_of_that_dialogue_only() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    course = family._course(x, [np.array([0, 1, 2]), np.array([3, 4])])
    assert (course[[0, 3]] == 0).all()
    np.testing.assert_allclose(course[2], 0.2 * (0.8 * x[0] + x[1]))
    np.testing.assert_allclose(course[4], 0.2 * x[3])


def test_scores_of_a_video_left_out_are_those_of_a_model_that_never_saw_it() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 4))
    kernel = (x @ x.T).astype(np.float32)
    y, groups = rng.integers(0, 3, 40), np.arange(40) // 5
    held, model = family.left_out(kernel.copy(), y, groups, 3.0)
    weight = np.sqrt(40 / 3 / np.bincount(y, minlength=3))[y]

    def fitted(rows: np.ndarray) -> np.ndarray:
        system = kernel[np.ix_(rows, rows)] + 1.0 + np.diag(3.0 / weight[rows])
        return np.linalg.solve(system.astype(np.float64), np.eye(3)[y[rows]])

    for group in range(8):
        rest, out = np.flatnonzero(groups != group), np.flatnonzero(groups == group)
        np.testing.assert_allclose(held[out], (kernel[np.ix_(out, rest)] + 1.0) @ fitted(rest), atol=1e-3)
    np.testing.assert_allclose(model, fitted(np.arange(40)), atol=1e-3)


def test_agreement_of_two_experts_by_hand() -> None:
    same = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2]])
    assert agreement({"a": same})["pair"] == agreement({"a": same})["kappa"] == 1.0
    found = agreement({"a": np.array([[2, 0, 0], [0, 2, 0]]), "b": np.array([[0, 0, 2], [1, 1, 0]])})
    # of eight ordered pairs two disagree: F1 is 2/3, 2/3 and 1
    assert found["pair"] == pytest.approx(7 / 9, abs=1e-3)
    assert (found["turns"], found["dialogues"], found["annotators"]) == (4, 2, 2)
    with pytest.raises(ValueError, match="two or more"):
        agreement({"a": np.array([[1, 0, 0]])})


def write_full(path: Path, rows: list[tuple[str, str, str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["transcript_id", "utterance_id", "interlocutor", "client_talk_type"])
        writer.writerows(rows)
    return path


def test_votes_are_counted_where_more_than_one_expert_labelled(tmp_path: Path) -> None:
    rows = [("7", "1", "client", "change"), ("7", "1", "client", "sustain"), ("7", "0", "therapist", "n/a")]
    path = write_full(tmp_path / annomi.FULL, [*rows, ("8", "1", "client", "neutral")])
    votes = annomi.read_votes(path)
    assert list(votes) == ["7"]
    assert votes["7"].tolist() == [[1, 0, 1]]
    with pytest.raises(DataError, match="cannot be read as AnnoMI-full"):
        annomi.read_votes(write_full(tmp_path / "b.csv", [("7", "1", "client", "perhaps")]))


def test_training_measures_kernels_and_experts_beside_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    columns = [*annomi.COLUMNS]
    with (tmp_path / annomi.FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        labels = []
        for video in range(10):
            for k in range(12):
                labels.append(int(rng.integers(3)))
                row = {"transcript_id": video, "video_url": f"v{video}", "utterance_id": k, "interlocutor": "client"}
                said = ["i will walk", "about two", "i like it"][labels[-1] if k % 3 else int(rng.integers(3))]
                row |= {"mi_quality": "low", "topic": "walks", "utterance_text": said}
                writer.writerow(row | {"client_talk_type": annomi.LABELS[labels[-1]]})
    write_full(tmp_path / annomi.FULL, [("7", str(k), "client", "change") for k in (1, 1, 2, 2)])
    told = np.eye(3)[labels] + rng.normal(0, 0.1, (120, 3))  # states that give the label away
    monkeypatch.setattr(family, "encode", lambda *_: (rng.normal(size=(120, 3)), told))
    for name, value in (("REPEATS", 1), ("OUTER", 3), ("RESAMPLES", 50)):
        monkeypatch.setattr(training, name, value)
    results = training.train_talk(tmp_path, tmp_path / "out", 0, compare=tmp_path)
    variants = results["variants"]
    assert variants["kernel, therapist"]["macro_f1"] > variants["after"]["macro_f1"] + 0.1
    assert variants["kernel, therapist"]["gain_interval"][0] > 0 == variants["after"]["gain"]
    assert family.JOINED in variants
    assert results["experts"]["annotators"] == 2
    written = (tmp_path / "out" / "cards" / "talk.md").read_text("utf-8")
    assert "2 experts" in written
    assert "kernel" in written
