"""Made-up timelines for tests: nothing but numbers and plain words, with a shape that can be recognised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ahdetect.models.cues import INDEX, OF_CHANNEL, Channel, empty_values
from ahdetect.models.posterior import Band, ChannelState, Presence, TopCue
from ahdetect.models.words import Word
from ahdetect.timeline import Row, Segment, Timeline

_SPOKEN = (
    "well um I guess I know that I should walk more but uh I don't really want to go out when it rains and so on. "
    "Yesterday I cooked a soup with carrots and leeks for the whole family."
)
TEXT = _SPOKEN.split()
FRAME_NS = 33_000_000


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def make_words(duration_s: float) -> list[Word]:
    """Bursts of seven words, .32 s apart, then a pause of 1 s."""
    words, t, n = [], 0.4, 0
    while t < duration_s - 0.3:
        text = TEXT[n % len(TEXT)]
        words.append(Word(text, round(t * 1e9), round((t + 0.26) * 1e9), 0.9, True, n // 7))
        n += 1
        t += 1.32 if n % 7 == 0 else 0.32
    return words


def make_row(i: int, *, settled: bool = True, duration_s: float = 12.0, words: tuple[Word, ...] = ()) -> Row:
    """Row `i` of a clip at 30 fps: elevated in its middle third, no face for a moment near its end."""
    t_ns = i * FRAME_NS
    where = t_ns / 1e9 / duration_s
    prior = logit(0.18)
    lift = float(np.exp(-((where - 0.45) ** 2) / 0.018))
    no_face = 0.8 < where < 0.9
    late_words = 0.62 < where < 0.66
    speaking = any(w.start_ns <= t_ns < w.end_ns + 60_000_000 for w in words)
    log_odds = {
        Channel.FACE: 0.0 if no_face else 0.7 * lift + 0.1 * float(np.sin(i / 7)),
        Channel.BODY: 0.3 * lift - 0.1,
        Channel.VOICE: 0.8 * lift - 0.2,
        Channel.LANGUAGE: 2.0 * lift - 0.4,
        Channel.DISCORD: 0.2 * lift,
    }
    p = 1 / (1 + float(np.exp(-(prior + sum(log_odds.values())))))
    low, high = (1 / (1 + float(np.exp(-(logit(p) + d)))) for d in (-0.8, 0.8))
    band = Band.ELEVATED if low > 0.35 else Band.LOW if high < 0.35 else Band.UNCLEAR
    states = {c: ChannelState(Presence.PRESENT, 20_000_000) for c in Channel}
    cues = {c: np.linspace(0, 1, len(OF_CHANNEL[c]), dtype=np.float32) for c in Channel}
    if no_face:
        states[Channel.FACE] = ChannelState(Presence.ABSENT, 0, "no face")
        cues[Channel.FACE] = None
    if late_words:
        states[Channel.LANGUAGE] = ChannelState(Presence.STALE, 1_250_000_000, "words 1.2 s behind")
    voice = empty_values(Channel.VOICE)
    voice[INDEX["voice_speech"]] = 0.97 if speaking else 0.04
    voice[INDEX["voice_intensity"]] = -22 + 6 * np.sin(i * 0.9) if speaking else -58
    ended = [w.end_ns for w in words if w.end_ns + 60_000_000 <= t_ns]
    voice[INDEX["voice_pause"]] = 0 if speaking or not ended else (t_ns - ended[-1]) / 1e9
    cues[Channel.VOICE] = voice
    but, pause = TopCue("language_contrast", 0.9, 0.8, "a 'but'"), TopCue("voice_pause", 1.1, 0.4, "a pause")
    return Row(
        id=i, t_ns=t_ns, settled=settled, p=p, low=low, high=high, band=band, prior_log_odds=prior,
        contributions=log_odds, states=states, cues=cues, top=(but, pause) if lift > 0.3 else (),
        p_smoothed=min(1.0, p * 1.05), latency_ns=i,
    )  # fmt: skip


def make_rows(n: int, *, duration_s: float = 12.0) -> Iterator[Row]:
    return (make_row(i, duration_s=duration_s) for i in range(n))


def make_timeline(duration_s: float = 12.0) -> Timeline:
    words = make_words(duration_s)
    rows = [
        make_row(i, duration_s=duration_s, words=tuple(w for w in words if abs(w.start_ns - i * FRAME_NS) < 2e9))
        for i in range(int(duration_s * 1e9 / FRAME_NS))
    ]
    high = [r for r in rows if r.band is Band.ELEVATED]
    segments = []
    if high:
        inside = " ".join(w.text for w in words if high[0].t_ns <= w.start_ns < high[-1].t_ns)
        segments = [
            Segment(
                high[0].t_ns, high[-1].t_ns, max(r.p for r in high), float(np.mean([r.p for r in high])),
                ("a 'but'", "a pause", "pressed lips"), inside,
            )
        ]  # fmt: skip
    info = {"schema_version": 1, "source": {"name": "made-up.mp4"}, "fuser": {"name": "evidence filter"}}
    return Timeline(rows, words, segments, duration_s, info)


def same_row(a: Row, b: Row) -> bool:
    """Equal in everything that is stored; NaN equals NaN."""
    plain = {"cues": {}, "latency_ns": -1, "p_smoothed": 0.0}
    return (
        replace(a, **plain) == replace(b, **plain)
        and np.array_equal(a.p_smoothed, b.p_smoothed, equal_nan=True)
        and all(
            (x is None) == (y is None) and (x is None or y is None or np.array_equal(x, y, equal_nan=True))
            for x, y in ((a.cues[c], b.cues[c]) for c in Channel)
        )
    )
