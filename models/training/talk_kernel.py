"""Kernels over turns and what was said before them: an encoder's states flow in; held-out scores of three classes out.

The talk head that ships knows words. This family also knows what a turn means after the turns before it: a frozen
MiniLM reads the therapist's turn, the client's own earlier turns and the turn itself, and a kernel compares the turn's
states, the words, and the course of the dialogue so far. It needs the encoder and every training turn at run time, so
it is a measure of what there is to be gained and no model to ship. Nothing later than the turn is looked at.

Ridge regression on classes with weights per class; scores for turns of a video left out come from one inverse (the
closed form of leave-one-out for blocks: Rasmussen and Williams, Gaussian Processes for Machine Learning, 5.4.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from ahdetect.errors import AssetError
from ahdetect.models.datasets import annomi
from ahdetect.models.talk import N_SHAPE, Memory
from ahdetect.models.training.encoder import LAYERS, Encoder, Standardiser

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Labels = NDArray[np.intp]

VARIANTS: Final = ("kernel, own", "kernel, therapist")
"""The client's words alone, and the therapist's words too."""

JOINED: Final = "kernels, joined"
"""Both and the talk head's own scores, read by one head."""

OWN_TOKENS: Final = 48
"""Tokens of a turn that are read: the first and the last half of them. Nine turns in ten are shorter than 53."""

BEFORE_TOKENS: Final = 32
"""Tokens of the therapist's turn, and of the client's earlier turns, that are read before it: the last ones."""

PENALTIES: Final = (3.0, 6.0)
"""Ridge penalties that inner folds choose from.

They and the constants below were found by looking at turns of videos left out one by one, over all videos."""

WIDTH: Final = 0.5
"""Of the radial kernel over states whose squared distance is 2 on average."""

COURSE_WIDTH: Final = 1.5
"""The same for the course of the dialogue, whose distances are smaller."""

FADE: Final = 0.8
"""Share of the course that each turn leaves."""

WORDS: Final = 0.3
"""Weight of the kernel over words and word pairs, which has 1 on its diagonal as the radial kernels have."""

_NOTE: Final = re.compile(r"\[[^\]]*\]")


class TurnEncoder(Encoder):
    """A frozen BERT encoder that reads a turn after what was said before it.

    Args:
        folder: as for `Encoder`.

    Raises:
        AssetError: a file is missing, damaged, or is not such an encoder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        marks = self._tokenizer.encode("").ids
        if len(marks) != 2:
            raise AssetError(f"The tokenizer of {folder} sets no marks of begin and end; MiniLM's does.", value=folder)
        self._begin, self.end = marks

    def tokens(self, text: str) -> list[int]:
        """Token numbers of a text without its notes in square brackets, and without the marks of begin and end."""
        return list(self._tokenizer.encode(_NOTE.sub(" ", text), add_special_tokens=False).ids)

    def states(self, before: Sequence[int], turn: Sequence[int]) -> Array:
        """Mean states of the turn's tokens at `LAYERS`, shape (layers x width,), after the tokens before it."""
        import torch

        ids = torch.tensor([self._begin, *before, *turn, self.end])
        first = len(before) + 1
        with torch.inference_mode():
            x = self._norm(self._words[ids] + self._places[: len(ids)])[None]
            means = []
            for depth, layer in enumerate(self._layers, start=1):
                x = layer(x)
                if depth in LAYERS:
                    means.append(x[0, first:].mean(0))
        return np.asarray(torch.cat(means).double().numpy(), dtype=np.float64)


def encode(folder: Path, dialogues: Sequence[annomi.Dialogue]) -> tuple[Array, Array]:
    """States of every client turn read by itself, and after the turns before it; shape (turns, d) each."""
    encoder = TurnEncoder(folder)
    alone, after = [], []
    for dialogue in dialogues:
        said: list[int] = []
        for turn in dialogue.turns:
            own = encoder.tokens(turn.text)
            half = OWN_TOKENS // 2
            own = own if len(own) <= OWN_TOKENS else own[:half] + own[-half:]
            heard = encoder.tokens(turn.therapist)[-BEFORE_TOKENS:]
            alone.append(encoder.states([], own))
            after.append(encoder.states([*said[-BEFORE_TOKENS:], *heard, *([encoder.end] if heard else [])], own))
            said += [*encoder.tokens(turn.text), encoder.end]
    return np.array(alone), np.array(after)


