"""Timeline picture: a timeline and, if at hand, its clip flow in; `timeline.png` flows out.

From top to bottom on one time axis: moments of the video, probability with its band, the estimate in words, what each
channel adds, sound and pauses, words; then the segments in words. Nothing is told by colour alone, and a missing
channel is a hatched gap with its reason, never a zero.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.media import Media
from ahdetect.capture.packets import Frame
from ahdetect.errors import MediaError, StoreError
from ahdetect.export.stills import Stills
from ahdetect.export.tables import whole_file
from ahdetect.models.cues import INDEX, Channel
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.lexicon import LONGEST, PHRASES, spoken, token
from ahdetect.models.posterior import Band, Presence
from ahdetect.timeline import NS_PER_S, Row, Segment, Timeline

TITLE: Final = "Signs consistent with ambivalence/hesitancy, model estimate"
LEGEND: Final = (
    "An estimate from what can be seen and heard; every segment may be contested. "
    "Hatched grey: the channel is absent; dotted: its value is stale."
)

DPI: Final = 110
THUMBNAILS: Final = 12
SHORTEST_PAUSE_S: Final = 0.25
"""As in the cue `voice_pause_rate` (Jiang & Pell 2017)."""
LISTED: Final = 6
"""Segments written out below the picture; the others keep their number and stand in `events.jsonl`."""

WORD_LEVELS: Final = 4
"""Lines of words: room for 2.2 words/s (EVIDENCE) in clips of up to a minute."""

INK, FAINT, GRID = "#22222c", "#6b6b78", "#e4e4ea"
ESTIMATE, SEGMENT = "#3b3b8f", "#ddcc77"
SAYS: Final = {Band.LOW: "#eceef6", Band.UNCLEAR: "#bfc3df", Band.ELEVATED: "#3b3b8f"}
"""One hue from light to dark, so that the order survives any colour vision and a grey printer."""
COLOUR: Final = {
    Channel.FACE: "#0072b2",
    Channel.BODY: "#009e73",
    Channel.VOICE: "#d55e00",
    Channel.LANGUAGE: "#a6417d",
    Channel.DISCORD: "#7a6a00",
}
"""After Okabe & Ito 2008, two of them darkened for white paper."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of rows that share a value: from `start` to `end` (s), row `first` up to but not `last`."""

    start: float
    end: float
    first: int
    last: int


def runs(values: Sequence[object], t_s: NDArray[np.float64], end_s: float) -> list[tuple[object, Run]]:
    """Consecutive equal `values` at times `t_s` as stretches; the last one reaches to `end_s`."""
    found, first = [], 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[first]:
            stop = float(t_s[i]) if i < len(values) else max(end_s, float(t_s[-1]))
            found.append((values[first], Run(float(t_s[first]), stop, first, i)))
            first = i
    return found


def pauses(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Start and end (s) of every pause of at least `SHORTEST_PAUSE_S`, from the cue `voice_pause`."""
    so_far = _cue(rows, Channel.VOICE, "voice_pause")
    t_s = np.array([r.t_s for r in rows])
    found = []
    for paused, run in runs((so_far > 0).tolist(), t_s, 0.0):
        if paused:
            longest = int(run.first + np.argmax(so_far[run.first : run.last]))
            length = float(so_far[longest])
            if length >= SHORTEST_PAUSE_S:
                found.append((float(t_s[longest]) - length, float(t_s[longest])))
    return found


def clock_text(seconds: float, long: bool) -> str:
    """A time on the axis: `12` or `3:05` in clips of two minutes and more."""
    if long:
        return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"
    return f"{seconds:g}"


def arrange(starts: Sequence[float], widths: Sequence[float], levels: int) -> list[tuple[int, int]]:
    """Number and level of every label that finds room on `levels` lines without touching one before it.

    Neighbours go down the lines like stairs, from the top after every gap, so that the eye can follow a sentence.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(levels)]
    placed: list[tuple[int, int]] = []
    wanted, reach = 0, -math.inf
    for i, (start, width) in enumerate(zip(starts, widths, strict=True)):
        wanted = 0 if start >= reach else wanted
        for level in (k % levels for k in range(wanted, wanted + levels)):
            if all(start >= b or start + width <= a for a, b in taken[level]):
                taken[level].append((start, start + width))
                placed.append((i, level))
                wanted, reach = level + 1, max(reach, start + width)
                break
    return placed


