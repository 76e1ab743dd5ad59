"""Scores against hand-made cases, scikit-learn and known distributions; `ahdetect evaluate` from file to exit code."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import auc, average_precision_score, f1_score, roc_auc_score

import ahdetect.cli as cli
from ahdetect import evaluation as ev
from ahdetect.errors import ConfigError

Y = [1, 0, 1, 0, 1]
P = [0.9, 0.8, 0.7, 0.2, 0.1]


def made(rows: int = 300, people: int = 60, digits: int = 9, seed: int = 0) -> tuple[Any, Any, Any]:
    """Labels, probabilities that tell them apart to a degree, people."""
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < 0.4).astype(int)
    p = 1 / (1 + np.exp(-(1.5 * y - 0.8 + rng.normal(size=rows))))
    return y, np.round(p, digits), rng.integers(0, people, rows)


# Single scores.


def test_scores_of_five_rows_worked_out_by_hand() -> None:
    # at .5: 2 hits, 1 false alarm, 1 miss, 1 correct rejection
    assert ev.f1_positive(Y, P) == pytest.approx(4 / 6)
    assert ev.avgf1(Y, P) == pytest.approx((4 / 6 + 2 / 4) / 2)
    # precision 1, 2/3, 3/5 as each of the three positives is reached
    assert ev.average_precision(Y, P) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    # 3 of the 6 pairs in the right order
    assert ev.roc_auc(Y, P) == pytest.approx(0.5)


def test_trapezoid_of_five_rows_worked_out_by_hand() -> None:
    # (recall, precision) from the lowest threshold up: (1, 3/5) (2/3, 1/2) (2/3, 2/3) (1/3, 1/2) (1/3, 1) (0, 0)
    expected = (3 / 5 + 1 / 2) / 6 + (2 / 3 + 1 / 2) / 6 + (1 + 0) / 6
    assert ev.average_precision_trapezoid(Y, P) == pytest.approx(expected)


def test_p_of_exactly_the_threshold_counts_as_present() -> None:
    assert ev.f1_positive([1, 0], [0.5, 0.4999]) == 1.0


@pytest.mark.parametrize("digits", [9, 2, 1, 0], ids="rounded to {}".format)
@pytest.mark.parametrize("seed", [0, 1])
def test_scores_are_those_of_scikit_learn_for_fine_and_coarse_p(digits: int, seed: int) -> None:
    y, p, _ = made(digits=digits, seed=seed)
    assert ev.avgf1(y, p) == pytest.approx(f1_score(y, p >= 0.5, average="macro"))
    assert ev.f1_positive(y, p) == pytest.approx(f1_score(y, p >= 0.5))
    assert ev.average_precision(y, p) == pytest.approx(average_precision_score(y, p))
    assert ev.roc_auc(y, p) == pytest.approx(roc_auc_score(y, p))


def by_the_letter(y: Any, p: Any) -> float:
    """The trapezoid, threshold by threshold."""
    points = []
    for threshold in np.arange(0, 1, 0.001):
        said = p >= threshold
        hits = float(np.sum(said & (y == 1)))
        points.append((hits / np.sum(y == 1), hits / said.sum() if said.any() else 0.0))
    recall, precision = np.array(points).T
    return float(auc(recall, precision))


@pytest.mark.parametrize("digits", [9, 3, 2, 1, 0], ids="rounded to {}".format)
def test_the_trapezoid_is_the_one_over_a_thousand_thresholds(digits: int) -> None:
    y, p, _ = made(digits=digits)
    assert ev.average_precision_trapezoid(y, p) == pytest.approx(by_the_letter(y, p), abs=1e-12)


def test_both_average_precisions_agree_for_fine_p_and_part_for_coarse() -> None:
    y, p, _ = made(700)
    fine, fine_bah = ev.average_precision(y, p), ev.average_precision_trapezoid(y, p)
    assert fine is not None
    assert fine_bah == pytest.approx(fine, abs=0.01)
    assert (ev.average_precision([1, 0], [1, 0]), ev.average_precision_trapezoid([1, 0], [1, 0])) == (1, 0)
    constant = [1, 0, 0, 0], [0.3] * 4
    assert (ev.average_precision(*constant), ev.average_precision_trapezoid(*constant)) == (0.25, 0.125)


def test_the_order_of_rows_changes_nothing() -> None:
    y, p, _ = made(digits=1)
    turned = np.random.default_rng(5).permutation(y.size)
    for function in (ev.avgf1, ev.average_precision, ev.average_precision_trapezoid, ev.roc_auc, ev.ece):
        assert function(y, p) == pytest.approx(function(y[turned], p[turned]))
    assert ev.ece_equal_mass(y, p) == pytest.approx(ev.ece_equal_mass(y[turned], p[turned]))


@pytest.mark.parametrize(
    "function", [ev.avgf1, ev.f1_positive, ev.average_precision, ev.average_precision_trapezoid, ev.roc_auc]
)
@pytest.mark.parametrize("label", [0, 1])
def test_a_score_of_two_classes_is_none_for_one(function: Callable[[Any, Any], float | None], label: int) -> None:
    assert function([label] * 3, [0.1, 0.5, 0.9]) is None


# Calibration.


def test_calibration_errors_worked_out_by_hand() -> None:
    y, p = [0, 1, 0, 1], [0.1, 0.1, 0.9, 0.8]
    # bins of .1: |1 - .2|, |0 - .9|, |1 - .8| rows' worth; halves by rank: |1 - .2|, |1 - 1.7|
    assert ev.ece(y, p, bins=10) == pytest.approx((0.8 + 0.9 + 0.2) / 4)
    assert ev.ece_equal_mass(y, p, bins=2) == pytest.approx((0.8 + 0.7) / 4)


def test_calibration_error_exists_for_one_class() -> None:
    assert ev.ece([1, 1], [0.75, 0.75]) == pytest.approx(0.25)
    assert ev.ece_equal_mass([0, 0], [0.75, 0.75]) == pytest.approx(0.75)


def test_calibrated_p_have_a_small_error_and_shifted_ones_their_shift() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(50_000) * 0.8
    y = rng.random(p.size) < p
    for error in (ev.ece, ev.ece_equal_mass):
        assert error(y, p) == pytest.approx(0, abs=0.01)
        assert error(y, p + 0.2) == pytest.approx(0.2, abs=0.01)


def test_equal_mass_sees_what_equal_width_averages_away() -> None:
    y, p = [0] * 50 + [1] * 50, [0.51] * 50 + [0.52] * 50
    assert ev.ece(y, p) == pytest.approx(0.015)
    assert ev.ece_equal_mass(y, p) == pytest.approx((0.51 + 0.48) / 2)


def test_reliability_points_of_a_few_rows() -> None:
    points = ev.reliability([0, 1, 1, 1, 1], [0.3, 0.3, 0.35, 1.0, 0.95], resamples=50)
    assert [(q.low, q.high, q.n) for q in points] == [(0.3, 0.4, 3), (0.9, 1.0, 2)]
    assert points[0].mean_p == pytest.approx(0.95 / 3)
    assert (points[0].observed, points[1].observed) == (pytest.approx(2 / 3), 1.0)
    assert points[0].observed_low is not None
    assert points[0].observed_low < 2 / 3


# Within prompt.


def test_within_prompt_auc_is_the_mean_over_kinds_with_both_classes() -> None:
    y = [1, 0, 1, 0, 0, 1, 1, 0]
    p = [0.9, 0.1, 0.2, 0.8, 0.3, 0.5, 0.6, 0.7]
    prompt = ["willing", "willing", "neutral", "neutral", "neutral", "ambivalent", "ambivalent", None]
    found = ev.within_prompt_auc(y, p, prompt)
    assert found.by_prompt == {"neutral": 0.0, "willing": 1.0}
    assert found.value == 0.5
    assert found.left_out == {"ambivalent": "rows of one class only: all of 2 with A/H"}
    assert found.rows_without_prompt == 1


def test_a_resample_in_which_a_kind_lacks_a_class_keeps_the_other_kinds() -> None:
    # without a, or without b, only "neutral" has both classes, and there the AUC is 1; with both it is (1 + 0) / 2
    y, p = [1, 0, 1, 0, 1, 0], [0.9, 0.1, 0.9, 0.1, 0.2, 0.8]
    people, prompts = ["a", "a", "b", "b", "a", "b"], ["neutral"] * 4 + ["hesitant"] * 2
    found = ev.bootstrap("within_prompt_auc", y, p, people, prompts=prompts)
    assert (found.value, found.low, found.high, found.dropped) == (0.5, 0.5, 1.0, 0)


def test_a_model_that_knows_only_the_prompt_scores_half_within_it() -> None:
    prompt = np.repeat(["ambivalent", "neutral"], 50)
    y = np.concatenate([np.arange(50) % 10 != 0, np.arange(50) % 5 == 0])
    p = np.where(prompt == "ambivalent", 0.9, 0.2)
    assert ev.roc_auc(y, p) > 0.8  # type: ignore[operator]
    assert ev.within_prompt_auc(y, p, prompt).value == 0.5


def test_without_a_kind_of_both_classes_there_is_no_within_prompt_auc() -> None:
    found = ev.report([1, 0], [0.9, 0.1], prompts=["ambivalent", "neutral"], resamples=10)
    assert found.metrics["within_prompt_auc"].value is None
    assert found.metrics["within_prompt_auc"].reason == "no kind of prompt has rows of both classes"


# Intervals.


@pytest.mark.parametrize("name", list(ev.METRICS))
@pytest.mark.parametrize("digits", [9, 1])
def test_resamples_of_a_score_are_the_score_of_the_resampled_rows(name: str, digits: int) -> None:
    y, p, groups = made(24, 6, digits)  # so few that resamples lose a class, or one kind of prompt does
    prompts = np.where(np.arange(24) % 3 == 0, "neutral", "hesitant")

    def one_by_one(y: Any, marked: Any) -> float | None:
        p, kind = marked % 2, np.where(marked >= 2, "hesitant", "neutral")
        if name == "within_prompt_auc":
            return ev.within_prompt_auc(y, p, kind).value
        return getattr(ev, name)(y, p)  # type: ignore[no-any-return]

    # The kind of prompt travels with p, as 2 or 0 on top of it, which `_rows` would refuse: use the inner parts.
    person, people = ev._people(groups, 24)
    marked = np.where(prompts == "hesitant", 2.0, 0.0) + np.minimum(p, 0.999999)
    fast = ev._Set(y == 1, marked % 2, person, people, ev._by_prompt(prompts, 24))
    slow = ev._Set(y == 1, marked, person, people, {})
    times = next(ev._draws(people, 200, 3, 200))
    np.testing.assert_allclose(fast.resampled(times, [name]), slow.resampled(times, [one_by_one]), atol=1e-12)


def test_the_interval_of_a_mean_is_the_one_of_the_normal_distribution() -> None:
    y = np.arange(400) % 10 < 3
    found = ev.bootstrap(lambda y, _: float(np.mean(y)), y, np.full(400, 0.5))
    half = 1.96 * math.sqrt(0.3 * 0.7 / 400)
    assert found.value == pytest.approx(0.3)
    assert found.low == pytest.approx(0.3 - half, abs=0.005)
    assert found.high == pytest.approx(0.3 + half, abs=0.005)


def test_the_interval_of_roc_auc_is_about_the_one_of_hanley_and_mcneil() -> None:
    y, p, _ = made(600)
    found = ev.bootstrap(ev.roc_auc, y, p)
    a, n1, n0 = found.value, y.sum(), (1 - y).sum()
    assert a is not None
    assert found.low is not None
    assert found.high is not None
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = math.sqrt((a * (1 - a) + (n1 - 1) * (q1 - a * a) + (n0 - 1) * (q2 - a * a)) / (n1 * n0))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_rows_of_one_person_do_not_narrow_the_interval() -> None:
    y, p, _ = made(100)
    alone = ev.bootstrap("roc_auc", y, p)
    tenfold = ev.bootstrap("roc_auc", np.repeat(y, 10), np.repeat(p, 10), np.repeat(np.arange(100), 10))
    as_rows = ev.bootstrap("roc_auc", np.repeat(y, 10), np.repeat(p, 10))
    assert (tenfold.low, tenfold.high) == (pytest.approx(alone.low), pytest.approx(alone.high))
    assert as_rows.high - as_rows.low < 0.5 * (alone.high - alone.low)  # type: ignore[operator]


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    y, p, groups = made()
    one, same, other = (ev.bootstrap("avgf1", y, p, groups, seed=s, resamples=200) for s in (1, 1, 2))
    assert one == same
    assert (one.low, one.high) != (other.low, other.high)


def test_the_size_of_a_piece_of_work_changes_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p, groups = made()
    whole = ev.report(y, p, groups, resamples=100)
    monkeypatch.setattr(ev, "CELLS", 7 * 300)
    assert ev.report(y, p, groups, resamples=100) == whole


def test_resamples_without_the_score_are_dropped_and_counted() -> None:
    # one of three people has the rows with A/H: 8 of 27 draws miss them, 1 of 27 has nobody else
    found = ev.bootstrap("roc_auc", [1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], ["a", "a", "b", "c"])
    assert found.dropped == pytest.approx(2000 * 9 / 27, abs=80)
    assert found.value == 0.75
    assert found.low is not None
    assert found.reason is None
    told = ev.report([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], ["a", "a", "b", "c"])
    assert f"ROC AUC: {found.dropped} resamples were dropped, the score does not exist on them." in told.notes


def test_a_score_that_exists_on_few_resamples_has_no_interval() -> None:
    y = [1, 0, 0, 1]
    found = ev.bootstrap(lambda _, p: 1.0 if len(set(p)) == 4 else None, y, [0.1, 0.2, 0.3, 0.4], resamples=500)
    assert found.value == 1.0
    assert found.low is None
    assert found.reason is not None
    assert found.reason.startswith("no interval: the score exists on ")


def test_one_person_has_a_value_and_no_interval() -> None:
    found = ev.bootstrap("avgf1", Y, P, ["a"] * 5)
    assert found.value is not None
    assert (found.low, found.high, found.reason) == (None, None, "no interval: one person only")


def test_one_class_has_no_value_and_a_reason() -> None:
    found = ev.bootstrap("average_precision", [1, 1], [0.2, 0.3])
    assert (found.value, found.low, found.reason) == (None, None, "rows of one class only: all of 2 with A/H")


def test_frames_keep_their_interval_though_neighbours_share_a_level(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p, clips = made(12_000, 40)
    assert np.unique(p).size > ev.LEVELS
    shared = ev.report(y, p, clips, resamples=200).metrics
    monkeypatch.setattr(ev, "LEVELS", 20_000)
    exact = ev.report(y, p, clips, resamples=200).metrics
    for name, one in exact.items():
        assert shared[name].value == one.value
        near = 1e-9 if "f1" in name or "trapezoid" in name else 1e-3
        assert shared[name].low == (None if one.low is None else pytest.approx(one.low, abs=near))
        assert shared[name].high == (None if one.high is None else pytest.approx(one.high, abs=near))


# Two models.


def test_a_model_does_not_differ_from_itself() -> None:
    y, p, groups = made()
    same = ev.difference("average_precision", y, p, p, groups, resamples=200)
    assert (same.value, same.low, same.high, same.measurable) == (0, 0, 0, False)


def test_a_clearly_better_model_is_measurably_better_and_the_other_worse() -> None:
    y, p, groups = made()
    noise = np.random.default_rng(9).random(y.size)
    better = ev.difference(ev.roc_auc, y, p, noise, groups, resamples=500)
    worse = ev.difference("roc_auc", y, noise, p, groups, resamples=500)
    assert better.measurable
    assert better.low is not None
    assert better.low > 0
    assert better.value == pytest.approx(roc_auc_score(y, p) - roc_auc_score(y, noise))
    assert worse.low == pytest.approx(-better.high)  # type: ignore[operator]


def test_pairing_narrows_the_interval_of_a_small_difference() -> None:
    y, p, groups = made()
    q = np.clip(p + np.random.default_rng(9).normal(0, 0.02, y.size), 0, 1)
    paired = ev.difference("roc_auc", y, p, q, groups, resamples=500)
    alone = ev.bootstrap("roc_auc", y, p, groups, resamples=500)
    assert paired.high - paired.low < 0.3 * (alone.high - alone.low)  # type: ignore[operator]


def test_models_cannot_be_compared_on_one_class() -> None:
    found = ev.difference("roc_auc", [1, 1], [0.2, 0.3], [0.3, 0.2])
    assert (found.value, found.measurable, found.reason) == (
        None,
        False,
        "rows of one class only: all of 2 with A/H",
    )


# Reports.


def test_a_report_is_what_bootstrap_says_and_goes_through_json() -> None:
    y, p, groups = made()
    prompts = np.where(np.arange(y.size) % 2 == 0, "neutral", "hesitant")
    found = ev.report(y, p, groups, prompts, seed=4, resamples=100)
    for name in ev.METRICS:
        assert found.metrics[name] == ev.bootstrap(name, y, p, groups, prompts=prompts, seed=4, resamples=100)
    assert (found.n, found.people, found.positives) == (300, len(set(groups)), int(y.sum()))
    assert found.prevalence == pytest.approx(y.mean())
    assert ev.Report.model_validate_json(json.dumps(found.model_dump(mode="json"), allow_nan=False)) == found


def test_a_score_can_be_given_as_its_function() -> None:
    y, p, groups = made()
    prompts = np.arange(300) % 4
    for name, function in (("within_prompt_auc", ev.within_prompt_auc), ("ece_equal_mass", ev.ece_equal_mass)):
        by_function = ev.bootstrap(function, y, p, groups, prompts=prompts, resamples=50)  # type: ignore[arg-type]
        assert by_function == ev.bootstrap(name, y, p, groups, prompts=prompts, resamples=50)


def test_a_report_without_people_says_that_intervals_may_be_too_narrow() -> None:
    found = ev.report(Y, P, resamples=10)
    assert found.people is None
    assert any("too narrow" in note for note in found.notes)


def test_a_table_has_a_line_for_each_report_and_says_why_a_cell_is_empty() -> None:
    y, p, groups = made()
    reports = {"good": ev.report(y, p, groups, resamples=50), "one class": ev.report([1, 1], [1, 1], resamples=50)}
    lines = ev.table(reports, ["avgf1", "ece"]).splitlines()
    assert lines[0] == "|  | rows | people | A/H | AVGF1 | ECE |"
    assert lines[2].startswith(f"| good | 300 | {len(set(groups))} | ")
    assert ev.cell(reports["good"].metrics["avgf1"]) in lines[2]
    assert lines[3] == "| one class | 2 | – | 1.000 | – | .000 [.000, .000] |"
    assert "* one class: AVGF1: rows of one class only: all of 2 with A/H." in lines


@pytest.mark.parametrize(
    ("value", "text"), [(0.6841, ".684"), (1.0, "1.000"), (0.0, ".000"), (-0.0123, "-.012"), (None, "–")]
)
def test_numbers_are_written_as_the_field_writes_them(value: float | None, text: str) -> None:
    assert ev.shown(value) == text


@pytest.mark.parametrize(
    ("y", "p", "says"),
    [
        ([0, 2], [0.1, 0.2], "Labels must be 0 or 1; row 2 has 2"),
        ([0, math.nan], [0.1, 0.2], "Labels must be 0 or 1; row 2 has nan"),
        ([0, 1], [0.1, 1.2], "row 2 has 1.2"),
        ([0, 1], [math.nan, 0.2], "row 1 has nan"),
        ([0, 1], [0.1], "of one length"),
        ([], [], "no rows"),
        (["a", "b"], [0.1, 0.2], "must be numbers"),
    ],
)
def test_rows_that_make_no_sense_are_refused_in_a_sentence(y: list[Any], p: list[float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ev.report(y, p)


def test_groups_prompts_and_scores_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match="one group a row, not 2 for 5"):
        ev.bootstrap("avgf1", Y, P, ["a", "b"])
    with pytest.raises(ConfigError, match="Row 5 names no group"):
        ev.bootstrap("avgf1", Y, P, ["a", "b", "c", "d", None])
    with pytest.raises(ConfigError, match="one kind of prompt a row"):
        ev.within_prompt_auc(Y, P, ["neutral"])
    with pytest.raises(ConfigError, match="no score 'accuracy'"):
        ev.bootstrap("accuracy", Y, P)


# Splits.


def test_folds_keep_people_together_and_test_every_row_once() -> None:
    y, _, groups = made()
    folds = ev.grouped_folds(y, groups, 5, seed=1)
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(300))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        assert y[test].mean() == pytest.approx(y.mean(), abs=0.05)
    again = ev.grouped_folds(y, groups, 5, seed=1)
    assert all((a.test == b.test).all() for a, b in zip(folds, again, strict=True))
    other = ev.grouped_folds(y, groups, 5, seed=2)
    assert any(a.test.tolist() != b.test.tolist() for a, b in zip(folds, other, strict=True))


def test_more_folds_than_people_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 people make 2 to 2 folds, not 3"):
        ev.grouped_folds([0, 1, 0, 1, 0, 1], ["a", "a", "a", "b", "b", "b"], 3)


def test_leaving_a_prompt_out_tests_it_and_trains_on_the_others() -> None:
    prompts = ["b", "a", "b", "c"]
    found = [(f.prompt, f.train.tolist(), f.test.tolist()) for f in ev.leave_one_prompt_out(prompts)]
    assert found == [("a", [0, 2, 3], [1]), ("b", [1, 3], [0, 2]), ("c", [0, 1, 2], [3])]


def test_leaving_a_prompt_out_of_folds_tests_new_people_on_a_new_prompt() -> None:
    y, _, groups = made()
    prompts = np.array(["neutral", "willing", "hesitant"])[np.arange(300) % 3]
    folds = ev.leave_one_prompt_out(prompts, ev.grouped_folds(y, groups, 4))
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(300))
    for prompt, train, test in folds:
        assert set(prompts[test]) == {prompt}
        assert prompt not in prompts[train]
        assert not set(groups[train]) & set(groups[test])


def test_leaving_the_only_prompt_out_is_refused() -> None:
    with pytest.raises(ConfigError, match="two kinds, not 1"):
        ev.leave_one_prompt_out(["a", "a"])
    with pytest.raises(ConfigError, match="names no kind"):
        ev.leave_one_prompt_out(["a", "b", None])


# The command.


@pytest.fixture(autouse=True)
def _in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.COMMANDS, "evaluate", ("ahdetect.commands.evaluate", "Score."))


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(["evaluate", *args])
    return left.value.code if isinstance(left.value.code, int) else 0


def lines() -> list[dict[str, Any]]:
    y, p, groups = made(60, 15)
    kinds = ["neutral", "hesitant", "willing"]
    rows: list[dict[str, Any]] = [
        {"subject": int(g), "prompt": kinds[i % 3], "label": int(one), "p_ah": float(q), "text": "x"}
        for i, (one, q, g) in enumerate(zip(y, p, groups, strict=True))
    ]
    return rows


def write_jsonl(rows: list[dict[str, Any]], path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_csv(rows: list[dict[str, Any]], path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(rows: list[dict[str, Any]], path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


WRITERS = {".jsonl": write_jsonl, ".csv": write_csv, ".parquet": write_parquet}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_kind_of_file_gives_the_report_of_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    rows = lines()
    file = WRITERS[kind](rows, tmp_path / f"rows{kind}")
    assert run(str(file), "--json", "--resamples", "50") == 0
    said = json.loads(capsys.readouterr().out)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    expected = ev.report(columns["label"], columns["p_ah"], columns["subject"], columns["prompt"], resamples=50)
    assert said.pop("source") == file.name
    assert said.pop("left_out") == {}
    assert ev.Report.model_validate(said) == expected


def test_rows_without_label_or_score_and_error_rows_are_counted_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = lines()
    rows[0]["p_ah"] = None
    del rows[1]["p_ah"]
    rows[2] = {"error": "line 3 has no text", "label": 1}
    rows[3]["label"] = None
    file = write_jsonl(rows, tmp_path / "rows.jsonl")
    assert run(str(file), "--json", "--resamples", "20") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["left_out"] == {"without a score": 2, "with an error": 1, "without a label": 1}
    assert said["n"] == 56
    assert run(str(file), "--resamples", "20") == 0
    assert "left out: 2 without a score, 1 with an error, 1 without a label" in capsys.readouterr().out


def test_the_table_has_every_score_and_the_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**row, "prompt": None if row["prompt"] == "willing" else row["prompt"]} for row in lines()]
    assert run(str(write_jsonl(rows, tmp_path / "rows.jsonl")), "--resamples", "20") == 0
    said = capsys.readouterr().out
    assert all(metric.title in said for metric in ev.METRICS.values())
    assert "leaves out 20 rows that name no kind of prompt" in said
    assert "written to" not in said


def test_other_columns_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"ah": r["label"] == 1, "p": r["p_ah"], "clip": r["subject"], "asked": r["prompt"]} for r in lines()]
    file = write_jsonl(rows, tmp_path / "rows.jsonl")
    names = ("--label", "ah", "--score", "p", "--person", "clip", "--prompt", "asked")
    assert run(str(file), *names, "--json", "--resamples", "20") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["people"] == len({row["clip"] for row in rows})
    assert sorted(said["within_prompt"]["by_prompt"]) == ["hesitant", "neutral", "willing"]


def test_without_people_and_prompts_the_report_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"label": row["label"], "p_ah": row["p_ah"]} for row in lines()]
    assert run(str(write_csv(rows, tmp_path / "rows.csv")), "--json", "--resamples", "20") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["people"], said["within_prompt"]) == (None, None)
    assert "No people were named" in said["notes"][0]


def test_rows_without_a_person_are_people_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = lines()
    named = len({row["subject"] for row in rows[2:]})
    rows[0]["subject"] = rows[1]["subject"] = None
    assert run(str(write_jsonl(rows, tmp_path / "rows.jsonl")), "--json", "--resamples", "20") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["people"] == named + 2
    assert said["notes"][0].startswith("2 rows name no person ('subject')")


def test_out_gets_report_page_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = write_jsonl(lines(), tmp_path / "rows.jsonl"), tmp_path / "deep" / "out"
    assert run(str(file), "--out", str(out), "--picture", "--json", "--resamples", "20") == 0
    assert json.loads((out / "report.json").read_text()) == json.loads(capsys.readouterr().out)
    page = (out / "report.md").read_text()
    assert "| rows.jsonl | 60 |" in page
    assert "](reliability.png)" in page
    assert (out / "reliability.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in out.iterdir()) == ["reliability.png", "report.json", "report.md"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("rows.jsonl", "", "holds no rows"),
        ("rows.csv", "label,p_ah\n", "holds no rows"),
        ("rows.parquet", "no parquet", "damaged or no .parquet file"),
        ("rows.xlsx", "", "is none of .jsonl"),
        ("rows.jsonl", '{"label": 1,\n', "Line 1 of"),
        ("rows.jsonl", '{"label": 1, "p_ah": 1}\n\n[1]\n', "Line 3 of"),
        ("rows.jsonl", '{"label": null, "p_ah": 0.5}\n', "no row with both a label and a score (1 without a label)"),
        ("rows.jsonl", '{"label": 1, "p_ah": 1}\n{"label": 2, "p_ah": 0.5}\n', "Row 2 of"),
        ("rows.csv", "label,p_ah\nyes,.5\n", "has the label 'yes'"),
        ("rows.csv", "label,p_ah\n1,high\n", "has the score 'high'"),
        ("rows.csv", "label,p_ah\n1,1.01\n", "numbers from 0 to 1"),
        ("rows.jsonl", '{"label": 1, "p_ah": Infinity}\n', "has the score inf"),
    ],
)
def test_a_file_that_makes_no_sense_is_one_sentence_and_exit_code_7(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    assert run(str(tmp_path / name)) == 7
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.startswith("ahdetect: ")
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('{"label": 1, "p": 0.5}', "no column 'p_ah' (it has label, p); name the right one with --score"),
        ('{"ah": 1, "p_ah": 0.5}', "no column 'label'"),
    ],
)
def test_a_column_that_an_option_can_name_is_a_matter_of_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, says: str
) -> None:
    (tmp_path / "rows.jsonl").write_text(f"{row}\n")
    assert run(str(tmp_path / "rows.jsonl")) == 2
    assert says in capsys.readouterr().err


def test_a_missing_file_column_or_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(write_jsonl(lines(), tmp_path / "rows.jsonl"))
    (tmp_path / "taken").write_text("")
    for args, code, says in [
        ([str(tmp_path / "none.jsonl")], 7, "No such file"),
        ([file, "--person", "who"], 2, "name the right one with --person"),
        ([file, "--picture"], 2, "add --out DIR"),
        ([file, "--out", str(tmp_path / "taken"), "--resamples", "5"], 6, "choose another folder with --out"),
    ]:
        assert run(*args) == code
        assert says in capsys.readouterr().err


def test_rows_of_one_class_are_evaluated_as_far_as_that_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "label": 1} for row in lines()]
    assert run(str(write_jsonl(rows, tmp_path / "rows.jsonl")), "--json", "--resamples", "20") == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["avgf1"]["value"] is None
    assert metrics["avgf1"]["reason"] == "rows of one class only: all of 60 with A/H"
    assert metrics["ece"]["value"] is not None
