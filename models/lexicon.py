"""Lexicon: a word and the words before it flow in, the language markers that it completes flow out.

The lists are the markers of EVIDENCE's odds-ratio table (hedges, contrast, negation, modal verbs, fillers, "I know",
"want to", "love", "feel"), as short closed lists so that a marker can be named in an explanation and checked by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

MARKERS: Final[tuple[str, ...]] = (
    "filler",
    "hedge",
    "contrast",
    "modal",
    "negation",
    "knowing",
    "wanting",
    "repair",
    "love",
    "feel",
)
"""Names of the markers, in the order of the count vectors of `models.language`."""

PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "filler": ("um", "umm", "uh", "uhh", "uhm", "er", "erm", "hmm", "hm", "mm"),
    "hedge": (
        "maybe", "perhaps", "probably", "possibly", "might", "kind of", "kinda", "sort of", "sorta", "i guess",
        "i suppose", "i think", "not sure", "unsure", "i don't know", "i dunno", "somewhat", "sometimes", "a little",
        "a bit", "i don't really know",
    ),
    "contrast": ("but", "although", "though", "however", "yet", "on the other hand", "even though", "except"),
    "modal": ("should", "could", "would", "may", "might", "must", "ought to", "have to", "need to", "can", "can't",
              "cannot", "couldn't", "wouldn't", "shouldn't"),
    "negation": ("not", "no", "never", "nothing", "none", "nobody", "neither", "nor", "without", "cannot"),
    "knowing": ("i know",),
    "wanting": ("want to", "wanna", "wanting to", "wants to", "wanted to"),
    "love": ("love", "loved", "loves", "loving"),
    "feel": ("feel", "feels", "feeling", "felt"),
}  # fmt: skip
"""Marker to its words and phrases, lower case. "repair" has no list: it is a repetition or a cut-off word."""

_MAY_REPEAT: Final = frozenset({"very", "really", "no", "yeah", "yes", "so", "that", "had", "much", "many", "long"})
"""Words whose repetition is emphasis or grammar, not repair."""

_BY_LAST: Final[dict[str, list[tuple[tuple[str, ...], str]]]] = {}
for _marker, _phrases in PHRASES.items():
    for _phrase in _phrases:
        _tokens = tuple(_phrase.split())
        _BY_LAST.setdefault(_tokens[-1], []).append((_tokens, _marker))

LONGEST: Final[int] = max(len(p.split()) for ps in PHRASES.values() for p in ps)
"""Words in the longest phrase: how many words of context `completed` can use."""

_EDGES = re.compile(r"^[^\w']+|[^\w'-]+$")


def token(text: str) -> str:
    """A word as the lists have it: lower case, straight apostrophe, no punctuation at its edges."""
    return _EDGES.sub("", text.lower().replace("’", "'")).strip("'")


def completed(tokens: Sequence[str]) -> list[str]:
    """Markers that the last of `tokens` completes (the tokens before it are its context).

    A longer phrase wins over a shorter one of the same marker, so "I don't know" is one hedge.
    """
    if not tokens or not tokens[-1]:
        return []
    last = tokens[-1]
    found = [
        marker
        for phrase, marker in _BY_LAST.get(last, ())
        if len(phrase) <= len(tokens) and tuple(tokens[-len(phrase) :]) == phrase
    ]
    if last.endswith("n't") and "negation" not in found:
        found.append("negation")
    before = tokens[-2] if len(tokens) > 1 else ""
    if (last == before and last not in _MAY_REPEAT and last not in PHRASES["filler"]) or (
        last.endswith("-") and len(last) > 1
    ):
        found.append("repair")
    return sorted(set(found))
