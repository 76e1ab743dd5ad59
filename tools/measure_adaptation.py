"""Measure adaptation: simulated people flow in; scores of source-only, adapted online, oracle and the optimum flow out.

    OMP_NUM_THREADS=1 .venv/bin/python tools/measure_adaptation.py --people 24 --minutes 10 --seed 100

All people are simulated (`models.simulate`): the figures compare methods and are no claim about anybody. Frame level,
AVGF1 and balanced accuracy at .5; "gap" is the share of the way from source-only to oracle.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from ahdetect.calibration.fuser import AdaptiveFuser
from ahdetect.evaluation import average_precision, avgf1, roc_auc
from ahdetect.models.evidence import EvidenceFilter, EvidenceSettings
from ahdetect.models.personal import Personal
from ahdetect.models.posterior import Fuser
from ahdetect.models.simulate import SimulatedSession, optimal, simulate

Array = NDArray[np.float64]
FIXED = EvidenceSettings(personal=False)


def walk(fuser: Fuser, session: SimulatedSession, prompts: bool) -> Array:
    """Causal probabilities of a session, (T,)."""
    kinds = {p.t_ns: p.kind for p in session.prompts} if prompts else {}
    p = []
    for frame in session.frames():
        if frame.t_ns in kinds:
            fuser.set_prompt(kinds[frame.t_ns])
        p.append(fuser.step(frame).p)
    return np.array(p)


def methods(session: SimulatedSession) -> dict[str, Callable[[], Fuser]]:
    """A fresh fuser per method."""
    known = session.person.personal()
    return {
        "source only": lambda: EvidenceFilter(FIXED),
        "running mean (default filter)": EvidenceFilter,
        "adapted online": AdaptiveFuser,
        "oracle": lambda: EvidenceFilter(FIXED, personal=known),
        "oracle without prevalence": lambda: EvidenceFilter(FIXED, personal=replace(known, prevalence=None)),
        "oracle of location and scale": lambda: EvidenceFilter(FIXED, personal=Personal(usual=known.usual)),
    }


def one(session: SimulatedSession, prompts: bool) -> dict[str, Array]:
    """Probabilities of all methods on one session."""
    found = {name: walk(make(), session, prompts) for name, make in methods(session).items()}
    return {**found, "Bayes-optimal": optimal(session, prompts=prompts)}


def scores(truth: list[Array], p: list[Array]) -> dict[str, float]:
    """Over all frames, and within people (mean over those with both states)."""
    y, all_p = np.concatenate(truth), np.concatenate(p)
    clipped = np.clip(all_p, 1e-6, 1 - 1e-6)
    both = [(t, q) for t, q in zip(truth, p, strict=True) if 0 < t.mean() < 1]
    return {
        "AVGF1": avgf1(y, all_p) or 0.0,
        "AP": average_precision(y, all_p) or 0.0,
        "bal.acc.": float(balanced_accuracy_score(y, all_p >= 0.5)),
        "AUC": roc_auc(y, all_p) or 0.0,
        "log loss": float(-np.where(y > 0, np.log(clipped), np.log1p(-clipped)).mean()),
        "AP within people": float(np.mean([average_precision(t, q) for t, q in both])),
        "AUC within people": float(np.mean([roc_auc(t, q) for t, q in both])),
    }


def main() -> None:
    """Print one table per setting of the prompts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fps", type=float, default=2.5)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--prompts", choices=("blind", "known", "both"), default="both")
    args = parser.parse_args()
    sessions = simulate(args.people, args.seed, minutes=args.minutes, fps=args.fps)
    truth = [s.truth.astype(float) for s in sessions]
    for prompts in {"blind": (False,), "known": (True,), "both": (False, True)}[args.prompts]:
        with ProcessPoolExecutor(args.processes) as pool:
            found = list(pool.map(partial(one, prompts=prompts), sessions))
        table = {name: scores(truth, [f[name] for f in found]) for name in found[0]}
        source, best = table["source only"], table["oracle"]
        gap = {k: round((v - source[k]) / (best[k] - source[k]), 2) for k, v in table["adapted online"].items()}
        print(json.dumps({"simulated": True, "prompts": "known" if prompts else "blind", **vars(args)}))
        for name, row in table.items():
            print(f"{name:32s}", " ".join(f"{k} {v:.4f}" for k, v in row.items()))
        print("share of the gap closed online:", gap, flush=True)


if __name__ == "__main__":
    main()
