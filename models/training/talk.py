"""Training of the talk head: AnnoMI in; `talk.json`, its model card and its figures out.

Two linear emissions look at one turn: one fitted to words and word pairs, one to the mean of their sentence-encoder
vectors. The latter collapses to one weight per term, so inference needs no encoder. Heads on top of out-of-fold
emissions then read this turn, and in the second head the fading means of the speaker's earlier turns. Every figure
comes from videos that neither weights nor settings have seen.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from ahdetect.errors import ConfigError, DataError
from ahdetect.models.datasets import annomi
from ahdetect.models.talk import CLASSES, N_CUES, N_SHAPE, TABLES, Head, Memory, TalkModel, cues, softmax, terms, tokens
from ahdetect.models.training.talk_agreement import agreement
from ahdetect.models.training.talk_card import card

OUTER: Final = 5
INNER: Final = 4
REPEATS: Final = 3
"""Folds outside, folds inside, and how often the whole is repeated with another seed."""

GRID: Final[tuple[tuple[float, float], ...]] = ((0.03, 0.0003), (0.07, 0.001))
"""Inverse penalties of the two emissions that inner folds choose from."""

MARKER_SCALE: Final = 0.4
"""Standard deviation that markers are brought to, so that one penalty fits them and the terms."""

HEARD_C: Final = 0.03
"""Inverse penalty of the classifier of the therapist's turn."""

HEAD_C: Final = 0.01
"""Inverse penalty of the heads on standardised inputs; a change from .003 to 1 moved macro-F1 by less than .005."""

LEAST_VIDEOS: Final = 2
"""A term of one video only is left out: it is the topic or the person."""

KEPT: Final = 6000
"""Terms that are shipped: those with the largest weights."""

RESAMPLES: Final = 1000

Array = NDArray[np.float64]
Labels = NDArray[np.intp]
_GROUP: Final = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class Corpus:
    """Turns as arrays.

    Attributes:
        words: tokens of each turn.
        texts: the turns as published.
        y: labels, shape (n,).
        videos: number of the video, shape (n,).
        dialogues: rows of each dialogue, in order.
        cues: shape and markers of each turn, shape (n, N_CUES).
        quality: True where motivational interviewing is shown well, shape (n,).
        counts: sublinear counts of all terms, shape (n, number of terms).
        heard: the same of the therapist's turn before it, to measure what it would add.
        names: the terms.
        proper: terms that hold a name of a person or a place; never used.
    """

    words: list[list[str]]
    texts: list[str]
    y: Labels
    videos: Labels
    dialogues: list[Labels]
    cues: Array
    quality: NDArray[np.bool_]
    counts: sparse.csr_matrix
    heard: sparse.csr_matrix
    names: list[str]
    proper: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Emission:
    """Both linear emissions over the same terms.

    Attributes:
        rows: columns of `Corpus.counts` in use, shape (v,).
        idf: shape (v,).
        table: shape (v, TABLES * 3).
        cue_weights: shape (TABLES * 3, N_CUES).
        bias: shape (TABLES * 3,).
    """

    rows: Labels
    idf: Array
    table: Array
    cue_weights: Array
    bias: Array

    def __call__(self, corpus: Corpus, at: Labels) -> Array:
        """Centred log-odds of rows `at`, shape (len(at), TABLES * 3)."""
        x = _weighted(corpus.counts[at][:, self.rows], self.idf)
        raw = np.asarray(x @ self.table) + corpus.cues[at] @ self.cue_weights.T + self.bias
        by_table = raw.reshape(len(at), TABLES, 3)
        return np.asarray(by_table - by_table.mean(axis=2, keepdims=True)).reshape(len(at), -1)


