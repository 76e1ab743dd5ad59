"""Evaluation of a fusion network on extracted clips: frames, videos, parts, and the page beside the published rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import ahdetect.cli as cli
from ahdetect.commands.evaluate_fusion import page
from ahdetect.errors import ConfigError, DataError
from ahdetect.fusion_evaluation import BLIND, KNOWN, PROMPT, evaluate, load_network, read_answers, step_of
from ahdetect.models.cues import Channel
from ahdetect.models.fusion import FusionNetwork
from ahdetect.models.fusion_config import FusionConfig
from ahdetect.models.fusion_inputs import chosen, fit_scaling
from ahdetect.models.simulate import simulate
from ahdetect.models.training.fusion import save
from ahdetect.models.training.fusion_data import clip_of
from ahdetect.models.training.sequences import of_simulated, write_sequence

RATE = 2.0
CONFIG = FusionConfig.model_validate({"network": {"hidden": 8, "memory": 8, "rate_hz": RATE}})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six simulated people, extracted; a network that was shaken instead of trained."""
    folder = tmp_path_factory.mktemp("fusion")
    clips = [of_simulated(s, f"clip {i}") for i, s in enumerate(simulate(6, 0, minutes=0.5, fps=8))]
    for i, clip in enumerate(clips):
        write_sequence(folder / "cues" / f"{i}.parquet", replace(clip, split="train" if i == 5 else "test"))
    torch.manual_seed(0)
    scaling = fit_scaling([clip_of(c, CONFIG.network).values for c in clips], chosen("effects"))
    network = FusionNetwork(CONFIG.network, scaling)
    torch.nn.init.normal_(network.out.weight)
    save(folder / "best.pt", network, CONFIG, scaling, "nothing")
    return folder


def test_frames_hold_the_newest_step() -> None:
    t_ns = np.array([0, 100, 499, 500, 900, 1000, 1900]) * 1_000_000 + 7
    assert step_of(t_ns, RATE, 3).tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_every_table_is_there_and_only_the_split_is_scored(made: Path) -> None:
    answers = read_answers(made / "cues", "test")
    found = evaluate(load_network(made), answers, resamples=20)
    assert found.clips == 5
    assert set(found.people) == {c.person for c in answers.clips}
    assert found.frames[KNOWN].n == sum(len(c.t_ns) for c in answers.clips)
    assert found.frames[KNOWN].people == 5
    assert found.frames[KNOWN].metrics["avgf1"].low is not None
    assert {KNOWN, BLIND, PROMPT} <= set(found.frames)
    assert set(found.ablation) == {
        KNOWN,
        *(f"without {c.value}" for c in Channel),
        *(f"{c.value} alone" for c in Channel),
    }
    assert sum(r.n for r in found.prompts.values()) == found.frames[KNOWN].n
    assert found.source == "nothing"


def test_leaving_a_channel_out_changes_the_score_and_an_absent_one_does_not(made: Path) -> None:
    answers = read_answers(made / "cues", "test")
    face = list(Channel).index(Channel.FACE)
    clips = []
    for c in answers.clips:
        present = c.present.copy()
        present[:, face] = False
        clips.append(replace(c, present=present))
    network = load_network(made)
    whole = evaluate(network, answers, resamples=2)
    faceless = evaluate(network, replace(answers, clips=clips), resamples=2)
    assert whole.ablation["without face"].metrics["roc_auc"] == faceless.frames[KNOWN].metrics["roc_auc"]
    assert whole.ablation["without face"].metrics["roc_auc"] != whole.frames[KNOWN].metrics["roc_auc"]
    assert faceless.ablation["without face"].metrics == faceless.frames[KNOWN].metrics
    assert (faceless.present["face"], faceless.present["voice"]) == (0.0, whole.present["voice"])
    assert 0.0 < whole.present["face"] <= 1.0
    assert "Present: face 0%" in page(faceless)


def test_an_exported_network_scores_frames_alike(made: Path) -> None:
    pytest.importorskip("onnxscript")
    from ahdetect.models.training.fusion import load
    from ahdetect.models.training.fusion_export import export

    network, config, scaling, source = load(made / "best.pt")
    export(made / "fusion.onnx", network, config.network, scaling, source, 1.0)
    answers = read_answers(made / "cues", "test")
    torch_, onnx = (evaluate(load_network(made / name), answers, 2) for name in ("best.pt", "fusion.onnx"))
    for name in ("roc_auc", "average_precision", "ece"):
        assert torch_.frames[KNOWN].metrics[name].value == pytest.approx(
            onnx.frames[KNOWN].metrics[name].value, abs=1e-4
        )


def test_the_page_has_the_published_rows_beside_ours(made: Path) -> None:
    text = page(evaluate(load_network(made), read_answers(made / "cues", "all"), resamples=2))
    assert "| all, co-attention (CAN) | .553 | .263 |" in text
    assert "| all, leader-follower (LFAN) | .593 | .322 |" in text
    assert text.index("## Frames") < text.index(".553") < text.index("## Videos") < text.index(".593")
    assert "6 clips (split: all)" in text


def test_a_split_that_is_not_there_names_those_that_are(made: Path) -> None:
    with pytest.raises(ConfigError, match="has no split 'val' \\(it has test, train"):
        read_answers(made / "cues", "val")


def test_clips_without_labels_are_refused(made: Path) -> None:
    answers = read_answers(made / "cues", "test")
    clips = [replace(c, truth=np.full_like(c.truth, np.nan), video_label=float("nan")) for c in answers.clips]
    with pytest.raises(DataError, match="no labels"):
        evaluate(load_network(made), replace(answers, clips=clips), 2)


def test_the_command_writes_both_files(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a" / "results.md"
    args = ("--data", str(made / "cues"), "--model", str(made), "--out", str(out), "--resamples", "2", "--json")
    with pytest.raises(SystemExit) as left:
        cli.main(["evaluate", "fusion", *args])
    assert left.value.code == 0
    assert out.read_text().startswith("# Fusion network")
    written = json.loads(out.with_suffix(".json").read_text())
    assert written == json.loads(capsys.readouterr().out)
    assert written["published"]["rows"][0]["model"] == "face"
