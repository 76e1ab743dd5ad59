"""Training of the fusion network by Ray Train: prepared clips flow in; the folder of a run flows out.

Every process draws the same batch and takes its share of the windows. What the network says of all of them is put
together before the loss, and DDP adds the gradients up: the steps are those of one process alone, but for rounding and
for dropout, which each draws for itself. The first process writes the folder, which is like any other run's; where a
process or its machine goes away, Ray starts all of them anew and they go on from `last.pt`.

    driver ──configuration, clips (object store)──> workers 0 .. n-1, each with a GPU where there are enough
       ^────────────── lines of worker 0 ────────────── last.pt, best.pt, TensorBoard
"""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import ray
import torch
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer, get_device
from ray.util.queue import Queue
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from ahdetect.errors import AhdetectError, ConfigError
from ahdetect.models.fusion_config import FusionConfig
from ahdetect.models.training.fusion import Note, Progress, Score, Trainer
from ahdetect.models.training.fusion_data import Data

RESTARTS: Final = 3
"""Times that the processes are started anew before the run has failed; assumed."""

LOOK_S: Final = 0.2
"""How often the driver looks for lines of the first process."""

STORE: Final = "ray"
"""Folder within a run that holds what Ray Train and the processes' first meeting need; removed at the end."""


class ShardedTrainer(Trainer):
    """One process of those in torch's default process group, which train together."""

    def __init__(self, config: FusionConfig, data: Data, out: Path, **options: Any) -> None:
        self.rank, self._world = distributed.get_rank(), distributed.get_world_size()
        super().__init__(config, data, out, **options)
        # A clip's own parameters are not used where no window is a whole clip.
        self._own = DistributedDataParallel(self._outputs, broadcast_buffers=False, find_unused_parameters=True)
        self._outputs = self._joined

    def _joined(self, *inputs: Any) -> tuple[Any, Any]:
        *arrays, clips = inputs
        edges = np.linspace(0, len(arrays[0]), self._world + 1).round().astype(int).tolist()
        own = slice(edges[self.rank], edges[self.rank + 1])
        logits, pooled = self._own(*(a[own] for a in arrays), clips)
        shape = own, len(arrays[0]), self._world
        return _Join.apply(logits, *shape), _Join.apply(pooled, *shape) if clips else None

    def _log(self) -> AbstractContextManager[Any]:
        return super()._log() if self.rank == 0 else nullcontext()

    def _score(self) -> Score:
        """That of the first process: all have to stop when it does, even where machines round differently."""
        own = super()._score() if self.rank == 0 else Score(0.0, 0.0)
        score = torch.tensor(own, dtype=torch.float64, device=self._device)
        distributed.broadcast(score, 0)
        return Score(*score.tolist())


class _Join(torch.autograd.Function):  # type: ignore[misc]
    """Rows of all processes from those of each. Backwards each takes its own, times the number that DDP divides by."""

    @staticmethod
    def forward(context: Any, own: Any, part: slice, count: int, world: int) -> Any:
        context.part, context.world = part, world
        joined = own.new_zeros(count, *own.shape[1:])
        joined[part] = own
        distributed.all_reduce(joined)
        return joined

    @staticmethod
    def backward(context: Any, gradient: Any) -> tuple[Any, None, None, None]:
        return gradient[context.part] * context.world, None, None, None


def fit(config: FusionConfig, data: Data, out: Path, workers: int, note: Note, *, alone: bool) -> Progress:
    """Train in `workers` processes of the cluster that is connected, beginning at `last.pt` where there is one.

    Args:
        config: of network and training.
        data: prepared clips.
        out: folder of the run, the same on every machine.
        workers: each takes a CPU, and a GPU where the cluster has as many.
        note: told a line at each look, on this thread.
        alone: the cluster is this machine, and nobody else may be listened to.

    Raises:
        ConfigError: the cluster or a batch is too small for so many workers.
        DataError: `last.pt` is damaged or of another configuration.
        StoreError: the folder cannot be written.
        AhdetectError: the workers failed more often than `RESTARTS`.
    """
    _check(config, workers)
    out = out.resolve()
    Trainer(config, data, out, resume=True)  # what is wrong with the folder is said before anything is started
    lines = Queue(maxsize=1, actor_options={"num_cpus": 0})
    on_gpus = ray.cluster_resources().get("GPU", 0) >= workers
    note(f"{workers} workers, {'a GPU each' if on_gpus else 'on CPUs'}")
    given = {"config": config, "data": ray.put(data), "out": out, "lines": lines}
    # In a process of its own: a thread here that waits for the cluster could not be left by Ctrl-C.
    running = ray.remote(num_cpus=0, max_retries=0)(_run).remote(given, workers, on_gpus, alone)
    try:
        _told(running, lines, note)
    except BaseException:
        ray.cancel(running, force=True)
        raise
    finally:
        shutil.rmtree(out / STORE, ignore_errors=True)
        lines.shutdown()
    return Trainer(config, data, out, resume=True).progress


