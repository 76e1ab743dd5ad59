"""Agreement: stretches of A/H that a model and a person marked in one session flow in; figures of agreement flow out.

Definitions and their sources stand in `docs/agreement.md`. A figure that does not exist (nobody marked anything) is
None with its reason, never a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ahdetect.evaluation import avgf1
from ahdetect.timeline import NS_PER_S

MATCHED: Final = 0.5
"""Intersection over union from which two segments are the same one (ActivityNet, Caba Heilbron et al. 2015)."""

Flags = NDArray[np.bool_]


class Span(Protocol):
    """Anything with an onset and an offset."""

    @property
    def start_ns(self) -> int:
        """Onset, session time."""
        ...

    @property
    def end_ns(self) -> int:
        """Offset, after the onset."""
        ...


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures of agreement of a model with a person.

    Attributes:
        frames: rows that were compared.
        model_share: share of them in a segment of the model.
        human_share: share of them in a stretch of the person.
        kappa: Cohen's kappa over frames, -1 to 1.
        observed: share of frames in which both say the same.
        avgf1: mean of the F1 of A/H and of its absence over frames, 0-1, the person's labels as truth.
        frame_iou: frames in both over frames in either, 0-1.
        model_segments: how many.
        human_segments: how many; what overlaps or touches is one.
        mean_best_iou: mean over the person's segments of the best IoU with one of the model's.
        matched: pairs, one to one, with an IoU of at least `MATCHED`.
        precision: matched over the model's segments.
        recall: matched over the person's segments.
        f1: their harmonic mean.
        onset_s: per pair that overlaps, onset of the model minus that of the person, in order of time.
        offset_s: likewise for offsets.
        reasons: why a figure is None, by its name.
    """

    frames: int
    model_share: float | None
    human_share: float | None
    kappa: float | None
    observed: float | None
    avgf1: float | None
    frame_iou: float | None
    model_segments: int
    human_segments: int
    mean_best_iou: float | None
    matched: int
    precision: float | None
    recall: float | None
    f1: float | None
    onset_s: tuple[float, ...]
    offset_s: tuple[float, ...]
    reasons: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, with median and median size of the offsets."""
        found = {name: getattr(self, name) for name in self.__slots__}
        for name in ("onset_s", "offset_s"):
            found[name] = [round(v, 3) for v in found[name]]
            found[f"{name}_median"] = _median(found[name])
            found[f"{name}_median_size"] = _median([abs(v) for v in found[name]])
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}


def agree(times_ns: Sequence[int], model: Iterable[Span], human: Iterable[Span]) -> Agreement:
    """Compare two sets of segments over the rows at `times_ns` (sorted), and segment by segment."""
    ours, theirs = union(model), union(human)
    y, said = inside(times_ns, theirs), inside(times_ns, ours)
    reasons: dict[str, str] = {}
    kappa, observed = cohens_kappa(said, y)
    if kappa is None:
        reasons["kappa"] = "there are no frames" if not len(y) else "both say the same of every frame"
    score = avgf1(y, said.astype(float)) if len(y) else None
    if score is None:
        reasons["avgf1"] = "the person marked no frame, or every frame"
    iou = overlaps(ours, theirs)
    pairs = _pairs(iou)
    hits = sum(1 for i, j in pairs if iou[i, j] >= MATCHED)
    for name, count in (("precision", len(ours)), ("recall", len(theirs)), ("mean_best_iou", len(theirs))):
        if not count:
            reasons[name] = f"{'the model' if name == 'precision' else 'the person'} marked no segment"
    if not ours and not theirs:
        reasons["f1"] = "nobody marked a segment"
    either = int((y | said).sum())
    if not either:
        reasons["frame_iou"] = "nobody marked a frame"
    n = len(y)
    return Agreement(
        frames=n,
        model_share=float(said.mean()) if n else None,
        human_share=float(y.mean()) if n else None,
        kappa=kappa,
        observed=observed,
        avgf1=score,
        frame_iou=float((y & said).sum() / either) if either else None,
        model_segments=len(ours),
        human_segments=len(theirs),
        mean_best_iou=_best(iou, len(theirs)),
        matched=hits,
        precision=hits / len(ours) if ours else None,
        recall=hits / len(theirs) if theirs else None,
        f1=2 * hits / (len(ours) + len(theirs)) if ours or theirs else None,
        onset_s=tuple((ours[i][0] - theirs[j][0]) / NS_PER_S for i, j in pairs),
        offset_s=tuple((ours[i][1] - theirs[j][1]) / NS_PER_S for i, j in pairs),
        reasons=reasons,
    )


def union(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Start and end (ns) in order of time; what overlaps or touches is one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((s.start_ns, s.end_ns) for s in spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def inside(times_ns: Sequence[int], spans: Sequence[tuple[int, int]]) -> Flags:
    """Whether each time lies in one of `spans`, both ends included, (rows,)."""
    times = np.asarray(times_ns, dtype=np.int64)
    flags: Flags = np.zeros(len(times), dtype=bool)
    for start, end in spans:
        first, last = np.searchsorted(times, start, side="left"), np.searchsorted(times, end, side="right")
        flags[first:last] = True
    return flags


def cohens_kappa(a: Flags, b: Flags) -> tuple[float | None, float | None]:
    """Cohen's kappa (Cohen 1960) of two raters, and their observed agreement; None where it does not exist."""
    if not len(a):
        return None, None
    observed = float((a == b).mean())
    expected = float(a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean()))
    return (None if expected >= 1 else (observed - expected) / (1 - expected)), observed


def overlaps(ours: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Intersection over union of every pair of segments, (ours, theirs)."""
    a = np.array(ours, dtype=np.float64).reshape(-1, 1, 2)
    b = np.array(theirs, dtype=np.float64).reshape(1, -1, 2)
    both = np.clip(np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0]), 0, None)
    either = (a[..., 1] - a[..., 0]) + (b[..., 1] - b[..., 0]) - both
    iou: NDArray[np.float64] = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    return iou


def _pairs(iou: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs that overlap, one to one, so that most reach `MATCHED` and, among such, the sum of IoU is highest."""
    rows, columns = linear_sum_assignment(iou + (iou >= MATCHED) * min(iou.shape, default=0), maximize=True)
    return sorted((int(i), int(j)) for i, j in zip(rows, columns, strict=True) if iou[i, j] > 0)


def _best(iou: NDArray[np.float64], theirs: int) -> float | None:
    if not theirs:
        return None
    return float(iou.max(axis=0).mean()) if iou.shape[0] else 0.0


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
