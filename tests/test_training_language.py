"""Training of the language expert, on answers that a seeded generator makes of the lexicon's own words."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ahdetect import cli
from ahdetect.errors import DataError
from ahdetect.models.datasets.ah_text import PROMPTS, Answers, read_answers
from ahdetect.models.expert import LanguageExpert, load_weights, shipped
from ahdetect.models.lexicon import MARKERS, PHRASES, completed

pytest.importorskip("sklearn")

from ahdetect.models.training import families, language
from ahdetect.models.training.compare import FAMILIES, SHIPPED, compare

NEUTRAL = (
    "table",
    "river",
    "window",
    "garden",
    "paper",
    "blue",
    "seven",
    "walk",
    "house",
    "morning",
    "stone",
    "bread",
    "field",
)
COLUMN = {marker: 2 + k for k, marker in enumerate(MARKERS)}


def phrases(marker: str) -> list[str]:
    """The marker's phrases that complete nothing else, on their way or at their end."""

    def alone(phrase: str) -> bool:
        words = phrase.split()
        found = [completed(words[: i + 1]) for i in range(len(words))]
        return found[-1] == [marker] and not any(found[:-1])

    return [p for p in PHRASES[marker] if alone(p)]


def answer(rng: np.random.Generator, said: dict[str, float], words: int) -> str:
    """About `words` neutral words with Poisson many phrases of each marker between them."""
    parts = list(rng.choice(NEUTRAL, words))
    for marker, mean in said.items():
        for _ in range(rng.poisson(mean)):
            parts.insert(int(rng.integers(len(parts) + 1)), str(rng.choice(phrases(marker))))
    return " ".join(parts)


def made(
    people: int = 16,
    prompts: tuple[str, ...] = PROMPTS,
    seed: int = 0,
    first: int = 0,
    topic: str | None = None,
    spread: float = 0.7,
) -> Answers:
    """An answer of each person to each kind of prompt.

    A/H brings contrast and hedges, its absence emphasis. Later kinds of prompt bring more A/H, by `spread` in all.
    `topic` is a marker that comes with later kinds of prompt, whether there is A/H or not.
    """
    rng = np.random.default_rng(seed)
    texts, labels, subjects, kinds = [], [], [], []
    for person in range(first, first + people):
        for k, kind in enumerate(prompts):
            late = k / max(1, len(prompts) - 1)
            ah = int(rng.random() < 0.5 + spread * (late - 0.5))
            said = {"contrast": 0.3 + 1.2 * ah, "hedge": 0.3 + 1.0 * ah, "emphasis": 1.2 - 1.0 * ah, "others": 0.5}
            if topic:
                said[topic] = 2.0 * late
            texts.append(answer(rng, said, int(rng.integers(10, 40))))
            labels.append(ah)
            subjects.append(person)
            kinds.append(kind)
    return Answers(tuple(texts), np.array(labels), np.array(subjects), np.array(kinds))


