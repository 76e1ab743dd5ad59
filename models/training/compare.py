"""Comparison of families of language experts: answers flow in, out-of-fold probabilities of each family flow out.

Protocols, all without a person on both sides:

* blind: grouped folds, the kind of prompt unknown;
* unseen prompt: the same folds, and for each kind of prompt a model that never saw it, on a prior of one half;
* prompt known: the shipped family beside the prompt's own rate;
* validation: fitted on all training answers, applied once to the validation answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from ahdetect.models.datasets.ah_text import Answers
from ahdetect.models.training import families as f
from ahdetect.models.training.language import (
    Array,
    Design,
    Fit,
    Rows,
    design,
    fit,
    folds,
    logit,
    out_of_fold,
    prompt_rates,
    with_prompt,
)

SHIPPED: Final = "markers"
Family = Callable[[Design, int], Fit]
"""A design and a seed in, something that can be fitted on rows of it out."""

FAMILIES: Final[Mapping[str, str]] = {
    "length": "number of words alone",
    "floor": "logistic regression, length and 5 marker rates (floor)",
    SHIPPED: "logistic regression, markers, additive (ships)",
    "boosted_trees": "boosted trees, the same columns",
    "noisy_or": "multiple instances, noisy-or over clauses",
    "encoder": "text encoder (MiniLM), prompt erased",
}
"""Names and how the table calls them, in its order; "encoder" needs files that do not ship."""


@dataclass(slots=True)
class Outcome:
    """Probabilities of one family.

    Attributes:
        blind: out of fold, by seed, each (training answers,).
        unseen: out of fold, the kind of prompt left out of training, by seed.
        validation: of the validation answers, from a fit on all training answers.
    """

    blind: list[Array] = field(default_factory=list)
    unseen: list[Array] = field(default_factory=list)
    validation: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found.

    Attributes:
        train: rows of the training answers come first in `design`, the validation answers after them.
        design: of both.
        outcomes: by family.
        known: the shipped family with the kind of prompt known, out of fold, by seed; then validation.
        prompt_only: the kind of prompt alone, likewise.
        pointed: share of pairs of answers in which the highest clause lies in the one with A/H, by family.
    """

    train: int
    design: Design
    outcomes: dict[str, Outcome]
    known: Outcome
    prompt_only: Outcome
    pointed: dict[str, float]


def compare(
    training: Answers,
    validation: Answers,
    seeds: int,
    extra: Mapping[str, Family] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Run all protocols for all families.

    Args:
        training: answers to fold.
        validation: answers of other people, used once.
        seeds: how many divisions into folds, seeds 0, 1, ...
        extra: families beside those of `models.training.families`.
        progress: told what begins.
    """
    both = training.joined(validation)
    d, bags = design(both), f.bags(both)
    known_families: dict[str, Family] = {
        "length": f.length,
        "floor": f.floor,
        SHIPPED: f.markers,
        "boosted_trees": f.boosted_trees,
        "noisy_or": partial(f.noisy_or, bags),
        **(extra or {}),
    }
    rows, held = np.arange(len(training)), np.arange(len(training), len(both))
    outcomes = {name: Outcome() for name in known_families}
    for name, family in known_families.items():
        for seed in range(seeds):
            progress(f"{name}, seed {seed}")
            blind, unseen = _folded(d, rows, family(d, seed), seed)
            outcomes[name].blind.append(blind)
            outcomes[name].unseen.append(unseen)
        outcomes[name].validation = family(d, 0)(rows)(held)
    progress("prompt known")
    alone = Outcome([], [], f.prompt_only(d, 0)(rows)(held))
    for seed in range(seeds):
        p = np.empty(len(rows))
        for inner, test in folds(d, seed, rows=rows):
            p[test] = f.prompt_only(d, seed)(inner)(test)
        alone.blind.append(p)
    known = Outcome([_known(d, rows, seed) for seed in range(seeds)], [], _with_prompt(d, rows, held, 0))
    progress("pointing at clauses")
    return Comparison(len(training), d, outcomes, known, alone, _pointed(d, bags, rows))


def _folded(d: Design, rows: Rows, fit_: Fit, seed: int) -> tuple[Array, Array]:
    blind, unseen = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for inner, test in folds(d, seed, rows=rows):
        blind[test] = fit_(inner)(test)
        for kind in np.unique(d.prompts[test]):
            asked, others = test[d.prompts[test] == kind], inner[d.prompts[inner] != kind]
            unseen[asked] = _even(fit_(others)(asked), float(d.y[others].mean()))
    return blind, unseen


def _even(p: Array, base: float) -> Array:
    """The same evidence on a prior of one half: how often other prompts bring A/H says nothing about this one."""
    odds = p / np.maximum(1.0 - p, 1e-12) * (1.0 - base) / base
    return np.asarray(odds / (1.0 + odds))


def _known(d: Design, rows: Rows, seed: int) -> Array:
    p = np.empty(len(rows))
    for inner, test in folds(d, seed, rows=rows):
        p[test] = _with_prompt(d, inner, test, seed)
    return p


def _with_prompt(d: Design, rows: Rows, test: Rows, seed: int) -> Array:
    """The shipped family with the prompt's rate as prior, all fitted on `rows`."""
    scale, bias = with_prompt(d, rows, out_of_fold(d, rows, seed))
    rates, base = prompt_rates(d, rows), float(d.y[rows].mean())
    llr = fit(d, rows, seed).log_odds(d.x[test]) - logit(base)
    prior = np.array([logit(rates[k]) for k in d.prompts[test].tolist()])
    return np.asarray(1.0 / (1.0 + np.exp(-(bias + scale * llr + prior))))


LIKE: Final = 1.25
"""Answers of a pair differ in length by at most this factor, so that neither has more chances."""


def _pointed(d: Design, bags: f.Bags, rows: Rows) -> dict[str, float]:
    """How often, in pairs of one answer with and one without A/H to the same kind of prompt, the highest clause of both
    lies in the former, by models that saw neither; .5 is chance. It says whether clause scores lead to A/H, as far
    as labels of whole answers can say it.
    """
    wins: dict[str, list[float]] = {SHIPPED: [], "noisy_or": []}
    for inner, test in folds(d, 0, rows=rows):
        model = fit(d, inner, 0)
        weight = model.slope * model.weight / model.sd
        scores = {
            SHIPPED: bags.share @ weight[1:],
            "noisy_or": f.NoisyOr(bags, d, inner).clause_scores(),
        }
        for name, score in scores.items():
            best = np.full(len(d.y), -np.inf)
            np.maximum.at(best, bags.bag, score)
            wins[name] += [
                float(best[a] > best[b]) + 0.5 * float(best[a] == best[b])
                for a in test[d.y[test] == 1]
                for b in test[d.y[test] == 0]
                if d.prompts[a] == d.prompts[b] and 1 / LIKE <= d.words[a] / max(d.words[b], 1.0) <= LIKE
            ]
    return {name: float(np.mean(won)) for name, won in wins.items()}
