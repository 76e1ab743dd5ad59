"""Model card of the language expert: a comparison and weights flow in; Markdown and a reliability picture flow out.

Every figure in the card is computed here from the comparison, so that the card says what the run measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.errors import StoreError
from ahdetect.evaluation import METRICS, Report, cell, difference, report, shown, table
from ahdetect.models.expert import Weights
from ahdetect.models.lexicon import MARKERS, PHRASES
from ahdetect.models.training.compare import FAMILIES, SHIPPED, Comparison

SCORES: Final = ("avgf1", "average_precision", "roc_auc", "within_prompt_auc", "ece")
"""Columns of the card's tables."""

CARD: Final = "language.md"
PICTURE: Final = "language-reliability.png"

_HEAD: Final = """# Model card: language expert

Trained on real A/H labels of whole answers, in English. What it says about a clause or a moment is read from weights that were
trained on answers, never on marked moments.

| | |
|---|---|
| what | log-likelihood ratio of ambivalence/hesitancy (A/H) from the words of one answer; `models/expert.py`, weights `assets/language.json` |
| in | words, as transcribed; for the timeline with times |
| out | probability and log-likelihood ratio of the answer, what each marker adds, a score per clause, a log-likelihood ratio per moment |
| size | {size} of JSON, no text of anybody |
| licence | GPL-3.0-or-later, as the code; data and their licence: below |
| made by | `{command}` |

## Data

{source}: answers on camera to seven kinds of prompt, transcribed by a recogniser, with one A/H label per video. {train} training answers of
{people} people, {validation} validation answers of {others} other people. The words themselves are not in this repository. The weights that
ship are fitted on both parts, after the figures below were made with the training part alone.

## Results

Grouped by person: nobody is on both sides. Everything (standardisation, selection of markers, penalty, calibration) is fitted again in
every fold. Prompt-blind, out of fold, {train} training answers:

{blind}
The same for a kind of prompt that training never saw (leave one prompt out, and leave the people out), on a prior of one half:

{unseen}
{seeds}

{differences}

With the kind of prompt known it enters as a prior: its own rate of A/H, beside the log-likelihood ratio of the words. The markers' weights
never see it.

{known}
The {validation} validation answers, once, by fits on all training answers:

{validated}
How far these figures flatter: the word lists were drawn up with an eye on the training answers (word classes were screened there beside
those of the literature), which no fold undoes. Two further lists, of description and of frequency, were dropped after the validation answers had
been looked at, where their sign turned; with them the shipped family had AVGF1 .639, AP .712, AUC .705 and within-prompt AUC .691 there. Among the
families the additive one ships because it is the simplest that no other beats measurably; an average with the text encoder reached AVGF1 .721 and AP
.834 on the training answers (out of fold, seed 0) and was left out for 87 MB of weights and ten times the cost.

## Calibration

![Reliability: share of answers with A/H over the probability]({picture})

Logistic calibration on people left out, inside every training set. The table has the expected calibration error (10 bins of equal width).

## Does it point at the right words?

No clause of the data is labelled. Two ways of learning from labels of answers were compared: the additive model, whose answer is the sum of its clauses, and
the noisy-or, whose answer is as sure as its surest clauses. As far as labels of answers can say it: in pairs of answers of like length to the same kind of prompt, by people
that the model never saw, the highest clause lies in the answer with A/H in {pointed} of the pairs (chance .5).

## Heard instead of written

The words as the recogniser hears them move the probability by .026 on average against the true transcript (median .002, nine of ten under .10, largest
.25; 135 spoken answers: espeak-ng and flite voices, some in noise, LibriVox readings, the demo clip; 65 of 85 fillers kept, none invented). Where fillers
are lost it is .034. One or two misheard words of a marker make the large ones. `python tools/measure_language_hearing.py`, `--unprompted`. No hesitant
human speech with a transcript was at hand.

## The weights

An answer's log-likelihood ratio is {bias:+.2f} {length:+.2f} z(log(1 + words)) {mixed:+.2f} z(mixture of positive and negative words), and for each
marker weight × log(1 + count). A marker stays where its weight keeps its sign in all seven fits that leave one kind of prompt out.

{weights}

## Limits

* English; answers of 3 to 96 s to questions about one's own behaviour. Nothing else was measured.
* A label says that an answer has A/H somewhere; a clause's score and the moment's log-likelihood ratio are readings of the answer's model.
* The recogniser of the training answers dropped most fillers and repetitions. Fillers keep their published odds ratio in the timeline,
  repetitions have no weight.
* Longer answers have more of everything. Length has its own weight, and a short answer stays uncertain.
* People differ in how they hedge at all; the score of one answer is no trait of a person.
"""


