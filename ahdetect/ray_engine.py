"""Ray engine: tasks flow in, the outcome of each flows out as it is done, from workers of a Ray cluster (extra `ray`).

The same contract as `batch.run_local`: a worker has one task at a time, and a task whose worker died, or whose machine
went away, is done again elsewhere. Clips and results are files, so every machine must see them under the same paths.
Without an address a cluster of this machine alone is started: no dashboard, no usage reports, bound to loopback.
"""

from __future__ import annotations

import logging
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ahdetect.batch import ATTEMPTS, LOOK_S, Make, Outcome, Stopped, Task, Tell, Wish, attempt, default_jobs, died
from ahdetect.errors import AhdetectError, ConfigError, known

QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}
"""No reports to Ray's makers, no metrics; what is set already stays."""

ALONE: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "GLOO_SOCKET_IFNAME": "lo",
    "NCCL_SOCKET_IFNAME": "lo",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "600",
}
"""What a cluster of this machine alone needs. The first is Ray's own switch, despite its name for every system, that
makes it listen on 127.0.0.1 only; `_node_ip_address` does not (Ray 2.60 turns a loopback address into that of the
network card). Read when Ray is imported. The next two say the same to what carries gradients. The last two are of Ray
Train: nobody takes this machine away from itself, and where it is busy its workers start slowly."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


def available(address: str | None = None) -> Any:
    """The package, made quiet before it is imported, and deaf to the network unless a cluster's address is given.

    Raises:
        ConfigError: it is not installed.
    """
    for key, value in (QUIET if address else {**QUIET, **ALONE}).items():
        os.environ.setdefault(key, value)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigError(
            "--engine ray needs Ray, which is not installed; run `pip install 'ahdetect[ray]'`.", value="ray"
        ) from error
    return ray


def run_on_ray(
    tasks: Sequence[Task],
    make: Make,
    jobs: int | None,
    tell: Tell,
    stopped: Wish = lambda: False,
    *,
    address: str | None = None,
) -> None:
    """Do all tasks in `jobs` workers of a Ray cluster.

    Args:
        tasks: in the order in which they are begun.
        make: makes the work in each worker; importable on every machine of the cluster.
        jobs: workers; each asks the cluster for one CPU. None: as many as a cluster at `address` has, or as
            `default_jobs` says for this machine.
        tell: called with each outcome as it comes, on this thread.
        stopped: asked a few times a second; True leaves at once.
        address: of a running cluster; None starts one on this machine. A cluster that is connected already is used.

    Raises:
        Stopped: the caller wished so.
        ConfigError: Ray is not installed, or nothing answers at the address.
        AhdetectError: a worker could not be made ready.
    """
    with connected(jobs or default_jobs(), address) as ray:
        crew: list[_Worker] = []
        try:
            hands = min(jobs or int(ray.cluster_resources().get("CPU", 1)), len(tasks))
            _serve(ray, deque((task, 1) for task in tasks), make, hands, crew, tell, stopped)
        finally:
            for w in crew:
                ray.kill(w.actor)


@contextmanager
def connected(jobs: int, address: str | None) -> Iterator[Any]:
    """Ray, connected: to the cluster at `address`, to one of this machine alone, or to what was connected before.

    Raises:
        ConfigError: Ray is not installed, or nothing answers at the address.
    """
    ray = available(address)
    ours = not ray.is_initialized()
    if ours:
        start(ray, jobs, address)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def start(ray: Any, jobs: int, address: str | None) -> None:
    """Connect to the cluster at `address`, or start one of `jobs` CPUs on this machine alone."""
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is None:
            # `local`, or an address in the environment would be taken.
            ray.init("local", num_cpus=jobs, include_dashboard=False, **quiet)
        else:
            ray.init(address, **quiet)
    except Exception as error:  # Ray raises ConnectionError, ValueError, RuntimeError and its own
        where = "on this machine" if address is None else f"at {address}"
        raise ConfigError(
            f"No Ray cluster could be {'started' if address is None else 'reached'} {where} "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}); check `ray status`.",
            value=address,
        ) from error


class _Serving:
    """What runs in a Ray worker."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._work: Any = None

    def ready(self) -> str:
        """Load what all tasks need; the sentence where that fails."""
        try:
            self._work = self._make()
        except Exception as error:
            return str(known(error))
        return ""

    def do(self, task: Task) -> Outcome:
        return attempt(self._work, task)


@dataclass(slots=True)
class _Worker:
    actor: Any
    task: Task | None = None
    tries: int = 0


def _serve(
    ray: Any, todo: deque[tuple[Task, int]], make: Make, jobs: int, crew: list[_Worker], tell: Tell, stopped: Wish
) -> None:
    serving = ray.remote(num_cpus=1, max_restarts=0)(_Serving)
    waiting: dict[Any, _Worker] = {}

    def hire() -> None:
        worker = _Worker(serving.remote(make))
        crew.append(worker)
        waiting[worker.actor.ready.remote()] = worker

    for _ in range(jobs):
        hire()
    while waiting:
        if stopped():
            raise Stopped
        done, _ = ray.wait(list(waiting), timeout=LOOK_S)
        for reference in done:
            worker = waiting.pop(reference)
            try:
                said = ray.get(reference)
            except ray.exceptions.RayError as error:
                crew.remove(worker)
                _again(worker, _reason(error), todo, tell)
                if todo:
                    hire()
                continue
            if isinstance(said, Outcome):
                tell(said)
            elif said:
                raise AhdetectError(said)
            worker.task = None
            if todo:
                worker.task, worker.tries = todo.popleft()
                waiting[worker.actor.do.remote(worker.task)] = worker


def _reason(error: Exception) -> str:
    """The last line of an error of Ray's, which says what happened; lines before it say where."""
    lines = [line.strip() for line in _COLOUR.sub("", str(error)).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__


def _again(worker: _Worker, how: str, todo: deque[tuple[Task, int]], tell: Tell) -> None:
    """A worker died: its task goes back to `todo`, or has failed."""
    if worker.task is None:
        raise AhdetectError(f"A Ray worker ended before it had loaded its models ({how}).")
    if worker.tries < ATTEMPTS:
        todo.appendleft((worker.task, worker.tries + 1))
    else:
        tell(died(worker.task, how))
