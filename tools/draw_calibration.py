"""The picture of docs/calibration.md: simulated restless brows of one person in, `docs/images/calibration.svg` out.

    python tools/draw_calibration.py

The person is simulated: usually twice as restless as people in general, and for two stretches more restless than usual
for them. The grey band is the shipped reference of the cue (`ahdetect.models.reference`), the coloured one what
`ahdetect.calibration.usual` makes of the 75 s of neutral talk. Nothing is fitted by hand but the simulation itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

mpl.use("svg")
import matplotlib.pyplot as plt

from ahdetect.calibration.usual import usual_of
from ahdetect.models.reference import reference

OUT: Final = Path(__file__).resolve().parent.parent / "docs" / "images" / "calibration.svg"
CUE: Final = "face_brow_lower_sd"
STEP_S: Final = 0.5
TALK_S: Final = 75.0
END_S: Final = 195.0
SLOW_S: Final = 3.0
"""The cue is a spread over 2 s, so its values hang together for about that long."""
RAISED_S: Final = ((105.0, 117.0), (150.0, 166.0))
INK, FAINT, PEOPLE, OWN, TALK = "#22222c", "#5b5b68", "#c4c4cc", "#8fb0e8", "#f3efe0"


def simulated() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times, s, and values of the cue, in standard deviations of people in general above their usual."""
    rng = np.random.default_rng(7)
    t = np.arange(0.0, END_S, STEP_S)
    noise = np.zeros(len(t))
    keep = np.exp(-STEP_S / SLOW_S)
    for i in range(1, len(t)):
        noise[i] = keep * noise[i - 1] + np.sqrt(1 - keep**2) * rng.normal()
    value = 2.0 + 0.55 * noise
    for start, end in RAISED_S:
        value += 2.1 * ((t >= start) & (t < end))
    return t, value


def band(axes: Any, t: tuple[float, float], location: float, scale: float, colour: str, text: str) -> None:
    """Usual plus and minus one standard deviation, with its name."""
    axes.fill_between(t, location - scale, location + scale, color=colour, lw=0, zorder=1)
    axes.plot(t, (location, location), color=INK, lw=0.8, ls=":", zorder=2)
    axes.annotate(text, (t[1] + 2, location), va="center", fontsize=10, color=INK, annotation_clip=False)


def main() -> None:
    """Draw it."""
    people = reference(CUE)
    t, z = simulated()
    x = people.location + people.scale * z
    talk = t < TALK_S
    own = usual_of(t[talk], x[talk], np.full(int(talk.sum()), STEP_S), people)
    assert own is not None
    middle, spread = (own.location - people.location) / people.scale, own.scale / people.scale
    mpl.rcParams |= {"svg.hashsalt": "ahdetect", "font.family": "DejaVu Sans", "svg.fonttype": "path"}
    figure, axes = plt.subplots(figsize=(9.2, 3.9), layout="constrained")
    axes.axvspan(0, TALK_S, color=TALK, lw=0, zorder=0)
    band(axes, (0, END_S), 0.0, 1.0, PEOPLE, "usual in people\n(before calibration)")
    band(axes, (TALK_S, END_S), middle, spread, OWN, "usual in this person\n(after calibration)")
    axes.plot(t, z, color=INK, lw=1.3, zorder=3)
    for start, end in RAISED_S:
        axes.annotate(
            "", (start, 5.5), (end, 5.5), arrowprops={"arrowstyle": "|-|, widthA=.25, widthB=.25", "color": INK}
        )
    middle_s = sum(map(sum, RAISED_S)) / 4
    axes.text(middle_s, 5.75, "more than usual, for this person", ha="center", fontsize=10, color=INK)
    axes.text(TALK_S / 2, 5.75, "75 s of neutral talk", ha="center", fontsize=10, color=INK)
    axes.text(TALK_S / 2, 5.2, "(read a text, answer a plain question)", ha="center", fontsize=9, color=FAINT)
    axes.set(xlim=(0, END_S), ylim=(-1.6, 6.4), xlabel="seconds")
    axes.set_ylabel("restless brows,\nstandard deviations of people")
    axes.set_title("Simulated person: the same line, measured against people and against themselves", fontsize=11)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(OUT, metadata={"Date": None, "Creator": None})
    print(f"{OUT.name}: own {middle:.2f} sd above people, spread {spread:.2f} of theirs, {own.seconds:.0f} s count")


if __name__ == "__main__":
    main()
