from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ahdetect.calibration.methods import DEFAULT, METHODS
from ahdetect.calibration.methods.classifier import Prepared, shape_share
from ahdetect.calibration.methods.differs import Differs
from ahdetect.calibration.methods.kernel import kernels
from ahdetect.calibration.methods.person import Person, effective
from ahdetect.calibration.methods.shape import Shape
from ahdetect.calibration.methods.source import Columns, Source, Spread
from ahdetect.calibration.methods.trust import WEIGHTS, Trust, rising

pytest.importorskip("sklearn")

Array = NDArray[np.float64]
TORCH = ("network", "tent", "shot", "nrc")
CLASSES, COLUMNS = 3, 8


def people(
    many: int, seed: int = 0, *, shift: float = 1.5, rows: int = 40, balance: tuple[float, ...] = (0.4, 0.3, 0.3)
) -> Source:
    """Simulated people: classes that all share, an offset and a scale of their own."""
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(99).normal(size=(CLASSES, COLUMNS)) * 0.8
    x, y = [], []
    for _ in range(many):
        kind = rng.choice(CLASSES, rows, p=balance)
        offset, scale = shift * rng.normal(size=COLUMNS), np.exp(0.2 * shift * rng.normal(size=COLUMNS))
        x.append(offset + scale * (means[kind] + rng.normal(size=(rows, COLUMNS))))
        y.append(kind)
    return Source(np.vstack(x), np.concatenate(y), np.repeat(np.arange(many), rows), CLASSES)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return Prepared(people(12))


def made(name: str, prepared: Prepared):  # type: ignore[no-untyped-def]
    if name in TORCH:
        pytest.importorskip("torch")
    return METHODS[name](prepared)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_gives_probabilities_says_what_it_did_and_goes_back_exactly(name: str, prepared: Prepared) -> None:
    adapter, x = made(name, prepared), people(1, seed=5).x
    fresh = adapter.state()
    before = adapter.predict(x)
    change = adapter.observe(x)
    after = adapter.predict(x)
    assert after.shape == (len(x), CLASSES)
    assert np.allclose(after.sum(axis=1), 1, atol=1e-5)
    assert (change is None) == (name in ("source-only", "network"))
    if change is not None:
        assert change.amount == len(x)
        assert change.before != change.after
        assert not np.allclose(before, after, atol=1e-6)
    adapter.restore(fresh)
    assert np.array_equal(adapter.predict(x), before)


@pytest.mark.parametrize("name", METHODS)
def test_predicting_learns_nothing_and_an_empty_table_neither(name: str, prepared: Prepared) -> None:
    adapter, x = made(name, prepared), people(1, seed=6).x
    adapter.observe(x[:10])
    first = adapter.predict(x)
    adapter.predict(x[::-1])
    assert np.array_equal(adapter.predict(x), first)


def test_the_default_gains_where_people_differ() -> None:
    source, gains = Prepared(people(12, seed=1)), []
    for seed in range(20, 26):
        one = people(1, seed=seed)
        base, adapter = METHODS["source-only"](source), METHODS[DEFAULT](source)
        adapter.observe(one.x)
        hit = [(a.predict(one.x).argmax(axis=1) == one.y).mean() for a in (adapter, base)]
        gains.append(hit[0] - hit[1])
    assert np.mean(gains) > 0.1


def test_the_default_loses_nothing_where_people_are_alike() -> None:
    source, losses = Prepared(people(12, seed=2, shift=0.0)), []
    for seed in range(30, 36):
        one = people(1, seed=seed, shift=0.0, balance=(0.8, 0.1, 0.1))
        base, adapter = METHODS["source-only"](source), METHODS[DEFAULT](source)
        adapter.observe(one.x)
        hit = [(a.predict(one.x).argmax(axis=1) == one.y).mean() for a in (base, adapter)]
        losses.append(hit[0] - hit[1])
    assert np.mean(losses) < 0.03


def test_before_any_row_the_default_is_the_population_s_classifier(prepared: Prepared) -> None:
    x = people(1, seed=7).x
    assert np.array_equal(METHODS[DEFAULT](prepared).predict(x), METHODS["source-only"](prepared).predict(x))