def load_corpus(dialogues: Sequence[annomi.Dialogue]) -> Corpus:
    """Arrays of `dialogues`; labels keep the order of `CLASSES`."""
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    texts = [turn.text for turn in turns]
    words = [tokens(text) for text in texts]
    vectoriser = TfidfVectorizer(analyzer=terms, use_idf=False, norm=None, sublinear_tf=True)
    heard = [tokens(turn.therapist) for turn in turns]
    both = sparse.csr_matrix(vectoriser.fit_transform(words + heard))
    counts = both[: len(words)]
    names = list(vectoriser.get_feature_names_out())
    proper = proper_nouns([*texts, *(turn.therapist for turn in turns)])
    number = {video: k for k, video in enumerate(dict.fromkeys(d.video for d in dialogues))}
    sizes = [len(d.turns) for d in dialogues]
    starts = np.cumsum([0, *sizes])
    return Corpus(
        words,
        texts,
        np.array([turn.label for turn in turns], dtype=np.intp),
        np.repeat([number[d.video] for d in dialogues], sizes).astype(np.intp),
        [np.arange(a, b, dtype=np.intp) for a, b in pairwise(starts)],
        np.array([cues(w) for w in words]),
        np.repeat([d.quality == "high" for d in dialogues], sizes),
        counts,
        both[len(words) :],
        names,
        np.array([any(word in proper for word in name.split()) for name in names]),
    )


def proper_nouns(texts: Sequence[str]) -> set[str]:
    """Words that are never in lower case, or have a capital in half of their places inside a sentence; "I" is none."""
    capital: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    for text in texts:
        parts = text.replace("’", "'").replace("-", " ").split()
        for before, part in pairwise(["", *parts]):
            word = part.strip("'\"()[],.?!:;—…")
            if not word[:1].isalpha():
                continue
            plain = word.lower()
            lower[plain] += word[0].islower()
            if before and (before[-1].isalnum() or before[-1] in ",'"):
                inside[plain] += 1
                capital[plain] += word[0].isupper()
    named = {w for w, n in lower.items() if n == 0 or (inside[w] and 2 * capital[w] >= inside[w])}
    return {word for stem in named for word in (stem, f"{stem}'s")} - {"i", "i'm", "i'd", "i'll", "i've"}


