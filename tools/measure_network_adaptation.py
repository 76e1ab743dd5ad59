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
from measure_adaptation import calibrated, report
from numpy.typing import NDArray
from scipy.stats import norm

from ahdetect.calibration.fuser import EVERY_S
from ahdetect.calibration.network_adapters import NetworkPrevalence
from ahdetect.calibration.network_methods import NetworkMethod, NetworkShot, NetworkTent, rows_of
from ahdetect.calibration.rows import WIDTH
from ahdetect.models import simulate as simulation
from ahdetect.models.evidence import PREVALENCE, PREVALENCE_OF_PROMPT, logit, prevalence_for
from ahdetect.models.fusion_inputs import ESTIMATED, PRIOR
from ahdetect.models.personal import PREVALENCE_BOUNDS, Personal
from ahdetect.models.prevalence import Estimator
from ahdetect.models.runtime import FusionModel
from ahdetect.models.simulate import ODDS_SPREAD, PHASES, UNCUT_S, SimulatedSession, optimal, simulate_person
from ahdetect.models.training.fusion import load, log_odds_of
from ahdetect.models.training.fusion_data import Clip, Features, clip_of, features_of
from ahdetect.models.training.sequences import of_simulated

Array = NDArray[np.float64]
GRID = 25


def session_of(seed: int, i: int, minutes: float, fps: float) -> tuple[SimulatedSession, SimulatedSession]:
    """A simulated person's calibration and session; person `i` is the same whatever else is simulated."""
    rng = np.random.default_rng([seed, i])
    person = simulate_person(rng)
    session = simulation.simulate_session(person, rng, minutes=minutes, fps=fps)
    own = np.random.default_rng([seed, i, 1])
    return simulation.simulate_session(person, own, minutes=1.25, fps=fps, kinds=("neutral",)), session


def bound(session: SimulatedSession) -> Array:
    """Causal probability (T,) of who knows the person but for the prevalence, and infers that: `optimal` on a grid."""
    low, high = PREVALENCE_BOUNDS
    centre = logit(PREVALENCE) * np.sqrt(1.0 + 0.346 * ODDS_SPREAD**2)
    odds = centre + ODDS_SPREAD * norm.ppf((np.arange(GRID) + 0.5) / GRID)
    grid = np.clip(1.0 / (1.0 + np.exp(-odds)), low, high)
    dt, kinds = float(session.t_ns[1] - session.t_ns[0]) / 1e9, list(PREVALENCE_OF_PROMPT)
    onset = np.array([[simulation._onset_chance(kind, float(g), dt) for g in grid] for kind in kinds])
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


def learned(clip: Clip, features: Features, told: Array, estimator: Estimator, rate_hz: float) -> Features:
    """The features with the prevalence that was in force at each step, from what came `EVERY_S` and more before."""
    n, adapter, context = round(EVERY_S * rate_hz), NetworkPrevalence(estimator), features.context.copy()
    rows = np.zeros((len(told), WIDTH + 2))
    rows[:, 0], rows[:, WIDTH], rows[:, WIDTH + 1] = 1.0 / rate_hz, told, features.context[:, PRIOR]
    for start in range(0, len(told), n):
        part, p = slice(start, start + n), adapter.prevalence
        if adapter.seconds:
            context[part, PRIOR] = [logit(prevalence_for(kind, PREVALENCE, p)) for kind in clip.kinds[part]]
            context[part, PRIOR + 1] = ESTIMATED
        adapter.observe(rows[part])
    return replace(features, context=context)


def by_weights(make: Callable[[], NetworkMethod], features: Features, rate_hz: float) -> Array:
    """Log-odds (T,) of a network whose weights adapt every half minute, each stretch after its past of two minutes."""
    method, x, n = make(), rows_of(features.features, features.mask, features.context), round(30.0 * rate_hz)
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
    asked.add_argument("--weights", action="store_true", help="TENT and SHOT, too (slow)")
    asked.add_argument("--no-bound", action="store_true", help="without the optima")
    how = asked.parse_args()
    torch.set_num_threads(1)
    network, config, scaling, _ = load(how.run / "best.pt")
    rate = config.network.rate_hz
    estimator = FusionModel(how.run / "fusion.onnx").person
    if estimator is None:
        asked.error(f"the network in {how.run} was trained without telling how often a person is in A/H")
    pairs = [session_of(how.seed, i, how.minutes, rate) for i in range(how.people)]
    sessions = [s for _, s in pairs]
    truth = np.stack([s.truth for s in sessions], axis=1)
    plain = [clip_of(of_simulated(s, str(i)), config.network) for i, s in enumerate(sessions)]
    found = [calibrated(first) for first, _ in pairs]
    said: dict[str, Array] = {}

    def told(name: str, clips: list[Clip], change: Callable[[int, Features], Features] | None = None) -> Array:
        parts = []
        for i, clip in enumerate(clips):
            f = features_of(clip, scaling, rate)
            parts.append(log_odds_of(network, [f if change is None else change(i, f)])[0])
        x = np.stack(parts, axis=1)
        said[name] = 1.0 / (1.0 + np.exp(-x))
        return x

    still = [replace(c, running=False) for c in plain]
    known = [replace(c, personal=p, running=False) for c, p in zip(plain, found, strict=True)]
    true = [s.person.personal() for s in sessions]
    stranger = [replace(c, personal=replace(p, prevalence=None)) for c, p in zip(plain, true, strict=True)]
    told("source only", still)
    for name, clips in (("running mean", plain), ("calibrated", known), ("all but prevalence", stranger)):
        x = told(name, clips)

        def adapted(i: int, f: Features, clips: list[Clip] = clips, x: Array = x) -> Features:
            return learned(clips[i], f, x[:, i], estimator, rate)

        told(f"{name} + online", clips, adapted)
    if how.weights:
        for name, kind in (("TENT", NetworkTent), ("SHOT", NetworkShot)):
            parts = [by_weights(lambda k=kind: k(network), features_of(c, scaling, rate), rate) for c in plain]
            said[f"running mean + {name}"] = 1.0 / (1.0 + np.exp(-np.stack(parts, axis=1)))
    told("oracle", [replace(c, personal=p) for c, p in zip(plain, true, strict=True)])
    told(
        "oracle of location and scale",
        [replace(c, personal=Personal(p.usual)) for c, p in zip(plain, true, strict=True)],
    )
    if not how.no_bound:
        said["bound"] = np.stack([bound(s) for s in sessions], axis=1)
        said["Bayes-optimal"] = np.stack([optimal(s) for s in sessions], axis=1)
    print(json.dumps({"simulated": True, **vars(how), "run": how.run.name}))
    for minute in how.from_minute:
        start = round(minute * 60.0 * rate)
        print(f"frames from minute {minute:g} on")
        report(truth[start:], {n: q[start:] for n, q in said.items()}, how.draws)


if __name__ == "__main__":
    main()
