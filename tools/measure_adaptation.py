"""Measure adaptation: simulated people flow in; the share of the gap to the oracle that each way closes flows out.

    OMP_NUM_THREADS=1 .venv/bin/python tools/measure_adaptation.py --people 40 --seeds 100 200 300
    OMP_NUM_THREADS=1 .venv/bin/python tools/measure_adaptation.py --seeds 100 --minutes 30 --from-minute 0 20 --fast

All people are simulated (`models.simulate`): the figures compare methods and are no claim about anybody. Each person
sits through a calibration of 75 s of neutral talk, which is not scored, then a session, which is, from its first frame.
Frame level over all people, AVGF1 and balanced accuracy at .5; intervals of 95 % are a bootstrap over people. The
filter's formulas run on rows, for all people at once (within .03 of the fuser's: the first
row of a step differs); guards are left out, and `--guards` says how often they act.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from ahdetect.calibration.baseline import BaselineBuilder
from ahdetect.calibration.bayes import EvidenceBayes
from ahdetect.calibration.fuser import EVERY_S, LAYOUT, ROW_S
from ahdetect.calibration.guards import Guarded
from ahdetect.calibration.rows import KINDS, RowFilter
from ahdetect.evaluation import average_precision, avgf1, roc_auc
from ahdetect.models import population
from ahdetect.models.effects import EFFECTS
from ahdetect.models.evidence import MAX_GAP_S, EvidenceFilter
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import Personal
from ahdetect.models.simulate import COLUMNS, SimulatedSession, optimal, simulate_person, simulate_session

Array = NDArray[np.float64]
Table = dict[str, dict[str, float]]
CALIBRATION_S = 75.0
MINUTES = 10.0
EDGES = np.concatenate([np.linspace(0.0, 0.5, 400)[:-1], np.linspace(0.5, 1.0, 400)])


def sessions_of(
    seed: int, i: int, minutes: float, fps: float, pace: float = 1.0
) -> tuple[SimulatedSession, SimulatedSession]:
    """A simulated person's calibration and session; person `i` is the same whatever else is simulated.

    With a pace other than 1 the person's cues hang together for so many times as long as everybody else takes them to.
    """
    rng, own = np.random.default_rng([seed, i]), np.random.default_rng([seed, i, 1])
    usual = dict(population.TAU_S)
    population.TAU_S.update({c: tau * pace for c, tau in usual.items()})
    try:
        person = simulate_person(rng)
        session = simulate_session(person, rng, minutes=minutes, fps=fps)
        return simulate_session(person, own, minutes=CALIBRATION_S / 60.0, fps=fps, kinds=("neutral",)), session
    finally:
        population.TAU_S.update(usual)


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


def learned(x: Array, personal: Personal) -> list[Personal]:
    """What is in force during each step of `EVERY_S`, from what came before it; the adapter gets its rows, no more."""
    adapter, n, every = EvidenceBayes(personal=personal), steps_in(x), max(1, round(ROW_S / float(x[1, 0])))
    found = []
    for i in range(0, len(x), n):
        found.append(adapter.personal)
        at = np.arange(i, min(i + n, len(x)))
        rows = x[at[(at + 1) % every == 0]].copy()
        rows[:, 0] *= every
        adapter.learn(rows)
    return found


def all_learned(rows: Sequence[Array], people: Sequence[Personal]) -> list[list[Personal]]:
    """`learned` for everybody, on all cores."""
    with ProcessPoolExecutor() as pool:
        return list(pool.map(learned, rows, people))


def steps_in(x: Array) -> int:
    """Rows in a step of the adaptive fuser."""
    return int(np.ceil(EVERY_S / float(x[1, 0]) - 1e-6))


def nats(x: Array, people: list[Personal]) -> tuple[Array, Array]:
    """Nats (T,) that the rows add, and the prior log-odds (T,), with each of `people` in force in turn."""
    model, n = RowFilter(), steps_in(x) if len(people) > 1 else len(x)
    add, prior = [], []
    for i, p in enumerate(people):
        some = x[i * n : (i + 1) * n]
        add.append(model.llr(some, p)[0].sum(axis=1) * some[:, 0] / FADE_S)
        share = model.prevalences(some, np.array([model.log_odds(p)]))[:, 0]
        prior.append(np.log(share) - np.log1p(-share))
    return np.concatenate(add), np.concatenate(prior)


def forward(add: Array, prior: Array, seconds: Array) -> Array:
    """The evidence filter's probability, (T, people), of nats and prior log-odds of the same shape."""
    segment_s, share = RowFilter().settings.segment_s, 1.0 / (1.0 + np.exp(-prior))
    stay = np.exp(-seconds[:, None] / segment_s / (1.0 - share))
    found, over = np.empty_like(add), np.zeros(add.shape[1])
    for i in range(len(add)):
        p = share[i] + (1.0 / (1.0 + np.exp(-(prior[i] + over))) - share[i]) * stay[i]
        over = np.log(p) - np.log1p(-p) - prior[i] + add[i]
        found[i] = 1.0 / (1.0 + np.exp(-(prior[i] + over)))
    return found


