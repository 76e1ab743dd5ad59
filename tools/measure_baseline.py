"""Simulated people, or the rows of clips, flow in; how near a baseline comes to what is usual in them flows out.

    python tools/measure_baseline.py                    simulated people
    python tools/measure_baseline.py CLIP CLIP ...      each clip's beginning against its rest
    python tools/measure_baseline.py --table FILE.npz   share of variance between people, emotions taken out

Simulated: a person's location differs from the population's by a normal draw, the scale by a log-normal one; values are
a moving mean over the cue's window. Errors are root mean squares over people: of the location in the population's
standard deviations, of the scale in log units. Nothing is fitted here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import expon, kurtosis, norm

import ahdetect
from ahdetect.calibration.usual import BETWEEN, Array, usual_of
from ahdetect.models.cues import INDEX
from ahdetect.models.effects import CLIP_Z, EFFECTS, Kind
from ahdetect.models.evidence import REFERENCE_WEIGHT_S
from ahdetect.models.reference import MAD_TO_SD, Reference, reference

PEOPLE = 400
FPS = 10
SPREAD = 0.3
"""Standard deviation of the log of a person's own scale; assumed."""
POPULATION = Reference(0.0, 1.0, 300.0, 7)
Pair = tuple[float, float]


def running(_t: Array, x: Array, lasted: Array, population: Reference) -> Pair:
    """What the evidence filter has learned by the end, formula by formula (models/evidence.py, `_learn`)."""
    mean, var, seen = population.location, population.scale**2, 0.0
    for value, dt in zip(x, lasted, strict=True):
        reach = CLIP_Z * np.sqrt(var)
        gain = dt / (REFERENCE_WEIGHT_S + seen + dt)
        delta = min(max(value, mean - reach), mean + reach) - mean
        mean += gain * delta
        var = (1 - gain) * (var + gain * delta**2)
        seen += dt
    return mean, float(np.sqrt(var))


def ours(t: Array, x: Array, lasted: Array, population: Reference) -> Pair:
    """The baseline's."""
    found = usual_of(t, x, lasted, population)
    return (found.location, found.scale) if found else (population.location, population.scale)


def plain(_t: Array, x: Array, _lasted: Array, population: Reference) -> Pair:
    """Median and median absolute deviation, nothing shrunk."""
    middle = float(np.median(x))
    return middle, max(MAD_TO_SD * float(np.median(np.abs(x - middle))), 0.01 * population.scale)


WAYS: dict[str, Callable[[Array, Array, Array, Reference], Pair]] = {
    "population": lambda _t, _x, _lasted, p: (p.location, p.scale),
    "median, MAD": plain,
    "running (filter)": running,
    "baseline": ours,
}


def person(rng: np.random.Generator, seconds: float, window_s: float, odd: float, skewed: bool) -> tuple[Array, Pair]:
    """Values of one person at `FPS`, and their true location and scale; about `odd` of the time is tracking errors."""
    location = float(rng.normal(0.0, np.sqrt(BETWEEN)))
    scale = float(np.sqrt(1 - BETWEEN) * np.exp(rng.normal(0.0, SPREAD)))
    n, k = round(seconds * FPS), max(1, round(window_s * FPS))
    noise = rng.normal(size=n + k - 1)
    z = np.convolve(noise, np.ones(k) / np.sqrt(k), mode="valid")
    x = location + scale * (expon.ppf(norm.cdf(z)) - 1.0 if skewed else z)
    for start in np.flatnonzero(rng.random(n) < odd / FPS):
        x[start : start + FPS] = location + rng.standard_t(1) * 10.0  # one second each
    return x, (location, scale)


CASES = {  # seconds, window s, share of time that is tracking errors, skewed (exponential) or normal
    "75 s, window 2 s": (75, 2, 0.0, False),
    "75 s, window 10 s": (75, 10, 0.0, False),
    "75 s, window 20 s": (75, 20, 0.0, False),
    "15 s, window 2 s": (15, 2, 0.0, False),
    "75 s, window 2 s, a tenth errors": (75, 2, 0.1, False),
    "75 s, window 2 s, a fifth errors": (75, 2, 0.2, False),
    "75 s, window 2 s, skewed": (75, 2, 0.0, True),
    "75 s, window 2 s, skewed, a tenth errors": (75, 2, 0.1, True),
}


