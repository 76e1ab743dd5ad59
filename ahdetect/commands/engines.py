"""Engines: the options of a command that works through many clips flow in; where its tasks run flows out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from ahdetect.batch import Make, Task, Tell, Wish, default_jobs, run_local
from ahdetect.errors import ConfigError


class Engine(StrEnum):
    """Where clips are worked on."""

    LOCAL = "local"
    RAY = "ray"


Where = Annotated[Engine, typer.Option("--engine", help="local: processes of this machine; ray: a Ray cluster.")]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Clips at a time; without it half the cores, or with Ray those of the cluster."),
]
RayAddress = Annotated[
    str | None, typer.Option(help="Of a running Ray cluster; without it one is started on this machine alone.")
]

Run = Callable[[Sequence[Task], Make, Tell, Wish], None]


def chosen(engine: Engine, jobs: int | None, address: str | None) -> Run:
    """What runs the tasks.

    Raises:
        ConfigError: an address without Ray, or Ray is asked for and not installed.
    """
    if engine is Engine.LOCAL:
        if address is not None:
            raise ConfigError("--ray-address needs --engine ray.", value=address)
        return partial(_local, jobs or default_jobs())
    from ahdetect.ray_engine import available

    available(address)
    return partial(_on_ray, jobs, address)


def _local(jobs: int, tasks: Sequence[Task], make: Make, tell: Tell, stopped: Wish) -> None:
    run_local(tasks, make, jobs, tell, stopped)


def _on_ray(
    jobs: int | None, address: str | None, tasks: Sequence[Task], make: Make, tell: Tell, stopped: Wish
) -> None:
    from ahdetect.ray_engine import run_on_ray

    # Ray prints on standard output when a worker dies, from a thread of its own; that is where our JSON goes.
    with redirect_stdout(sys.stderr):
        run_on_ray(tasks, make, jobs, tell, stopped, address=address)
