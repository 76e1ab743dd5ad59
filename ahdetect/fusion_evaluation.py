"""Fusion evaluation: extracted clips and a trained fusion network flow in; scores of frames, videos, parts flow out.

Frames are those of the clips: a network that steps five times a second holds its estimate in between, as it does live.
A video's score is the network's own (multiple-instance pooling); an exported network has none, and the highest estimate
of any frame stands for it, as it does for the evidence filter. Every interval is over people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ahdetect.errors import ConfigError, DataError
from ahdetect.evaluation import Report, average_precision, avgf1, report
from ahdetect.models.cues import Channel
from ahdetect.models.evidence import PREVALENCE_OF_PROMPT
from ahdetect.models.fusion_config import NetworkConfig
from ahdetect.models.fusion_inputs import Scaling
from ahdetect.models.training.fusion_data import Features, clip_of, collated, features_of
from ahdetect.models.training.sequences import Sequence as Cues
from ahdetect.models.training.sequences import read_sequence

Floats = NDArray[np.float64]

PAPER: Final = "BAH paper, arXiv 2505.19328, v2 test"

PUBLISHED: Final = (
    {"level": "frame", "model": "face", "avgf1": 0.517, "ap": 0.207},
    {"level": "frame", "model": "voice", "avgf1": 0.466, "ap": 0.224},
    {"level": "frame", "model": "words", "avgf1": 0.550, "ap": 0.252},
    {"level": "frame", "model": "voice and words", "avgf1": 0.559, "ap": 0.261},
    {"level": "frame", "model": "all, co-attention (CAN)", "avgf1": 0.553, "ap": 0.263},
    {"level": "video", "model": "all, leader-follower (LFAN)", "avgf1": 0.593, "ap": 0.322},
    {"level": "video", "model": "zero-shot video LLM with transcript", "avgf1": 0.634, "ap": None},
)
"""The paper's rows. Its AP is that of `bah_metrics.py`: our column "AP (BAH)"."""

VIDEOS_OF_PROMPT: Final = {
    "neutral": 0.22,
    "positive": 0.62,
    "negative": 0.58,
    "ambivalent": 0.95,
    "willing": 0.50,
    "resistant": 0.40,
    "hesitant": 0.89,
}
"""Share of videos with A/H by kind of prompt, BAH v1 train: what a score must beat that knows more than the prompt."""

FILTER: Final = "evidence filter, prompt-blind"
KNOWN: Final = "fusion network"
BLIND: Final = "fusion network, prompt-blind"
PROMPT: Final = "kind of prompt alone"

Score = Callable[[Sequence[Features]], tuple[list[Floats], Floats]]
"""Clips to log-odds per step of each, and the probability of each as a whole."""


@dataclass(frozen=True)
class Network:
    """A trained network, whichever file it came from.

    Attributes:
        score: runs it.
        config: its shape.
        scaling: of its inputs.
        source: what it was trained on.
    """

    score: Score
    config: NetworkConfig
    scaling: Scaling
    source: str


def load_network(path: Path) -> Network:
    """A checkpoint (`best.pt`), an exported network (`fusion.onnx`), or the folder of a run.

    Raises:
        DataError: it is no checkpoint.
        AssetError: it is no exported network.
        ConfigError: a checkpoint, and torch is not installed.
    """
    path = path / "best.pt" if path.is_dir() else path
    return _exported(path) if path.suffix == ".onnx" else _checkpoint(path)


def _checkpoint(path: Path) -> Network:
    try:
        import torch

        from ahdetect.models.training.fusion import load, log_odds_of
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{path} needs {error.name}; run `pip install 'ahdetect[train]'`, or give the fusion.onnx beside it.",
            value=path,
        ) from error
    network, config, scaling, source = load(path)

    def score(clips: Sequence[Features]) -> tuple[list[Floats], Floats]:
        found = log_odds_of(network, clips)
        whole = []
        with torch.no_grad():
            for row in found:
                logits = torch.from_numpy(row).float()[None]
                whole.append(float(network.video(logits, torch.ones_like(logits))))
        return found, _probability(np.array(whole))

    return Network(score, config.network, scaling, source)


