"""Ray Train: the fusion network trained by two processes is that of one, also where one of them was killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from ahdetect.commands.train import app
from ahdetect.errors import ConfigError, DataError
from ahdetect.models.fusion_config import FusionConfig

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")
training = pytest.importorskip("ahdetect.models.training.fusion")
fusion_data = pytest.importorskip("ahdetect.models.training.fusion_data")

TOLERANCE = 1e-4
"""Of weights, and of scores: sums are added up in another order, and nothing else differs without dropout."""

pytestmark = pytest.mark.timeout(900)  # processes that load torch, on a machine that may be busy


def config(**training_: object) -> FusionConfig:
    return FusionConfig.model_validate(
        {
            "network": {"hidden": 8, "heads": 2, "memory": 12, "dilations": [1, 2], "dropout": 0.0},
            "training": {
                "steps": 9,
                "batch": 5,
                "window_s": 45.0,
                "clip": 100.0,
                "every": 3,
                "rate": 1e-2,
                **training_,
            },
            "simulated": {"people": 6, "validation": 3, "minutes": 1.0},
        }
    )


@pytest.fixture(scope="module")
def data() -> Any:
    """Five long clips, and a short one whose windows are labelled as a whole: so are some batches, and some are not."""
    made = fusion_data.simulated(config())
    short = {k: getattr(made.train[0], k)[:150] for k in ("features", "mask", "context", "truth")}
    return replace(made, train=[replace(made.train[0], **short, video_label=1.0), *made.train[1:]])


@pytest.fixture(scope="module")
def ray_train() -> Iterator[Any]:
    """Two CPUs of this machine as a cluster, for all tests of the module."""
    if find_spec("ray") is None:  # not imported here: it reads how quiet it has to be when it is
        pytest.skip("ray is not installed")
    from ahdetect.ray_engine import connected

    with connected(2, None):
        yield pytest.importorskip("ahdetect.models.training.ray_fusion")


def weights(network: Any) -> np.ndarray:  # type: ignore[type-arg]
    return np.concatenate([p.detach().numpy().ravel() for p in network.parameters()])


def moments(run: Path) -> np.ndarray:  # type: ignore[type-arg]
    """Mean squares of the gradients so far."""
    state = torch.load(run / training.LAST, weights_only=True)["optimizer"]["state"]
    return np.concatenate([state[k]["exp_avg_sq"].numpy().ravel() for k in sorted(state)])


def batches(data: Any) -> list[Any]:
    """Those of a run."""
    how, rng = config(), np.random.default_rng([0, 5])
    return [
        fusion_data.window(data.train, how.training, how.network.rate_hz, data.scaling, rng)
        for _ in range(how.training.steps)
    ]


def children(name: str) -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if name in process.name():
                found.append(process)
    return found


def ears() -> set[str]:
    """Addresses that processes of the cluster listen on."""
    found = set()
    for process in children("ray::"):
        with suppress(psutil.NoSuchProcess):
            found |= {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    return {ip.removeprefix("::ffff:") for ip in found}


def test_a_batch_is_not_shared_by_more_workers_than_it_has_windows(ray_train: Any, data: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot share the 5 windows"):
        ray_train.fit(config(), data, tmp_path, 6, print, alone=True)
    with pytest.raises(ConfigError, match="has 2 CPUs, and 3 workers"):
        ray_train.fit(config(), data, tmp_path, 3, print, alone=True)


def test_what_a_worker_found_wrong_is_said_in_its_own_words(ray_train: Any) -> None:
    from ray.train import WorkerGroupError

    ours = DataError("The validation clips lack labels.")
    assert ray_train._known(WorkerGroupError("rank 0", {0: ours})) is ours
    other = ray_train._known(WorkerGroupError("rank 1", {1: RuntimeError("Traceback\nCUDA out of memory.")}))
    assert "3 restarts (CUDA out of memory); the run goes on with --resume" in str(other)


@pytest.mark.parametrize("option", [["--workers", "2"], ["--ray-address", "here:1"]])
def test_options_of_a_cluster_need_it(option: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["fusion", "--data", "simulated", "--out", str(tmp_path / "run"), *option])
    assert "needs --engine ray" in str(done.exception)


def test_the_command_hands_the_run_to_the_cluster_and_exports_what_comes_back(
    ray_train: Any, data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def fit(how: Any, given: Any, out: Path, *rest: Any, alone: bool) -> Any:
        asked.extend((how.training.steps, rest[0], alone))
        print("(raylet) A worker died")  # as Ray does
        return training.Trainer(how, given, out).run()

    monkeypatch.setattr(ray_train, "fit", fit)
    monkeypatch.setattr(fusion_data, "simulated", lambda _: data)
    settings = tmp_path / "fusion.toml"
    settings.write_text("[network]\nhidden = 4\nheads = 1\nmemory = 4\n[training]\nsteps = 2\nbatch = 2\n")
    run = ["fusion", "--data", "simulated", "--config", str(settings), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*run, "--engine", "ray", "--workers", "2"])
    assert asked == [2, 2, True], done.output
    assert Path(json.loads(done.stdout)["network"]).is_file()


def test_one_worker_makes_the_very_steps_of_a_local_run_and_goes_on_from_one(
    ray_train: Any, data: Any, tmp_path: Path
) -> None:
    how = config()
    how = how.model_copy(update={"network": how.network.model_copy(update={"dropout": 0.2})})
    local = training.Trainer(how, data, tmp_path / "local")
    local.run()
    training.Trainer(how, data, tmp_path / "run").run(until=3)
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        sharded = ray_train.ShardedTrainer(how, data, tmp_path / "run", resume=True)
        sharded.run()
    finally:
        torch.distributed.destroy_process_group()
    np.testing.assert_allclose(weights(sharded.network), weights(local.network), rtol=0, atol=1e-6)
    assert sharded.progress.step == 9


def test_two_workers_one_of_them_killed_make_the_network_of_one_process(
    ray_train: Any, data: Any, tmp_path: Path
) -> None:
    alone = training.Trainer(config(), data, tmp_path / "local")
    whole = [bool(np.isfinite(b.video).any()) for b in batches(data)]
    assert any(whole)
    assert not all(whole)
    alone.run()
    lines: list[str] = []
    heard: set[str] = set()

    def told(line: str) -> None:
        lines.append(line)
        if line.startswith("step 3:"):
            heard.update(ears())
            workers = children("RayTrainWorker")
            assert len(workers) == 2
            workers[1].send_signal(signal.SIGKILL)

    progress = ray_train.fit(config(), data, tmp_path / "ray", 2, told, alone=True)
    assert any(line.startswith("going on from step") for line in lines), lines
    np.testing.assert_allclose(progress.history, alone.progress.history, rtol=0, atol=TOLERANCE)
    network, *_ = training.load(tmp_path / "ray" / "best.pt")
    expected, *_ = training.load(tmp_path / "local" / "best.pt")
    assert np.abs(weights(network) - weights(expected)).max() < TOLERANCE
    # Adam takes steps of one size whatever the scale of the gradients; its moments tell.
    np.testing.assert_allclose(moments(tmp_path / "ray"), moments(tmp_path / "local"), rtol=1e-3, atol=TOLERANCE**2)
    assert heard == {"127.0.0.1"}, "nobody else is listened to"
    assert not (tmp_path / "ray" / ray_train.STORE).exists()