class Encoder:
    """A sentence encoder for terms: `model.onnx` (ids, mask, types to states) and `tokenizer.json` of one folder.

    Args:
        folder: where both files are.

    Raises:
        ConfigError: a file is missing.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        for name in ("model.onnx", "tokenizer.json"):
            if not (folder / name).is_file():
                raise ConfigError(
                    f"The encoder folder {folder} lacks {name}; the card of the talk head names its packages.",
                    value=folder,
                )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(128)
        self._tokenizer.enable_padding()

    def __call__(self, texts: Sequence[str], batch: int = 64) -> Array:
        """Mean of the token states, of unit length; shape (len(texts), d)."""
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))  # texts of one length need little padding
        parts = [order[k : k + batch] for k in range(0, len(order), batch)]
        rows = np.concatenate([self._encode([texts[k] for k in part]) for part in parts])
        return np.asarray(rows[np.argsort(order)], dtype=np.float64)

    def _encode(self, texts: list[str]) -> Array:
        coded = self._tokenizer.encode_batch(texts)
        ids = np.array([c.ids for c in coded], dtype=np.int64)
        mask = np.array([c.attention_mask for c in coded], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, feed)[0] * mask[:, :, None]
        mean = states.sum(axis=1) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return np.asarray(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9), dtype=np.float64)


def train_talk(
    csv_path: Path,
    out_dir: Path,
    seed: int = 0,
    *,
    encoder: Path | None = None,
    compare: Path | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train the talk head and measure it; writes `talk.json`, `talk_results.json` and `cards/talk.md` to `out_dir`.

    Args:
        csv_path: `AnnoMI-simple.csv`, or a folder that holds it; with `AnnoMI-full.csv` beside it the agreement of
            experts is measured too.
        out_dir: folder to write to; made where it is not there.
        seed: of the splits and of the intervals. The same seed gives the same weights.
        encoder: folder with `model.onnx` and `tokenizer.json` of a sentence encoder; without it the second table stays
            empty and the head is weaker.
        compare: folder with the files of `models.training.encoder`; with it the kernels of `talk_kernel` are measured
            on the same folds.
        note: takes a line on how far it is.

    Returns:
        The figures, as in `talk_results.json`.

    Raises:
        DataError: the data cannot be read, or holds too few videos.
        ConfigError: the encoder folder lacks a file.
        AssetError: the folder of `compare` lacks a file, or one is damaged.
    """
    dialogues = annomi.read(annomi.find(csv_path))
    corpus = load_corpus(dialogues)
    if len(set(corpus.videos)) < OUTER * 2:
        raise DataError(f"{csv_path} holds fewer than {OUTER * 2} videos, too few to hold some back.", value=csv_path)
    encode = None if encoder is None else Encoder(encoder)
    usable = _usable(corpus, np.arange(len(corpus.y)))
    vectors = None
    if encode is not None:
        vectors = np.zeros((len(corpus.names), 384))
        vectors[usable] = encode([corpus.names[k] for k in usable])
        note("terms encoded")
    turns = None if encode is None else encode([text or "." for text in corpus.texts])
    further = None if compare is None else _kernels(corpus, dialogues, compare)
    note("ready")
    results = measure(corpus, vectors, turns, seed, note, further)
    full = annomi.find(csv_path).with_name(annomi.FULL)
    if full.is_file() and (votes := annomi.read_votes(full)):
        results["experts"] = agreement(votes, seed)
    model, chosen = fit(corpus, vectors, seed)
    results["shipped"] = {"penalties": list(chosen), "terms": len(model.index), "encoder": encode is not None}
    out_dir.mkdir(parents=True, exist_ok=True)
    written = json.dumps(model.to_dict(), separators=(",", ":")) + "\n"
    (out_dir / "talk.json").write_text(written, encoding="utf-8")
    results["shipped"]["bytes"] = len(written.encode())
    (out_dir / "talk_results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (out_dir / "cards").mkdir(exist_ok=True)
    (out_dir / "cards" / "talk.md").write_text(card(results), encoding="utf-8")
    return results


def fit(
    corpus: Corpus, vectors: Array | None, seed: int, *, prune: bool = True
) -> tuple[TalkModel, tuple[float, float]]:
    """The model of all turns of `corpus`, and the penalties that grouped folds chose."""
    trained = _train(corpus, vectors, np.arange(len(corpus.y)), seed)
    emission = pruned(trained.emission) if prune else trained.emission
    names = [corpus.names[k] for k in emission.rows]
    model = TalkModel(
        {name: k for k, name in enumerate(names)},
        emission.idf,
        emission.table,
        emission.cue_weights,
        emission.bias,
        trained.alone,
        trained.after,
    )
    return model, trained.penalties


@dataclass(frozen=True, slots=True)
class _Trained:
    emission: Emission
    alone: Head
    after: Head
    penalties: tuple[float, float]
    held: Array
    heard: _Heard | None = None
    therapist: Head | None = None


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the therapist's turn before says about the client's: terms in use, their idf, a classifier."""

    rows: Labels
    idf: Array
    model: LogisticRegression

    def __call__(self, corpus: Corpus, at: Labels) -> Array:
        """Log-probabilities, centred, shape (len(at), 3)."""
        log = np.asarray(self.model.predict_log_proba(_weighted(corpus.heard[at][:, self.rows], self.idf) * 3.0))
        return np.asarray(log - log.mean(axis=1, keepdims=True))


Further = Callable[[Labels, Labels, _Trained], Iterator[tuple[str, Labels]]]
"""Training rows, test rows and the head of the former in; names and test predictions of other families out."""


def _fit_heard(corpus: Corpus, at: Labels) -> _Heard:
    rows = _usable(corpus, at, corpus.heard)
    idf = _idf(corpus.heard[at][:, rows])
    x = _weighted(corpus.heard[at][:, rows], idf) * 3.0
    return _Heard(rows, idf, _logistic(HEARD_C).fit(x, corpus.y[at]))


def _train(corpus: Corpus, vectors: Array | None, at: Labels, seed: int, *, context: bool = False) -> _Trained:
    """Emissions and heads of rows `at`; penalties by the macro-F1 of inner folds."""
    folds = list(_folds(corpus.videos[at], INNER, seed + 100))
    best: tuple[float, tuple[float, float], Array] | None = None
    for penalties in GRID if vectors is not None else sorted({(c, 0.0) for c, _ in GRID}):
        held = np.zeros((len(at), TABLES * 3))
        for inner, outer in folds:
            held[outer] = fit_emission(corpus, vectors, at[inner], penalties)(corpus, at[outer])
        head = fit_head(_inputs_alone(corpus, at, held), corpus.y[at])
        score = macro_f1(corpus.y[at], _decide(head, _inputs_alone(corpus, at, held)))
        if best is None or score > best[0]:
            best = (score, penalties, held)
    assert best is not None
    _, penalties, held = best
    after = _inputs_after(corpus, at, held)
    trained = _Trained(
        fit_emission(corpus, vectors, at, penalties),
        fit_head(_inputs_alone(corpus, at, held), corpus.y[at]),
        fit_head(after, corpus.y[at]),
        penalties,
        held,
    )
    if not context or not all(len(_usable(corpus, at[inner], corpus.heard)) for inner, _ in folds):
        return trained
    heard = np.zeros((len(at), 3))
    for inner, outer in folds:
        heard[outer] = _fit_heard(corpus, at[inner])(corpus, at[outer])
    head = fit_head(np.hstack([after, heard]), corpus.y[at])
    return replace(trained, heard=_fit_heard(corpus, at), therapist=head)


def fit_emission(corpus: Corpus, vectors: Array | None, at: Labels, penalties: tuple[float, float]) -> Emission:
    """Both emissions of rows `at`; the second is zero without `vectors`, shape (number of terms, d)."""
    rows = _usable(corpus, at)
    part = corpus.counts[at][:, rows]
    idf = _idf(part)
    x = _weighted(part, idf)
    weight = np.ones(N_CUES)
    weight[N_SHAPE:] = MARKER_SCALE / np.maximum(corpus.cues[at, N_SHAPE:].std(axis=0), 1e-2)
    extra = corpus.cues[at] * weight
    table, cue_weights, bias = np.zeros((len(rows), 6)), np.zeros((6, N_CUES)), np.zeros(6)

    scale = 3.0  # terms count three times as much as shape: they are of unit length together
    first = _logistic(penalties[0]).fit(sparse.hstack([x * scale, extra]).tocsr(), corpus.y[at])
    table[:, :3] = scale * first.coef_[:, : len(rows)].T
    cue_weights[:3], bias[:3] = first.coef_[:, len(rows) :] * weight, first.intercept_
    if vectors is not None:
        meant = np.asarray(x @ vectors[rows])
        mean, spread = meant.mean(axis=0), np.maximum(meant.std(axis=0), 1e-4)
        second = _logistic(penalties[1]).fit(np.hstack([(meant - mean) / spread, extra]), corpus.y[at])
        direction = second.coef_[:, : vectors.shape[1]] / spread
        table[:, 3:] = vectors[rows] @ direction.T
        cue_weights[3:] = second.coef_[:, vectors.shape[1] :] * weight
        bias[3:] = second.intercept_ - direction @ mean
    return Emission(rows, idf, table, cue_weights, bias)


def pruned(emission: Emission, kept: int = KEPT) -> Emission:
    """The `kept` terms with the largest weights, in whole steps of 1/127 of the largest weight of a column."""
    centred = emission.table.reshape(-1, TABLES, 3)
    centred = (centred - centred.mean(axis=2, keepdims=True)).reshape(len(emission.table), -1)
    spread = np.maximum(centred.std(axis=0), 1e-9)
    strength = (np.abs(centred) / spread).sum(axis=1)
    keep = np.sort(np.argsort(-strength, kind="stable")[:kept])
    table = emission.table[keep]
    step = np.maximum(np.abs(table).max(axis=0, initial=0.0), 1e-12) / 127
    return replace(
        emission, rows=emission.rows[keep], idf=np.round(emission.idf[keep], 2), table=np.rint(table / step) * step
    )


def fit_head(inputs: Array, y: Labels) -> Head:
    """Logistic regression on standardised inputs, with offsets for macro-F1; the scaling is folded into the weights."""
    mean, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-9)
    model = LogisticRegression(C=HEAD_C, max_iter=1000).fit((inputs - mean) / spread, y)
    weights = np.asarray(model.coef_ / spread, dtype=np.float64)
    bias = np.asarray(model.intercept_ - weights @ mean, dtype=np.float64)
    offsets = tune_offsets(softmax(inputs @ weights.T + bias), y)
    return Head(weights, bias, offsets)


def tune_offsets(probabilities: Array, y: Labels) -> Array:
    """Offsets of log-probabilities for macro-F1: the mean of the dozen best on a grid, for the optimum is flat."""
    log = np.log(probabilities)
    grid = [np.array([a, 0.0, c]) for a in np.arange(0, 1.6, 0.1) for c in np.arange(0, 2.2, 0.1)]
    found = np.array([macro_f1(y, np.argmax(log + offset, axis=1)) for offset in grid])
    return np.asarray(np.mean([grid[k] for k in np.argsort(-found, kind="stable")[:12]], axis=0), dtype=np.float64)


def class_f1(y: Labels, predicted: Labels) -> Array:
    """F1 of each class, shape (3,); 0 for a class that is neither there nor predicted."""
    table = confusion(y, predicted)
    return np.asarray(2 * np.diag(table) / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1), dtype=np.float64)


def macro_f1(y: Labels, predicted: Labels) -> float:
    """Mean of the F1 of the three classes."""
    return float(class_f1(y, predicted).mean())


def confusion(y: Labels, predicted: Labels) -> Labels:
    """Turns by label (rows) and prediction (columns), shape (3, 3)."""
    return np.bincount(y * 3 + predicted, minlength=9).reshape(3, 3).astype(np.intp)


def measure(
    corpus: Corpus,
    vectors: Array | None,
    turns: Array | None,
    seed: int,
    note: Callable[[str], None],
    further: Further | None = None,
) -> dict[str, Any]:
    """Figures of every variant from outer folds of videos, `REPEATS` times with seeds `seed`, `seed + 1`, ..."""
    n = len(corpus.y)
    predicted: dict[str, list[Labels]] = defaultdict(list)
    by_fold: dict[str, list[float]] = defaultdict(list)
    chosen: list[tuple[float, float]] = []
    for repeat in range(REPEATS):
        this: dict[str, Labels] = defaultdict(lambda: np.zeros(n, dtype=np.intp))
        for k, (train, test) in enumerate(_folds(corpus.videos, OUTER, seed + repeat)):
            trained = _train(corpus, vectors, train, seed + repeat, context=True)
            chosen.append(trained.penalties)
            for name, labels in _variants(corpus, trained, turns, train, test):
                this[name][test] = labels
                by_fold[name].append(macro_f1(corpus.y[test], labels))
            for name, labels in further(train, test, trained) if further is not None else ():
                this[name][test] = labels
                by_fold[name].append(macro_f1(corpus.y[test], labels))
            note(f"seed {seed + repeat}, fold {k + 1} of {OUTER}")
        for name, labels in this.items():
            predicted[name].append(labels)
    return {
        "turns": n,
        "videos": len(set(corpus.videos.tolist())),
        "labels": dict(zip(CLASSES, np.bincount(corpus.y, minlength=3).tolist(), strict=True)),
        "seeds": [seed + repeat for repeat in range(REPEATS)],
        "penalties_chosen": {str(k): v for k, v in Counter(chosen).items()},
        "variants": {
            name: _figures(corpus, runs, by_fold[name], seed, predicted["after"]) for name, runs in predicted.items()
        },
    }


def _variants(
    corpus: Corpus, trained: _Trained, turns: Array | None, train: Labels, test: Labels
) -> Iterator[tuple[str, Labels]]:
    y = corpus.y
    words = [" ".join(corpus.words[i]) for i in (*train, *test)]
    floor = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
    x = floor.fit_transform(words[: len(train)])
    yield "floor: TF-IDF, logistic", _logistic(1.0).fit(x, y[train]).predict(floor.transform(words[len(train) :]))
    if turns is not None:
        scaled = (turns - turns[train].mean(axis=0)) / np.maximum(turns[train].std(axis=0), 1e-4)
        yield "comparison: frozen MiniLM, logistic", _logistic(3e-4).fit(scaled[train], y[train]).predict(scaled[test])
    for name, emission in (("", pruned(trained.emission)), (", unpruned", trained.emission)):
        values = emission(corpus, test)
        yield "alone" + name, _decide(trained.alone, _inputs_alone(corpus, test, values))
        yield "after" + name, _decide(trained.after, _inputs_after(corpus, test, values))
    if trained.heard is not None and trained.therapist is not None:
        inputs = _inputs_after(corpus, test, trained.emission(corpus, test))
        yield "therapist", _decide(trained.therapist, np.hstack([inputs, trained.heard(corpus, test)]))


def _kernels(corpus: Corpus, dialogues: Sequence[annomi.Dialogue], folder: Path) -> Further:
    """The family of `talk_kernel` with MiniLM of `folder`: its penalty and head from videos left out of training."""
    from ahdetect.models.training import talk_kernel as family

    alone, after = family.encode(folder, dialogues)
    rows = _usable(corpus, np.arange(len(corpus.y)))
    words = _weighted(corpus.counts[:, rows], _idf(corpus.counts[:, rows]))
    all_kernels = family.kernels(words, corpus.cues, corpus.dialogues, alone, after)

    def further(train: Labels, test: Labels, trained: _Trained) -> Iterator[tuple[str, Labels]]:
        y = corpus.y[train]

        def head(known: Array, asked: Array) -> tuple[float, Labels]:
            known = family.inputs(known, corpus.cues, corpus.dialogues, train)
            fitted = fit_head(known, y)
            asked = family.inputs(asked, corpus.cues, corpus.dialogues, test)
            return macro_f1(y, _decide(fitted, known)), _decide(fitted, asked)

        joined = [(trained.held, trained.emission(corpus, test))]
        for name, kernel in all_kernels.items():
            pairs = list(family.scored(kernel, corpus.y, corpus.videos, train, test))
            found = [head(*pair) for pair in pairs]
            best = max(range(len(found)), key=lambda k: found[k][0])
            joined.append(pairs[best])
            yield name, found[best][1]
        known, asked = (np.hstack(part) for part in zip(*joined, strict=True))
        yield family.JOINED, head(known, asked)[1]

    return further


def _figures(
    corpus: Corpus, runs: list[Labels], by_fold: list[float], seed: int, reference: list[Labels]
) -> dict[str, Any]:
    """Figures of the predictions of each seed; `gain` is over those of `reference`, over the same videos drawn."""
    y = corpus.y
    spread = _bootstrap(corpus, runs, seed)
    gained = spread - _bootstrap(corpus, reference, seed)
    reached, before = ([macro_f1(y, p) for p in some] for some in (runs, reference))
    return {
        "macro_f1": round(float(np.mean(reached)), 4),
        "interval": [round(float(v), 4) for v in np.percentile(spread, [2.5, 97.5])],
        "gain": round(float(np.mean(reached) - np.mean(before)), 4),
        "gain_interval": [round(float(v), 4) for v in np.percentile(gained, [2.5, 97.5])],
        "macro_f1_mean_of_folds": round(float(np.mean(by_fold)), 4),
        "macro_f1_of_seeds": [round(f1, 4) for f1 in reached],
        "f1": {c: round(float(np.mean([class_f1(y, p)[k] for p in runs])), 4) for k, c in enumerate(CLASSES)},
        "macro_f1_high_quality": round(
            float(np.mean([macro_f1(y[corpus.quality], p[corpus.quality]) for p in runs])), 4
        ),
        "macro_f1_low_quality": round(
            float(np.mean([macro_f1(y[~corpus.quality], p[~corpus.quality]) for p in runs])), 4
        ),
        "confusion_first_seed": confusion(y, runs[0]).tolist(),
    }


def _bootstrap(corpus: Corpus, runs: list[Labels], seed: int) -> Array:
    """Macro-F1, mean over runs, of videos drawn with replacement; shape (RESAMPLES,)."""
    number = np.unique(corpus.videos, return_inverse=True)[1]
    m = int(number.max()) + 1
    tables = np.zeros((len(runs), m, 9))
    for r, predicted in enumerate(runs):
        np.add.at(tables[r], (number, corpus.y * 3 + predicted), 1)
    draws = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / m), size=RESAMPLES).astype(np.float64)
    summed = np.einsum("bm,rmc->brc", draws, tables).reshape(RESAMPLES, len(runs), 3, 3)
    hits = np.diagonal(summed, axis1=2, axis2=3)
    f1 = 2 * hits / np.maximum(summed.sum(axis=2) + summed.sum(axis=3), 1)
    return np.asarray(f1.mean(axis=(1, 2)), dtype=np.float64)


def _inputs_alone(corpus: Corpus, at: Labels, emission: Array) -> Array:
    return np.hstack([emission, corpus.cues[at, :N_SHAPE]])


def _inputs_after(corpus: Corpus, at: Labels, emission: Array) -> Array:
    """Emission, memory of earlier turns of the same dialogue, shape. Folds never split a dialogue."""
    place = {int(i): k for k, i in enumerate(at)}
    past: list[Array] = [np.empty(0)] * len(at)
    for dialogue in corpus.dialogues:
        if int(dialogue[0]) not in place:
            continue
        memory = Memory()
        for i in dialogue:
            k = place[int(i)]
            past[k] = memory.read()
            memory.add(emission[k])
    return np.hstack([emission, np.array(past), corpus.cues[at, :N_SHAPE]])


def _decide(head: Head, inputs: Array) -> Labels:
    log = np.log(softmax(inputs @ head.weights.T + head.bias))
    return np.asarray(np.argmax(log + head.offsets, axis=1), dtype=np.intp)


def _folds(groups: Labels, n: int, seed: int) -> Iterator[tuple[Labels, Labels]]:
    yield from GroupKFold(n, shuffle=True, random_state=seed).split(groups, groups=groups)


def _usable(corpus: Corpus, at: Labels, counts: sparse.csr_matrix | None = None) -> Labels:
    """Terms of at least `LEAST_VIDEOS` videos of rows `at`, without names."""
    counts = corpus.counts if counts is None else counts
    ones = np.ones(len(at))
    by_video = sparse.csr_matrix((ones, (corpus.videos[at], np.arange(len(at)))))
    videos = np.asarray((by_video @ (counts[at] > 0).astype(np.float64) > 0).sum(axis=0)).ravel()
    return np.flatnonzero((videos >= LEAST_VIDEOS) & ~corpus.proper)


def _weighted(counts: sparse.csr_matrix, idf: Array) -> sparse.csr_matrix:
    """Counts times idf, each row of unit length."""
    x = counts @ sparse.diags(idf)
    length = np.sqrt(np.asarray(x.multiply(x).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(length, 1e-12)) @ x)


def _idf(counts: sparse.csr_matrix) -> Array:
    """Smoothed inverse document frequency, shape (number of columns,)."""
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + np.diff(counts.tocsc().indptr))) + 1, dtype=np.float64)


def _logistic(c: float) -> LogisticRegression:
    return LogisticRegression(C=c, class_weight="balanced", max_iter=500, tol=1e-3)