def _exported(path: Path) -> Network:
    from ahdetect.models.runtime import FusionModel

    model = FusionModel(path)

    def score(clips: Sequence[Features]) -> tuple[list[Floats], Floats]:
        """A stream per clip, side by side."""
        batch, state = collated(clips), model.fresh(len(clips))
        columns = []
        for t in range(batch.features.shape[1]):
            features, mask, context = (
                np.ascontiguousarray(x[:, t]) for x in (batch.features, batch.mask, batch.context)
            )
            logits, state = model.step(features, mask, context, state)
            columns.append(logits)
        table = np.stack(columns, axis=1).astype(np.float64)
        found = [row[: len(c.truth)] for row, c in zip(table, clips, strict=True)]
        return found, _probability(np.array([row.max() for row in found]))

    return Network(score, model.config, model.scaling, model.source)


def _probability(log_odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -50.0, 50.0))))


# Data.


@dataclass(frozen=True)
class Answers:
    """Clips to evaluate on.

    Attributes:
        clips: their cues and labels.
        filtered: per clip what the evidence filter said at each frame when it was extracted, NaN where it did not run.
        split: which part of the corpus they are; "all" for all of it.
    """

    clips: list[Cues]
    filtered: list[Floats]
    split: str


def read_answers(folder: Path, split: str) -> Answers:
    """Clips of a split; "all" for every one, also where the corpus names no split.

    Raises:
        DataError: there is no such clip, or one cannot be read.
        ConfigError: the corpus names splits, but not this one.
    """
    clips: list[Cues] = []
    filtered: list[Floats] = []
    there: set[str] = set()
    for path in sorted(folder.rglob("*.parquet")):
        cues = read_sequence(path)
        there.add(cues.split)
        if len(cues.t_ns) and split in (cues.split, "all"):
            clips.append(cues)
            filtered.append(_filtered(path, len(cues.t_ns)))
    if not there:
        raise DataError(f"There is no clip in {folder}; run `ahdetect extract` first.", value=folder)
    if not clips:
        names = ", ".join(sorted(there - {""})) or "none"
        raise ConfigError(
            f"{folder} has no split {split!r} (it has {names}); choose with --split, or all.", value=split
        )
    return Answers(clips, filtered, split)


def _filtered(path: Path, rows: int) -> Floats:
    if "p" not in pq.read_schema(path).names:
        return np.full(rows, np.nan)
    return np.asarray(pq.ParquetFile(path).read(columns=["p"]).column("p").to_numpy(), dtype=np.float64)


def step_of(t_ns: NDArray[np.int64], rate_hz: float, steps: int) -> NDArray[np.intp]:
    """The newest step of a network at each frame."""
    newest = (t_ns - t_ns[0]) // round(1e9 / rate_hz)
    return np.asarray(np.minimum(newest, steps - 1), dtype=np.intp)


# Scores.


@dataclass(frozen=True)
class Rows:
    """Labels with what they are resampled and divided by."""

    y: Floats
    person: list[str]
    kind: list[str | None]

    def report(self, p: Floats, resamples: int, which: NDArray[np.bool_] | None = None) -> Report | None:
        """Scores of the rows that have a label and a probability; None where none has."""
        good = np.isfinite(self.y) & np.isfinite(p)
        at = np.flatnonzero(good if which is None else good & which)
        if not len(at):
            return None
        kinds = [self.kind[i] for i in at]
        return report(
            self.y[at].astype(int),
            p[at],
            [self.person[i] for i in at],
            kinds if any(kinds) else None,
            resamples=resamples,
        )


@dataclass(frozen=True)
class Found:
    """All that was scored.

    Attributes:
        frames: scores of frames, by model.
        videos: scores of videos, by model.
        ablation: scores of frames with a channel left out or alone.
        prompts: scores of frames of the network under each kind of prompt.
        people: per person AVGF1 and AP of frames, None where a person lacks a class.
        present: share of the network's steps at which each channel was there.
        clips: how many.
        split: which part of the corpus.
        source: what the network was trained on.
    """

    frames: dict[str, Report]
    videos: dict[str, Report]
    ablation: dict[str, Report]
    prompts: dict[str, Report]
    people: dict[str, dict[str, Any]]
    present: dict[str, float]
    clips: int
    split: str
    source: str


