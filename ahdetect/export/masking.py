"""Names in words: words and texts flow in; the same with names replaced by `[name]` flow out.

A guess: no list knows every name, and the recogniser writes some of them small. What may slip through stands in
`docs/exports.md`; whoever must be sure reads the export before it leaves the house.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ahdetect.errors import ConfigError
from ahdetect.models.words import Word

MASK: Final = "[name]"

_CORE: Final = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
"""The word itself, without the punctuation around it."""
_POSSESSIVE: Final = re.compile(r"['’]s$", re.IGNORECASE)
_FIRST_PERSON: Final = re.compile(r"^I(?:['’](?:m|d|ll|ve))?$")
_ENDS_SENTENCE: Final = re.compile(r"[.!?…:]['\"”’)\]]*$")
_LARGEST_LIST: Final = 1_000_000
"""Characters of a list of names: 100,000 names, more than a study has."""


def read_names(path: Path) -> frozenset[str]:
    """Names of a text file, one or more a line; a name of several words counts word by word.

    Raises:
        ConfigError: the file cannot be read, or holds no names.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ConfigError(f"The list of names {path} cannot be read: {reason}.", value=path) from error
    names = frozenset(_plain(core) for core in _CORE.findall(text))
    if not names or len(text) > _LARGEST_LIST:
        raise ConfigError(f"The list of names {path} holds no names or is too long; write one name a line.", value=path)
    return names


class NameMask:
    """Replaces names in the words of one session, and in what was written about it.

    Two sources: a capital letter inside a sentence, as the recogniser writes names (and days, places, firms); and a
    list. A word that was a name once is one at the start of a sentence too, unless it was also written small.

    Args:
        words: all words of the session, in order.
        names: of the list, in lower case.
    """

    def __init__(self, words: Sequence[Word], names: Iterable[str] = ()) -> None:
        self._listed = frozenset(names)
        texts = [w.text for w in words]
        starts = _starts(words)
        small = {_plain(c) for text in texts for c in _CORE.findall(text) if c[0].islower()}
        inside = {_plain(c) for text, start in zip(texts, starts, strict=True) if not start for c in _capitals(text)}
        self._seen = inside - small

    def words(self, words: Sequence[Word]) -> list[Word]:
        """The words, names masked; times stay."""
        texts = zip(words, _starts(words), strict=True)
        return [replace(word, text=self._word(word.text, start)) for word, start in texts]

    def text(self, text: str) -> str:
        """A free text (a note, a prompt), names masked."""
        parts = re.split(r"(\s+)", text)
        start, masked = True, []
        for part in parts:
            masked.append(part if not part.strip() else self._word(part, start))
            start = start if not part.strip() else bool(_ENDS_SENTENCE.search(part))
        return "".join(masked)

    def _word(self, text: str, start: bool) -> str:
        def mask(found: re.Match[str]) -> str:
            core, name = found.group(), _plain(found.group())
            capital = core[0].isupper() and not _FIRST_PERSON.match(core)
            if name in self._listed or (capital and (not start or name in self._seen)):
                return MASK + (core[-2:] if _POSSESSIVE.search(core) else "")
            return core

        return _CORE.sub(mask, text)


def _starts(words: Sequence[Word]) -> list[bool]:
    """Whether each word begins a sentence: after a full stop, or in a new stretch of speech."""
    return [
        i == 0 or word.utterance != words[i - 1].utterance or bool(_ENDS_SENTENCE.search(words[i - 1].text))
        for i, word in enumerate(words)
    ]


def _capitals(text: str) -> list[str]:
    return [core for core in _CORE.findall(text) if core[0].isupper() and not _FIRST_PERSON.match(core)]


def _plain(core: str) -> str:
    return _POSSESSIVE.sub("", core).casefold()
