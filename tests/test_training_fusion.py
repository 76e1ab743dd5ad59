"""Training of the fusion network: it learns, stops, goes on after a kill, and takes a corpus from its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ahdetect.errors import DataError
from ahdetect.models.cues import Channel
from ahdetect.models.fusion_config import FusionConfig
from ahdetect.models.fusion_inputs import KINDS, PER_CHANNEL, PRIOR
from ahdetect.models.simulate import SimulatedSession, simulate
from ahdetect.models.training.fusion_data import clip_of, collated, divided, of_corpus, resampled, simulated, window
from ahdetect.models.training.sequences import Sequence, of_simulated, read_folder, read_sequence, write_sequence

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")
training = pytest.importorskip("ahdetect.models.training.fusion")


def config(**training_: object) -> FusionConfig:
    return FusionConfig.model_validate(
        {
            "network": {"hidden": 8, "heads": 2, "memory": 12, "dilations": [1, 2]},
            "training": {
                "steps": 8,
                "batch": 4,
                "window_s": 20.0,
                "lead_s": 2.0,
                "every": 4,
                "rate": 1e-2,
                **training_,
            },
            "simulated": {"people": 6, "validation": 3, "minutes": 1.0},
        }
    )


@pytest.fixture(scope="module")
def data():  # type: ignore[no-untyped-def]
    return simulated(config())


def sequences(n: int = 4) -> list[Sequence]:
    """Short clips of different people; half of them with A/H by their label only."""
    found = []
    for i, s in enumerate(simulate(n, 3, minutes=0.4, fps=10.0)):
        one = of_simulated(s, f"clip {i}")
        found.append(replace(one, person=f"p{i // 2}", video_label=float(i % 2)))
    return found


def weights(network) -> np.ndarray:  # type: ignore[no-untyped-def, type-arg]
    return np.concatenate([p.detach().numpy().ravel() for p in network.parameters()])


# -- sequences


def test_a_sequence_comes_back_from_its_file(tmp_path: Path) -> None:
    one = replace(sequences(1)[0], split="val", video_label=float("nan"))
    one.truth[3:9] = np.nan
    write_sequence(tmp_path / "a.parquet", one)
    again = read_sequence(tmp_path / "a.parquet")
    for channel in Channel:
        np.testing.assert_array_equal(one.cues[channel], again.cues[channel])
    np.testing.assert_array_equal(one.present, again.present)
    np.testing.assert_array_equal(one.truth, again.truth)
    assert (again.name, again.person, again.prompts, again.split) == (one.name, one.person, one.prompts, "val")
    assert np.isnan(again.video_label)
    assert again.prompt_kind == one.prompts[0][1]


def test_what_is_no_table_of_cues_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no Parquet file"):
        list(read_folder(tmp_path))
    (tmp_path / "a.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read"):
        list(read_folder(tmp_path))


def test_a_network_sees_the_newest_frame_at_each_of_its_steps() -> None:
    t_ns = np.array([0, 90, 190, 210, 390, 500, 1000]) * 1_000_000
    assert resampled(t_ns, 5.0).tolist() == [0, 2, 4, 5, 5, 6]


# -- batches


def test_people_are_never_on_both_sides_of_a_division() -> None:
    clips = divided([clip_of(s, config().network) for s in sequences(12)], config().training)
    sides = {name: {c.person for c in clips if c.split == name} for name in ("train", "val")}
    assert sides["train"]
    assert sides["val"]
    assert not sides["train"] & sides["val"]


def test_windows_lead_in_without_a_label_and_drop_channels_and_prompts(data) -> None:  # type: ignore[no-untyped-def]
    how = config(batch=64, channel_dropout=0.3, prompt_dropout=0.5).training
    batch = window(data.train, how, 5.0, data.scaling, np.random.default_rng(0))
    lead = np.isnan(batch.truth[:, :10]).all(axis=1)
    assert 0.3 < lead.mean() < 0.95
    assert np.isfinite(batch.truth[:, 10:]).all()
    gone = (batch.mask == 0).all(axis=1)
    assert 0.2 < gone.mean() < 0.5
    assert not gone.all(axis=1).any()
    for k, channel in enumerate(Channel):
        own = data.scaling.place[channel][:-PER_CHANNEL]  # what is known of the person stays
        assert not batch.features[gone[:, k]][:, :, own].any()
    blind = (batch.context[:, :, : len(KINDS)] == 0).all(axis=(1, 2))
    assert 0.3 < blind.mean() < 0.7
    assert len(np.unique(batch.context[blind][:, :, PRIOR])) <= 1 + sum(
        f.blind != data.train[0].blind for f in data.train
    )


def test_padding_is_marked(data) -> None:  # type: ignore[no-untyped-def]
    short = replace(
        data.train[0], **{k: getattr(data.train[0], k)[:7] for k in ("features", "mask", "context", "truth")}
    )
    batch = collated([data.train[1], short])
    assert batch.valid[1].sum() == 7
    assert np.isnan(batch.truth[1, 7:]).all()


# -- runs


def test_it_learns_what_the_simulation_put_in(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    how = config(steps=40, batch=8, every=20)
    trainer = training.Trainer(how, data, tmp_path)
    before = training.score_of(trainer.network, data.train).precision
    progress = trainer.run()
    assert training.score_of(trainer.network, data.train).precision > before + 0.1
    assert progress.history[-1][1] < progress.history[0][1]


def test_a_run_that_stopped_goes_on_as_if_it_had_not(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    whole = training.Trainer(config(), data, tmp_path / "whole")
    whole.run()
    training.Trainer(config(), data, tmp_path / "cut").run(until=4)
    again = training.Trainer(config(), data, tmp_path / "cut", resume=True)
    assert again.progress.step == 4
    again.run()
    np.testing.assert_array_equal(weights(whole.network), weights(again.network))
    np.testing.assert_array_equal(weights(whole.averaged), weights(again.averaged))
    assert again.progress == whole.progress


def test_a_kill_while_writing_leaves_the_checkpoint_before(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    training.Trainer(config(), data, tmp_path).run(until=4)
    (tmp_path / "last.part").write_bytes(b"half a checkp")
    assert training.Trainer(config(), data, tmp_path, resume=True).progress.step == 4
    with pytest.raises(DataError, match="another configuration"):
        training.Trainer(config(seed=1), data, tmp_path, resume=True)
    (tmp_path / "last.pt").write_bytes(b"half a checkp")
    with pytest.raises(DataError, match="cannot be read as a checkpoint"):
        training.Trainer(config(), data, tmp_path, resume=True)


def test_it_stops_when_nothing_gets_better(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(training, "score_of", lambda *_: training.Score(0.5, 0.6))
    progress = training.Trainer(config(steps=100, every=1, patience=3), data, tmp_path).run()
    assert (progress.step, progress.best_step) == (4, 1)


def test_the_best_weights_come_back_with_their_scaling(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trainer = training.Trainer(config(), data, tmp_path)
    trainer.run()
    network, found, scaling, source = training.load(tmp_path / "best.pt")
    assert found == config()
    assert source == data.source
    np.testing.assert_array_equal(scaling.location, data.scaling.location)
    score = training.score_of(network, data.validation)
    assert score == pytest.approx((trainer.progress.precision, trainer.progress.best))
    assert 0.0 < training.spread_of(network, data) < 5.0


def test_the_kept_weights_are_the_running_mean(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trainer = training.Trainer(config(average=0.3), data, tmp_path)
    expected = None
    for n in range(4):
        trainer.step()
        own = weights(trainer.network)
        stays = min(0.3, (1 + n) / (10 + n))
        expected = own if expected is None else stays * expected + (1 - stays) * own
    np.testing.assert_allclose(weights(trainer.averaged), expected, atol=1e-6)
    assert np.abs(weights(trainer.averaged) - weights(trainer.network)).max() > 1e-4
    plain = training.Trainer(config(average=0.0), data, tmp_path / "plain")
    plain.run()
    np.testing.assert_array_equal(weights(plain.averaged), weights(plain.network))


def test_the_best_look_is_that_of_the_lowest_log_loss(data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    scores = iter([training.Score(0.4, 0.5), training.Score(0.5, 0.3), training.Score(0.6, 0.4)])
    monkeypatch.setattr(training, "score_of", lambda *_: next(scores))
    progress = training.Trainer(config(steps=3, every=1), data, tmp_path).run()
    assert (progress.best, progress.precision, progress.best_step) == (0.3, 0.5, 2)


def test_a_log_loss_of_clips_is_that_of_the_pooled_log_odds(data) -> None:  # type: ignore[no-untyped-def]
    network = training.FusionNetwork(config().network, data.scaling)
    network.video_bias.data.fill_(1.0)
    clips = [
        replace(c, truth=np.full_like(c.truth, np.nan), video_label=float(i % 2)) for i, c in enumerate(data.train[:4])
    ]
    pooled = [
        network.video(torch.tensor(x)[None], torch.ones(1, len(x))).item() for x in training.log_odds_of(network, clips)
    ]
    p = 1 / (1 + np.exp(-np.array(pooled)))
    expected = -np.mean(np.log([1 - p[0], p[1], 1 - p[2], p[3]]))
    assert training.score_of(network, clips).log_loss == pytest.approx(expected, abs=1e-5)


def test_a_corpus_with_labels_of_clips_only_can_be_learned_from(tmp_path: Path) -> None:
    clips = [replace(s, truth=np.full_like(s.truth, np.nan)) for s in sequences(8)]
    how = config(window_s=30.0)
    corpus = of_corpus(clips, how, "test")
    before = weights(training.Trainer(how, corpus, tmp_path / "a").network)
    trainer = training.Trainer(how, corpus, tmp_path / "a")
    trainer.run()
    assert 0.0 <= trainer.progress.precision <= 1.0
    assert np.abs(weights(trainer.network) - before).max() > 1e-3


def test_a_corpus_without_labels_is_refused() -> None:
    clips = [
        replace(s, truth=np.full_like(s.truth, np.nan), video_label=float("nan"), split="val" if i else "train")
        for i, s in enumerate(sequences(2))
    ]
    with pytest.raises(DataError, match="no labels of both kinds"):
        of_corpus(clips, config(), "here")


def test_the_command_trains_from_files_to_a_network(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    from ahdetect.commands.train import app
    from ahdetect.models.runtime import FusionModel

    for i, s in enumerate(sequences(6)):
        write_sequence(tmp_path / "data" / f"{i}.parquet", s)
    settings = tmp_path / "fusion.toml"
    settings.write_text(
        "[network]\nhidden = 4\nheads = 1\nmemory = 4\ndilations = [1]\n"
        "[training]\nsteps = 2\nevery = 1\nbatch = 2\nwindow_s = 10.0\n"
    )
    run = ["fusion", "--data", str(tmp_path / "data"), "--config", str(settings), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, run)
    assert done.exit_code == 0, done.output
    model = FusionModel(Path(json.loads(done.stdout.splitlines()[-1])["network"]))
    assert model.config.hidden == 4
    assert list((tmp_path / "run").glob("events.out.tfevents.*"))
    assert "holds a run already" in str(CliRunner().invoke(app, run).exception)


def test_no_simulated_person_is_both_in_training_and_validation(data) -> None:  # type: ignore[no-untyped-def]
    assert len(data.best) == len(data.validation)
    first: list[SimulatedSession] = simulate(1, 0, minutes=1.0, fps=5.0)
    assert np.array_equal(data.train[0].truth, first[0].truth.astype(np.float32))
    assert not any(np.array_equal(a.truth, b.truth) for a in data.train for b in data.validation)
