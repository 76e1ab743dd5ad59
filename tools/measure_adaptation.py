"""Measure adaptation: simulated people flow in; the share of the gap to the oracle that each way closes flows out.

    OMP_NUM_THREADS=1 .venv/bin/python tools/measure_adaptation.py --people 40 --seeds 100 200 300 --prompts blind
    OMP_NUM_THREADS=1 .venv/bin/python tools/measure_adaptation.py --people 40 --seeds 100 200 300 --prompts known

All people are simulated (`models.simulate`): the figures compare methods and are no claim about anybody. Each person
sits through a calibration of 75 s of neutral talk, which is not scored, then a session, which is, from its first frame.
Frame level over all people, AVGF1 and balanced accuracy at .5; intervals of 95 % are a bootstrap over people.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from ahdetect.calibration.baseline import BaselineBuilder
from ahdetect.calibration.fuser import AdaptiveFuser
from ahdetect.calibration.rows import KINDS, RowFilter
from ahdetect.evaluation import average_precision, avgf1, roc_auc
from ahdetect.models.effects import EFFECTS
from ahdetect.models.evidence import MAX_GAP_S, EvidenceFilter
from ahdetect.models.personal import Personal
from ahdetect.models.posterior import EvidenceFrame, Fuser
from ahdetect.models.simulate import COLUMNS, SimulatedSession, optimal, simulate_person, simulate_session

Array = NDArray[np.float64]
CALIBRATION_S = 75.0
MINUTES = 10.0
GAPS = ("calibrated", "calibrated, running mean", "calibrated + online", "online, not calibrated", "running mean")


def sessions_of(seed: int, i: int, minutes: float, fps: float) -> tuple[SimulatedSession, SimulatedSession]:
    """A simulated person's calibration and session; person `i` is the same whatever else is simulated."""
    rng = np.random.default_rng([seed, i])
    person = simulate_person(rng)
    session = simulate_session(person, rng, minutes=minutes, fps=fps)
    own = np.random.default_rng([seed, i, 1])
    return simulate_session(person, own, minutes=CALIBRATION_S / 60.0, fps=fps, kinds=("neutral",)), session


def calibrated(session: SimulatedSession) -> Personal:
    """What the product's calibration finds."""
    builder = BaselineBuilder(aim_s=CALIBRATION_S)
    for frame in session.frames():
        builder.take(frame)
    return builder.result().personal()


def rows_of(session: SimulatedSession, prompts: bool = False) -> Array:
    """One row of an adapter per frame, as `row_of` makes them."""
    seconds = np.minimum(np.diff(session.t_ns, prepend=session.t_ns[0]) / 1e9, MAX_GAP_S)
    kinds = [KINDS.index(k) for k in session.kinds()] if prompts else np.full(len(seconds), np.nan)
    cues = [session.cues[e.channel][:, COLUMNS[e.channel].index(e.cue)] for e in EFFECTS]
    return np.stack([seconds, kinds, *cues], axis=1).astype(np.float64)


def walk(fuser: Fuser, frames: list[EvidenceFrame], kinds: dict[int, str]) -> Array:
    """Causal probabilities of a session, (T,)."""
    p = []
    for frame in frames:
        if frame.t_ns in kinds:
            fuser.set_prompt(kinds[frame.t_ns])
        p.append(fuser.step(frame).p)
    return np.array(p)