def evaluate(network: Network, answers: Answers, resamples: int) -> Found:
    """Score a network on clips.

    Args:
        network: from `load_network`.
        answers: from `read_answers`; people whom the network was not trained on.
        resamples: of people, for the intervals.

    Raises:
        DataError: no frame and no video has a label.
    """
    clips, rate = answers.clips, network.config.rate_hz
    known = [features_of(clip_of(c, network.config), network.scaling, rate) for c in clips]
    frames = Rows(
        np.concatenate([c.truth for c in clips]).astype(np.float64),
        [c.person for c in clips for _ in c.t_ns],
        [c.prompt_kind for c in clips for _ in c.t_ns],
    )
    videos = Rows(np.array([c.video_label for c in clips]), [c.person for c in clips], [c.prompt_kind for c in clips])
    if not np.isfinite(frames.y).any() and not np.isfinite(videos.y).any():
        raise DataError("The clips have no labels; extract a corpus that has some.")

    def held(features: list[Features]) -> tuple[Floats, Floats]:
        """Probabilities of all frames, and of all videos."""
        logits, whole = network.score(features)
        rows = [x[step_of(c.t_ns, rate, len(x))] for x, c in zip(logits, clips, strict=True)]
        return _probability(np.concatenate(rows)), whole

    p, whole = held(known)
    blind_p, blind_whole = held([f.blinded(clock=True) for f in known])
    filtered = np.concatenate(answers.filtered)
    frame_scores = {KNOWN: p, BLIND: blind_p, FILTER: filtered, PROMPT: _of_kind(frames.kind, PREVALENCE_OF_PROMPT)}
    video_scores = {
        KNOWN: whole,
        BLIND: blind_whole,
        FILTER: np.array([f.max() for f in answers.filtered]),
        PROMPT: _of_kind(videos.kind, VIDEOS_OF_PROMPT),
    }
    parts: dict[str, Floats] = {}
    for channel in Channel:
        parts[f"without {channel.value}"] = held([f.without(channel, network.scaling) for f in known])[0]
    for channel in Channel:
        parts[f"{channel.value} alone"] = held([_alone(f, channel, network.scaling) for f in known])[0]
    kinds = np.array([str(k) for k in frames.kind])
    return Found(
        frames=_reports(frames, frame_scores, resamples),
        videos=_reports(videos, video_scores, resamples),
        ablation=_reports(frames, {KNOWN: p, **parts}, resamples),
        prompts={
            kind: found
            for kind in PREVALENCE_OF_PROMPT
            if (found := frames.report(p, resamples, kinds == kind)) is not None
        },
        people=_people(frames, p),
        present=dict(
            zip([c.value for c in Channel], np.concatenate([f.mask for f in known]).mean(axis=0).tolist(), strict=True)
        ),
        clips=len(clips),
        split=answers.split,
        source=network.source,
    )


def _reports(rows: Rows, scores: dict[str, Floats], resamples: int) -> dict[str, Report]:
    made = {name: rows.report(p, resamples) for name, p in scores.items()}
    return {name: found for name, found in made.items() if found is not None}


def _of_kind(kinds: Sequence[str | None], share: dict[str, float]) -> Floats:
    return np.array([share.get(kind or "", np.nan) for kind in kinds])


def _alone(features: Features, channel: Channel, scaling: Scaling) -> Features:
    for other in Channel:
        if other is not channel:
            features = features.without(other, scaling)
    return features


def _people(rows: Rows, p: Floats) -> dict[str, dict[str, Any]]:
    names = np.array(rows.person)
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(set(rows.person)):
        at = (names == name) & np.isfinite(rows.y)
        y = rows.y[at].astype(int)
        if len(y):
            found[name] = {
                "rows": len(y),
                "prevalence": float(y.mean()),
                "avgf1": avgf1(y, p[at]),
                "ap": average_precision(y, p[at]),
            }
    return found
