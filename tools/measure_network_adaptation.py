"""Measure adaptation of the fusion network: simulated people flow in; the share of the gap that it closes flows out.

    OMP_NUM_THREADS=1 .venv/bin/python tools/measure_network_adaptation.py --run DIR --people 100 --seed 11000003

All people are simulated (`models.simulate`): the figures compare methods and are no claim about anybody. Each person
sits through a calibration of 75 s of neutral talk, which is not scored, then through a session, which is, from its
first frame; kinds of prompt are known. "Source only" is the network with the population's values all the time, "oracle"
the same network with every true parameter. What bounds any method that sees the past only: "bound" knows all of the
person but how often they are in A/H, knows what people are like in that, and infers it from frame to frame as well as
can be (Bayes, a grid of prevalences). Frame level; intervals of 95 % are a bootstrap over people.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from measure_adaptation import all_learned, calibrated, report_from, rows_of, sessions_of
from numpy.typing import NDArray
from scipy.stats import norm

from ahdetect.calibration.fuser import EVERY_S
from ahdetect.calibration.network_methods import NetworkMethod, NetworkShot, NetworkTent
from ahdetect.calibration.network_methods import rows_of as network_rows_of
from ahdetect.models.evidence import PREVALENCE, PREVALENCE_OF_PROMPT
from ahdetect.models.fusion_inputs import Inputs, Scaling
from ahdetect.models.personal import PREVALENCE_BOUNDS, Personal
from ahdetect.models.population import ODDS_SPREAD, PHASES, UNCUT_S, centre_of, onset_chance
from ahdetect.models.simulate import SimulatedSession, optimal
from ahdetect.models.training.fusion import load, log_odds_of
from ahdetect.models.training.fusion_data import Clip, Features, clip_of, features_of
from ahdetect.models.training.sequences import of_simulated

Array = NDArray[np.float64]
GRID = 25


def bound(session: SimulatedSession) -> Array:
    """Causal probability (T,) of who knows the person but for the prevalence, and infers that: `optimal` on a grid."""
    low, high = PREVALENCE_BOUNDS
    odds = centre_of(PREVALENCE) + ODDS_SPREAD * norm.ppf((np.arange(GRID) + 0.5) / GRID)
    grid = np.clip(1.0 / (1.0 + np.exp(-odds)), low, high)
    dt, kinds = float(session.t_ns[1] - session.t_ns[0]) / 1e9, list(PREVALENCE_OF_PROMPT)
    onset = np.array([[onset_chance(kind, float(g), dt) for g in grid] for kind in kinds])
    begins = {p.t_ns: kinds.index(p.kind) for p in session.prompts}
    ratio, kind = np.exp(session.llr.sum(axis=1)), 0
    p, w = np.zeros(len(ratio)), np.zeros((GRID, PHASES + 1))
    w[:, 0] = 1.0 / GRID
    for i, (t, r) in enumerate(zip(session.t_ns.tolist(), ratio.tolist(), strict=True)):
        if t in begins:
            kind, each = begins[t], w.sum(axis=1)
            w = np.zeros_like(w)
            w[:, 0] = each
        else:
            flow = w * (PHASES * dt / UNCUT_S)
            flow[:, 0] = w[:, 0] * onset[kind]
            w = w - flow
            w[:, 1:] += flow[:, :-1]
            w[:, 0] += flow[:, -1]
        w[:, 1:] *= r
        w /= w.sum()
        p[i] = w[:, 1:].sum()
    return p


def learned(clip: Clip, people: list[Personal], scaling: Scaling, rate_hz: float) -> Features:
    """The features of a clip with each of `people` in force in turn, for `EVERY_S`; its prevalence as an estimate."""
    n, parts, contexts = round(EVERY_S * rate_hz), [], []
    for i, p in enumerate(people):
        start, end = i * n, min((i + 1) * n, len(clip.truth))
        lead = min(start, 1)
        inputs = Inputs(scaling, rate_hz, replace(p, prevalence=None), running=False)
        parts.append(inputs.whole(clip.values[start - lead : end], clip.present[start - lead : end])[lead:])
        contexts.append(inputs.context(clip.since_s[start:end], clip.kinds[start:end], p.prevalence))
    plain = features_of(clip, scaling, rate_hz)
    return replace(plain, features=np.concatenate(parts), context=np.concatenate(contexts))


def by_weights(make: Callable[[], NetworkMethod], features: Features, rate_hz: float) -> Array:
    """Log-odds (T,) of a network whose weights adapt every half minute, each stretch after its past of two minutes."""
    method, x, n = make(), network_rows_of(features.features, features.mask, features.context), round(30.0 * rate_hz)
    found = []
    for start in range(0, len(x), n):
        lead = max(0, start - 4 * n)
        p = method.predict(x[lead : start + n])[start - lead :, 1]
        found.append(np.log(p) - np.log1p(-p))
        method.observe(x[start : start + n])
    return np.concatenate(found)


def main() -> None:
    """Print scores, and shares of the gap with intervals."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--run", type=Path, required=True, help="folder of a run of `ahdetect train fusion`")
    asked.add_argument("--people", type=int, default=100)
    asked.add_argument("--minutes", type=float, default=10.0)
    asked.add_argument("--seed", type=int, default=11_000_003)
    asked.add_argument("--draws", type=int, default=1000)
    asked.add_argument("--from-minute", type=float, nargs="*", default=[0.0], help="score from here on, each alone")
    asked.add_argument("--pace", type=float, default=1.0, help="people's cues are so many times slower than assumed")
    asked.add_argument("--weights", action="store_true", help="TENT and SHOT, too (slow)")
    asked.add_argument("--no-bound", action="store_true", help="without the optima")
    how = asked.parse_args()
    torch.set_num_threads(1)
    network, config, scaling, _ = load(how.run / "best.pt")
    rate = config.network.rate_hz
    pairs = [sessions_of(how.seed, i, how.minutes, rate, how.pace) for i in range(how.people)]
    sessions = [s for _, s in pairs]
    truth = np.stack([s.truth for s in sessions], axis=1)
    plain = [clip_of(of_simulated(s, str(i)), config.network) for i, s in enumerate(sessions)]
    found = [calibrated(first) for first, _ in pairs]
    said: dict[str, Array] = {}

    def told(name: str, features: list[Features]) -> None:
        x = np.stack([log_odds_of(network, [f])[0] for f in features], axis=1)
        said[name] = 1.0 / (1.0 + np.exp(-x))

    def of(clips: list[Clip]) -> list[Features]:
        return [features_of(c, scaling, rate) for c in clips]

    def online(start: list[Personal]) -> list[Features]:
        steps = all_learned([rows_of(s, prompts=True) for s in sessions], start)
        return [learned(c, some, scaling, rate) for c, some in zip(plain, steps, strict=True)]

    def with_(people: list[Personal], clips: list[Clip]) -> list[Clip]:
        return [replace(c, personal=p, running=False) for c, p in zip(clips, people, strict=True)]

    true = [s.person.personal() for s in sessions]
    told("source only", of([replace(c, running=False) for c in plain]))
    told("running mean", of(plain))
    told("online", online([Personal()] * len(plain)))
    told("calibrated", of(with_(found, plain)))
    told("calibrated + online", online(found))
    if how.weights:
        for name, kind in (("TENT", NetworkTent), ("SHOT", NetworkShot)):
            parts = [by_weights(lambda k=kind: k(network), features_of(c, scaling, rate), rate) for c in plain]
            said[f"running mean + {name}"] = 1.0 / (1.0 + np.exp(-np.stack(parts, axis=1)))
    told("oracle", of(with_(true, plain)))
    told("oracle without prevalence", of(with_([replace(p, prevalence=None) for p in true], plain)))
    told("oracle of location and scale", of(with_([Personal(p.usual) for p in true], plain)))
    if not how.no_bound:
        said["bound"] = np.stack([bound(s) for s in sessions], axis=1)
        said["Bayes-optimal"] = np.stack([optimal(s) for s in sessions], axis=1)
    print(json.dumps({"simulated": True, **vars(how), "run": how.run.name}))
    report_from(how.from_minute, rate, truth, said, how.draws)


if __name__ == "__main__":
    main()