def simulated(console: Console) -> None:
    """Errors of location and scale by case and way."""
    table = Table("simulated, error of location / of log scale", *WAYS)
    for case, (seconds, window, odd, skewed) in CASES.items():
        rng, cells = np.random.default_rng(0), []
        people = [person(rng, seconds, window, odd, skewed) for _ in range(PEOPLE)]
        for way in WAYS.values():
            miss = []
            for x, (location, scale) in people:
                found = way(np.arange(len(x)) / FPS, x, np.full(len(x), 1 / FPS), POPULATION)
                miss.append((found[0] - location, np.log(found[1] / scale)))
            a, b = np.sqrt(np.mean(np.square(miss), axis=0))
            cells.append(f"{a:.2f} / {b:.2f}")
        table.add_row(case, *cells)
    console.print(table)


def clips(console: Console, paths: list[Path], seconds: float) -> None:
    """How far what a clip's beginning says is from the mean of its rest, in the population's standard deviations."""
    table = Table("clip, error over cues: root mean square / median", "cues", *WAYS)
    for path in paths:
        rows = ahdetect.analyze(path).rows
        t = np.array([row.t_s for row in rows])
        cut = min(seconds, t[-1] / 2)
        miss: dict[str, list[float]] = {way: [] for way in WAYS}
        for effect in (e for e in EFFECTS if e.kind is Kind.LEVEL):
            vectors = [row.cues[effect.channel] for row in rows]
            x = np.array([np.nan if v is None else v[INDEX[effect.cue]] for v in vectors], dtype=np.float64)
            lasted = np.diff(t, prepend=t[0])
            early, late = np.isfinite(x) & (t < cut), np.isfinite(x) & (t >= cut)
            if lasted[early].sum() < cut / 2 or lasted[late].sum() < cut / 2:
                continue
            people = reference(effect.cue)
            for name, way in WAYS.items():
                found = way(t[early], x[early], lasted[early], people)
                miss[name].append((found[0] - float(np.mean(x[late]))) / people.scale)
        cells = [f"{np.sqrt(np.mean(np.square(m))):.2f} / {np.median(np.abs(m)):.2f}" for m in miss.values()]
        table.add_row(f"{path.name}, {cut:.0f} s of {t[-1]:.0f} s", str(len(miss["baseline"])), *cells)
    console.print(table)


def between(console: Console, table: Path) -> None:
    """One-way intraclass correlation of every column by person, its median per set of features."""
    data = np.load(table)
    for name in (n for n in data.files if data[n].ndim == 2):
        x, people = data[name].astype(float), data["subject"]
        x = x[:, x.std(axis=0) > 0]
        for emotion in np.unique(data["emotion"]):
            x[data["emotion"] == emotion] -= x[data["emotion"] == emotion].mean(axis=0)
        groups = [x[people == person] for person in np.unique(people)]
        within = np.mean([g.var(axis=0, ddof=1) for g in groups], axis=0)
        means = np.array([g.mean(axis=0) for g in groups])
        apart = means.var(axis=0, ddof=1) - within / np.mean([len(g) for g in groups])
        share = np.quantile(apart / (apart + within), [0.25, 0.5, 0.75])
        console.print(f"{name}, {x.shape[1]} columns, {len(groups)} people: share between people {share.round(2)}")
        console.print(f"  spread of the log of a person's scale, its chance taken off: {scale_spread(groups):.2f}")


def scale_spread(groups: list[Array]) -> float:
    """Standard deviation over people of the log of a column's own standard deviation, of the median column.

    The variance that so few rows would give anyway is taken off: (kurtosis - 1) / 4n.
    """
    found = np.var([np.log(g.std(axis=0, ddof=1)) for g in groups], axis=0, ddof=1)
    by_chance = np.mean([(kurtosis(g, fisher=False) - 1.0) / (4.0 * len(g)) for g in groups], axis=0)
    return float(np.sqrt(max(0.0, np.median(found - by_chance))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=75.0, help="length of the beginning; at most half a clip")
    parser.add_argument("--table", type=Path, help="arrays `emotion`, `subject` and 2-D features")
    asked = parser.parse_args()
    if asked.table:
        between(Console(), asked.table)
    elif asked.clips:
        clips(Console(), asked.clips, asked.seconds)
    else:
        simulated(Console(width=120))
