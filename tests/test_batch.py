"""Batches: outcomes of local processes and of a Ray cluster, where a clip fails, a worker dies, a caller stops."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import batch_work
import psutil
import pytest

from ahdetect.batch import Outcome, Stopped, Task, run_local
from ahdetect.commands import engines
from ahdetect.errors import AhdetectError

Run = Callable[..., None]
TASKS = [Task(f"clip {n}", n) for n in range(3)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One for all tests of the module: it takes seconds to start."""
    from ahdetect.ray_engine import available, start

    ray = available()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)  # the workers import `batch_work`
        start(ray, 2, None)
        yield
        ray.shutdown()


@pytest.fixture(params=["local", "ray"])
def run(request: pytest.FixtureRequest) -> Run:
    if request.param == "local":
        return partial(run_local, jobs=2)
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed")
    request.getfixturevalue("cluster")
    from ahdetect.ray_engine import run_on_ray

    return partial(run_on_ray, jobs=2)


def outcomes(run: Run, make: Any, tasks: list[Task] = TASKS) -> dict[str, Outcome]:
    found: list[Outcome] = []
    run(tasks, make, tell=found.append)
    assert len(found) == len(tasks), "each task has one outcome"
    return {o.name: o for o in found}


def test_every_task_has_its_result(run: Run) -> None:
    found = outcomes(run, batch_work.doubles)
    assert {name: o.result for name, o in found.items()} == {f"clip {n}": {"n": 2 * n} for n in range(3)}


def test_one_bad_clip_is_an_outcome_and_the_others_go_on(run: Run) -> None:
    found = outcomes(run, batch_work.refuses_odd)
    assert (found["clip 1"].error, found["clip 1"].exit_code) == ("clip 1 is odd.", 4)
    assert found["clip 0"].result == {"n": 0}
    assert found["clip 2"].result == {"n": 2}


def test_a_dead_worker_s_clip_is_done_again(run: Run, tmp_path: Path) -> None:
    found = outcomes(run, partial(batch_work.dies, tmp_path, 1))
    assert [found[f"clip {n}"].result for n in range(3)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_clip_that_kills_every_worker_has_failed_and_the_others_go_on(run: Run, tmp_path: Path) -> None:
    found = outcomes(run, partial(batch_work.dies, tmp_path, 99))
    assert "ended 2 times" in found["clip 1"].error
    assert found["clip 0"].result == {"n": 0}
    assert found["clip 2"].result == {"n": 2}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_model_that_is_missing_ends_the_run_with_its_sentence(run: Run) -> None:
    with pytest.raises(AhdetectError, match="The face model is missing"):
        run(TASKS, batch_work.lacks_models, tell=lambda _: None)


def test_a_caller_who_wishes_to_stop_is_obeyed_and_no_worker_stays(run: Run) -> None:
    with pytest.raises(Stopped):
        run(TASKS, batch_work.doubles, tell=lambda _: None, stopped=lambda: True)
    assert not [p for p in multiprocessing.active_children() if p.name == "ahdetect-batch"]


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
def test_a_cluster_of_this_machine_listens_to_nobody_else(cluster: None) -> None:
    ears = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a worker of an earlier test that is just leaving
            ears += [c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert ears
    assert {ip.removeprefix("::ffff:") for ip in ears} == {"127.0.0.1"}


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
def test_what_ray_prints_stays_off_standard_output(
    cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def tell(_: Outcome) -> None:
        print("(raylet) A worker died")  # as Ray does from a thread of its own

    engines.chosen(engines.Engine.RAY, 2, None)(TASKS, batch_work.doubles, tell, lambda: False)
    assert capsys.readouterr().out == ""