def write(answers: Answers, path: Path) -> Path:
    rows = zip(answers.texts, answers.labels, answers.subjects, answers.prompts, strict=True)
    lines = [json.dumps({"text": t, "label": int(y), "subject": int(s), "prompt": str(k)}) for t, y, s, k in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def answers() -> Answers:
    return made()


@pytest.fixture(scope="module")
def design(answers: Answers) -> language.Design:
    return language.design(answers)


@pytest.fixture(scope="module")
def fitted(design: language.Design) -> language.Markers:
    return language.fit(design, np.arange(len(design.y)), 0)


# Counting.


def test_the_generator_says_what_it_should() -> None:
    assert not any(completed([word]) for word in NEUTRAL)
    assert all(phrases(marker) for marker in ("contrast", "hedge", "emphasis", "others", "reason"))


def test_a_design_counts_as_the_expert_does(answers: Answers, design: language.Design) -> None:
    expert = LanguageExpert()
    for row in range(0, len(answers), 20):
        score = expert.score(answers.texts[row])
        assert {MARKERS[k]: int(c) for k, c in enumerate(design.counts[row]) if c} == {
            m: count for m, (count, _) in score.markers.items()
        }
        assert design.words[row] == len(answers.texts[row].split())


def test_folds_never_divide_a_person_and_test_every_answer_once(design: language.Design) -> None:
    tested = []
    for train, test in language.folds(design, seed=3):
        assert not set(design.subjects[train]) & set(design.subjects[test])
        tested += test.tolist()
    assert sorted(tested) == list(range(len(design.y)))


def test_folds_of_some_rows_stay_among_them(design: language.Design) -> None:
    rows = np.flatnonzero(design.subjects % 2 == 0)
    for train, test in language.folds(design, 0, 4, rows):
        assert set(train) | set(test) == set(rows.tolist())
        assert not set(design.subjects[train]) & set(design.subjects[test])


# Learning.


def test_what_comes_with_ah_weighs_for_it_and_what_comes_without_against(fitted: language.Markers) -> None:
    weight = {marker: fitted.weight[column] for marker, column in COLUMN.items()}
    assert weight["contrast"] > 0
    assert weight["hedge"] > 0
    assert weight["emphasis"] < 0
    assert min(weight["contrast"], weight["hedge"], -weight["emphasis"]) > abs(weight["others"])
    assert fitted.slope > 0


def test_what_the_transcripts_cannot_teach_gets_no_weight(design: language.Design) -> None:
    rng = np.random.default_rng(0)
    x = design.x.copy()
    x[:, COLUMN["repair"]] = design.y + 0.1 * rng.normal(size=len(design.y))  # as telling as can be
    telling = language.Design(x, design.counts, design.words, design.y, design.subjects, design.prompts)
    assert not language.consistent(telling, np.arange(len(design.y)), 20.0)[COLUMN["repair"]]


def test_a_marker_that_turns_its_sign_with_the_prompt_is_not_kept(design: language.Design) -> None:
    x = design.x.copy()
    last = design.prompts == PROMPTS[-1]
    rng = np.random.default_rng(0)
    # Strongly for A/H under one kind of prompt, slightly against it under all others.
    x[:, COLUMN["reason"]] = np.where(last, 6.0, -0.5) * (design.y - 0.5) + rng.normal(size=len(design.y))
    turned = language.Design(x, design.counts, design.words, design.y, design.subjects, design.prompts)
    rows = np.arange(len(design.y))
    assert language.ridge(turned, rows, 20.0).weight[COLUMN["reason"]] > 0
    keep = language.consistent(turned, rows, 20.0)
    assert not keep[COLUMN["reason"]]
    assert keep[COLUMN["contrast"]]
    assert keep[0]


def test_a_marker_that_only_tracks_the_prompt_weighs_less_than_without_dummies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    d = language.design(made(people=60, topic="reason"))
    rows = np.arange(len(d.y))
    beside = language.ridge(d, rows, 20.0).weight
    monkeypatch.setattr(language, "PROMPT_SCALE", 0.0)
    without = language.ridge(d, rows, 20.0).weight
    reason, contrast = COLUMN["reason"], COLUMN["contrast"]
    assert without[reason] > 0
    assert beside[reason] < 0.85 * without[reason]
    assert beside[contrast] > 0.95 * without[contrast]


def test_out_of_fold_log_odds_tell_what_can_be_learned_and_nothing_of_noise(design: language.Design) -> None:
    rows = np.arange(len(design.y))
    z = language.out_of_fold(design, rows, 0)
    assert np.mean((z > 0) == (design.y == 1)) > 0.7
    shuffled = np.random.default_rng(0).permutation(design.y)
    noise = language.Design(design.x, design.counts, design.words, shuffled, design.subjects, design.prompts)
    assert abs(np.corrcoef(language.out_of_fold(noise, rows, 0), shuffled)[0, 1]) < 0.3


def test_calibration_undoes_a_scale_and_a_shift() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, 20_000)
    y = (rng.random(z.size) < 1 / (1 + np.exp(-z))).astype(np.int64)
    slope, intercept = language.platt(3.0 * z + 1.0, y)
    assert slope == pytest.approx(1 / 3, rel=0.05)
    assert intercept == pytest.approx(-1 / 3, abs=0.06)


def test_rates_of_prompts_are_never_certain(design: language.Design) -> None:
    few = np.arange(len(PROMPTS))
    rates = language.prompt_rates(design, few)
    assert set(rates) == set(PROMPTS)
    assert all(0 < rate < 1 for rate in rates.values())


