"""A/H answers: the folder with `train.jsonl` and `val.jsonl` flows in, answers with labels flow out.

The files are those of BAH's public split (transcribed answers on camera with a label of the whole video). They are
people's own words: nothing here prints, logs or keeps a text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ahdetect.errors import DataError

PROMPTS = ("neutral", "positive", "negative", "ambivalent", "willing", "resistant", "hesitant")
"""The seven kinds of prompt of BAH."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A set of answers, one row each.

    Attributes:
        texts: what was said.
        labels: 1 where the video has A/H, int, shape (n,).
        subjects: who said it, shape (n,).
        prompts: kind of prompt, one of `PROMPTS`, shape (n,).
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    subjects: NDArray[np.int64]
    prompts: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.intp]) -> Answers:
        """Some of the rows, by index."""
        return Answers(tuple(self.texts[i] for i in rows), self.labels[rows], self.subjects[rows], self.prompts[rows])

    def joined(self, other: Answers) -> Answers:
        """These rows and then those of `other`; the same number is the same person in both."""
        return Answers(
            self.texts + other.texts,
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.subjects, other.subjects]),
            np.concatenate([self.prompts, other.prompts]),
        )


def read_answers(path: Path) -> Answers:
    """Read one JSONL file; a line has `text`, `label` (0 or 1), `subject` and `prompt`.

    Raises:
        DataError: it cannot be read, is empty, or a line is not of that form; names the line, never its text.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: a text may hold U+2028
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise DataError(f"The answers in {path} cannot be read ({reason}).", value=path) from error
    rows = [_row(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise DataError(f"{path} holds no answers.", value=path)
    return _answers(rows)


def _row(path: Path, number: int, line: str) -> tuple[str, int, int, str]:
    try:
        raw = json.loads(line)
        text, label, subject, prompt = raw["text"], raw["label"], raw["subject"], raw["prompt"]
        if not isinstance(text, str) or label not in (0, 1) or prompt not in PROMPTS or int(subject) != subject:
            raise ValueError
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(
            f"Line {number} of {path} is no answer: it needs text, label (0 or 1), subject (a number) and prompt "
            f"({', '.join(PROMPTS)}).",
            value=path,
        ) from error
    return text, int(label), int(subject), prompt


def _answers(rows: Sequence[tuple[str, int, int, str]]) -> Answers:
    texts, labels, subjects, prompts = zip(*rows, strict=True)
    return Answers(texts, np.array(labels), np.array(subjects), np.array(prompts))