def running(session: SimulatedSession, prompts: bool, personal: Personal) -> Array:
    """The default filter, whose running mean goes on from `personal`, (T,)."""
    kinds = {p.t_ns: p.kind for p in session.prompts} if prompts else {}
    fuser, found = EvidenceFilter(personal=personal), []
    for frame in session.frames():
        if frame.t_ns in kinds:
            fuser.set_prompt(kinds[frame.t_ns])
        found.append(fuser.step(frame).p)
    return np.array(found)


def probabilities(
    sessions: list[SimulatedSession], found: list[Personal], prompts: bool, *, slow: bool
) -> dict[str, Array]:
    """(T, people) per method."""
    x = [rows_of(s, prompts) for s in sessions]
    known = [s.person.personal() for s in sessions]
    ways: dict[str, list[list[Personal]]] = {
        "source only": [[Personal()]] * len(x),
        "online, not calibrated": all_learned(x, [Personal()] * len(x)),
        "calibrated": [[p] for p in found],
        "calibrated + online": all_learned(x, found),
        "oracle": [[p] for p in known],
        "oracle without prevalence": [[replace(p, prevalence=None)] for p in known],
        "oracle of location and scale": [[Personal(usual=p.usual)] for p in known],
    }
    p = {}
    for name, people in ways.items():
        both = [nats(r, of) for r, of in zip(x, people, strict=True)]
        p[name] = forward(np.stack([b[0] for b in both], 1), np.stack([b[1] for b in both], 1), x[0][:, 0])
    if slow:
        pairs = list(zip(sessions, found, strict=True))
        p["running mean (default filter)"] = np.stack([running(s, prompts, Personal()) for s, _ in pairs], 1)
        p["calibrated, running mean"] = np.stack([running(s, prompts, f) for s, f in pairs], 1)
        p["Bayes-optimal"] = np.stack([optimal(s, prompts=prompts) for s in sessions], 1)
    return p


def scores(truth: NDArray[np.bool_], prob: Array) -> dict[str, float]:
    """Over all frames."""
    y, p = truth.ravel().astype(float), prob.ravel()
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return {
        "AVGF1": avgf1(y, p) or 0.0,
        "AP": average_precision(y, p) or 0.0,
        "bal.acc.": float(balanced_accuracy_score(y, p >= 0.5)),
        "AUC": roc_auc(y, p) or 0.0,
        "log loss": float(-np.where(y > 0, np.log(clipped), np.log1p(-clipped)).mean()),
    }


class Drawn:
    """Scores of people drawn again and again, from each person's histogram of p (fine enough for intervals)."""

    def __init__(self, truth: NDArray[np.bool_], p: Array) -> None:
        clipped = np.clip(p, 1e-6, 1 - 1e-6)
        self._loss = -np.where(truth, np.log(clipped), np.log1p(-clipped)).sum(axis=0)
        self._hist = np.array(
            [[np.histogram(q[t == s], EDGES)[0] for s in (False, True)] for t, q in zip(truth.T, p.T, strict=True)]
        )
        self._n = len(truth)

    def scores(self, who: NDArray[np.intp]) -> dict[str, float]:
        """As `scores`, of these people."""
        no, yes = self._hist[who].sum(axis=0)[:, ::-1].astype(float)
        fp, tp = np.cumsum(no), np.cumsum(yes)
        k = int((EDGES[:-1] >= 0.5).sum()) - 1
        t, f, pos, neg = tp[k], fp[k], tp[-1], fp[-1]
        f1 = [2 * a / max(2 * a + wrong, 1) for a, wrong in ((t, f + pos - t), (neg - f, f + pos - t))]
        return {
            "AVGF1": float(np.mean(f1)),
            "AP": float((yes / pos * tp / np.maximum(tp + fp, 1)).sum()),
            "bal.acc.": float((t / pos + 1 - f / neg) / 2),
            "AUC": float((yes / pos * (1 - (fp - no / 2) / neg)).sum()),
            "log loss": float(self._loss[who].sum() / self._n / len(who)),
        }


