"""Training of the fusion network on the devices there are: which one, in which numbers, and in how few steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ahdetect.models.fusion_config import FusionConfig

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")
training = pytest.importorskip("ahdetect.models.training.fusion")
fusion_data = pytest.importorskip("ahdetect.models.training.fusion_data")


def config(**training_: object) -> FusionConfig:
    return FusionConfig.model_validate(
        {
            "network": {"hidden": 8, "heads": 2, "memory": 12, "dilations": [1, 2]},
            "training": {"steps": 30, "batch": 6, "window_s": 30.0, "every": 15, "rate": 1e-2, **training_},
            "simulated": {"people": 6, "validation": 3, "minutes": 1.0},
        }
    )


@pytest.fixture(scope="module")
def data() -> Any:
    return fusion_data.simulated(config())


@pytest.mark.parametrize("there", [True, False])
def test_the_gpu_is_taken_where_there_is_one(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert training.device_of().type == ("cuda" if there else "cpu")


@pytest.mark.parametrize(
    ("precision", "device", "has_it", "mixed"),
    [
        ("auto", "cuda", True, True),
        ("auto", "cuda", False, False),  # before Ampere bfloat16 is emulated, and slow
        ("float32", "cuda", True, False),
        ("auto", "cpu", True, False),
    ],
)
def test_bfloat16_is_for_gpus_that_compute_in_it(
    precision: str, device: str, has_it: bool, mixed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_it and not including_emulation)
    assert training.is_mixed(precision, torch.device(device)) is mixed


def test_a_run_in_bfloat16_comes_to_what_one_in_float32_does(
    data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = training.Trainer(config(), data, tmp_path / "full")
    monkeypatch.setattr(training, "is_mixed", lambda *_: True)  # as on a GPU; autocast on a CPU rounds alike
    mixed = training.Trainer(config(), data, tmp_path / "mixed")
    seen = set()
    mixed.network.encoders.blocks[0].register_forward_hook(lambda *given: seen.add(given[2].dtype))
    mixed.network.memory.register_forward_hook(lambda *given: seen.add(given[2][0].dtype))
    for _ in range(30):
        full.step()
        mixed.step()
    assert seen == {torch.bfloat16, torch.float32}, "convolutions in bfloat16, the memory in float32"
    assert {p.dtype for p in mixed.network.parameters()} == {torch.float32}
    before = training.score_of(training.Trainer(config(), data, tmp_path / "none").network, data.train).precision
    assert training.score_of(full.network, data.train).precision > before + 0.1
    assert training.score_of(mixed.network, data.train).precision == pytest.approx(
        training.score_of(full.network, data.train).precision, abs=0.05
    )


def test_weights_and_batches_go_where_they_are_told_to(data: Any, tmp_path: Path) -> None:
    trainer = training.Trainer(config(), data, tmp_path, device=torch.device("meta"))
    assert {p.device.type for p in trainer.network.parameters()} == {"meta"}
    how = config()
    batch = fusion_data.window(data.train, how.training, how.network.rate_hz, data.scaling, np.random.default_rng(0))
    assert {t.device.type for t in trainer._tensors(batch)} == {"meta"}


@pytest.mark.parametrize("steps", [1, 2, 9, 10])
def test_any_number_of_steps_has_a_schedule(steps: int, data: Any, tmp_path: Path) -> None:
    trainer = training.Trainer(config(steps=steps, every=10), data, tmp_path)
    assert trainer.run().step == steps