def test_the_same_data_and_seed_give_the_same_weights_and_they_reach_the_expert(
    answers: Answers, fitted: language.Markers, tmp_path: Path
) -> None:
    one = language.train(answers, seed=0, resamples=5, about={"data": "made"})
    again = language.train(answers, seed=0, resamples=5, about={"data": "made"})
    assert one.to_json() == again.to_json()
    (tmp_path / "w.json").write_text(json.dumps(one.to_json()))
    expert = LanguageExpert(load_weights(tmp_path / "w.json"))
    d = language.design(answers)
    z = fitted.log_odds(d.x)
    for row in range(0, len(answers), 25):
        p = expert.score(answers.texts[row]).p_ah
        assert p == pytest.approx(1 / (1 + np.exp(-z[row])), abs=1e-3)  # the file rounds to five digits
    assert expert.weights.errors[MARKERS.index("contrast")] > 0
    assert expert.weights.prompt_rates[PROMPTS[-1]] > expert.weights.prompt_rates[PROMPTS[0]]
    assert expert.weights.prompt_scale > 0


# Comparing.


def test_clause_shares_add_up_to_the_answer(answers: Answers, design: language.Design) -> None:
    bags = families.bags(answers)
    summed = np.zeros((len(answers), bags.share.shape[1]))
    np.add.at(summed, bags.bag, bags.share)
    np.testing.assert_allclose(summed, design.x[:, 1:], atol=1e-9)
    np.testing.assert_allclose(np.bincount(bags.bag, bags.words), design.words)


def test_noisy_or_puts_the_clause_with_a_contrast_above_its_neighbours(
    answers: Answers, design: language.Design
) -> None:
    bags = families.bags(answers)
    scores = families.NoisyOr(bags, design, np.arange(len(answers))).clause_scores()
    turned = bags.x[:, MARKERS.index("contrast")] > 0
    assert scores[turned].mean() > scores[~turned].mean()


def test_every_family_is_compared_on_the_same_answers() -> None:
    pytest.importorskip("lightgbm")
    training, validation = made(24, PROMPTS[:3], 1, spread=0.2), made(8, PROMPTS[:3], 2, first=100, spread=0.2)
    told: list[str] = []

    def half(d: language.Design, seed: int) -> language.Fit:
        return lambda _: lambda test: np.full(len(test), 0.5)

    found = compare(training, validation, 1, {"half": half}, told.append)
    assert set(found.outcomes) == {*FAMILIES, "half"} - {"encoder"}
    assert len(told) > len(found.outcomes)
    for outcome in (*found.outcomes.values(), found.known, found.prompt_only):
        for p in (*outcome.blind, *outcome.unseen):
            assert p.shape == (len(training),)
            assert ((p > 0) & (p < 1)).all()
        assert outcome.validation.shape == (len(validation),)
    assert set(found.pointed) == {SHIPPED, "noisy_or"}
    assert all(0 <= share <= 1 for share in found.pointed.values())


# Reading.


def test_answers_are_read_as_they_stand(tmp_path: Path, answers: Answers) -> None:
    again = read_answers(write(answers, tmp_path / "train.jsonl"))
    assert again.texts == answers.texts
    for column in ("labels", "subjects", "prompts"):
        np.testing.assert_array_equal(getattr(again, column), getattr(answers, column))


def test_rows_can_be_taken_and_joined(answers: Answers) -> None:
    some = answers.take(np.array([3, 1]))
    assert some.texts == (answers.texts[3], answers.texts[1])
    both = some.joined(answers)
    assert len(both) == 2 + len(answers)
    assert both.subjects[2:].tolist() == answers.subjects.tolist()


GOOD = '{"text": "fine", "label": 1, "subject": 1, "prompt": "neutral"}'