def one(person: tuple[int, int], minutes: float, fps: float, prompts: bool) -> tuple[dict[str, Array], list[str]]:
    """Truth and the probabilities of all methods of one person, and what the guards refused.

    Parameters that stand still are judged by the filter's model on rows, which is the same and faster.
    """
    first, session = sessions_of(*person, minutes, fps)
    found, known = calibrated(first), session.person.personal()
    fixed = {
        "source only": Personal(),
        "calibrated": found,
        "oracle": known,
        "oracle without prevalence": replace(known, prevalence=None),
        "oracle of location and scale": Personal(usual=known.usual),
    }
    online = AdaptiveFuser(personal=found)
    moving: dict[str, Fuser] = {
        "running mean": EvidenceFilter(),
        "online, not calibrated": AdaptiveFuser(),
        "calibrated, running mean": EvidenceFilter(personal=found),
        "calibrated + online": online,
    }
    p = RowFilter().filtered(rows_of(session, prompts), tuple(fixed.values()))
    frames, kinds = list(session.frames()), {p.t_ns: p.kind for p in session.prompts} if prompts else {}
    told = {
        "truth": session.truth.astype(float),
        **{name: p[:, k] for k, name in enumerate(fixed)},
        **{name: walk(fuser, frames, kinds) for name, fuser in moving.items()},
        "Bayes-optimal": optimal(session, prompts=prompts),
    }
    return told, [c.reason for c in online.changes if not c.accepted]


def scores(y: Array, p: Array) -> dict[str, float]:
    """Over all frames."""
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return {
        "AVGF1": avgf1(y, p) or 0.0,
        "AP": average_precision(y, p) or 0.0,
        "bal.acc.": float(balanced_accuracy_score(y, p >= 0.5)),
        "AUC": roc_auc(y, p) or 0.0,
        "log loss": float(-np.where(y > 0, np.log(clipped), np.log1p(-clipped)).mean()),
    }


def table_of(people: list[dict[str, Array]], names: tuple[str, ...] | None = None) -> dict[str, dict[str, float]]:
    """Scores of every method, or of `names`, over these people."""
    y = np.concatenate([p["truth"] for p in people])
    every = tuple(n for n in people[0] if n != "truth")
    return {n: scores(y, np.concatenate([p[n] for p in people])) for n in names or every}


def shares(table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Share of the way from source-only to oracle, per method and score."""
    source, best = table["source only"], table["oracle"]
    return {n: {k: (table[n][k] - source[k]) / (best[k] - source[k]) for k in source} for n in GAPS}


def report(people: list[dict[str, Array]], draws: int) -> None:
    """Print scores, and shares of the gap with intervals."""
    table = table_of(people)
    for name, row in table.items():
        print(f"{name:28s}", " ".join(f"{k} {v:.4f}" for k, v in row.items()))
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        some = [people[i] for i in rng.integers(len(people), size=len(people))]
        found.append(shares(table_of(some, ("source only", "oracle", *GAPS))))
    for name, row in shares(table).items():
        said = []
        for k, v in row.items():
            low, high = np.percentile([f[name][k] for f in found], [2.5, 97.5]) if found else (np.nan, np.nan)
            said.append(f"{k} {100 * v:.0f} % [{100 * low:.0f}, {100 * high:.0f}]")
        print(f"gap closed, {name:24s}", "  ".join(said), flush=True)


def main() -> None:
    """Print scores and shares of the gap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40, help="per seed")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--fps", type=float, default=2.5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 200, 300])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--prompts", choices=("blind", "known"), default="blind")
    parser.add_argument("--draws", type=int, default=200, help="of the bootstrap")
    parser.add_argument("--from-minute", type=float, nargs="*", default=[0.0], help="score from here on, each alone")
    args = parser.parse_args()
    who = [(seed, i) for seed in args.seeds for i in range(args.people)]
    job = partial(one, minutes=args.minutes, fps=args.fps, prompts=args.prompts == "known")
    with ProcessPoolExecutor(args.processes) as pool:
        people, refused = zip(*pool.map(job, who), strict=True)
    print(json.dumps({"simulated": True, **vars(args)}))
    print(f"sessions in which a guard acted: {sum(map(bool, refused))} of {len(who)};", Counter(chain(*refused)))
    for minute in args.from_minute:
        start = round(minute * 60.0 * args.fps)
        print(f"frames from minute {minute:g} on")
        report([{n: x[start:] for n, x in p.items()} for p in people], args.draws)


if __name__ == "__main__":
    main()
