"""Clocks: live time runs, test time is moved by hand, and a wait can always be cancelled."""

from __future__ import annotations

import threading

from ahdetect.capture.clock import NS_PER_S, ManualClock, ReplayClock, SessionClock


def test_session_time_starts_at_zero_and_never_goes_back():
    clock = SessionClock()
    readings = [clock.now_ns() for _ in range(1000)]
    assert 0 <= readings[0] < NS_PER_S
    assert readings == sorted(readings)
    assert clock.started_at.tzinfo is not None


def test_session_wait_ends_at_its_time():
    clock = SessionClock()
    due = clock.now_ns() + 5_000_000
    assert clock.wait_until(due, threading.Event())
    assert clock.now_ns() >= due


def test_session_wait_is_cut_short_by_cancel():
    clock, cancel = SessionClock(), threading.Event()
    threading.Timer(0.01, cancel.set).start()
    assert not clock.wait_until(clock.now_ns() + 60 * NS_PER_S, cancel)
    assert clock.now_ns() < 30 * NS_PER_S


def test_waiting_on_a_manual_clock_moves_it():
    clock, cancel = ManualClock(), threading.Event()
    assert clock.wait_until(7 * NS_PER_S, cancel)
    assert clock.now_ns() == 7 * NS_PER_S
    cancel.set()
    assert not clock.wait_until(9 * NS_PER_S, cancel)
    assert clock.now_ns() == 7 * NS_PER_S


def test_a_moved_clock_never_goes_back():
    clock = ReplayClock(5)
    clock.advance_to(3)
    assert clock.now_ns() == 5
    clock.advance(1.5)
    assert clock.now_ns() == 5 + 1_500_000_000