def draw_timeline(timeline: Timeline, path: Path, clip: Media | None = None, origin_s: float | None = None) -> None:
    """Write the picture of `timeline` to `path` (PNG).

    Args:
        timeline: settled rows, words, segments.
        path: the file, replaced where it exists.
        clip: where the moments on top are taken from; without it, or without video in it, they are left out.
        origin_s: as in `Stills`.

    Raises:
        StoreError: there are no rows, or the file cannot be written.
    """
    if not timeline.rows:
        raise StoreError(
            f"There are no rows to draw into {path}; analyse a clip with sound or picture first.", value=path
        )
    try:
        with whole_file(path) as file:
            paint_timeline(timeline, file, clip, origin_s)
    except OSError as error:
        raise StoreError(f"Cannot write the picture {path}: {error.strerror or error}.", value=path) from error


def paint_timeline(
    timeline: Timeline, file: BinaryIO, clip: Media | None = None, origin_s: float | None = None, dpi: int = DPI
) -> None:
    """As `draw_timeline`, into an open file; `timeline` has rows.

    Raises:
        OSError: the file does not take it.
    """
    figure = _Page(timeline, _moments(timeline, clip, origin_s)).draw()
    figure.savefig(file, format="png", dpi=dpi, metadata={"Software": "ahdetect"})


def _moments(timeline: Timeline, clip: Media | None, origin_s: float | None) -> list[tuple[float, Frame]]:
    if clip is None:
        return []
    times = (np.arange(THUMBNAILS) + 0.5) / THUMBNAILS * _length(timeline)
    try:
        with Stills(clip, origin_s) as stills:
            pictures = [(float(t), stills.at(float(t), height=160)) for t in times]
    except MediaError:  # a sound file has no moments to show; the rest of the picture stands
        return []
    return [(t, picture) for t, picture in pictures if picture is not None]


def _length(timeline: Timeline) -> float:
    return max(timeline.duration_s, timeline.rows[-1].t_s, 0.1)