def shares(table: Table) -> Table:
    """Share of the way from source-only to oracle, per method and score."""
    source, best = table["source only"], table["oracle"]
    return {
        n: {k: (row[k] - source[k]) / (best[k] - source[k]) for k in source}
        for n, row in table.items()
        if "oracle" not in n and n not in ("source only", "Bayes-optimal")
    }


def report(truth: NDArray[np.bool_], p: dict[str, Array], draws: int) -> None:
    """Print scores, and shares of the gap with intervals."""
    table = {n: scores(truth, q) for n, q in p.items()}
    for name, row in table.items():
        print(f"{name:30s}", " ".join(f"{k} {v:.4f}" for k, v in row.items()))
    rng, drawn = np.random.default_rng(0), {n: Drawn(truth, q) for n, q in p.items()}
    found = []
    for _ in range(draws):
        who = rng.integers(truth.shape[1], size=truth.shape[1])
        found.append(shares({n: d.scores(who) for n, d in drawn.items()}))
    for name, row in shares(table).items():
        said = []
        for k, v in row.items():
            low, high = np.percentile([f[name][k] for f in found], [2.5, 97.5])
            said.append(f"{k} {100 * v:.0f} % [{100 * low:.0f}, {100 * high:.0f}]")
        print(f"gap closed, {name:30s}", "  ".join(said), flush=True)


def report_from(
    minutes: Sequence[float], fps: float, truth: NDArray[np.bool_], p: dict[str, Array], draws: int
) -> None:
    """`report` of the frames from each of these minutes on."""
    for minute in minutes:
        start = round(minute * 60.0 * fps)
        print(f"frames from minute {minute:g} on")
        report(truth[start:], {n: q[start:] for n, q in p.items()}, draws)


def refusals(x: Array, personal: Personal) -> list[str]:
    """What the guards refuse in a session."""
    g, n = Guarded(EvidenceBayes(personal=personal), LAYOUT), steps_in(x)
    told = (g.observe(x[i : i + n]) for i in range(0, len(x), n))
    return [c.reason for c in told if c is not None and not c.accepted]


def main() -> None:
    """Print scores and shares of the gap, kind of prompt not known and known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40, help="per seed")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--fps", type=float, default=2.5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 200, 300])
    parser.add_argument("--draws", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--from-minute", type=float, nargs="*", default=[0.0], help="score from here on, each alone")
    parser.add_argument("--fast", action="store_true", help="without running means and the optimum")
    parser.add_argument("--pace", type=float, default=1.0, help="people's cues are so many times slower than assumed")
    parser.add_argument("--guards", action="store_true", help="only say how often the guards act in such sessions")
    args = parser.parse_args()
    pairs = [sessions_of(seed, i, args.minutes, args.fps, args.pace) for seed in args.seeds for i in range(args.people)]
    sessions, found = [s for _, s in pairs], [calibrated(first) for first, _ in pairs]
    print(json.dumps({"simulated": True, **vars(args)}))
    if args.guards:
        told = [refusals(rows_of(s), p) for s, p in zip(sessions, found, strict=True)]
        print(f"a guard acted in {sum(map(bool, told))} of {len(told)} sessions:", Counter(chain(*told)))
        return
    truth = np.stack([s.truth for s in sessions], axis=1)
    for prompts in (False, True):
        p = probabilities(sessions, found, prompts, slow=not args.fast)
        print(f"kind of prompt {'known' if prompts else 'not known'}")
        report_from(args.from_minute, args.fps, truth, p, args.draws)


if __name__ == "__main__":
    main()