def test_an_hour_of_one_class_does_not_make_all_classes_that_one(prepared: Prepared) -> None:
    one = people(1, seed=8, shift=0.0, rows=400, balance=(1.0, 0.0, 0.0))
    other = people(1, seed=8, shift=0.0, rows=100, balance=(0.0, 0.5, 0.5))
    adapter = METHODS[DEFAULT](prepared)
    adapter.observe(one.x)
    assert effective(adapter.predict(other.x)) > 1.5


def test_a_single_row_moves_little(prepared: Prepared) -> None:
    source = Prepared(people(12, seed=3, shift=0.0))
    x = people(1, seed=9, shift=0.0).x
    adapter = METHODS["normalise"](source)
    before = adapter.predict(x)
    adapter.observe(x[:1])
    assert (adapter.predict(x).argmax(axis=1) == before.argmax(axis=1)).mean() > 0.9


def test_columns_without_values_or_without_change_are_left_out_and_holes_are_filled() -> None:
    x = np.random.default_rng(0).normal(size=(20, 4))
    x[:, 1], x[:, 2] = np.nan, 7.0
    x[3, 0] = np.nan
    columns = Columns.of(x)
    assert columns.keep.tolist() == [True, False, False, True]
    assert np.isfinite(columns(np.full((2, 4), np.nan))).all()
    assert np.abs(columns(np.full((1, 4), 1e9))).max() <= 8


def test_a_person_s_location_is_believed_as_far_as_people_differ() -> None:
    mean = np.ones(COLUMNS)
    far, alike = (Spread.of(s.x, s).location(8, mean) for s in (people(30, seed=4), people(30, seed=4, shift=0.0)))
    assert (far > 0.7).all()
    assert (alike < 0.5).all()
    assert (Spread.of(people(30, seed=4).x, people(30, seed=4)).location(0, mean) == 0).all()


def test_all_the_default_knows_of_order_is_which_rows_came(prepared: Prepared) -> None:
    x = people(1, seed=10).x
    at_once, one_by_one = METHODS[DEFAULT](prepared), METHODS[DEFAULT](prepared)
    at_once.observe(x)
    for row in x:
        one_by_one.observe(row[None])
    assert np.allclose(at_once.predict(x), one_by_one.predict(x))


def test_the_kernel_separates_what_no_line_does() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(600, 2))
    y = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(np.intp)
    found = kernels(x[:400], y[:400], 2)(0.1).sharpened(6.0)
    log = found.log(x[400:])
    assert (log.argmax(axis=1) == y[400:]).mean() > 0.9
    assert np.allclose(np.exp(log).sum(axis=1), 1)


def test_where_people_are_alike_the_default_abstains_and_says_so() -> None:
    source = Prepared(people(14, seed=2, shift=0.0))
    one = people(1, seed=31, shift=0.0)
    base, adapter = METHODS["source-only"](source), METHODS[DEFAULT](source)
    change = adapter.observe(one.x[:8])
    assert change is not None
    assert not change.accepted
    assert change.reason.endswith("is used.")
    assert np.array_equal(adapter.predict(one.x), base.predict(one.x))


def test_a_step_that_is_taken_says_nothing(prepared: Prepared) -> None:
    change = METHODS[DEFAULT](prepared).observe(people(1, seed=5).x)
    assert change is not None
    assert change.accepted
    assert change.reason == ""
    assert change.after["weight"] > 0.5


