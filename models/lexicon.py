"""Lexicon: a word and the words before it flow in, the language markers that it completes flow out.

A marker is a short closed list of words and phrases, so that it can be named in an explanation and checked by hand. The
lists say *how* somebody talks (hedging, turning, weighing), not what about. The first five are the markers of
EVIDENCE's floor; the others are the rest of its table of odds ratios, the language cues of BAH's experts (motivation,
failed attempt, excuse, correction, repetition), and classes that separate talk about oneself from talk about others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "filler": ("um", "umm", "uh", "uhh", "uhm", "er", "erm", "hmm", "hm", "mm"),
    "hedge": (
        "maybe", "perhaps", "probably", "possibly", "might", "kind of", "kinda", "sort of", "sorta", "i guess",
        "i suppose", "not sure", "unsure", "don't know", "i don't know", "i don't really know", "dunno", "somewhat",
        "a little", "a bit", "or something", "or whatever",
    ),
    "contrast": (
        "but", "although", "though", "even though", "however", "on the other hand", "except", "despite",
        "instead", "at the same time",
    ),
    "modal": (
        "should", "could", "would", "may", "might", "must", "ought to", "have to", "need to", "can", "can't", "cannot",
        "couldn't", "wouldn't", "shouldn't", "i'd",
    ),
    "negation": ("not", "no", "never", "nothing", "none", "nobody", "neither", "nor", "without", "cannot"),
    "reflection": ("know", "guess", "realize", "realise", "understand", "aware", "actually", "honestly"),
    "wanting": ("want", "wants", "wanted", "wanting", "wanna", "wish"),
    "doing": (
        "do", "does", "did", "done", "doing", "go", "going", "get", "gets", "getting", "got", "start", "starting",
        "started", "try", "trying", "tried", "make", "makes", "making",
    ),
    "emphasis": ("love", "loved", "loves", "loving", "enjoy", "hate", "always", "definitely", "absolutely"),
    "feel": ("feel", "feels", "feeling", "felt"),
    "others": (
        "they", "them", "their", "they're", "those", "people", "he", "she", "his", "her", "him", "others", "someone",
        "say", "said", "tell",
    ),
    "belief": ("i think", "i believe", "i find", "in my opinion"),
    "reason": ("because", "so that", "reason", "reasons", "in order to", "help", "helps"),
    "agreement": ("yeah", "yes", "yep", "well", "okay", "you know", "i mean"),
    "vagueness": ("stuff", "thing", "things", "something", "whatever", "kind", "different"),
    "regret": (
        "bad", "worse", "guilty", "guilt", "regret", "unfortunately", "lazy", "tired", "procrastinate",
        "procrastinating", "put off", "putting off", "avoid", "later",
    ),
    "past": ("was", "were", "had", "been", "used to"),
    "condition": ("if", "unless", "would", "whether", "depends"),
}  # fmt: skip
"""Marker to its words and phrases, lower case."""

MARKERS: Final[tuple[str, ...]] = (*PHRASES, "repair")
"""Names of the markers, in the order of the count vectors. "repair" has no list: repetitions and broken words."""

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
    """Markers that the last of `tokens` completes (the tokens before it are its context), in the order of `MARKERS`.

    The longest phrase wins: "I don't know" is one hedge and no word of weighing, as "I know" is.
    """
    found = spoken(tokens)
    return [marker for marker in MARKERS if marker in found]


def spoken(tokens: Sequence[str]) -> dict[str, str]:
    """The markers that the last of `tokens` completes, each with the phrase that was said."""
    if not tokens or not tokens[-1]:
        return {}
    last = tokens[-1]
    matches = [
        (len(phrase), marker)
        for phrase, marker in _BY_LAST.get(last, ())
        if len(phrase) <= len(tokens) and tuple(tokens[-len(phrase) :]) == phrase
    ]
    longest = max((size for size, _ in matches), default=0)
    found = {marker: " ".join(tokens[-size:]) for size, marker in matches if size == longest}
    if last.endswith("n't"):
        found.setdefault("negation", last)
    before = tokens[-2] if len(tokens) > 1 else ""
    if (last == before and last not in _MAY_REPEAT and last not in PHRASES["filler"]) or (
        last.endswith("-") and len(last) > 1
    ):
        found["repair"] = last
    return found
