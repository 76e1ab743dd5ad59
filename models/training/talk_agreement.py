"""How far experts agree on talk: votes of several annotators per client turn in; agreement as macro-F1 out.

A head that is scored against one expert's label cannot be expected to agree with it better than another expert does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Votes = NDArray[np.intp]

RESAMPLES: Final = 2000


def agreement(votes: Mapping[str, Votes], seed: int = 0) -> dict[str, Any]:
    """Agreement of annotators with each other.

    Args:
        votes: for each dialogue how many annotators gave each turn each label, shape (turns, 3); the same number of
            annotators, two or more, for every turn.
        seed: of the bootstrap over dialogues.

    Returns:
        `turns`, `dialogues`, `annotators`; `kappa` (Fleiss 1971); `pair`: macro-F1 of one annotator against another,
        mean over all pairs, with `pair_interval`, the 95 % bootstrap interval over dialogues; `plurality`: macro-F1 of
        one annotator against the most frequent label of the others, ties shared.

    Raises:
        ValueError: there are no votes, or not equally many, or fewer than two for a turn.
    """
    counts = np.concatenate(list(votes.values())) if votes else np.zeros((0, 3), dtype=np.intp)
    if len(counts) == 0 or counts.sum(axis=1).min() < 2 or np.ptp(counts.sum(axis=1)):
        raise ValueError("agreement needs the same number of annotators, two or more, for every turn")
    n = int(counts[0].sum())
    tables = np.array([_pairs(part, n) for part in votes.values()])
    table = tables.sum(axis=0)
    agreed = np.trace(table) / table.sum()
    chance = float(((table.sum(axis=1) / table.sum()) ** 2).sum())
    drawn = np.random.default_rng(seed).integers(0, len(tables), (RESAMPLES, len(tables)))
    spread = [_macro_f1(tables[rows].sum(axis=0)) for rows in drawn]
    return {
        "turns": len(counts),
        "dialogues": len(votes),
        "annotators": n,
        "kappa": round(float((agreed - chance) / max(1 - chance, 1e-12)), 3),
        "pair": round(_macro_f1(table), 3),
        "pair_interval": [round(float(v), 3) for v in np.percentile(spread, [2.5, 97.5])],
        "plurality": round(_macro_f1(_against_the_others(counts)), 3),
    }


def _pairs(counts: Votes, n: int) -> Array:
    """How often one annotator says the row and another the column, over all ordered pairs; shape (3, 3)."""
    c = counts.astype(np.float64)
    return np.asarray((c.T @ c - np.diag(c.sum(axis=0))) / (n * (n - 1)))


def _against_the_others(counts: Votes) -> Array:
    """One annotator's label (rows) by the most frequent label of the others (columns); shape (3, 3)."""
    table = np.zeros((3, 3))
    for turn in counts:
        for label in np.flatnonzero(turn):
            others = turn - (np.arange(3) == label)
            top = others == others.max()
            table[label] += turn[label] / turn.sum() * top / top.sum()
    return table


def _macro_f1(table: Array) -> float:
    hits = np.diag(table)
    return float(np.mean(2 * hits / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1e-12)))