def default_workers() -> int:
    """Workers where nobody says how many: one per GPU of the cluster, else one per machine."""
    machines = sum(1 for node in ray.nodes() if node["Alive"])
    return int(ray.cluster_resources().get("GPU", 0)) or machines


def _check(config: FusionConfig, workers: int) -> None:
    if workers > config.training.batch:
        raise ConfigError(
            f"{workers} workers cannot share the {config.training.batch} windows of a step; take fewer by --workers or "
            "a larger training.batch.",
            value=workers,
        )
    if workers > (there := int(ray.cluster_resources().get("CPU", 0))):
        raise ConfigError(
            f"The Ray cluster has {there} CPUs, and {workers} workers take one each; take fewer by --workers.",
            value=workers,
        )


def _told(running: Any, lines: Queue, note: Note) -> None:
    """Tell lines as they come, until the run has ended."""
    done: list[Any] = []
    while not done:
        done, _ = ray.wait([running], timeout=LOOK_S)
        while not lines.empty():
            note(lines.get())
    try:
        ray.get(running)
    except ray.exceptions.RayError as error:
        raise _known(getattr(error, "cause", None) or error) from error


def _run(given: dict[str, Any], workers: int, on_gpus: bool, alone: bool) -> None:
    """What starts the workers, and starts them again."""
    store = str(given["out"] / STORE)
    TorchTrainer(
        _work,
        train_loop_config=given,
        torch_config=_Alone(store=store) if alone else TorchConfig(),
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=on_gpus),
        run_config=RunConfig(name="run", storage_path=store, failure_config=FailureConfig(max_failures=RESTARTS)),
    ).fit()


def _known(error: Exception) -> AhdetectError:
    """The sentence of a worker where it has one of ours; the others fail because that one left."""
    of_workers = list(getattr(error, "worker_failures", {}).values())
    for found in of_workers:
        if isinstance(found, AhdetectError):
            return found
    said = str(of_workers[0] if of_workers else error).strip().splitlines() or [type(error).__name__]
    return AhdetectError(
        f"Ray Train gave up after {RESTARTS} restarts ({said[-1].strip().rstrip('.')}); the run goes on with --resume."
    )


def _work(given: dict[str, Any]) -> None:
    """What runs in each process."""
    device = get_device()
    note = given["lines"].put if distributed.get_rank() == 0 else None
    trainer = ShardedTrainer(
        given["config"], ray.get(given["data"]), given["out"], resume=True, note=note, device=device
    )
    if note and trainer.progress.step:
        note(f"going on from step {trainer.progress.step}")
    trainer.run()


@dataclass
class _Alone(TorchConfig):  # type: ignore[misc]
    """Processes that meet in a file: the store that torch uses otherwise listens on every network card.

    Attributes:
        store: folder of that file.
    """

    store: str = ""

    @property
    def backend_cls(self) -> type:
        return _AloneBackend


class _AloneBackend(TorchConfig().backend_cls):  # type: ignore[misc]
    def on_start(self, worker_group: Any, backend_config: _Alone) -> None:
        meeting = Path(backend_config.store) / uuid4().hex
        world = len(worker_group)
        ray.get(
            [
                worker_group.execute_single_async(rank, _meet, backend_config.backend, meeting, rank, world)
                for rank in range(world)
            ]
        )


def _meet(backend: str, meeting: Path, rank: int, world: int) -> None:
    distributed.init_process_group(backend, init_method=f"file://{meeting}", rank=rank, world_size=world)
