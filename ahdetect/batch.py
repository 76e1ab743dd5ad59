"""Batch: tasks flow in, the outcome of each flows out as it is done, from several processes of this machine.

    parent ──task──> worker 1 (spawned; loads its models once)
       ^ └───task──> worker 2
       └── outcomes, each as soon as it is there

A worker has one task at a time, so it is known whose task ended it: a crash inside a decoder costs that worker, the
task is done again in a fresh one, and if that dies too the task has failed and the others go on. Workers end when their
parent does, however that ended. `ray_engine` does the same on a Ray cluster.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from ahdetect.errors import AhdetectError, MediaError, known

Work = Callable[[Any], dict[str, Any]]
"""Does a task in a worker; what it returns is JSON-ready."""

Make = Callable[[], Work]
"""Called once in each worker: loads what all tasks need. Importable there, as a module's function or class is."""

ATTEMPTS: Final = 2
"""A task whose worker died is done once more: the worker may have died of something else."""

LOOK_S: Final = 0.2
"""How often a caller's wish to stop is looked at."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work.

    Attributes:
        name: of the clip, for people.
        payload: what `Work` is called with; picklable.
    """

    name: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    Attributes:
        name: of the task.
        result: what `Work` returned; None where it failed.
        error: why it failed, one sentence; "" where it did not.
        exit_code: of that error.
        took_s: time in the worker, s.
    """

    name: str
    result: dict[str, Any] | None
    error: str = ""
    exit_code: int = 0
    took_s: float = 0.0


class Stopped(Exception):  # noqa: N818
    """The caller wished to stop; what was not done is left."""


Tell = Callable[[Outcome], None]
Wish = Callable[[], bool]


def attempt(work: Work, task: Task) -> Outcome:
    """Do a task; whatever it raises becomes its outcome."""
    began = perf_counter()
    try:
        return Outcome(task.name, work(task.payload), took_s=perf_counter() - began)
    except Exception as caught:  # one bad clip never stops the run
        error = known(caught)
        return Outcome(task.name, None, str(error), error.exit_code, perf_counter() - began)


def died(task: Task, how: str) -> Outcome:
    """The outcome of a task that ended its worker as often as it was tried."""
    error = MediaError(
        f"{task.name}: the process that worked on it ended {ATTEMPTS} times ({how}); try it alone with "
        "`ahdetect analyze`."
    )
    return Outcome(task.name, None, str(error), error.exit_code)


def default_jobs() -> int:
    """Workers where nobody says how many: an analysis by itself keeps about two cores busy."""
    return max(1, (os.cpu_count() or 2) // 2)


def run_local(tasks: Sequence[Task], make: Make, jobs: int, tell: Tell, stopped: Wish = lambda: False) -> None:
    """Do all tasks in `jobs` processes.

    Args:
        tasks: in the order in which they are begun.
        make: makes the work in each worker.
        jobs: workers.
        tell: called with each outcome as it comes, on this thread.
        stopped: asked a few times a second; True leaves at once.

    Raises:
        Stopped: the caller wished so.
        AhdetectError: a worker could not be made ready, which no other task would change.
    """
    todo = deque((task, 1) for task in tasks)
    crew = [_Worker(make) for _ in range(min(jobs, len(todo)))]
    try:
        while todo or any(w.task for w in crew):
            if stopped():
                raise Stopped
            for w in crew:
                if w.ready and w.task is None and todo:
                    w.give(*todo.popleft())
            waited = {w.pipe: i for i, w in enumerate(crew) if w.task is not None or not w.ready}
            for pipe in connection.wait(list(waited), LOOK_S):
                i = waited[pipe]  # type: ignore[index]
                try:
                    found = crew[i].take()
                except (EOFError, OSError):
                    crew[i] = crew[i].replaced(todo, tell)
                    continue
                if found is not None:
                    tell(found)
    finally:
        for w in crew:
            w.end()


class _Worker:
    """The parent's side of one process."""

    def __init__(self, make: Make) -> None:
        context = get_context("spawn")  # a fork would copy the threads' locks of this process
        self._make = make
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make), name="ahdetect-batch", daemon=True)
        self._process.start()
        theirs.close()
        self.ready = False
        self.task: Task | None = None
        self._tries = 0

    def give(self, task: Task, tries: int) -> None:
        self.task, self._tries = task, tries
        self.pipe.send(task)

    def take(self) -> Outcome | None:
        """The outcome of its task; None where it only says that it is ready."""
        said = self.pipe.recv()
        if isinstance(said, AhdetectError):
            raise said
        if said is None:
            self.ready = True
            return None
        self.task = None
        return said  # type: ignore[no-any-return]

    def replaced(self, todo: deque[tuple[Task, int]], tell: Tell) -> _Worker:
        """A fresh one in place of one that died; its task goes back to `todo`, or has failed."""
        self.end()
        code = self._process.exitcode or 0
        how = f"signal {-code}, {signal.strsignal(-code)}" if code < 0 else f"exit code {code}"
        if not self.ready:
            raise AhdetectError(f"A worker ended before it had loaded its models ({how}); try `--jobs 1`.")
        if self.task is not None:
            if self._tries < ATTEMPTS:
                todo.appendleft((self.task, self._tries + 1))
            else:
                tell(died(self.task, how))
        return _Worker(self._make)

    def end(self) -> None:
        """Whatever it does is left: files appear whole or not at all."""
        self.pipe.close()
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _serve(pipe: Any, make: Make) -> None:
    """The worker's side."""
    sys.setswitchinterval(0.0005)  # as the command line sets it for its own process
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C reaches the whole group; the parent decides
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = make()
    except Exception as error:
        pipe.send(known(error))
        return
    pipe.send(None)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(work, task))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def remove_parts(folder: Path) -> None:
    """Remove what a killed run left half written below `folder`."""
    for part in folder.rglob("*.part"):
        part.unlink(missing_ok=True)
