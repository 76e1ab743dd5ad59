"""Measure the tracks view: a made-up hour flows in; what a repaint and following live cost flows out, ms and share.

    taskset -c 0 env OMP_NUM_THREADS=1 QT_QPA_PLATFORM=offscreen .venv/bin/python tools/measure_tracks.py

A repaint is the widget painting itself into its window and the window being flushed. On a machine that does other
things as well, CPU says more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtWidgets import QApplication

from ahdetect.events import Event, find_segments
from ahdetect.gui.columns import Columns, HumanSegment
from ahdetect.gui.theme import THEMES, apply
from ahdetect.gui.tracks import TracksView
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, ChannelState, Presence, TopCue
from ahdetect.models.words import Word, WordUpdate
from ahdetect.timeline import NS_PER_S, Row, Timeline

FPS = 30
SPOKEN = [
    "well",
    "I",
    "know",
    "that",
    "I",
    "should",
    "walk",
    "more",
    "but",
    "um",
    "I",
    "really",
    "like",
    "my",
    "evenings",
    "on",
    "the",
    "sofa",
    "so",
    "maybe",
    "not",
    "today",
]
PRESENT = ChannelState(Presence.PRESENT)


def made_rows(seconds: float, seed: int = 7) -> list[Row]:
    """Rows at 30 fps: an estimate that wanders, pauses in the voice, a face that leaves, words that lag."""
    rng = np.random.default_rng(seed)
    n = int(seconds * FPS)
    t = np.arange(n) / FPS

    def wander(period_s: float, size: float) -> NDArray[np.float64]:
        knots = rng.normal(0, size, int(seconds / period_s) + 3)
        return np.interp(t, np.arange(len(knots)) * period_s, knots) + rng.normal(0, size / 12, n)

    adds = {c: wander(p, s) for c, p, s in zip(Channel, (3, 5, 1.5, 4, 6), (0.6, 0.3, 0.7, 1.3, 0.3), strict=True)}
    silent, away = wander(1.0, 1.0) > 0.9, wander(20.0, 1.0) > 1.2
    log_odds = -1.5 + sum(adds.values()) + wander(25, 0.8)
    p = 1 / (1 + np.exp(-log_odds))
    low, high = 1 / (1 + np.exp(-log_odds + 0.9)), 1 / (1 + np.exp(-log_odds - 0.9))
    no_voice, no_face = ChannelState(Presence.ABSENT, 0, "silence"), ChannelState(Presence.ABSENT, 0, "no face")
    bands = np.where(low > 0.35, 2, np.where(high < 0.35, 0, 1))
    kinds = (Band.LOW, Band.UNCLEAR, Band.ELEVATED)
    cue = (TopCue("language_contrast", 1.0, 0.5, "a contrast"),)
    rows = []
    for i in range(n):
        states = dict.fromkeys(Channel, PRESENT)
        if silent[i]:
            states[Channel.VOICE] = no_voice
        if away[i]:
            states[Channel.FACE] = no_face
        rows.append(
            Row(
                i, i * NS_PER_S // FPS, True, float(p[i]), float(low[i]), float(high[i]), kinds[bands[i]], -1.5,
                {c: float(adds[c][i]) for c in Channel}, states, dict.fromkeys(Channel), cue, float(p[i]),
            )
        )  # fmt: skip
    return rows


def made_words(seconds: float) -> list[Word]:
    """2.2 words a second, in answers of 20 words."""
    words, t, n = [], 0.5, 0
    while t < seconds - 1:
        words.append(Word(SPOKEN[n % len(SPOKEN)], int(t * 1e9), int((t + 0.3) * 1e9), 0.9, True, n // 20))
        n, t = n + 1, t + (1.9 if n % 20 == 19 else 0.37)
    return words


def made_sound(seconds: float, seed: int = 3) -> NDArray[np.float32]:
    """Minimum and maximum per 10 ms, louder and softer."""
    rng = np.random.default_rng(seed)
    n = int(seconds * 100)
    loud = np.abs(rng.normal(0, 0.12, n)) * np.interp(np.arange(n), np.arange(0, n + 99, 30), rng.random(n // 30 + 4))
    return np.stack([-loud, loud], axis=1).astype(np.float32)


def made_columns(seconds: float) -> Columns:
    """A whole recording."""
    rows, words = made_rows(seconds), made_words(seconds)
    segments = find_segments(rows, [r.p for r in rows], words)
    events = [Event(int(t * 1e9), "prompt", {"kind_of_prompt": "hesitant"}) for t in np.arange(20, seconds, 95)]
    events += [Event(int(t * 1e9), "marker", {"note": "look here"}) for t in np.arange(55, seconds, 300)]
    columns = Columns.of_timeline(Timeline(rows, words, segments, seconds), made_sound(seconds), events)
    columns.set_human([HumanSegment(s.start_ns, s.end_ns + NS_PER_S, "accepted") for s in segments[::3]])
    return columns


def percentiles(values: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile, and the largest."""
    return {
        k: round(float(np.percentile(values, q)), 2) for k, q in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))
    }