def kernels(
    words: sparse.csr_matrix, cues: Array, dialogues: Sequence[Labels], alone: Array, after: Array
) -> dict[str, Single]:
    """A kernel over all turns for each of `VARIANTS`, shape (turns, turns). Labels play no part.

    Args:
        words: terms of the turns, rows of unit length.
        cues: shape and markers of the turns.
        dialogues: rows of each dialogue, in order.
        alone: states of the turns read by themselves.
        after: states of the turns read after the turns before them.
    """
    alone, after, cues = _scaled(alone), _scaled(after), _scaled(cues)
    plain = WORDS * np.asarray((words @ words.T).todense(), dtype=np.float32) + _product(cues) / 10
    course = _radial(_course(alone, dialogues), COURSE_WIDTH)
    turn, in_context = _radial(alone, WIDTH), _radial(after, WIDTH)
    own = plain + turn + turn * course + course / 2
    both = plain + turn + in_context + _product(after) / 3 + in_context * course + course / 2
    return {name: np.asarray(kernel, dtype=np.float32) for name, kernel in zip(VARIANTS, (own, both), strict=True)}


def left_out(kernel: Single, y: Labels, groups: Labels, penalty: float) -> tuple[Array, Array]:
    """Scores of each row by a model that was trained without its group, shape (n, 3), and the whole model, (n, 3).

    Scores of further rows are their kernel with these, plus 1, times the whole model.
    """
    n = len(y)
    weight = np.sqrt(n / 3 / np.maximum(np.bincount(y, minlength=3), 1))[y]
    system = kernel + np.float32(1.0)  # the 1 is the constant term
    system[np.diag_indices(n)] += (penalty / weight).astype(np.float32)
    factor = linalg.cholesky(system, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    target = np.eye(3)[y]
    model = inverse @ target
    held = np.empty((n, 3))
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        held[rows] = target[rows] - np.linalg.solve(inverse[np.ix_(rows, rows)].astype(np.float64), model[rows])
    return held, model


def scored(kernel: Single, y: Labels, groups: Labels, train: Labels, test: Labels) -> Iterator[tuple[Array, Array]]:
    """For each of `PENALTIES`: held-out scores of `train`, scores of `test`; shape (rows, 3) each."""
    inside, across = kernel[np.ix_(train, train)], kernel[np.ix_(test, train)] + np.float32(1.0)
    for penalty in PENALTIES:
        held, model = left_out(inside.copy(), y[train], groups[train], penalty)
        yield held, across @ model


def inputs(scores: Array, cues: Array, dialogues: Sequence[Labels], at: Labels) -> Array:
    """What a head reads for rows `at`: their scores, the fading means of earlier scores of the dialogue, shape."""
    place = {int(i): k for k, i in enumerate(at)}
    past: list[Array] = [np.empty(0)] * len(at)
    for dialogue in dialogues:
        if int(dialogue[0]) not in place:
            continue
        memory = Memory(scores.shape[1])
        for i in dialogue:
            k = place[int(i)]
            past[k] = memory.read()
            memory.add(scores[k])
    return np.hstack([scores, np.array(past), cues[at, :N_SHAPE]])


def _scaled(x: Array) -> Array:
    """Columns to mean 0 and variance 1 over all turns, rows to a squared length of 1 on average."""
    return np.asarray(Standardiser.of(x)(x) / np.sqrt(x.shape[1]), dtype=np.float64)


def _product(x: Array) -> Single:
    single = x.astype(np.float32)
    return np.asarray(single @ single.T)


def _radial(x: Array, width: float) -> Single:
    product = _product(x)
    length = np.diag(product)
    return np.asarray(np.exp(-width * np.maximum(length[:, None] + length - 2 * product, 0)), dtype=np.float32)


def _course(x: Array, dialogues: Sequence[Labels]) -> Array:
    """Fading mean of the states of the turns before each turn of its dialogue."""
    course = np.zeros_like(x)
    for dialogue in dialogues:
        mean = np.zeros(x.shape[1])
        for i in dialogue:
            course[i] = mean
            mean = FADE * mean + (1 - FADE) * x[i]
    return course
