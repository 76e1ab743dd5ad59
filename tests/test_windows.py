"""Windows of the last seconds: by time and not by count, of the past only, and honest about gaps."""

from __future__ import annotations

import numpy as np
import pytest

from ahdetect.models.windows import RunningMedian, Window, band_rms, crossings, mean_sd, resample

S = 1_000_000_000


def fill(window: Window, times: np.ndarray, rows: np.ndarray) -> None:
    for t, row in zip(times, rows, strict=True):
        window.push(round(t * S), np.atleast_1d(row), S // 30)


def test_a_window_forgets_what_is_older_than_its_span() -> None:
    window = Window(2.0, 1)
    times = np.arange(0, 60, 1 / 30)
    fill(window, times, times)
    _, _, rows = window.last()
    assert rows[0, 0] == pytest.approx(58.0, abs=0.05)
    assert rows[-1, 0] == times[-1]
    assert len(window.last(0.5)[2]) == 15


def test_statistics_are_the_same_when_half_of_the_window_came_at_a_third_of_the_rate() -> None:
    def signal(t: np.ndarray) -> np.ndarray:
        return np.where(t < 1.0, 0.0, 1.0)

    even, uneven = Window(2.0, 1), Window(2.0, 1)
    fast = np.arange(1, 61) / 30
    fill(even, fast, signal(fast))
    slow = np.concatenate([np.arange(1, 30, 3) / 30, np.arange(30, 61) / 30])
    fill(uneven, slow, signal(slow))
    mean_even, sd_even = mean_sd(*even.last()[1:], 2.0)
    mean_uneven, sd_uneven = mean_sd(*uneven.last()[1:], 2.0)
    assert mean_uneven == pytest.approx(mean_even, abs=0.03)
    assert sd_uneven == pytest.approx(sd_even, abs=0.01)
    assert signal(slow).mean() > 0.7  # what counting frames would have said


def test_nothing_is_said_before_half_of_the_window_was_observed() -> None:
    window = Window(2.0, 1)
    fill(window, np.arange(1, 28) / 30, np.ones(27))
    assert np.isnan(mean_sd(*window.last()[1:], 2.0)[0]).all()
    fill(window, np.arange(28, 34) / 30, np.ones(6))
    assert mean_sd(*window.last()[1:], 2.0)[0] == pytest.approx(1.0)


def test_a_gap_weighs_nothing() -> None:
    window = Window(10.0, 1)
    fill(window, np.array([0.0, 0.1, 5.0, 5.1]), np.ones(4))
    assert window.last()[1].sum() == pytest.approx(1 / 30 + 0.1 + 1 / 30 + 0.1)


def test_a_missing_number_is_left_out_of_its_own_column_only() -> None:
    window = Window(2.0, 2)
    rows = np.ones((60, 2))
    rows[::2, 0] = np.nan
    rows[1::4, 0] = 3.0
    fill(window, np.arange(60) / 30, rows)
    mean, sd = mean_sd(*window.last()[1:], 1.0)
    assert mean == pytest.approx([2.0, 1.0])
    assert sd == pytest.approx([1.0, 0.0])


def test_resampling_follows_a_line_through_uneven_times() -> None:
    t = np.sort(np.random.default_rng(0).uniform(-2.2, 0, 70))
    t[-1] = 0.0
    grid = resample(t, (3.0 * t)[:, None], 2.0, 30.0)
    assert grid[:, 0] == pytest.approx(3.0 * np.arange(-59, 1) / 30, abs=1e-9)


@pytest.mark.parametrize("hz", [1.25, 2.0, 3.0, 3.75])
def test_the_band_holds_an_oscillation_inside_it(hz: float) -> None:
    t = np.arange(60) / 30
    assert band_rms(4.0 * np.sin(2 * np.pi * hz * t)[:, None], 30.0, 1.0, 4.0)[0] == pytest.approx(
        4 / np.sqrt(2), rel=0.1
    )


@pytest.mark.parametrize("hz", [0.1, 0.25, 6.0, 10.0])
def test_the_band_holds_little_of_an_oscillation_outside_it(hz: float) -> None:
    t = np.arange(60) / 30
    assert band_rms(np.sin(2 * np.pi * hz * t)[:, None], 30.0, 1.0, 4.0)[0] < 0.25 / np.sqrt(2)


def test_a_steady_turn_is_not_in_the_band() -> None:
    assert band_rms(np.linspace(0, 40, 60)[:, None], 30.0, 1.0, 4.0)[0] == pytest.approx(0.0, abs=1e-9)


def test_crossings_leave_out_trembling_around_the_mean() -> None:
    t = np.arange(0, 2, 1 / 30)
    assert crossings(np.sin(2 * np.pi * 3 * t + 0.1), 0.1) == 11
    assert crossings(0.05 * np.sin(2 * np.pi * 3 * t), 0.1) == 0


def test_a_running_median_ignores_short_excursions_and_forgets() -> None:
    median = RunningMedian(span_s=10.0)
    out = [median.push(round(t * S), np.array([9.0 if 4 < t < 5 else 1.0]), S // 10)[0] for t in np.arange(0, 8, 0.1)]
    assert np.isnan(out[:15]).all()
    assert set(out[25:]) == {1.0}
    for t in np.arange(8, 20, 0.1):
        last = median.push(round(t * S), np.array([5.0]), S // 10)[0]
    assert last == 5.0


def test_a_running_median_leaves_out_what_was_not_measured() -> None:
    median = RunningMedian(after_s=0.5)
    for t in np.arange(0, 2, 0.1):
        out = median.push(round(t * S), np.array([np.nan if 1.0 < t < 1.5 else 2.0]), S // 10)
    assert out[0] == 2.0