def write_card(found: Comparison, weights: Weights, folder: Path, command: str, resamples: int) -> Path:
    """Write the card and its picture.

    Args:
        found: what was compared.
        weights: that ship.
        folder: where `language.md` and `language-reliability.png` go.
        command: that made it, for the card.
        resamples: of the bootstrap.

    Returns:
        The card.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        card = folder / CARD
        card.write_text(card_text(found, weights, command, resamples), encoding="utf-8")
        shipped = found.outcomes[SHIPPED]
        draw_reliability(
            {
                "training, out of fold": _report(found, shipped.blind[0], training=True, resamples=resamples),
                "validation": _report(found, shipped.validation, training=False, resamples=resamples),
            },
            folder / PICTURE,
        )
    except OSError as error:
        raise StoreError(f"The model card cannot be written to {folder}: {error.strerror or error}.") from error
    return card


def card_text(found: Comparison, weights: Weights, command: str, resamples: int) -> str:
    """The card as Markdown."""
    d, n = found.design, found.train
    names = {name: FAMILIES.get(name, name) for name in found.outcomes}

    def reports(which: str) -> dict[str, Report]:
        return {
            names[name]: _report(found, getattr(o, which)[0], training=True, resamples=resamples)
            for name, o in found.outcomes.items()
            if getattr(o, which)
        }

    known = {
        "kind of prompt alone": _report(found, found.prompt_only.blind[0], training=True, resamples=resamples),
        "words and kind of prompt": _report(found, found.known.blind[0], training=True, resamples=resamples),
        "kind of prompt alone, validation": _report(
            found, found.prompt_only.validation, training=False, resamples=resamples
        ),
        "words and kind of prompt, validation": _report(
            found, found.known.validation, training=False, resamples=resamples
        ),
    }
    validated = {
        names[name]: _report(found, o.validation, training=False, resamples=resamples)
        for name, o in found.outcomes.items()
        if len(o.validation)
    }
    unseen_scores = ("avgf1", "average_precision", "roc_auc", "within_prompt_auc")
    size = len(str(weights.to_json()))
    return _HEAD.format(
        size=f"{size / 1024:.0f} KB",
        command=command,
        source=weights.about.get("data", "Unnamed data"),
        train=n,
        people=len(np.unique(d.subjects[:n])),
        validation=len(d.y) - n,
        others=len(np.unique(d.subjects[n:])),
        blind=table(reports("blind"), SCORES),
        unseen=table(reports("unseen"), unseen_scores),
        seeds=_over_seeds(found, names),
        differences=_differences(found, names, resamples),
        known=table(known, ("avgf1", "average_precision", "roc_auc", "ece")),
        validated=table(validated, SCORES),
        picture=PICTURE,
        pointed=", ".join(f"{shown(v)} ({names[k]})" for k, v in found.pointed.items()),
        bias=weights.bias,
        length=weights.length.weight,
        mixed=weights.mixed.weight,
        weights=_weights(weights),
    )


def _report(found: Comparison, p: NDArray[np.float64], *, training: bool, resamples: int) -> Report:
    d, part = found.design, slice(0, found.train) if training else slice(found.train, None)
    return report(d.y[part], p, d.subjects[part].tolist(), d.prompts[part].tolist(), resamples=resamples)


def _over_seeds(found: Comparison, names: dict[str, str]) -> str:
    """Means over the divisions into folds: the first table is of one division."""
    seeds = len(found.outcomes[SHIPPED].blind)
    if seeds < 2:
        return "One division into folds (seed 0)."
    d, part = found.design, slice(0, found.train)

    def mean(runs: Sequence[NDArray[np.float64]], metric: str) -> str:
        values = [report(d.y[part], p, None, d.prompts[part].tolist(), resamples=1).metrics[metric].value for p in runs]
        return shown(float(np.mean([v for v in values if v is not None])))

    lines = [
        f"Means over {seeds} divisions into folds (seeds 0 to {seeds - 1}); prompt-blind, then for unseen prompts:",
        "",
        "| | AVGF1 | AP | AUC | within-prompt AUC | AVGF1, unseen prompt | AUC, unseen prompt |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, o in found.outcomes.items():
        blind = [mean(o.blind, m) for m in ("avgf1", "average_precision", "roc_auc", "within_prompt_auc")]
        unseen = [mean(o.unseen, m) for m in ("avgf1", "roc_auc")]
        lines.append(f"| {names[name]} | {' | '.join([*blind, *unseen])} |")
    return "\n".join(lines)


def _differences(found: Comparison, names: dict[str, str], resamples: int) -> str:
    """The shipped family against each other one, paired, blind and for unseen prompts."""
    d, part = found.design, slice(0, found.train)
    y, people, prompts = d.y[part], d.subjects[part].tolist(), d.prompts[part].tolist()
    lines = [
        "Paired differences, the shipped family minus the other (95 % intervals over people; an interval without 0 is measurable):",
        "",
        "| other family | AP | within-prompt AUC | AVGF1, unseen prompt | AUC, unseen prompt |",
        "|---|---:|---:|---:|---:|",
    ]
    ours = found.outcomes[SHIPPED]
    for name, other in found.outcomes.items():
        if name == SHIPPED:
            continue
        cells = []
        for metric, which in (
            ("average_precision", "blind"),
            ("within_prompt_auc", "blind"),
            ("avgf1", "unseen"),
            ("roc_auc", "unseen"),
        ):
            if not getattr(other, which):
                cells.append("–")
                continue
            gap = difference(
                metric, y, getattr(ours, which)[0], getattr(other, which)[0], people,
                prompts=prompts, resamples=resamples,
            )  # fmt: skip
            cells.append(cell(gap))  # type: ignore[arg-type]  # it has value, low and high
        lines.append(f"| {names[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _weights(w: Weights) -> str:
    lines = [
        "| marker | examples | weight | standard error | plain answers that have it |",
        "|---|---|---:|---:|---:|",
    ]
    order = np.argsort(-w.markers)
    for k in order:
        examples = ", ".join(PHRASES.get(MARKERS[k], ("a repeated or cut-off word",))[:4])
        weight = f"{w.markers[k]:+.2f} | {w.errors[k]:.2f}" if w.markers[k] else "not kept | –"
        lines.append(f"| {MARKERS[k]} | {examples} | {weight} | {100 * w.shares[k]:.0f} % |")
    return "\n".join(lines)


def draw_reliability(reports: dict[str, Report], path: Path) -> None:
    """Share with A/H over the probability, with intervals over people, and how many answers each bin has."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (upper, lower) = plt.subplots(2, 1, figsize=(5, 6), sharex=True, height_ratios=(3, 1), layout="constrained")
    upper.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for (name, found), colour, shift in zip(reports.items(), ("#1f5a8a", "#c2701c"), (-0.008, 0.008), strict=False):
        points = found.reliability
        x = np.array([p.mean_p for p in points]) + shift
        y = np.array([p.observed for p in points])
        low = np.array([p.observed_low if p.observed_low is not None else p.observed for p in points])
        high = np.array([p.observed_high if p.observed_high is not None else p.observed for p in points])
        ece = found.metrics["ece"].value
        upper.errorbar(
            x, y, [np.maximum(y - low, 0), np.maximum(high - y, 0)], fmt="o", color=colour, markersize=4, capsize=2,
            linewidth=1, label=f"{name} ({found.n} answers), {METRICS['ece'].title} {shown(ece)}",
        )  # fmt: skip
        lower.bar([p.mean_p + shift for p in points], [p.n for p in points], width=0.016, color=colour)
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of answers with A/H")
    upper.legend(loc="upper left", fontsize=8, frameon=False)
    lower.set(xlabel="probability of A/H (prompt-blind)", ylabel="answers")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
