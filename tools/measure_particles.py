"""Measure the adapter's own filter: simulated people flow in; the share of its gap that learning closes flows out.

    OMP_NUM_THREADS=1 .venv/bin/python tools/measure_particles.py --people 80 --seed 21000003

All people are simulated (`models.simulate`). One model, the one that people are made by, in three ways: "source only"
takes everybody for the average person all the time, "oracle" knows the person, and `calibration.particles` infers the
person as it goes, from the past only, with nothing known or from a calibration of 75 s. Kinds of prompt are known.
Frame level from the first frame on; intervals of 95 % are a bootstrap over people.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from math import exp, expm1, sqrt

import numpy as np
from measure_adaptation import calibrated, report_from, rows_of, sessions_of
from numpy.typing import NDArray

from ahdetect.calibration.particles import Particles
from ahdetect.calibration.rows import RowFilter
from ahdetect.models.cues import Channel
from ahdetect.models.effects import CORRELATION, Kind
from ahdetect.models.evidence import PREVALENCE
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.population import ANSWER_SHIFT, BETWEEN, EFFECTS_OF, TAU_S, plain_rate, seen_of
from ahdetect.models.reference import reference
from ahdetect.models.simulate import SimulatedPerson, SimulatedSession, optimal

Array = NDArray[np.float64]


def average() -> SimulatedPerson:
    """The middle of the population."""
    levels = [e for c in TAU_S for e in EFFECTS_OF[c] if e.kind is Kind.LEVEL]
    refs = {e.cue: (reference(e.cue), sqrt(1.0 - BETWEEN[e.channel])) for e in levels}
    counts = [e for effects in EFFECTS_OF.values() for e in effects if e.kind is Kind.COUNT]
    return SimulatedPerson(
        {name: Usual(ref.location, ref.scale * within, 1e6) for name, (ref, within) in refs.items()},
        dict.fromkeys(Channel, 1.0),
        {e.cue: plain_rate(e) for e in counts},
        0.0,
        PREVALENCE,
    )


def taken_for(session: SimulatedSession, person: SimulatedPerson) -> SimulatedSession:
    """The session with the log-likelihood ratios that its cues have if this were the person."""
    dt, llr = float(session.t_ns[1] - session.t_ns[0]) / 1e9, np.zeros_like(session.llr)
    for k, channel in enumerate(Channel):
        x, gain, effects = session.cues[channel].astype(np.float64), person.gain[channel], EFFECTS_OF[channel]
        levels = [j for j, e in enumerate(effects) if e.kind is Kind.LEVEL]
        if levels:
            usual = [person.usual[effects[j].cue] for j in levels]
            z = (x[:, levels] - [u.location for u in usual]) / [u.scale for u in usual]
            shift = np.array([effects[j].weight for j in levels]) * gain
            llr[:, k] += _pulled(z, shift, CORRELATION[channel], TAU_S[channel], dt)
        for j, e in enumerate(effects):
            if e.kind is Kind.EVIDENCE:
                z = (x[:, j : j + 1] - person.tilt + ANSWER_SHIFT**2 / 2) / ANSWER_SHIFT
                llr[:, k] += _pulled(z, np.array([ANSWER_SHIFT * gain]), 0.0, TAU_S[channel], dt)
            elif e.kind is Kind.COUNT:
                llr[:, k] += _counted(x[:, j], person.rate[e.cue], e.weight * gain, dt)
    return replace(session, person=person, llr=llr)


def _pulled(z: Array, shift: Array, rho: float, tau_s: float, dt: float) -> Array:
    keep, n = exp(-dt / tau_s), len(shift)
    pull = (1.0 - keep) * shift / seen_of(tau_s)
    towards = np.linalg.solve((1.0 - rho) * np.eye(n) + rho, pull) / (1.0 - keep**2)
    told = (z[1:] - keep * z[:-1] - pull / 2) @ towards
    return np.concatenate([[0.0], np.nan_to_num(told)])


def _counted(x: Array, rate: float, weight: float, dt: float) -> Array:
    found, faded, keep = np.zeros(len(x)), 0.0, exp(-dt / FADE_S)
    for i, value in enumerate(x.tolist()):
        faded *= keep
        if np.isfinite(value):
            found[i] = round(value - faded) * weight - rate * dt * expm1(weight)
            faded = value
    return found


def inferred(session: SimulatedSession, personal: Personal) -> Array:
    """Causal probability (T,) of who infers the person and the state together."""
    particles = Particles(RowFilter(), personal)
    return np.array([particles.take(row) for row in rows_of(session, prompts=True)])


def main() -> None:
    """Print scores, and shares of the gap with intervals."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--people", type=int, default=80)
    asked.add_argument("--minutes", type=float, default=10.0)
    asked.add_argument("--seed", type=int, default=21_000_003)
    asked.add_argument("--fps", type=float, default=2.5)
    asked.add_argument("--pace", type=float, default=1.0, help="people's cues are so many times slower than assumed")
    asked.add_argument("--draws", type=int, default=1000)
    asked.add_argument("--from-minute", type=float, nargs="*", default=[0.0], help="score from here on, each alone")
    how = asked.parse_args()
    pairs = [sessions_of(how.seed, i, how.minutes, how.fps, how.pace) for i in range(how.people)]
    sessions, found = [s for _, s in pairs], [calibrated(first) for first, _ in pairs]
    with ProcessPoolExecutor() as pool:
        ways = {
            "source only": [optimal(taken_for(s, average())) for s in sessions],
            "online": list(pool.map(inferred, sessions, [Personal()] * len(sessions))),
            "calibrated + online": list(pool.map(inferred, sessions, found)),
            "oracle": [optimal(s) for s in sessions],
        }
    said = {name: np.stack(p, axis=1) for name, p in ways.items()}
    truth = np.stack([s.truth for s in sessions], axis=1)
    print(json.dumps({"simulated": True, **vars(how)}))
    report_from(how.from_minute, how.fps, truth, said, how.draws)


if __name__ == "__main__":
    main()
