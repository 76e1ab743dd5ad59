"""Measure fusers: simulated test people and trained networks flow in; average precision beside the optimum flows out.

    OMP_NUM_THREADS=1 .venv/bin/python tools/measure_fusion.py --runs ours=DIR lfan=DIR can=DIR concat=DIR \
        --people 60 --minutes 8 --seed 2000003

All people are simulated (`models.simulate`), and none of them was trained on: the figures prove a training path and
compare methods, and are no claim about anybody. The optimum knows the person and how the cues were made; "person
known" tells a fuser what a calibration can find of that (`SimulatedPerson.personal`), "not known" nothing. A second
optimum knows everything but how often the person is in A/H, which nobody can know of a stranger. Frame level, pooled
over people; intervals are 95 %, of people drawn with replacement; a share is resampled together with its optimum.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from ahdetect.models import population
from ahdetect.models.cues import Channel
from ahdetect.models.evidence import PREVALENCE, EvidenceFilter
from ahdetect.models.fusion_inputs import CONTEXT
from ahdetect.models.personal import Personal
from ahdetect.models.runtime import FusionModel, NetworkFuser
from ahdetect.models.simulate import SimulatedSession, optimal, simulate
from ahdetect.models.training.fusion import load, log_odds_of
from ahdetect.models.training.fusion_data import Features, clip_of, features_of
from ahdetect.models.training.sequences import of_simulated

Array = NDArray[np.float64]
RESAMPLES = 1000


@dataclass(frozen=True)
class Rows:
    """Labels and scores of all people, one after the other."""

    y: NDArray[np.bool_]
    person: NDArray[np.intp]
    times: NDArray[np.intp]

    def precision(self, score: Array) -> Array:
        """Average precision: of the rows as they are, then of each resample of people; (1 + RESAMPLES,)."""
        order = np.argsort(-score, kind="stable")
        y, person = self.y[order], self.person[order]
        found = np.empty(len(self.times))
        for i, times in enumerate(self.times):
            w = times[person].astype(np.float64)
            hits = np.cumsum(w * y)
            found[i] = float((hits / np.maximum(np.cumsum(w), 1.0) * w * y).sum() / hits[-1])
        return found


def rows_of(sessions: Sequence[SimulatedSession], seed: int) -> Rows:
    """Labels of sessions, and the resamples that every method shares."""
    n = len(sessions)
    person = np.repeat(np.arange(n), [len(s.truth) for s in sessions])
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return Rows(np.concatenate([s.truth for s in sessions]), person, np.concatenate([np.ones((1, n), int), drawn]))


def without(session: SimulatedSession, channel: Channel | None) -> SimulatedSession:
    """The session with a channel that is never there, for everybody who looks at it."""
    if channel is None:
        return session
    k = list(Channel).index(channel)
    present, llr = session.present.copy(), session.llr.copy()
    present[:, k], llr[:, k] = False, 0.0
    cues = {**session.cues, channel: np.full_like(session.cues[channel], np.nan)}
    return replace(session, present=present, llr=llr, cues=cues)


def usual(session: SimulatedSession) -> SimulatedSession:
    """The session of somebody who is in A/H as often as people are on average."""
    return replace(session, person=replace(session.person, prevalence=PREVALENCE))


def evidence(session: SimulatedSession, personal: Personal | None) -> Array:
    """Causal probabilities of the evidence filter, told every prompt, (T,)."""
    fuser = EvidenceFilter(personal=personal)
    kinds, p = {q.t_ns: q.kind for q in session.prompts}, []
    for frame in session.frames():
        if frame.t_ns in kinds:
            fuser.set_prompt(kinds[frame.t_ns])
        p.append(fuser.step(frame).p)
    return np.array(p)


def networks(runs: Mapping[str, Path], sessions: Sequence[SimulatedSession], known: bool) -> dict[str, Array]:
    """Log-odds of each trained network on all rows."""
    found, prepared = {}, {}
    for name, folder in runs.items():
        network, config, scaling, _ = load(folder / "best.pt")
        key = json.dumps(scaling.to_json())
        if key not in prepared:
            prepared[key] = [clip(s, config, scaling, known) for s in sessions]
        found[name] = np.concatenate(log_odds_of(network, prepared[key]))
    return found


def clip(session: SimulatedSession, config, scaling, known: bool) -> Features:  # type: ignore[no-untyped-def]
    personal = session.person.personal() if known else None
    return features_of(clip_of(of_simulated(session, ""), config.network, personal), scaling, config.network.rate_hz)


def speed(path: Path, session: SimulatedSession) -> None:
    """Print what a step costs in processor time on one core, whole precision beside int8 weights."""
    from onnxruntime.quantization import quantize_dynamic

    small = path.with_suffix(".int8.onnx")
    model = onnx.load(path)
    del model.graph.value_info[:]  # the quantiser infers shapes anew, and stumbles over those that it finds
    quantize_dynamic(model, small)
    said: dict[str, list[float]] = {}
    for name, file in (("float32", path), ("int8", small)):
        fuser, rows, alone = NetworkFuser(FusionModel(file)), [], []
        said[name] = []
        for frame in session.frames():
            began = time.process_time_ns()
            p = fuser.step(frame).p
            rows.append((time.process_time_ns() - began) / 1e3)
            said[name].append(p)
        network = FusionModel(file)
        row = np.zeros((1, network.scaling.width), np.float32), np.ones((1, len(Channel)), np.float32)
        state, context = network.fresh(1), np.zeros((1, CONTEXT), np.float32)
        for _ in range(1000):
            began = time.process_time_ns()
            _, state = network.step(*row, context, state)
            alone.append((time.process_time_ns() - began) / 1e3)
        print(
            f"{name}: {file.stat().st_size / 1e3:.0f} kB; network alone median {np.median(alone):.0f} us, 95 % under "
            f"{np.percentile(alone, 95):.0f} us; a network step of the fuser (inputs, seven streams, explanation) "
            f"median {np.median(rows):.0f} us, 95 % under {np.percentile(rows, 95):.0f} us"
        )
    small.unlink()
    print(f"int8 moves the probability by {np.abs(np.subtract(said['int8'], said['float32'])).max():.3f} at most")


def said(values: Array) -> str:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return f"{values[0]:.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", nargs="*", default=[], help="name=folder of a run of `ahdetect train fusion`")
    asked.add_argument("--people", type=int, default=60)
    asked.add_argument("--minutes", type=float, default=8.0)
    asked.add_argument("--seed", type=int, default=2_000_003)
    asked.add_argument("--fps", type=float, default=5.0)
    asked.add_argument("--channels", default="all", help="all (also each left out) or none")
    asked.add_argument("--evidence", default="all", help="all, full (only with all channels) or none")
    asked.add_argument("--windows", type=float, default=1.0, help="times the length of the windows trained on")
    asked.add_argument("--speed", type=Path, help="a fusion.onnx to time instead")
    asked.add_argument("--json", type=Path)
    how = asked.parse_args()
    torch.set_num_threads(1)
    runs = {name: Path(folder) for name, folder in (run.split("=", 1) for run in how.runs)}
    # Not what the networks were trained on: real cues will differ from any simulation in their pace, too.
    population.TAU_S.update({c: tau * how.windows for c, tau in population.TAU_S.items()})
    if how.speed:
        speed(how.speed, simulate(1, how.seed, minutes=2.0, fps=how.fps)[0])
        return
    people = simulate(how.people, how.seed, minutes=how.minutes, fps=how.fps)
    rows = rows_of(people, how.seed)
    print(f"{how.people} simulated people, {how.minutes:g} min each, A/H in {rows.y.mean():.3f} of frames")
    print("\n| channels | person | fuser | average precision | share of the optimum |\n|---|---|---|---|---|")
    told = []
    for channel in (None, *Channel) if how.channels == "all" else (None,):
        sessions = [without(s, channel) for s in people]
        best = rows.precision(np.concatenate([optimal(s) for s in sessions]))
        where = "all" if channel is None else f"no {channel.value}"
        print(f"| {where} | known | Bayes-optimal | {said(best)} | 1 |", flush=True)
        told.append({"channels": where, "person": "known", "fuser": "Bayes-optimal", "ap": said(best)})
        stranger = {"Bayes-optimal but for the prevalence": np.concatenate([optimal(usual(s)) for s in sessions])}
        for known in (True, False):
            scores = {**({} if known else stranger), **networks(runs, sessions, known)}
            if how.evidence == "all" or (how.evidence == "full" and channel is None):
                parts = [evidence(s, s.person.personal() if known else None) for s in sessions]
                scores["evidence filter"] = np.concatenate(parts)
            for name, score in scores.items():
                ap = rows.precision(score)
                person = "known" if known else "not known"
                print(f"| {where} | {person} | {name} | {said(ap)} | {said(ap / best)} |", flush=True)
                row = {"channels": where, "person": person, "fuser": name}
                told.append({**row, "ap": said(ap), "share": said(ap / best)})
    if how.json:
        how.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
