"""Tracks: drawn from exact minima and maxima; strips painted one by one fit; keys and mouse move the cursor."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timelines import FRAME_NS, make_row, make_rows, make_timeline, make_words

from ahdetect.events import Event
from ahdetect.gui.columns import CURVE, PEAK_S, Columns, HumanSegment, Window, peaks_of
from ahdetect.gui.pyramid import ROOM, Pyramid
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Presence
from ahdetect.models.words import WordUpdate

SECONDS = 60.0
ROW_S = FRAME_NS / 1e9


def provisional(row: Any, **changed: Any) -> Any:
    return replace(row, settled=False, p_smoothed=float("nan"), **changed)


# -- pyramid

numbers = st.one_of(st.floats(-5, 5, width=32), st.just(float("nan")))


@settings(max_examples=150, deadline=None)
@given(
    first=st.lists(st.tuples(numbers, numbers), max_size=70),
    writes=st.lists(st.tuples(st.integers(0, 70), st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40))),
    spans=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 120)), min_size=1, max_size=20),
)
def test_a_pyramid_says_what_brute_force_says(first: Any, writes: Any, spans: Any) -> None:
    pyramid, rows = Pyramid(2), list(first)
    pyramid.write(0, np.array(first, dtype=np.float32).reshape(-1, 2))
    for start, values in writes:
        start = min(start, len(rows))
        rows[start : start + len(values)] = values
        pyramid.write(start, np.array(values, dtype=np.float32))
        pyramid.reduce(np.array([0]), np.array([len(rows)]))  # builds the levels, so that the next write spoils some
    held = np.array(rows, dtype=np.float32).reshape(-1, 2)
    bounds = np.minimum(np.array(spans), len(rows))
    low, high = pyramid.reduce(bounds[:, 0], bounds[:, 1])
    for i, (a, b) in enumerate(bounds.tolist()):
        for column in range(2):
            known = held[a:b, column][~np.isnan(held[a:b, column])]
            assert (low[i, column] == known.min()) if len(known) else np.isnan(low[i, column])
            assert (high[i, column] == known.max()) if len(known) else np.isnan(high[i, column])


def test_a_pyramid_grows_beyond_its_first_room() -> None:
    pyramid = Pyramid(1)
    for start in range(0, 4 * ROOM, 300):
        pyramid.write(start, np.arange(start, start + 300, dtype=np.float32)[:, None])
    low, high = pyramid.reduce(np.array([5, 1000]), np.array([3900, 1001]))
    assert (low[:, 0].tolist(), high[:, 0].tolist()) == ([5, 1000], [3899, 1000])


# -- columns


def test_a_settled_row_replaces_the_provisional_one_of_its_id() -> None:
    columns = Columns()
    columns.add(provisional(make_row(0), p=0.9))
    columns.add(provisional(make_row(1), p=0.8))
    assert columns.p.tolist() == pytest.approx([0.9, 0.8])
    columns.add(replace(make_row(0), p=0.2))
    assert columns.p.tolist() == pytest.approx([0.2, 0.8])
    assert columns.settled.tolist() == [True, False]


def test_a_late_provisional_row_does_not_undo_a_settled_one() -> None:
    columns = Columns()
    columns.add(replace(make_row(0), p=0.2))
    columns.add(provisional(make_row(0), p=0.9))
    assert len(columns) == 1
    columns.add(provisional(make_row(0), p=0.8))
    assert (columns.p.tolist(), columns.settled.tolist()) == (pytest.approx([0.2]), [True])


@pytest.mark.parametrize("read_between", [False, True])
def test_live_rows_end_as_those_of_the_recording(read_between: bool) -> None:
    timeline = make_timeline(SECONDS)
    whole, live = Columns.of_timeline(timeline), Columns()
    for i, row in enumerate(timeline.rows):
        live.add(provisional(row, p=0.99))
        if i >= 40:
            live.add(timeline.rows[i - 40])
        if read_between and i % 7 == 0:
            live.window(0.0, SECONDS, 100)
            live.gap_runs(0.0, SECONDS)
    for row in timeline.rows[-40:]:
        live.add(row)
    a, b = whole.window(0.0, SECONDS, 333), live.window(0.0, SECONDS, 333)
    np.testing.assert_array_equal(a.low, b.low)
    np.testing.assert_array_equal(a.high, b.high)
    assert b.settled.all()
    assert whole.gaps(0.0, SECONDS) == live.gaps(0.0, SECONDS)


def test_a_row_that_was_never_shown_finds_its_place() -> None:
    columns, rows = Columns(), list(make_rows(6))
    for i in (0, 1, 4, 5):
        columns.add(provisional(rows[i]))
    assert len(columns) == 4
    for row in rows[:4]:
        columns.add(row)
    assert columns.t.tolist() == [r.t_s for r in rows]
    assert columns.settled.tolist() == [True] * 4 + [False] * 2
    assert columns.p.tolist() == pytest.approx([r.p for r in rows])


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 50), st.floats(0.2, 60), st.integers(3, 400))
def test_a_window_keeps_every_extreme(start: float, span: float, pixels: int) -> None:
    columns = _HOUR
    window = columns.window(start, start + span, pixels)
    t, p = columns.t, columns.p
    for i in range(pixels):
        inside = p[(t >= window.edges_s[i]) & (t < window.edges_s[i + 1])]
        if len(inside):
            assert window.low[i, CURVE["p"]] <= inside.min()
            assert window.high[i, CURVE["p"]] >= inside.max()
    seen = p[(t >= start) & (t < start + span)]
    if len(seen) > 1:
        around = p[max(0, np.searchsorted(t, start) - 1) : np.searchsorted(t, start + span) + 1]
        assert np.nanmax(window.high[:, CURVE["p"]]) <= around.max() + 1e-6
        assert np.nanmin(window.low[:, CURVE["p"]]) >= around.min() - 1e-6


def test_between_two_rows_the_line_runs_straight_and_across_a_hole_there_is_none() -> None:
    columns = Columns()
    for i, (t_s, p) in enumerate([(0.0, 0.0), (0.4, 0.8), (2.0, 0.5)]):
        columns.add(replace(make_row(i), t_ns=round(t_s * 1e9), p=p))
    window = columns.window(0.0, 2.0, 10)
    assert window.low[0, CURVE["p"]] == pytest.approx(0.0)
    assert window.high[0, CURVE["p"]] == pytest.approx(0.4)
    assert np.isnan(window.high[4:, CURVE["p"]]).all()


def test_an_absent_channel_is_a_gap_with_its_reason_and_never_a_zero() -> None:
    columns = Columns.of_timeline(make_timeline(SECONDS))
    [gap] = columns.gaps(0.0, SECONDS)[Channel.FACE]
    assert (gap.presence, gap.reason) == (Presence.ABSENT, "no face")
    assert gap.start_s == pytest.approx(0.8 * SECONDS, abs=ROW_S)
    assert gap.end_s == pytest.approx(0.9 * SECONDS, abs=2 * ROW_S)
    face = columns.contribution(Channel.FACE)
    assert np.isnan(face[(columns.t > gap.start_s) & (columns.t < gap.end_s - ROW_S)]).all()
    window = columns.window(gap.start_s + 0.1, gap.end_s - 0.1, 50)
    assert np.isnan(window.low[:, CURVE["face"]]).all()
    assert [g.presence for g in columns.gaps(0.0, SECONDS)[Channel.LANGUAGE]] == [Presence.STALE]
    assert columns.gaps(0.0, 0.7 * SECONDS)[Channel.FACE] == []


def test_reasons_that_differ_in_a_number_are_one_gap() -> None:
    columns, rows = Columns(), list(make_rows(10))
    for i, row in enumerate(rows):
        state = replace(row.states[Channel.LANGUAGE], presence=Presence.STALE, reason=f"words {i / 10:.1f} s behind")
        columns.add(replace(row, states={**row.states, Channel.LANGUAGE: state}))
    assert [g.reason for g in columns.gaps(0, 1)[Channel.LANGUAGE]] == ["words 0.0 s behind"]


def test_a_gap_that_settling_closes_is_gone() -> None:
    columns, rows = Columns(), list(make_rows(90))
    for row in rows:
        late = replace(row.states[Channel.LANGUAGE], presence=Presence.STALE, reason="words behind")
        columns.add(provisional(row, states={**row.states, Channel.LANGUAGE: late}))
    assert len(columns.gaps(0.0, 3.0)[Channel.LANGUAGE]) == 1
    for row in rows[:60]:
        columns.add(row)
    [gap] = columns.gaps(0.0, 3.0)[Channel.LANGUAGE]
    assert gap.start_s == pytest.approx(60 * ROW_S)


def test_provisional_pixels_are_told_apart() -> None:
    columns = Columns()
    for row in make_rows(60):
        columns.add(row if row.id < 30 else provisional(row))
    settled = columns.window(0.0, 60 * ROW_S, 30).settled
    assert settled[:15].all()
    assert not settled[15:].any()


def test_words_settle_and_provisional_ones_are_replaced() -> None:
    columns, words = Columns(), make_words(12.0)
    heard = tuple(replace(w, settled=False) for w in words[3:6])
    columns.add_words(WordUpdate(tuple(words[:3]), heard, 0, 0))
    assert (len(columns.words), len(columns.provisional)) == (3, 3)
    columns.add_words(WordUpdate(tuple(words[3:5]), (), 0, 0))
    assert (columns.words, columns.provisional) == (words[:5], [])
    assert columns.word_at(words[4].start_ns / 1e9) == 4
    assert columns.words_between(words[2].start_ns / 1e9, 99.0) == (2, words[2:5])


def test_sound_is_kept_as_peaks_and_a_hole_stays_empty() -> None:
    pcm = np.random.default_rng(0).integers(-20000, 20000, 16000).astype(np.int16)
    columns = Columns()
    for i in range(0, 16000, 640):
        columns.add_sound(i / 16000 + 0.001 * (i % 3), pcm[i : i + 640])
    np.testing.assert_array_equal(columns.peaks, peaks_of(pcm))
    columns.add_sound(2.0, pcm[:320])
    assert np.isnan(columns.peaks[100:200]).all()
    assert len(columns.peaks) == 202
    low, high = columns.sound(0.0, 1.0, 10)
    assert low[3] == pytest.approx(pcm[4800:6400].min() / 32768)
    assert high[3] == pytest.approx(pcm[4800:6400].max() / 32768)
    assert np.isnan(columns.sound(1.2, 1.8, 4)[0]).all()


def test_a_live_segment_grows_until_its_offset_comes() -> None:
    columns = Columns()
    rows = list(make_rows(60))
    for row in rows[:10]:
        columns.add(row)
    columns.add_event(Event(rows[9].t_ns, "segment_onset", {"p": 0.6, "cues": ["a pause"]}))
    for row in rows[10:30]:
        columns.add(row)
    [segment] = columns.segments
    assert (segment.start_ns, segment.end_ns, segment.phrases) == (rows[9].t_ns, rows[29].t_ns, ("a pause",))
    columns.add_event(Event(rows[20].t_ns, "segment_offset", {"p": 0.3}))
    columns.add(rows[30])
    assert columns.segments[0].end_ns == rows[20].t_ns
    assert columns.events == []


def test_what_has_changed_is_known_from_the_earliest_moment_on() -> None:
    columns = Columns()
    for row in make_rows(20):
        columns.add(provisional(row))
    version = columns.version
    assert columns.changed_since(version) == float("inf")
    columns.add(make_row(12))
    columns.add(make_row(15))
    assert columns.changed_since(version) == pytest.approx(11 * ROW_S)


def test_threads_may_write_while_another_reads() -> None:
    columns, rows, words = Columns(), list(make_rows(3000)), make_words(99.0)
    failures: list[BaseException] = []

    def run(what: Any) -> None:
        try:
            what()
        except BaseException as error:  # the thread would swallow it
            failures.append(error)

    def write_rows() -> None:
        for i, row in enumerate(rows):
            columns.add(provisional(row))
            if i >= 60:
                columns.add(rows[i - 60])
        for row in rows[-60:]:
            columns.add(row)

    def write_words() -> None:
        for a, b in itertools.pairwise(words):
            columns.add_words(WordUpdate((a,), (replace(b, settled=False),), 0, 0))

    def write_sound() -> None:
        for i in range(1000):
            columns.add_sound(i * 0.04, np.zeros(640, np.int16))

    writers = [threading.Thread(target=run, args=(w,)) for w in (write_rows, write_words, write_sound)]
    for writer in writers:
        writer.start()
    while any(w.is_alive() for w in writers):
        columns.window(0.0, 99.0, 300)
        columns.gap_runs(0.0, 99.0)
        columns.words_between(0.0, 99.0)
    for writer in writers:
        writer.join()
    assert failures == []
    assert columns.settled.all()
    assert columns.t.tolist() == [r.t_s for r in rows]
    assert columns.words == words[:-1]
    assert len(columns.peaks) == round(40 / PEAK_S)


_HOUR = Columns.of_timeline(make_timeline(SECONDS))


# -- view


@pytest.fixture
def columns() -> Columns:
    peaks = np.tile(np.array([[-0.2, 0.2]], np.float32), (6000, 1))
    events = [
        Event(5_000_000_000, "prompt", {"kind_of_prompt": "hesitant"}),
        Event(30_000_000_000, "device_lost", {"device": "video"}),
    ]
    made = Columns.of_timeline(make_timeline(SECONDS), peaks, events)
    made.set_human([HumanSegment(40_000_000_000, 45_000_000_000, "added")])
    return made


@pytest.fixture
def view(qtbot: Any, columns: Columns) -> Any:
    from ahdetect.gui.tracks import TracksView

    view = TracksView()
    view.resize(1200, 700)
    qtbot.addWidget(view)
    with qtbot.waitExposed(view):
        view.show()
    view.set_columns(columns)
    view.set_window(0.0, SECONDS)
    picture(view)
    return view


def picture(view: Any) -> Any:
    """What the view shows now."""
    return view.canvas.grab().toImage()


def afresh(view: Any) -> Any:
    """The same, painted from nothing."""
    view.canvas.start_over()
    return picture(view)


def place(view: Any, lane: str, t_s: float, down: float = 0.5) -> Any:
    from PyQt6.QtCore import QPoint

    y, h = view.canvas.painter.places[lane]
    return QPoint(round(view.canvas.x_at(t_s)), round(y + down * h))


def drag(qtbot: Any, view: Any, start: Any, end: Any, shift: bool = False) -> None:
    from PyQt6.QtCore import QEvent, QPointF, Qt
    from PyQt6.QtGui import QMouseEvent
    from PyQt6.QtWidgets import QApplication

    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    qtbot.mousePress(view.canvas, Qt.MouseButton.LeftButton, modifier, start)
    for share in (0.3, 0.7, 1.0):
        at = QPointF(start) + (QPointF(end) - QPointF(start)) * share
        left = Qt.MouseButton.LeftButton
        event = QMouseEvent(QEvent.Type.MouseMove, at, view.canvas.mapToGlobal(at), left, left, modifier)
        QApplication.sendEvent(view.canvas, event)
    qtbot.mouseRelease(view.canvas, Qt.MouseButton.LeftButton, modifier, end)


def test_a_click_puts_the_cursor(view: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    with qtbot.waitSignal(view.moved) as told:
        qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=place(view, "face", 20.0))
    assert told.args[0] == pytest.approx(20.0, abs=0.05)
    assert view.cursor_s == told.args[0]


@pytest.mark.parametrize(
    ("lane", "t_s", "signal"), [("segments", None, "segment_chosen"), ("human", 42.0, "human_chosen")]
)
def test_a_click_on_a_segment_chooses_it(view: Any, qtbot: Any, lane: str, t_s: float | None, signal: str) -> None:
    from PyQt6.QtCore import Qt

    s = view.columns.segments[0]
    t_s = t_s if t_s is not None else (s.start_ns + s.end_ns) / 2e9
    with qtbot.waitSignal(getattr(view, signal)) as told:
        qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=place(view, lane, t_s))
    assert told.args == [0]


def test_a_click_on_a_word_chooses_it(view: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    view.set_window(10.0, 25.0)
    picture(view)
    x = round(10.0 * view.canvas.painter.px_per_s)
    boxes = view.canvas.painter.word_boxes(x, x + view.canvas.plot_width)
    number, word, box = boxes[len(boxes) // 2]
    assert word is view.columns.words[number]
    shift = view.canvas.x_at(10.0) - x
    with qtbot.waitSignal(view.word_chosen) as told:
        where = box.center().toPoint()
        where.setX(round(box.left() + 2 + shift))
        qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=where)
    assert told.args == [number]


@pytest.mark.parametrize("span", [8.0, 15.0, 40.0])
def test_words_never_overlap(view: Any, span: float) -> None:
    view.set_window(0.0, span)
    picture(view)
    boxes = [box for _, _, box in view.canvas.painter.word_boxes(0, view.canvas.plot_width)]
    assert len(boxes) > 10
    assert not any(a.intersects(b) for a, b in itertools.combinations(boxes, 2))


def test_a_drag_scrolls(view: Any, qtbot: Any) -> None:
    view.set_window(20.0, 30.0)
    drag(qtbot, view, place(view, "face", 25.0), place(view, "face", 22.0))
    assert view.window_s == pytest.approx((23.0, 33.0), abs=0.05)
    assert view.cursor_s is None


def test_a_drag_with_shift_selects(view: Any, qtbot: Any) -> None:
    with qtbot.waitSignal(view.span_selected) as told:
        drag(qtbot, view, place(view, "face", 25.0), place(view, "face", 22.0), shift=True)
    assert told.args == pytest.approx([22.0, 25.0], abs=0.1)
    assert view.window_s == (0.0, SECONDS)


def test_the_wheel_zooms_around_the_pointer(view: Any) -> None:
    from PyQt6.QtCore import QPoint, QPointF, Qt
    from PyQt6.QtGui import QWheelEvent
    from PyQt6.QtWidgets import QApplication

    at = QPointF(place(view, "face", 42.0))
    none = Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        at, view.canvas.mapToGlobal(at), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, none,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.canvas, event)
    t0, t1 = view.window_s
    assert t1 - t0 == pytest.approx(SECONDS / 1.25**2)
    assert view.canvas.time_at(at.x()) == pytest.approx(42.0, abs=0.06)


@pytest.mark.parametrize(
    ("key", "shift", "to"),
    [
        ("Right", False, 20.0 + ROW_S),
        ("Left", False, 20.0 - ROW_S),
        ("Right", True, 21.0),
        ("Left", True, 19.0),
        ("Home", False, 0.0),
        ("End", False, SECONDS),
        ("PageDown", False, 40.0),
    ],
)
def test_keys_move_the_cursor(view: Any, qtbot: Any, key: str, shift: bool, to: float) -> None:
    from PyQt6.QtCore import Qt

    view.columns.set_segments([])
    view.set_cursor(20.0)
    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    with qtbot.waitSignal(view.moved) as told:
        qtbot.keyClick(view.canvas, getattr(Qt.Key, f"Key_{key}"), modifier)
    assert told.args[0] == view.cursor_s == pytest.approx(to, abs=ROW_S)


def test_words_and_segments_are_walked_by_key(view: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    words, segment = view.columns.words, view.columns.segments[0]
    view.set_cursor(words[8].start_ns / 1e9 + 0.01)
    for modifier, number in ((Qt.KeyboardModifier.NoModifier, 9), (Qt.KeyboardModifier.ShiftModifier, 8)):
        with qtbot.waitSignal(view.word_chosen) as told:
            qtbot.keyClick(view.canvas, Qt.Key.Key_W, modifier)
        assert told.args == [number]
        assert view.cursor_s == words[number].start_ns / 1e9
    with qtbot.waitSignal(view.segment_chosen):
        qtbot.keyClick(view.canvas, Qt.Key.Key_PageDown)
    assert view.cursor_s == segment.start_ns / 1e9


def test_plus_and_minus_zoom_and_the_cursor_stays(view: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    view.set_cursor(30.0)
    x = view.canvas.x_at(30.0)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Plus)
    assert view.window_s[1] - view.window_s[0] == pytest.approx(SECONDS / 1.25)
    assert view.canvas.x_at(30.0) == pytest.approx(x, abs=1)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Minus)
    assert view.window_s == pytest.approx((0.0, SECONDS))


def test_keys_of_the_window_are_left_to_it(view: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    with qtbot.assertNotEmitted(view.moved):
        qtbot.keyClick(view.canvas, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClick(view.canvas, Qt.Key.Key_M)


def test_a_cursor_out_of_view_takes_the_view_along(view: Any) -> None:
    view.set_window(0.0, 10.0)
    view.set_cursor(30.0)
    t0, t1 = view.window_s
    assert t0 < 30.0 < t1
    assert t1 - t0 == pytest.approx(10.0)


# -- painting


@pytest.mark.parametrize("steps", [[7.3], [7.3, -2.2, 31.0], [24.0, 4.3, 1.1], [0.1] * 9])
def test_a_scrolled_picture_is_that_of_a_fresh_painting(view: Any, steps: list[float]) -> None:
    view.set_window(3.0, 23.0)
    picture(view)
    for step in steps:
        start = view.window_s[0] + step
        view.set_window(start, start + 20.0)
        seen = picture(view)
    assert seen == afresh(view)


def test_a_followed_picture_is_that_of_a_fresh_painting(view: Any) -> None:
    timeline, columns = make_timeline(SECONDS), Columns()
    view.set_columns(columns)
    rows, said = timeline.rows, 0
    for i, row in enumerate(rows[:900]):
        columns.add(provisional(row))
        if i >= 45 and i % 15 == 0:
            for settled in rows[i - 45 : i - 30]:
                columns.add(settled)
            new = [w for w in timeline.words[said:] if w.end_ns < rows[i - 31].t_ns]
            said += len(new)
            tail = [replace(w, settled=False) for w in timeline.words[said : said + 3] if w.end_ns < row.t_ns]
            columns.add_words(WordUpdate(tuple(new), tuple(tail), 0, 0))
        if i == 300:
            columns.add_event(Event(row.t_ns, "prompt", {}))
        if i % 3 == 0:
            columns.add_sound(i * ROW_S, np.full(1584, 900 * (i % 5), np.int16))
            view.follow(row.t_s, 12.0)
            view.refresh()
            if i % 150 == 0 or i > 880:
                seen = picture(view)
    assert view.window_s == pytest.approx((rows[897].t_s - 12.0, rows[897].t_s))
    seen = picture(view)
    assert seen == afresh(view)


def test_looking_back_holds_the_view_and_end_follows_again(view: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    view.follow(50.0, 20.0)
    assert view.window_s == (30.0, 50.0)
    drag(qtbot, view, place(view, "face", 35.0), place(view, "face", 45.0))
    held = view.window_s
    view.follow(51.0, 20.0)
    assert view.window_s == held
    qtbot.keyClick(view.canvas, Qt.Key.Key_End)
    view.follow(52.0, 20.0)
    assert view.window_s == (32.0, 52.0)


def test_refresh_paints_only_when_there_is_news(view: Any, columns: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    monkeypatch.setattr(view.canvas, "update", lambda *_: asked.append(None))
    for _ in range(5):
        view.refresh()
    assert asked == []
    columns.add_event(Event(1, "marker", {}))
    for _ in range(5):
        view.refresh()
    assert len(asked) == 3  # nothing was painted in between, so it asks again, at every second call


def test_quiet_mode_shows_no_score_in_any_form(view: Any) -> None:
    rows = make_timeline(SECONDS).rows
    other = Columns.of_timeline(make_timeline(SECONDS))
    one = Columns.of_timeline(make_timeline(SECONDS))
    for row in rows:
        high = dict.fromkeys(Channel, 1.9)
        other.add(replace(row, p=0.99, low=0.9, high=1.0, p_smoothed=0.98, contributions=high))
    other.set_segments([])

    def shown(columns: Columns) -> Any:
        view.set_columns(columns)
        view.set_window(0.0, SECONDS)
        view.set_cursor(27.0)
        return picture(view)

    assert shown(one) != shown(other)
    view.hidden_scores = True
    assert shown(one) == shown(other)
    assert "segments" not in view.canvas.painter.places
    said = (
        view.describe(27.0) + view.canvas.tip(place(view, "estimate", 27.0)) + view.canvas.tip(place(view, "face", 9.0))
    )
    assert "hidden" in said
    assert not any(word in said for word in ("probability", "elevated", "log-odds", "low"))
    table = view.data_table().model
    titles = [table.headerData(i, _horizontal()) for i in range(table.columnCount())]
    assert titles == ["time", *(c.value for c in Channel)]
    assert table.data(table.index(900, 1)) == "present"


def test_what_is_at_the_cursor_is_said_in_words(view: Any) -> None:
    view.set_cursor(27.0)
    said = view.canvas.accessibleDescription()
    assert said.startswith("At 0:27.0; signs consistent with ambivalence/hesitancy, model estimate: elevated")
    assert "80 % band" in said
    assert "language +" in said
    view.set_cursor(51.0)
    assert "face absent: no face" in view.canvas.accessibleDescription()
    assert "is ambivalent" not in said


def test_what_is_under_the_pointer_is_told(view: Any) -> None:
    assert "no face" in view.canvas.tip(place(view, "face", 51.0))
    assert "Prompt: hesitant" in view.canvas.tip(place(view, "events", 5.0))
    assert "added" in view.canvas.tip(place(view, "human", 42.0))
    assert view.canvas.tip(place(view, "human", 20.0)) == ""


def test_an_absent_stretch_is_hatched(view: Any) -> None:
    image = picture(view)
    ratio = image.devicePixelRatio()

    def colours(t_s: float) -> set[int]:
        at = place(view, "face", t_s)
        y = view.canvas.painter.places["face"][0]
        return {image.pixel(round(at.x() * ratio) + i, round((y + 4) * ratio)) for i in range(16)}

    assert len(colours(53.0)) >= 2
    assert len(colours(12.0)) == 1


def test_larger_text_makes_larger_lanes(view: Any) -> None:
    font = view.font()
    before, gutter = view.canvas.minimumHeight(), view.canvas.x_at(0.0)
    font.setPointSizeF(font.pointSizeF() * 2)
    view.setFont(font)
    assert view.canvas.minimumHeight() > 1.8 * before
    assert view.canvas.x_at(0.0) > 1.5 * gutter


def test_both_themes_are_painted_with_their_colours(view: Any) -> None:
    from ahdetect.gui.theme import DARK, LIGHT

    for theme in (LIGHT, DARK):
        view.set_theme(theme)
        image = picture(view)
        assert image.pixelColor(image.width() - 4, 30).name() in (theme.surface, theme.focus)


def test_no_timer_is_left(view: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import QAbstractEventDispatcher, QTimer

    view.data_table()
    assert view.findChildren(QTimer) == []
    dispatcher = QAbstractEventDispatcher.instance()
    assert dispatcher is not None
    assert dispatcher.registeredTimers(view) == []
    assert dispatcher.registeredTimers(view.canvas) == []


# -- table


def _horizontal() -> Any:
    from PyQt6.QtCore import Qt

    return Qt.Orientation.Horizontal


def test_the_table_holds_every_row_in_words(view: Any) -> None:
    model = view.data_table().model
    row = view.columns.index_at(51.0)
    cells = dict(
        zip(
            (model.headerData(i, _horizontal()) for i in range(model.columnCount())),
            (model.data(model.index(row, i)) for i in range(model.columnCount())),
            strict=True,
        )
    )
    assert model.rowCount() == len(view.columns)
    assert cells["time"] == "0:51.0"
    assert cells["face"] == "absent: no face"
    assert cells["state"] == "settled"
    assert cells["probability"] == f"{view.columns.p[row]:.2f}"


def test_the_table_opens_by_key_and_a_row_of_it_moves_the_cursor(view: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    qtbot.keyClick(view.canvas, Qt.Key.Key_T)
    table = view.data_table()
    assert table.isVisible()
    table.go_to(33.0)
    with qtbot.waitSignal(view.moved) as told:
        table.table.activated.emit(table.table.currentIndex())
    assert told.args[0] == pytest.approx(33.0, abs=ROW_S)
    qtbot.keyClick(table, Qt.Key.Key_Escape)
    assert not table.isVisible()


def test_the_table_makes_cells_only_when_they_are_looked_at(view: Any, qtbot: Any) -> None:
    table = view.data_table()
    made: list[int] = []
    original = table.model._cells
    table.model._cells = lambda moment: made.append(moment.index) or original(moment)
    with qtbot.waitExposed(table):
        table.show()
    picture(view)
    assert len(set(made)) < 100 < len(view.columns)


def test_the_table_grows_with_a_live_session(view: Any) -> None:
    columns = Columns()
    view.set_columns(columns)
    table = view.data_table()
    table.show()
    for row in make_rows(30):
        columns.add(provisional(row))
    for _ in range(2):
        view.refresh()
    assert table.model.rowCount() == 30
    columns.add(replace(make_row(3), p=0.5))
    assert table.model.data(table.model.index(3, 1)) == "0.50"


def test_a_screen_reader_finds_a_slider_over_the_seconds(view: Any) -> None:
    from PyQt6.QtWidgets import QAbstractSlider

    view.set_cursor(27.2)
    assert isinstance(view.canvas, QAbstractSlider)
    assert (view.canvas.minimum(), view.canvas.value(), view.canvas.maximum()) == (0, 27, 60)


def test_a_session_has_its_room_from_the_start_and_may_outgrow_it() -> None:
    small, large = Columns(), Columns(room_s=100.0)
    for columns in (small, large):
        columns.add(make_row(0))
    parts = (large._t, large._presence, *(g for pair in large._curves._levels for g in pair))
    stores = [grown._store for grown in parts]
    for i in range(1, 2900):
        large.add(make_row(i))
        small.add(make_row(i))
        if i % 97 == 0:  # levels are built in between, as a live view does
            assert_same_window(large.window(0.0, 40.0, 200), small.window(0.0, 40.0, 200))
    assert all(grown._store is store for grown, store in zip(parts, stores, strict=True))
    for i in range(2900, 3500):
        large.add(make_row(i))
        small.add(make_row(i))
    assert_same_window(large.window(0.0, 200.0, 300), small.window(0.0, 200.0, 300))


def assert_same_window(a: Window, b: Window) -> None:
    np.testing.assert_array_equal(a.low, b.low)
    np.testing.assert_array_equal(a.high, b.high)
    np.testing.assert_array_equal(a.settled, b.settled)


def test_painting_for_hours_leaves_nothing_behind(qapp: Any) -> None:
    from PyQt6.QtGui import QColor, QImage, QPainter

    from ahdetect.gui.lanes import Bars

    image = QImage(100, 60, QImage.Format.Format_RGB32)
    image.fill(0)
    bars, painter = Bars(), QPainter(image)
    x = np.arange(37.0)

    def paint() -> None:
        bars.draw(painter, x, np.full(37, 10.0), np.full(37, 20.0), QColor("white"))

    paint()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(2000):
        paint()
    gc.collect()
    assert sys.getallocatedblocks() - before < 500
    painter.end()
    assert [image.pixelColor(at, 15).lightness() for at in (0, 36, 37)] == [255, 255, 0]
    assert image.pixelColor(0, 0).lightness() == 0
