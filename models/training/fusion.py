"""Training of the fusion network: prepared clips and a configuration flow in; checkpoints and logs flow out.

What is validated and kept are the weights' running mean (Polyak & Juditsky 1992, doi:10.1137/0330046), so that what a
run hands over hangs less on its last few batches. The best look is the one with the lowest log loss on validation
people: it uses every step of theirs, and is far less noisy than an average precision.

A run is a folder: `last.pt` (everything to go on from, written whole or not at all), `best.pt` (the averaged weights of
the best look) and TensorBoard events. A run that was killed goes on from `last.pt` and makes the same steps as one
that was not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import inf, log
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from ahdetect.errors import DataError, StoreError
from ahdetect.models.fusion import FusionNetwork, frame_loss, roughness, video_loss
from ahdetect.models.fusion_config import FusionConfig
from ahdetect.models.fusion_inputs import Scaling
from ahdetect.models.runtime import SPREAD
from ahdetect.models.training.fusion_data import Batch, Data, Features, collated, window

LAST: Final = "last.pt"
BEST: Final = "best.pt"

LIMIT: Final = log(999.0)
"""Log-odds beyond those of a thousandth count as this much in `spread_of`."""

YOUNG: Final = 10.0
"""The running mean of the weights covers no more than about the last tenth of the first steps; after the moving average
of TensorFlow (`num_updates`)."""

Note = Callable[[str], None]


class Score(NamedTuple):
    """How well validation people are told: average precision, and log loss in nats."""

    precision: float
    log_loss: float


@dataclass
class Progress:
    """How far a run is; part of `last.pt`.

    Attributes:
        step: of the optimiser, done.
        best: lowest log loss on validation people.
        best_step: where it was.
        precision: average precision there.
        looks: since then.
        history: (step, training loss, average precision, log loss) of each look.
    """

    step: int = 0
    best: float = inf
    best_step: int = 0
    precision: float = 0.0
    looks: int = 0
    history: list[tuple[int, float, float, float]] = field(default_factory=list)

    def line(self) -> str:
        """What the newest look found."""
        step, loss, precision, log_loss = self.history[-1]
        return (
            f"step {step}: loss {loss:.4f}, on validation {log_loss:.4f} (best {self.best:.4f} at {self.best_step}), "
            f"average precision {precision:.4f}"
        )


def device_of() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def is_mixed(precision: str, device: torch.device) -> bool:
    """Whether a step computes in bfloat16: where a GPU does so itself, unless the configuration says float32."""
    return precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


class Outputs(nn.Module):  # type: ignore[misc]
    """What the losses are made of, in one call: log-odds per step (B, T) and, where asked for, per clip (B,)."""

    def __init__(self, network: FusionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Any, mask: Any, context: Any, valid: Any, clips: bool) -> tuple[Any, Any]:
        """Log-odds, float32; None for the clips where they are not asked for."""
        logits = self.network(features, mask, context).float()
        return logits, self.network.video(logits, valid) if clips else None


class Trainer:
    """One run. The same configuration makes the same steps on the same device, stopped or not.

    Attributes:
        network: as the optimiser has it.
        rank: of this process among those that train together; 0 where it is alone.

    Args:
        config: of network and training.
        data: prepared clips.
        out: folder of the run.
        resume: go on from `last.pt` where there is one.
        note: told a line at each look.
        device: to train on; None: as `device_of` says.

    Raises:
        DataError: `last.pt` is damaged or of another configuration.
        StoreError: the folder cannot be written.
    """

    rank = 0

    def __init__(
        self,
        config: FusionConfig,
        data: Data,
        out: Path,
        *,
        resume: bool = False,
        note: Note | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.config, self.data, self.out = config, data, out
        self._note = note or (lambda _: None)
        how = config.training
        torch.manual_seed(how.seed)
        self._device = device or device_of()
        self._mixed = is_mixed(how.precision, self._device)
        self.network = FusionNetwork(config.network, data.scaling).to(self._device)
        self._mean = AveragedModel(self.network, avg_fn=_running(how.average))
        self._outputs: Callable[..., tuple[Any, Any]] = Outputs(self.network)
        self._optimizer = torch.optim.AdamW(self.network.parameters(), lr=how.rate, weight_decay=how.decay)
        total = how.steps + 1
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            max_lr=how.rate,
            total_steps=total,
            pct_start=max(0.1, 1.5 / total),  # of ten it would be a rise over no step, and torch divides by that
        )
        self._rng = np.random.default_rng([how.seed, 5])
        self.progress = Progress()
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{out} cannot be made: {error.strerror or error}.", value=out) from error
        if resume and (out / LAST).exists():
            self._resume(out / LAST)

    @property
    def averaged(self) -> FusionNetwork:
        """The network with the running mean of the weights."""
        network: FusionNetwork = self._mean.module
        return network

    def run(self, until: int | None = None) -> Progress:
        """Train to the end, to `until` steps, or until patience is out."""
        how = self.config.training
        end = how.steps if until is None else min(until, how.steps)
        losses: list[float] = []
        began = time.perf_counter()
        with self._log() as log:
            while self.progress.step < end and self.progress.looks < how.patience:
                losses.append(self.step())
                step = self.progress.step
                if step % how.every == 0 or step == how.steps:
                    self._look(float(np.mean(losses)), log)
                    seconds = (time.perf_counter() - began) / len(losses)
                    self._note(f"{self.progress.line()}, {seconds:.2f} s a step")
                    losses, began = [], time.perf_counter()
        return self.progress

    def step(self) -> float:
        """One step of the optimiser; the loss before it."""
        how = self.config.training
        batch = window(self.data.train, how, self.config.network.rate_hz, self.data.scaling, self._rng)
        self._seed_noise()
        self.network.train()
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._mixed):
            loss = self._loss(batch)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), how.clip, error_if_nonfinite=True)
        self._optimizer.step()
        self._schedule.step()
        self._mean.update_parameters(self.network)
        self.progress.step += 1
        return float(loss.detach())

    def _seed_noise(self) -> None:
        """Dropout by the number of the step: so no state of any device has to be in the checkpoint."""
        noise = np.random.SeedSequence([self.config.training.seed, 6, self.progress.step, self.rank])
        torch.manual_seed(int(noise.generate_state(1)[0]))

    def _loss(self, batch: Batch) -> Any:
        how = self.config.training
        features, mask, context, truth, valid, video = self._tensors(batch)
        clips = bool(how.video) and bool(torch.isfinite(video).any())
        logits, pooled = self._outputs(features, mask, context, valid, clips)
        loss = frame_loss(logits, truth, how.balance, self.data.prevalence)
        loss = loss + how.smooth * roughness(logits, valid)
        return loss + how.video * video_loss(pooled, video) if clips else loss

    def _tensors(self, batch: Batch) -> list[Any]:
        arrays = (batch.features, batch.mask, batch.context, batch.truth, batch.valid, batch.video)
        return [torch.from_numpy(a).to(self._device) for a in arrays]

    def _look(self, loss: float, log: Any) -> None:
        p = self.progress
        score = self._score()
        p.history.append((p.step, loss, *score))
        better = score.log_loss < p.best
        if better:
            p.best, p.best_step, p.precision, p.looks = score.log_loss, p.step, score.precision, 0
        else:
            p.looks += 1
        if log is not None:
            self._keep(log, better=better)

    def _log(self) -> AbstractContextManager[Any]:
        log: AbstractContextManager[Any] = SummaryWriter(str(self.out))
        return log

    def _score(self) -> Score:
        return score_of(self.averaged, self.data.validation, self._device)

    def _keep(self, log: Any, *, better: bool) -> None:
        """Write what this look found."""
        step, loss, precision, log_loss = self.progress.history[-1]
        log.add_scalar("loss/train", loss, step)
        log.add_scalar("loss/validation", log_loss, step)
        log.add_scalar("average_precision/validation", precision, step)
        log.add_scalar("learning_rate", self._schedule.get_last_lr()[0], step)
        if better:
            save(self.out / BEST, self.averaged, self.config, self.data.scaling, self.data.source)
        self._save()

    def _save(self) -> None:
        p = self.progress
        _write(
            self.out / LAST,
            {
                "config": self.config.model_dump_json(),
                "network": self.network.state_dict(),
                "mean": self._mean.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "schedule": self._schedule.state_dict(),
                "batches": json.dumps(self._rng.bit_generator.state),
                "progress": json.dumps(vars(p)),
            },
        )

    def _resume(self, path: Path) -> None:
        found = _read(path)
        if found.get("config") != self.config.model_dump_json():
            raise DataError(
                f"{path} was written with another configuration; go on with that one, or take a new folder.", value=path
            )
        self.network.load_state_dict(found["network"])
        self._mean.load_state_dict(found["mean"])
        self._optimizer.load_state_dict(found["optimizer"])
        self._schedule.load_state_dict(found["schedule"])
        self._rng.bit_generator.state = json.loads(found["batches"])
        p = json.loads(found["progress"])
        p["history"] = [(int(step), *map(float, values)) for step, *values in p["history"]]
        self.progress = Progress(**p)


def _running(decay: float) -> Callable[[Any, Any, Any], Any]:
    """How the mean of the weights takes in the next ones; the first steps are forgotten sooner than `decay` says."""

    def mean(past: Any, own: Any, count: Any) -> Any:
        young = (1.0 + float(count)) / (YOUNG + float(count))
        return torch.lerp(own, past, min(decay, young))

    return mean


def log_odds_of(network: FusionNetwork, clips: Sequence[Features], device: Any = None) -> list[NDArray[np.float64]]:
    """Log-odds of each clip, (T,); sixteen at a time."""
    network.eval()
    found: list[NDArray[np.float64]] = []
    with torch.no_grad():
        for i in range(0, len(clips), 16):
            part = clips[i : i + 16]
            batch = collated(part)
            tensors = (torch.from_numpy(a).to(device) for a in (batch.features, batch.mask, batch.context))
            logits = network(*tensors).double().cpu().numpy()
            found += [row[: len(c.truth)] for row, c in zip(logits, part, strict=True)]
    return found


def score_of(network: FusionNetwork, clips: Sequence[Features], device: Any = None) -> Score:
    """Over labelled steps; over clips by their video label where no step has one.

    Raises:
        DataError: the clips have no label of both kinds.
    """
    logits = log_odds_of(network, clips, device)
    y, x = np.concatenate([c.truth for c in clips]), np.concatenate(logits)
    if not np.isfinite(y).any():
        y, x = np.array([c.video_label for c in clips]), _pooled(network, logits, device)
    known = np.isfinite(y)
    if not 0 < y[known].sum() < known.sum():
        raise DataError("The validation clips lack labels of both kinds; bring more people or another seed.")
    y, x = y[known], x[known]
    return Score(float(average_precision_score(y, x)), float(np.mean(np.logaddexp(0.0, x) - y * x)))


def _pooled(network: FusionNetwork, logits: Sequence[NDArray[np.float64]], device: Any) -> NDArray[np.float64]:
    """Log-odds of clips from those of their steps, (clips,)."""
    with torch.no_grad():
        rows = [torch.from_numpy(row)[None].to(device) for row in logits]
        return np.array([float(network.video(row, torch.ones_like(row))) for row in rows])


def spread_of(network: FusionNetwork, data: Data) -> float:
    """Standard deviation of the network's log-odds about those of the Bayes-optimal filter, on validation people.

    Where the data are no simulation nobody knows the best, and it is `runtime.SPREAD`.
    """
    if not data.best:
        return SPREAD
    logits = [np.clip(x, -LIMIT, LIMIT) for x in log_odds_of(network.cpu(), data.validation)]
    return float(np.sqrt(np.mean((np.concatenate(logits) - np.concatenate(data.best)) ** 2)))


def save(path: Path, network: FusionNetwork, config: FusionConfig, scaling: Scaling, source: str) -> None:
    """Write the weights of a network with all that is needed to build it again."""
    about = {
        "config": config.model_dump_json(),
        "scaling": json.dumps(scaling.to_json()),
        "source": source,
    }
    _write(path, {**about, "network": network.state_dict()})


def load(path: Path) -> tuple[FusionNetwork, FusionConfig, Scaling, str]:
    """The network that `save` wrote, its configuration, scaling and source.

    Raises:
        DataError: it is no such file.
    """
    found = _read(path)
    try:
        config = FusionConfig.model_validate_json(found["config"])
        scaling = Scaling.from_json(json.loads(found["scaling"]))
        network = FusionNetwork(config.network, scaling)
        network.load_state_dict(found["network"])
    except (KeyError, ValueError, RuntimeError) as error:
        raise DataError(f"{path} is no checkpoint of the fusion network ({error}).", value=path) from error
    return network.eval(), config, scaling, str(found["source"])


def _write(path: Path, content: dict[str, Any]) -> None:
    """All or nothing: a kill leaves the file before."""
    part = path.with_suffix(".part")
    try:
        torch.save(content, part)
        part.replace(path)
    except (OSError, RuntimeError) as error:
        raise StoreError(f"{path} cannot be written ({error}).", value=path) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises its own, pickle's and zipfile's
        raise DataError(f"{path} cannot be read as a checkpoint; remove it and train anew.", value=path) from error
