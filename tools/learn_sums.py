"""Learn how people differ in what channels say: simulated people flow in; the tables of `calibration.sums` flow out.

    OMP_NUM_THREADS=1 .venv/bin/python tools/learn_sums.py --people 200 --seed 9001

All people are simulated, and none of them is used where adaptation is measured. Each sits through a calibration of 75 s
of neutral talk first.
"""

from __future__ import annotations

import argparse

import numpy as np
from measure_adaptation import MINUTES, calibrated, rows_of, sessions_of

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.rows import RowFilter
from ahdetect.models.personal import Personal
from ahdetect.models.simulate import SimulatedSession

BLOCK_S = 60.0
"""Noise is measured on means of so many seconds: cues that hang together for longer than a row are then told once."""

LEAST_S = 60.0
"""Seconds of a channel outside of A/H under which a person does not count."""


def means(session: SimulatedSession, personal: Personal) -> tuple[Array, Array, Array, Array]:
    """Per channel: mean nats outside of A/H, its seconds, mean inside less that, and variance of 1-s means."""
    x, truth, model = rows_of(session), session.truth[:, None], RowFilter()
    nats, there, _ = model.llr(x, model.complete(personal))
    dt = float(session.t_ns[1] - session.t_ns[0]) / 1e9
    plain, inside = there & ~truth, there & truth
    base = (nats * plain).sum(axis=0) / np.maximum(plain.sum(axis=0), 1)
    more = (nats * inside).sum(axis=0) / np.maximum(inside.sum(axis=0), 1) - base
    more[inside.sum(axis=0) * dt < 5.0] = np.nan
    rest = np.where(there, nats - base - np.nan_to_num(more) * truth, np.nan)
    k = round(BLOCK_S / dt)
    blocks = rest[: len(rest) // k * k].reshape(-1, k, rest.shape[1])
    full = np.isfinite(blocks).mean(axis=1) > 0.5
    noise = [
        np.nanmean(blocks[full[:, c], :, c], axis=1).var(ddof=1) * BLOCK_S if full[:, c].sum() > 2 else np.nan
        for c in range(rest.shape[1])
    ]
    return base, plain.sum(axis=0) * dt, more, np.array(noise)


def main() -> None:
    """Print both tables as Python."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seed", type=int, default=9001)
    parser.add_argument("--fps", type=float, default=2.5)
    args = parser.parse_args()
    pairs = [sessions_of(args.seed, i, MINUTES, args.fps) for i in range(args.people)]
    for name in ("CALIBRATED", "POPULATION"):
        found = [means(s, calibrated(first) if name == "CALIBRATED" else Personal()) for first, s in pairs]
        base, seconds, more, noise = (np.array(x) for x in zip(*found, strict=True))
        there = seconds > LEAST_S
        plain = np.array([base[there[:, c], c].mean() for c in range(base.shape[1])])
        variance = np.nanmean(noise, axis=0)
        bias = [
            base[there[:, c], c].var(ddof=1) - variance[c] / seconds[there[:, c], c].mean() for c in range(len(plain))
        ]
        print(f"{name}: Final = Tendencies(")
        for row in (plain, np.nanmean(more, axis=0), variance, np.maximum(bias, 1e-4)):
            print(f"    np.array({[round(float(v), 4) for v in row]}),")
        print(")", flush=True)


if __name__ == "__main__":
    main()