@pytest.mark.parametrize(
    "bad",
    [
        '{"text": "my secret", "label": 1, "subject": 1',
        '["my secret"]',
        '{"text": "my secret", "label": 2, "subject": 1, "prompt": "neutral"}',
        '{"text": "my secret", "label": 0.7, "subject": 1, "prompt": "neutral"}',
        '{"text": "my secret", "label": 1, "subject": 1.5, "prompt": "neutral"}',
        '{"text": "my secret", "label": null, "subject": 1, "prompt": "neutral"}',
        '{"text": "my secret", "label": 1, "subject": "Ann", "prompt": "neutral"}',
        '{"text": "my secret", "label": 1, "subject": 1, "prompt": "my secret"}',
        '{"text": "my secret", "label": 1, "subject": 1, "prompt": ["neutral"]}',
        '{"text": ["my secret"], "label": 1, "subject": 1, "prompt": "neutral"}',
        '{"label": 1, "subject": 1, "prompt": "neutral"}',
    ],
    ids=range(11),
)
def test_a_line_that_is_no_answer_is_named_and_never_quoted(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(f"{GOOD}\n{GOOD}\n{bad}\n{GOOD}\n")
    with pytest.raises(DataError, match="Line 3 of ") as caught:
        read_answers(path)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_lines_and_odd_separators_do_not_move_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(GOOD.replace("fine", "fi\u2028ne\x85") + "\n\n" + GOOD + "\r\n", encoding="utf-8")
    assert len(read_answers(path)) == 2
    path.write_text(f"{GOOD}\n\n{{}}\n")
    with pytest.raises(DataError, match="Line 3 of "):
        read_answers(path)


def test_a_file_of_answers_that_is_missing_empty_or_binary_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, says in (("none", "No such file"), ("empty", "no answers"), ("binary", "not UTF-8"), (".", "cannot be")):
        with pytest.raises(DataError, match=says):
            read_answers(tmp_path / name)


# The command.


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(["train", "language", *(str(a) for a in args)])
    return left.value.code if isinstance(left.value.code, int) else 0


@pytest.fixture
def folder(tmp_path: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data to train on; standard errors of few resamples are enough here."""
    monkeypatch.setattr(language, "train", partial(language.train, resamples=3))
    data = tmp_path / "data"
    data.mkdir()
    write(answers, data / "train.jsonl")
    write(made(4, seed=9, first=100), data / "val.jsonl")
    return data


def test_training_writes_weights_that_score(
    folder: Path, tmp_path: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "weights"
    assert run("--data", folder, "--out", out, "--no-card", "--seed", 1) == 0
    assert [p.name for p in out.iterdir()] == ["language.json"]
    assert "language.json" in capsys.readouterr().err
    written = (out / "language.json").read_text()
    about: dict[str, Any] = json.loads(written)["about"]
    assert (about["answers"], about["people"], about["seed"]) == (len(answers) + 4 * len(PROMPTS), 20, 1)
    assert str(folder) not in written
    assert not any(word in written for word in NEUTRAL)
    (tmp_path / "in.jsonl").write_text('{"text": "but table however maybe"}\n{"text": "table love river absolutely"}\n')
    score = ("language", "score", "--in", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out.jsonl"))
    with pytest.raises(SystemExit) as left:
        cli.main([*score, "--weights", str(out / "language.json")])
    assert not left.value.code
    torn, sure = (json.loads(line)["p_ah"] for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert torn > sure


def test_data_that_is_not_there_is_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "val.jsonl").unlink()
    for data, name in ((tmp_path / "none", "train.jsonl"), (folder, "val.jsonl")):
        assert run("--data", data, "--out", tmp_path / "out", "--no-card") == 7
        err = capsys.readouterr().err
        assert f"{name} cannot be read (No such file or directory)" in err
        assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_answers_that_are_too_few_to_train_on_are_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for few in (made(2), made(10).take(np.flatnonzero(made(10).labels == 1))):
        write(few, folder / "train.jsonl")
        write(few, folder / "val.jsonl")
        assert run("--data", folder, "--out", tmp_path / "out", "--no-card") == 7
        assert "too few to train on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_marker_that_no_plain_answer_has_still_has_odds() -> None:
    some = made(8)
    weights = language.train(some, seed=0, resamples=2)
    assert ((weights.shares > 0) & (weights.shares < 1)).all()


def test_a_folder_that_cannot_be_written_is_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language, "train", lambda *_, **__: shipped())
    (tmp_path / "taken").touch()
    assert run("--data", folder, "--out", tmp_path / "taken", "--no-card") == 6
    assert "cannot be written" in capsys.readouterr().err
