"""Audio time: sample times stay right through drift, jitter, late callbacks and losses of a simulated sound card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from ahdetect.capture.audio_time import AudioTimeline, GapFinder, RawBlock

MS = 1_000_000
RATE = 48_000
BLOCK = 960  # 20 ms


@dataclass
class Card:
    """A sound card with a crystal of its own: sample n is taken at `start + n / true rate`."""

    ppm: float = 0.0
    latency_ms: float = 12.0
    jitter_ms: float = 3.0
    start_ms: float = 40.0
    driver_error_ms: float | None = None
    late: dict[int, float] = field(default_factory=dict)  # callback number: ms
    lost: dict[int, int] = field(default_factory=dict)  # callback number: samples lost before it
    seed: int = 7

    def taken_ns(self, sample: float) -> float:
        return self.start_ms * MS + sample * 1e9 / (RATE * (1 + self.ppm * 1e-6))

    def blocks(self, seconds: float) -> Iterator[RawBlock]:
        rng = np.random.default_rng(self.seed)
        sample, free_ns = 0, 0.0
        for i in range(round(seconds * RATE / BLOCK)):
            sample += self.lost.get(i, 0)
            end_ns = self.taken_ns(sample + BLOCK)
            arrived = end_ns + (self.latency_ms + rng.exponential(self.jitter_ms) + self.late.get(i, 0.0)) * MS
            free_ns = arrived = max(arrived, free_ns)  # callbacks come one after another: lateness leaves a backlog
            told = None
            if self.driver_error_ms is not None:
                told = round(self.taken_ns(sample) + self.driver_error_ms * MS)
            yield RawBlock(b"", BLOCK, round(arrived), told, overflow=i in self.lost)
            sample += BLOCK


def run(card: Card, seconds: float) -> tuple[AudioTimeline, list[tuple[int, int]], np.ndarray]:
    """The timeline, the gaps found as (sample, missing), and each block's error of time in ms when let go."""
    finder = GapFinder(AudioTimeline(RATE))
    position, gaps, errors = 0, [], []
    for block in card.blocks(seconds):
        for missing, _ in finder.feed(block):
            if missing:
                gaps.append((position, missing))
            position += missing
            errors.append((finder.timeline.time_of(position) - card.taken_ns(position)) / MS)
            position += BLOCK
    return finder.timeline, gaps, np.array(errors)


@pytest.mark.parametrize("ppm", [-200, 0, 80, 300])
def test_a_drifting_card_is_followed_for_ten_minutes(ppm: float):
    timeline, gaps, errors = run(Card(ppm=ppm), 600)
    assert gaps == []
    # arrivals cannot show the latency itself (12 ms); what is left over is the error of the line
    assert np.abs(errors - 12).max() < 4
    assert np.abs(errors[-1500:] - 12).max() < 1.5
    assert (timeline.true_rate / RATE - 1) * 1e6 == pytest.approx(ppm, abs=25)


def test_without_the_fit_that_drift_would_be_a_syllable():
    """What the line saves us from: the nominal rate alone is off by 180 ms after ten minutes at 300 ppm."""
    card = Card(ppm=300)
    nominal = card.taken_ns(0) + 600e9
    assert abs(nominal - card.taken_ns(600 * RATE)) / MS > 150


def test_a_driver_that_agrees_takes_the_latency_out():
    timeline, _, errors = run(Card(driver_error_ms=1.0), 20)
    assert timeline.driver_trusted
    assert np.abs(errors - 1).max() < 4


@pytest.mark.parametrize("driver_error_ms", [-2000.0, 120.0, 1e9])
def test_a_driver_that_disagrees_by_more_than_50_ms_is_not_believed(driver_error_ms: float):
    timeline, _, errors = run(Card(driver_error_ms=driver_error_ms), 20)
    assert not timeline.driver_trusted
    assert np.abs(errors - 12).max() < 4


def test_late_callbacks_with_their_backlog_are_no_gap_and_move_no_time():
    late = {100: 84.0, 500: 300.0, 1200: 450.0}
    _, gaps, errors = run(Card(ppm=50, late=late), 40)
    assert gaps == []
    assert np.abs(errors - 12).max() < 4


def test_a_card_whose_first_callbacks_come_in_a_burst_starts_at_the_right_time():
    _, gaps, errors = run(Card(late=dict.fromkeys(range(10), 200.0)), 5)
    assert gaps == []
    assert np.abs(errors - 12).max() < 4


def test_a_machine_that_is_busy_most_of_the_time_does_not_bend_the_line():
    rng = np.random.default_rng(3)
    late = {i: float(rng.uniform(20, 80)) for i in range(3000) if i % 100 > 20}
    _, gaps, errors = run(Card(late=late), 60)
    assert gaps == []
    assert np.abs(errors - 12).max() < 15  # four of five callbacks are 20 to 80 ms late


@pytest.mark.parametrize("lost_ms", [100, 450, 2500])
def test_lost_samples_are_found_where_they_were_lost(lost_ms: int):
    lost = lost_ms * RATE // 1000
    _, gaps, errors = run(Card(ppm=60, lost={750: lost}), 30)
    assert len(gaps) == 1
    where, missing = gaps[0]
    assert where == 750 * BLOCK
    assert missing == pytest.approx(lost, abs=5 * RATE / 1000)
    assert np.abs(errors - 12).max() < 6


def test_several_losses_add_up_to_the_clock():
    card = Card(lost={300: 9_600, 310: 24_000, 900: 48_000})
    _, gaps, _ = run(card, 30)
    assert sum(missing for _, missing in gaps) == pytest.approx(9_600 + 24_000 + 48_000, abs=10 * RATE / 1000)