def painted(view: TracksView, changes: Iterator[None]) -> dict[str, dict[str, float]]:
    """Milliseconds of a repaint after each of the changes: on the clock, and of this thread's CPU."""
    wall, cpu = [], []
    for _ in changes:
        began, used = time.perf_counter(), time.thread_time()
        view.canvas.repaint()
        wall.append((time.perf_counter() - began) * 1e3)
        cpu.append((time.thread_time() - used) * 1e3)
    return {"wall": percentiles(wall), "cpu": percentiles(cpu)}


def over_an_hour(view: TracksView, seconds: float) -> dict[str, dict[str, dict[str, float]]]:
    """Repaints while an hour is scrolled and zoomed at several zooms."""

    def scroll(span: float, step: float, n: int = 200) -> Iterator[None]:
        for i in range(n):
            start = (i * step) % max(seconds - span, 1e-3)
            view.set_window(start, start + span)
            yield

    def zoom(n: int = 200) -> Iterator[None]:
        for i in range(n):
            span = seconds * (0.5 + 0.5 * np.cos(i / n * 4 * np.pi)) ** 3 + 5
            start = max(0.0, (seconds - span) * ((i * 37) % 100) / 100)
            view.set_window(start, start + span)
            yield

    def cursor(n: int = 200) -> Iterator[None]:
        for i in range(n):
            view.set_cursor(view.window_s[0] + i / n * 50)
            yield

    found = {}
    for span in (seconds, seconds / 4, 300.0, 60.0, 10.0):
        found[f"jump, {span:.0f} s in view"] = painted(view, scroll(span, span * 0.83 + 11.7))
        found[f"drag, {span:.0f} s in view"] = painted(view, scroll(span, span / 60))
    found["zoom"] = painted(view, zoom())
    view.set_window(100, 160)
    view.canvas.repaint()
    found["cursor"] = painted(view, cursor())
    view.set_cursor(None)
    return found


def following(view: TracksView, seconds: float, lag_s: float = 2.0) -> dict[str, float]:
    """CPU of 30 repaints a second while rows, words and sound come in live, as a share of one core."""
    rows, words = made_rows(seconds), made_words(seconds)
    rng = np.random.default_rng(5)
    columns = Columns()
    view.set_columns(columns)
    said, spent, feeding, lag = 0, 0.0, 0.0, int(lag_s * FPS)
    app = QApplication.instance()
    assert app is not None
    for i, row in enumerate(rows):
        start = time.process_time()
        columns.add(_open(row))
        if i >= lag and i % 15 == 0:  # words come twice a second: what they settle, and what is walked over again
            for j in range(i - lag, i - lag + 15):
                columns.add(rows[j])
            for j in range(i - lag + 15, i + 1):
                columns.add(_open(rows[j]))
            until = rows[i - lag].t_ns
            new = [w for w in words[said:] if w.end_ns < until]
            said += len(new)
            tail = [w for w in words[said : said + 12] if w.end_ns < row.t_ns]
            columns.add_words(WordUpdate(tuple(new), tuple(tail), until, row.t_ns))
        columns.add_sound(i / FPS, rng.normal(0, 1500, 16000 // FPS).astype(np.int16))
        fed = time.process_time()
        view.follow(row.t_s)
        view.refresh()
        app.processEvents()
        feeding += fed - start
        spent += time.process_time() - fed  # numpy runs on one thread here
    length = len(rows) / FPS
    return {"painting, % of one core": round(100 * spent / length, 2), "feeding": round(100 * feeding / length, 2)}


def _open(row: Row) -> Row:
    from dataclasses import replace

    return replace(row, settled=False, p_smoothed=float("nan"))


def timed(what: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    what()
    return round(time.perf_counter() - start, 2)


def main() -> None:
    """Print the figures, and save a picture of each theme where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--size", default="1400x760", help="of the view, pixels")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of the view")
    parser.add_argument("--live-seconds", type=float, default=180.0)
    chosen = parser.parse_args()
    app = QApplication.instance() or QApplication(["measure_tracks"])
    assert isinstance(app, QApplication)
    width, height = (int(n) for n in chosen.size.split("x"))
    columns = made_columns(chosen.seconds)
    for theme in THEMES.values():
        apply(app, theme, 1.0)
        view = TracksView(theme)
        view.resize(width, height)
        view.set_columns(columns)
        view.show()
        app.processEvents()
        if chosen.pictures:
            chosen.pictures.mkdir(parents=True, exist_ok=True)
            for span in (chosen.seconds, 300.0, 60.0, 12.0):
                view.set_window(chosen.seconds * 0.4, chosen.seconds * 0.4 + span) if span < 3600 else view.show_all()
                view.grab().save(str(chosen.pictures / f"tracks-{theme.name}-{span:.0f}.png"))
    found = {
        "view": f"{width} x {height} px",
        "rows": len(columns),
        "repaint_ms": over_an_hour(view, chosen.seconds),
        "live": following(view, chosen.live_seconds),
        "table_s": {"open": timed(lambda: (view.data_table().show(), app.processEvents()))},
        "platform": os.environ.get("QT_QPA_PLATFORM", "xcb"),
    }
    print(json.dumps(found, indent=1))
    view.data_table().close()
    view.close()


if __name__ == "__main__":
    main()