def test_a_collapse_is_refused(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ahdetect.calibration.methods.person.COLLAPSE_SHARE", 2.0)
    change = Person(prepared, wholly=0.25).observe(people(1, seed=5).x)
    assert change is not None
    assert not change.accepted
    assert "only the normalisation" in change.reason


def test_trust_rises_with_the_rows_and_is_nothing_where_the_gain_is_chance() -> None:
    better, worse = np.tile(np.log(0.2 + 0.6 * WEIGHTS), (6, 1)), np.tile(np.log(0.8 - 0.6 * WEIGHTS), (6, 1))
    sure, chance = [0.1, 0.12, 0.09, 0.1, 0.11, 0.1], [0.1, -0.1, 0.1, -0.1, 0.1, -0.1]
    assert rising([list(worse), list(better)], [sure, sure]).tolist() == [0.0, 1.0]
    assert rising([list(better), list(better)], [chance, sure]).tolist() == [0.0, 1.0]
    assert rising([list(better), list(better)], [chance, chance]).tolist() == [0.0, 0.0]
    assert rising([list(better), list(better)], [sure, chance]).tolist() == [1.0, 1.0]
    weight = rising([list(better), list(worse), list(better)], [sure] * 3)
    assert (np.diff(weight) >= 0).all()
    assert rising([], []).size == 0
    half = Trust(np.array([2.0, 8.0]), np.array([0.0, 1.0]), 0.25)
    assert [half(0), half(1), half(4), half(100)] == [0.0, 0.0, 0.5, 1.0]
    assert Trust(np.zeros(0), np.zeros(0), 0.25)(50) == 0


def piled(many: int, seed: int = 0) -> Source:
    """Simulated people whose columns are cut at 0, like intensities of a face, and grow by squares above it."""
    source = people(many, seed, shift=0.7)
    return Source(np.maximum(source.x, 0) ** 3, source.y, source.subject, source.classes)


def test_a_shape_rises_spreads_what_is_piled_up_and_goes_on_beyond_what_was_seen() -> None:
    z = np.column_stack([np.repeat([0.0, 1.0, 5.0], [60, 30, 10]), np.linspace(-1, 1, 100) ** 3])
    bent = Shape.of(z, 1.0)
    grid = np.linspace(-8, 8, 200)
    for column in bent(np.column_stack([grid, grid])).T:
        assert (np.diff(column) >= 0).all()
    assert np.allclose(bent(z)[:, 1], np.sort(bent(z)[:, 1]))
    assert abs(bent(z)[:, 1].std() - 1) < 0.05
    assert bent(z)[-1, 0] < 2
    assert np.allclose(np.diff(bent(np.array([[6.0, 2.0], [7.0, 3.0]])), axis=0), 1)
    assert np.allclose(Shape.of(z, 0.0)(z), z)


def test_a_shape_is_chosen_where_columns_pile_up_and_not_where_they_are_gaussian() -> None:
    assert shape_share(piled(12)) > 0
    assert shape_share(people(20)) == 0


@pytest.fixture(scope="module")
def mixed() -> Source:
    """Twelve people who differ, and twenty who do not."""
    some, most = people(12, seed=1, shift=2.0), people(20, seed=2, shift=0.0)
    subject = np.concatenate([some.subject, 100 + most.subject])
    return Source(np.vstack([some.x, most.x]), np.concatenate([some.y, most.y]), subject, CLASSES)


def test_who_differs_is_told_from_who_does_not(mixed: Source) -> None:
    columns = Columns.of(mixed.x)
    differs = Differs.of(columns(mixed.x), mixed)
    found = [
        [differs(8, columns(new.x[rows][:8]).mean(axis=0)) for rows in new.people()]
        for new in (people(8, seed=3, shift=2.0), people(8, seed=4, shift=0.0))
    ]
    assert np.quantile(found[0], 0.2) > 0.9
    assert np.quantile(found[1], 0.8) < 0.1
    assert differs(0, np.zeros(COLUMNS)) == 0


def test_where_all_training_people_differ_a_new_one_is_expected_to(mixed: Source) -> None:
    all_differ = people(32, seed=1, shift=2.0)
    odds = [Differs.of(Columns.of(s.x)(s.x), s).odds for s in (all_differ, mixed)]
    assert odds[0] > 3
    assert odds[1] < 0.5


def test_somebody_like_the_population_is_left_to_the_classifier_of_everybody(mixed: Source) -> None:
    prepared, one = Prepared(mixed), people(1, seed=8, shift=0.0)
    base, adapter = METHODS["source-only"](prepared), METHODS[DEFAULT](prepared)
    change = adapter.observe(one.x)
    assert change is not None
    assert not change.accepted
    assert "does not differ" in change.reason
    assert np.array_equal(adapter.predict(one.x), base.predict(one.x))


def test_without_evidence_of_classes_of_their_own_the_default_is_the_normalisation(prepared: Prepared) -> None:
    one = people(1, seed=5).x
    plain, adapter = METHODS["normalise"](prepared), Person(prepared, wholly=0.0)
    plain.observe(one)
    adapter.observe(one)
    assert np.allclose(plain.predict(one), adapter.predict(one))
