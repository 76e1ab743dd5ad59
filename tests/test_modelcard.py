"""The model card of the language expert: it says what the comparison found, for every family, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ahdetect.errors import StoreError
from ahdetect.evaluation import cell, difference, report, shown
from ahdetect.modelcard import CARD, PICTURE, card_text, draw_reliability, write_card
from ahdetect.models.expert import shipped
from ahdetect.models.lexicon import MARKERS
from ahdetect.models.training.compare import FAMILIES, SHIPPED, Comparison, Outcome
from ahdetect.models.training.language import Design

TRAIN, HELD, RESAMPLES = 60, 24, 20
COMMAND = "ahdetect train language --data DIR --seed 0"


def made(seeds: int = 1) -> Comparison:
    """A comparison of made-up probabilities; the shipped family tells A/H best, of one seed "encoder" has no unseen."""
    n = TRAIN + HELD
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    people = np.concatenate([np.arange(TRAIN) // 3, 100 + np.arange(HELD) // 3])
    prompts = np.array(["neutral", "willing", "hesitant"])[np.arange(n) % 3]
    design = Design(np.zeros((n, 2)), np.zeros((n, 1)), np.ones(n), y, people, prompts)

    def guess(strength: float, part: slice) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-(strength * (y[part] - 0.5) + rng.normal(size=y[part].size)))))

    first, rest = slice(0, TRAIN), slice(TRAIN, None)

    def outcome(strength: float, *, unseen: bool = True) -> Outcome:
        runs = [guess(strength, first) for _ in range(seeds)]
        return Outcome(runs, [guess(strength, first) for _ in range(seeds)] if unseen else [], guess(strength, rest))

    found = {name: outcome(3.0 if name == SHIPPED else 1.0, unseen=name != "encoder" or seeds > 1) for name in FAMILIES}
    pointed = {SHIPPED: 0.6, "noisy_or": 0.55}
    return Comparison(TRAIN, design, found, outcome(3.0), outcome(0.0), pointed)


@pytest.fixture(scope="module")
def found() -> Comparison:
    return made()


@pytest.fixture(scope="module")
def card(found: Comparison) -> str:
    return card_text(found, shipped(), COMMAND, RESAMPLES)


def rows(card: str, start: str) -> list[str]:
    return [line for line in card.splitlines() if line.startswith(f"| {start} |")]


def test_every_family_stands_in_every_table(card: str) -> None:
    for name, title in FAMILIES.items():
        tables = {"blind", "unseen", "validation", "differences"}
        tables -= {"unseen"} if name == "encoder" else set()
        tables -= {"differences"} if name == SHIPPED else set()
        assert len(rows(card, title)) == len(tables), title


def test_the_figures_are_those_of_the_evaluation(found: Comparison, card: str) -> None:
    d, ours = found.design, found.outcomes[SHIPPED]
    for p, part in ((ours.blind[0], slice(0, TRAIN)), (ours.validation, slice(TRAIN, None))):
        scores = report(d.y[part], p, d.subjects[part].tolist(), d.prompts[part].tolist(), resamples=RESAMPLES).metrics
        for metric in ("avgf1", "average_precision", "within_prompt_auc", "ece"):
            assert any(cell(scores[metric]) in row for row in rows(card, FAMILIES[SHIPPED])), metric


def test_families_are_compared_in_pairs_on_the_same_people(found: Comparison, card: str) -> None:
    d, part = found.design, slice(0, TRAIN)
    ours, other = found.outcomes[SHIPPED].blind[0], found.outcomes["length"].blind[0]
    gap = difference(
        "average_precision", d.y[part], ours, other, d.subjects[part].tolist(), prompts=d.prompts[part].tolist(),
        resamples=RESAMPLES,
    )  # fmt: skip
    assert any(cell(gap) in row for row in rows(card, FAMILIES["length"]))  # type: ignore[arg-type]
    assert any(row.endswith("| – | – |") for row in rows(card, FAMILIES["encoder"]))  # no unseen prompts to compare


def test_the_card_says_how_many_answers_and_people_and_by_which_command(card: str) -> None:
    said = " ".join(card.split())
    assert f"{TRAIN} training answers of {TRAIN // 3} people" in said
    assert f"{HELD} validation answers of {HELD // 3} other people" in said
    assert f"`{COMMAND}`" in card
    assert "](language-reliability.png)" in card


def test_nothing_of_the_form_is_left_open(card: str) -> None:
    assert not re.search(r"\{\w*\}", card)
    assert "nan" not in card.lower().split()


def test_every_marker_stands_in_the_card_with_its_weight_or_as_not_kept(card: str) -> None:
    weights = shipped()
    for k, name in enumerate(MARKERS):
        [row] = rows_of_marker(card, name)
        assert (f"{weights.markers[k]:+.2f} |" in row) if weights.markers[k] else ("not kept" in row)


def rows_of_marker(card: str, name: str) -> list[str]:
    return [line for line in card.splitlines() if re.match(rf"\| {name} \| [^|]+ \| (not kept|[+-]\d)", line)]


def test_a_weight_of_zero_is_said_to_be_not_kept(found: Comparison) -> None:
    none = replace(shipped(), markers=np.zeros(len(MARKERS)))
    assert card_text(found, none, COMMAND, RESAMPLES).count("| not kept |") == len(MARKERS)


def test_how_often_the_highest_clause_is_in_the_right_answer_is_said_beside_chance(card: str) -> None:
    assert f"{shown(0.6)} ({FAMILIES[SHIPPED]})" in card
    assert f"{shown(0.55)} ({FAMILIES['noisy_or']})" in card
    assert "chance .5" in card


def test_several_divisions_into_folds_get_a_table_of_means() -> None:
    several = made(seeds=2)
    card = card_text(several, shipped(), COMMAND, RESAMPLES)
    assert "Means over 2 divisions" in card
    d, part = several.design, slice(0, TRAIN)
    mean = np.mean(
        [report(d.y[part], p, resamples=1).metrics["roc_auc"].value for p in several.outcomes["floor"].blind]
    )
    assert any(shown(float(mean)) in row for row in rows(card, FAMILIES["floor"]))


def test_card_and_picture_are_written_together(found: Comparison, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cards"
    assert write_card(found, shipped(), folder, COMMAND, RESAMPLES) == folder / CARD
    assert sorted(p.name for p in folder.iterdir()) == sorted([CARD, PICTURE])
    assert (folder / CARD).read_text() == card_text(found, shipped(), COMMAND, RESAMPLES)
    assert (folder / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_the_picture_is_the_same_for_the_same_figures(found: Comparison, tmp_path: Path) -> None:
    d = found.design
    one = {"made": report(d.y[:TRAIN], found.outcomes[SHIPPED].blind[0], resamples=10)}
    for name in ("a.png", "b.png"):
        draw_reliability(one, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_folder_that_cannot_be_written_is_one_sentence(found: Comparison, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(StoreError, match="model card cannot be written"):
        write_card(found, shipped(), tmp_path / "taken", COMMAND, RESAMPLES)