def _cue(rows: Sequence[Row], channel: Channel, name: str) -> NDArray[np.float64]:
    at = INDEX[name]
    vectors = (r.cues.get(channel) for r in rows)
    return np.array([np.nan if v is None else v[at] for v in vectors], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Said:
    """A word or phrase to be written at `start` (s)."""

    text: str
    start: float
    filler: bool


_POINTING = {
    e.cue.removeprefix("language_")
    for e in EFFECTS
    if e.channel is Channel.LANGUAGE and e.kind is Kind.COUNT and e.weight > 0.3
}


def _marked(said: Sequence[_Said]) -> list[_Said]:
    """Only the words and phrases that speak for A/H: fillers, hedges, contrast words and so on."""
    tokens = [token(s.text) for s in said]
    found = []
    for i in range(len(said)):
        phrases = [p for m, p in spoken(tokens[max(0, i + 1 - LONGEST) : i + 1]).items() if m in _POINTING]
        if phrases:
            first = i + 1 - max(len(p.split()) for p in phrases)
            found.append(_Said(" ".join(s.text for s in said[first : i + 1]), said[first].start, said[i].filler))
    return found


class _Page:
    """One picture in the making: where lanes stand, and how each is drawn."""

    left, right, gap = 1.6, 0.3, 0.07  # inches
    word_size = 10.0  # points

    def __init__(self, timeline: Timeline, moments: list[tuple[float, Frame]]) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.timeline = timeline
        self.rows = timeline.rows
        self.moments = moments
        self.end = _length(timeline)
        self.t = timeline.t_s
        self.long = self.end >= 120
        # Inches: up to a minute four levels of words find room at 2.2 words/s (EVIDENCE); from there on they thin out.
        self.width = float(np.interp(self.end, (20, 60, 600), (14, 18, 24)))
        self.inches_per_s = (self.width - self.left - self.right) / self.end
        self.listed = self._listed()
        self.figure = Figure(dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.notes = self._notes()
        lanes: list[tuple[float, Callable[[Any], None]]] = [
            *([(self._strip_inches(), self._strip)] if moments else []),
            (2.1, self._estimate),
            (0.27, self._says),
            *((0.62, lambda ax, c=c: self._channel(ax, c)) for c in Channel),
            (0.72, self._sound),
            (1.1, self._words),
        ]
        lines = max(1, len(self.listed) + (len(timeline.segments) > len(self.listed)))
        below = 0.5 + 0.19 * len(self.notes) + 0.24 * lines
        height = 0.78 + sum(h + self.gap for h, _ in lanes) + 0.35 + below
        self.lanes, self.height, self.below = lanes, height, below
        self.figure.set_size_inches(self.width, height)

    def draw(self) -> Any:
        y = self.height - 0.78
        span = (self.width - self.left - self.right) / self.width
        for i, (h, paint) in enumerate(self.lanes):
            y -= h
            ax = self.figure.add_axes((self.left / self.width, y / self.height, span, h / self.height))
            y -= self.gap
            self._dress(ax, last=i == len(self.lanes) - 1)
            paint(ax)
        self._header()
        self._list(self.below)
        self._footer()
        return self.figure

    # -- the frame of every lane -----------------------------------------------------------------------------------

    def _dress(self, ax: Any, last: bool) -> None:
        ticks = self._ticks()
        ax.set_xlim(0, self.end)
        ax.set_yticks([])
        ax.set_xticks(ticks, [clock_text(t, self.long) for t in ticks] if last else [])
        ax.tick_params(length=3 if last else 0, colors=FAINT, labelsize=10)
        for side in ax.spines.values():
            side.set_visible(False)
        ax.set_axisbelow(True)
        ax.grid(axis="x", color=GRID, linewidth=0.8)
        for segment in self.timeline.segments:
            ax.axvspan(segment.start_ns / NS_PER_S, segment.end_ns / NS_PER_S, color=SEGMENT, alpha=0.3, linewidth=0,
                       zorder=-1)  # fmt: skip
        if last:
            ax.set_xlabel("minutes:seconds" if self.long else "seconds", color=FAINT, fontsize=10, labelpad=2)

    def _ticks(self) -> list[float]:
        step = next(
            s for s in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600) if self.end / s <= 22 or s == 3600
        )
        return [float(t) for t in np.arange(0, self.end + 1e-9, step)]

    def _label(self, ax: Any, text: str, note: str = "", colour: str = INK) -> None:
        inch = 1 / (ax.get_position().height * self.height)
        x = -0.5 / (self.width - self.left - self.right)
        ax.text(x, 0.5 + (0.075 * inch if note else 0), text, transform=ax.transAxes, ha="right", va="center",
                fontsize=11, color=colour, fontweight="bold")  # fmt: skip
        if note:
            ax.text(
                x, 0.5 - 0.1 * inch, note, transform=ax.transAxes, ha="right", va="center", fontsize=8.5, color=FAINT
            )

    def _text_inches(self, text: str, size: float) -> float:
        from matplotlib.font_manager import FontProperties

        font = FontProperties(size=size)
        width, _, _ = self.canvas.get_renderer().get_text_width_height_descent(text, font, False)
        return float(width) / DPI

    def _fits(self, text: str, seconds: float, size: float) -> bool:
        return self._text_inches(text, size) + 0.08 <= seconds * self.inches_per_s

    # -- lanes -----------------------------------------------------------------------------------------------------

    def _strip_inches(self) -> float:
        rows, columns = self.moments[0][1].shape[:2]
        return float(min(1.15, 0.97 * self.end * self.inches_per_s / THUMBNAILS * rows / columns))

    def _strip(self, ax: Any) -> None:
        self._label(ax, "video")
        rows, columns = self.moments[0][1].shape[:2]
        half = self._strip_inches() * columns / rows / self.inches_per_s / 2
        for t, picture in self.moments:
            ax.imshow(picture, extent=(t - half, t + half, 0, 1), aspect="auto", zorder=3)
        ax.set_xlim(0, self.end)
        ax.set_ylim(0, 1)

    def _estimate(self, ax: Any) -> None:
        self._label(ax, "A/H", "probability")
        ax.set_ylim(0, 1.12)
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        ax.tick_params(axis="y", length=0, labelsize=9, colors=FAINT)
        ax.grid(axis="y", color=GRID, linewidth=0.8)
        rows = self.rows
        ax.fill_between(self.t, [r.low for r in rows], [r.high for r in rows], color=ESTIMATE, alpha=0.17, linewidth=0,
                        label="80 % band")  # fmt: skip
        ax.plot(self.t, [r.p for r in rows], color=ESTIMATE, linewidth=1.9, label="as it stood at each moment")
        smoothed = np.array([r.p_smoothed for r in rows])
        if not np.isnan(smoothed).all():
            ax.plot(
                self.t, smoothed, color=INK, linewidth=1.5, linestyle=(0, (4, 2)), label="given the whole recording"
            )
        prior = 1 / (1 + np.exp(-np.array([r.prior_log_odds for r in rows])))
        ax.plot(self.t, prior, color=FAINT, linewidth=1.2, linestyle=":", label="before any cue")
        for number, segment in enumerate(self.timeline.segments, 1):
            start, end = segment.start_ns / NS_PER_S, segment.end_ns / NS_PER_S
            ax.plot([start, end], [1.03, 1.03], color=INK, linewidth=2, solid_capstyle="butt")
            ax.text(min(max((start + end) / 2, 0), self.end), 1.05, str(number), ha="center", va="bottom", fontsize=10,
                    fontweight="bold", color=INK, clip_on=False)  # fmt: skip
        handles, labels = ax.get_legend_handles_labels()
        self.figure.legend(
            handles, labels, loc="upper right", ncols=4, frameon=False, fontsize=9, labelcolor=INK, handlelength=2.2,
            bbox_to_anchor=(1 - self.right / self.width, 1 - 0.44 / self.height), borderaxespad=0, columnspacing=1.6,
        )  # fmt: skip

    def _says(self, ax: Any) -> None:
        self._label(ax, "in words")
        ax.set_ylim(0, 1)
        for band, run in runs([r.band for r in self.rows], self.t, self.end):
            assert isinstance(band, Band)
            ax.axvspan(run.start, run.end, color=SAYS[band], linewidth=0)
            if self._fits(band.value, run.end - run.start, 9.5):
                ax.text((run.start + run.end) / 2, 0.46, band.value, ha="center", va="center", fontsize=9.5,
                        color="white" if band is Band.ELEVATED else INK)  # fmt: skip

    def _channel(self, ax: Any, channel: Channel) -> None:
        top = self._log_odds_limit()
        self._label(ax, channel.value, "log-odds", COLOUR[channel])
        ax.set_ylim(-top, top)
        ax.set_yticks([-top / 2, 0, top / 2], [f"−{top / 2:g}", "0", f"+{top / 2:g}"])
        ax.tick_params(axis="y", length=0, labelsize=8, colors=FAINT)
        states = [r.states[channel] for r in self.rows]
        presence = [s.presence for s in states]
        adds = self.timeline.contribution(channel)
        adds[[p is Presence.ABSENT for p in presence]] = np.nan
        adds = np.clip(adds, -top, top)
        ax.axhline(0, color=FAINT, linewidth=0.7)
        ax.fill_between(
            self.t, 0, adds, where=adds >= 0, color=COLOUR[channel], alpha=0.75, linewidth=0, interpolate=True
        )
        ax.fill_between(
            self.t, 0, adds, where=adds <= 0, color=COLOUR[channel], alpha=0.3, linewidth=0, interpolate=True
        )
        free = 0.0
        for state, run in runs(presence, self.t, self.end):
            if state is Presence.PRESENT:
                continue
            hatch, face = ("////", "#ececef") if state is Presence.ABSENT else ("....", "none")
            ax.axvspan(run.start, run.end, facecolor=face, edgecolor="#b9b9c2", hatch=hatch, linewidth=0, zorder=0.9)
            reasons = [s.reason for s in states[run.first : run.last] if s.reason]
            reason = (
                max(set(reasons), key=reasons.count) if reasons else "stale" if state is Presence.STALE else "absent"
            )
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.9}
            if self._fits(reason, run.end - run.start, 8.5):
                ax.text((run.start + run.end) / 2, 0 if state is Presence.ABSENT else top * 0.72, reason, ha="center",
                        va="center", fontsize=8.5, color=INK, style="italic", bbox=box)  # fmt: skip
                free = run.end
                continue
            # No room inside: beside it, where nothing else is written.
            start = run.end + 0.05 / self.inches_per_s
            end = start + self._text_inches(reason, 8.5) / self.inches_per_s
            if start >= free and end <= self.end:
                ax.text(
                    start,
                    -top * 0.72,
                    reason,
                    ha="left",
                    va="center",
                    fontsize=8.5,
                    color=INK,
                    style="italic",
                    bbox=box,
                )
                free = end

    def _log_odds_limit(self) -> float:
        largest = max(float(np.nanpercentile(np.abs(self.timeline.contribution(c)), 99.5)) for c in Channel)
        return next(limit for limit in (1.0, 2.0, 4.0, 6.0, 8.0) if largest <= limit or limit == 8.0)

    def _sound(self, ax: Any) -> None:
        self._label(ax, "sound", "dark: speech")
        level = _cue(self.rows, Channel.VOICE, "voice_intensity")
        ax.set_ylim(-1.75, 1.05)
        if np.isnan(level).all():
            ax.text(self.end / 2, -0.3, "no sound", ha="center", va="center", fontsize=10, color=FAINT, style="italic")
            return
        half = np.clip((np.nan_to_num(level, nan=-60.0) + 60) / 60, 0.02, 1)  # -60 dB re full scale is nothing to see
        speech = np.nan_to_num(_cue(self.rows, Channel.VOICE, "voice_speech")) >= 0.5
        ax.fill_between(self.t, -half, half, color="#b7b7c6", linewidth=0)
        ax.fill_between(self.t, -half, half, where=speech, color="#4a4a5c", linewidth=0)
        for start, end in pauses(self.rows):
            ax.plot([start, end], [-1.3, -1.3], color=COLOUR[Channel.VOICE], linewidth=2.2, solid_capstyle="butt")
            text = f"pause {end - start:.1f} s"
            text = text if self._fits(text, end - start, 8) else f"{end - start:.1f}"
            if self._fits(text, end - start, 8):
                ax.text((start + end) / 2, -1.32, text, ha="center", va="center", fontsize=8,
                        color=COLOUR[Channel.VOICE],
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip

    def _words(self, ax: Any) -> None:
        ax.set_ylim(0, 1)
        words = self.timeline.words
        if not words:
            self._label(ax, "words")
            ax.text(self.end / 2, 0.5, "no words", ha="center", va="center", fontsize=10, color=FAINT, style="italic")
            return
        said = [_Said(w.text, w.start_ns / NS_PER_S, token(w.text) in PHRASES["filler"]) for w in words]
        placed, note = self._place(said), "boxed: filler"
        if not {s for s in said if s.filler} <= {item for item, _, _ in placed}:
            placed = self._place(sorted(said, key=lambda s: not s.filler))  # if a word must go, then not a filler
        if len(placed) < 0.8 * len(said):
            # Every third word of a sentence reads like another sentence; what the language channel counts does not.
            placed = self._place(sorted(_marked(said), key=lambda s: not s.filler))
            note = "fillers, markers"
        colour = COLOUR[Channel.LANGUAGE]
        box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": colour, "linewidth": 1.1}
        for item, start, level in placed:
            ax.text(start, 0.8 - 0.225 * level, item.text, ha="left", va="center", fontsize=self.word_size,
                    color=colour if item.filler else INK, bbox=box if item.filler else None,
                    parse_math=False)  # fmt: skip
        ax.vlines([s.start for s in said], 0.94, 1, color=INK, linewidth=0.8)
        self._label(ax, "words", note)

    def _place(self, said: list[_Said]) -> list[tuple[_Said, float, int]]:
        """Those of `said` that find room, with left edge (s) and level; the first ones choose first."""
        inches = [self._text_inches(s.text, self.word_size) + (0.16 if s.filler else 0.09) for s in said]
        wide = [i / self.inches_per_s for i in inches]
        starts = [min(s.start, max(0.0, self.end - w)) for s, w in zip(said, wide, strict=True)]
        return [(said[i], starts[i], level) for i, level in arrange(starts, wide, WORD_LEVELS)]

    # -- text around -----------------------------------------------------------------------------------------------

    def _header(self) -> None:
        x = 0.3 / self.width
        self.figure.text(x, 1 - 0.14 / self.height, TITLE, fontsize=16, fontweight="bold", color=INK, va="top")
        source = self.timeline.info.get("source") or {}
        name = str(source.get("name", "")) if isinstance(source, dict) else ""
        parts = [name, f"{clock_text(self.end, True)} min" if self.long else f"{self.end:.1f} s"]
        self.figure.text(x, 1 - 0.46 / self.height, "   ".join(filter(None, parts)), fontsize=11, color=FAINT, va="top")

    def _listed(self) -> list[tuple[int, Segment]]:
        numbered = list(enumerate(self.timeline.segments, 1))
        return sorted(sorted(numbered, key=lambda n: -n[1].mean_p)[:LISTED])

    def _list(self, below: float) -> None:
        y, x = below - 0.3, self.left
        self.figure.text(
            (x - 0.5) / self.width,
            y / self.height,
            "segments",
            ha="right",
            va="center",
            fontsize=11,
            fontweight="bold",
            color=INK,
        )
        lines = [self._line(number, segment) for number, segment in self.listed]
        if not lines:
            lines = ["No stretch of this recording is elevated."]
        if len(self.timeline.segments) > len(self.listed):
            lines.append(f"The {LISTED} strongest of {len(self.timeline.segments)}; the others stand in events.jsonl.")
        for line in lines:
            self.figure.text(
                x / self.width, y / self.height, line, va="center", fontsize=10.5, color=INK, parse_math=False
            )
            y -= 0.24

    def _line(self, number: int, segment: Segment) -> str:
        start, end = segment.start_ns / NS_PER_S, segment.end_ns / NS_PER_S
        when = f"{clock_text(start, True)} – {clock_text(end, True)}" if self.long else f"{start:.1f} – {end:.1f} s"
        line = f"{number}    {when}    peak {segment.peak_p:.2f}, mean {segment.mean_p:.2f}    "
        line += ", ".join(segment.phrases)
        room = self.width - self.left - self.right
        said, full = segment.words.split(), False
        while said and self._text_inches(f"{line}    “{' '.join(said)} …”", 10.5) > room:
            said, full = said[:-1], True
        return f"{line}    “{' '.join(said)}{' …' if full else ''}”" if said else line

    def _notes(self) -> list[str]:
        """Lines of the footer, broken to the width of the page."""
        versions, fuser = self.timeline.info.get("versions", {}), self.timeline.info.get("fuser", {})
        made = " ".join(["ahdetect", str(versions.get("ahdetect", ""))]).strip()
        lines = [LEGEND, str(fuser.get("note", "")), f"{made}, fuser: {fuser.get('name', 'unknown')}"]
        room = self.width - 0.6
        columns = [int(0.97 * room / self._text_inches(line, 9) * len(line)) for line in lines if line]
        filled = zip(filter(None, lines), columns, strict=True)
        return [part for line, wide in filled for part in textwrap.wrap(line, wide)]

    def _footer(self) -> None:
        for i, line in enumerate(reversed(self.notes)):
            y = (0.12 + 0.19 * i) / self.height
            self.figure.text(0.3 / self.width, y, line, fontsize=9, color=FAINT, va="bottom")
