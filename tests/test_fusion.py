"""The fusion network and its inputs: causal, masked, small, and the same step by step as over a whole sequence."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from pathlib import Path

import numpy as np
import pytest

from ahdetect.errors import ConfigError
from ahdetect.models.cues import Channel
from ahdetect.models.evidence import PREVALENCE_OF_PROMPT, logit
from ahdetect.models.fusion_config import FusionConfig, NetworkConfig, load_config
from ahdetect.models.fusion_inputs import (
    KINDS,
    PRIOR,
    Inputs,
    Scaling,
    answer_clock,
    chosen,
    fit_scaling,
)
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.simulate import simulate
from ahdetect.models.training.fusion_data import Clip, Features, clip_of, features_of
from ahdetect.models.training.sequences import of_simulated

torch = pytest.importorskip("torch")
fusion = pytest.importorskip("ahdetect.models.fusion")

HEADS = ("ours", "lfan", "can", "concat")
SMALL = NetworkConfig(hidden=8, heads=2, memory=12, dropout=0.0)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    sessions = simulate(3, 5, minutes=1.0, fps=5.0)
    return [clip_of(of_simulated(s, str(i)), SMALL, s.person.personal() if i else None) for i, s in enumerate(sessions)]


@pytest.fixture(scope="module")
def scaling(clips: list[Clip]) -> Scaling:
    return fit_scaling([c.values for c in clips], chosen("effects"))


@pytest.fixture(scope="module")
def features(clips: list[Clip], scaling: Scaling) -> Features:
    return features_of(clips[1], scaling, SMALL.rate_hz)


def network(scaling: Scaling, head: str, seed: int = 0):  # type: ignore[no-untyped-def]
    torch.manual_seed(seed)
    made = fusion.FusionNetwork(SMALL.model_copy(update={"head": head}), scaling).eval()
    torch.nn.init.normal_(made.out.weight)
    return made


def run(net, f: Features) -> np.ndarray:  # type: ignore[no-untyped-def, type-arg]
    with torch.no_grad():
        x = net(*(torch.from_numpy(a[None].copy()) for a in (f.features, f.mask, f.context)))
    return np.asarray(x[0].numpy())


# -- inputs


@pytest.mark.parametrize("i", [0, 1])
def test_features_of_a_whole_sequence_are_those_of_its_steps(clips: list[Clip], scaling: Scaling, i: int) -> None:
    clip, stream = clips[i], Inputs(scaling, 5.0, clips[i].personal)
    values = clip.values.copy()
    values[40:60, 3] = np.nan
    steps = [stream.step(v, p) for v, p in zip(values, clip.present, strict=True)]
    whole = Inputs(scaling, 5.0, clip.personal).whole(values, clip.present)
    np.testing.assert_allclose(np.stack(steps), whole, atol=2e-5)


def test_features_of_the_past_do_not_know_the_future(clips: list[Clip], scaling: Scaling) -> None:
    clip, inputs = clips[0], Inputs(scaling, 5.0)
    changed, present = clip.values.copy(), clip.present.copy()
    changed[150:] += 7.0
    present[150:] = ~present[150:]
    np.testing.assert_array_equal(
        inputs.whole(clip.values, clip.present)[:150], inputs.whole(changed, present)[:150]
    )  # fmt: skip


def test_a_person_s_own_level_becomes_no_deviation(scaling: Scaling) -> None:
    """A person whose brows always move three deviations more is nothing special once that is known, or was seen."""
    k = scaling.cues.index("face_brow_lower_sd")
    always = scaling.location[k] + 3.0 * scaling.scale[k]
    values = np.full((600, len(scaling.cues)), np.nan)
    values[:, k] = always
    present = np.ones((600, len(Channel)), dtype=np.bool_)
    known = Personal({"face_brow_lower_sd": Usual(always, scaling.scale[k], 1e6)})
    stranger = Inputs(scaling, 5.0).whole(values, present)[:, 3 * k]
    assert stranger[0] == pytest.approx(3.0, abs=0.01)
    assert stranger[-1] < 1.0
    assert np.abs(Inputs(scaling, 5.0, known).whole(values, present)[:, 3 * k]).max() < 0.01


def test_a_person_s_own_gain_makes_a_channel_weigh_more_or_less(scaling: Scaling, clips: list[Clip]) -> None:
    strong = Inputs(scaling, 5.0, Personal(gain={Channel.FACE: 2.0}))
    plain, twice = (i.whole(clips[0].values, clips[0].present) for i in (Inputs(scaling, 5.0), strong))
    face = np.flatnonzero(scaling.channel == list(Channel).index(Channel.FACE))
    voice = np.flatnonzero(scaling.channel == list(Channel).index(Channel.VOICE))
    for k in (0, 1):
        np.testing.assert_allclose(twice[:, 3 * face + k], 2.0 * plain[:, 3 * face + k], rtol=1e-5)
        np.testing.assert_array_equal(twice[:, 3 * voice + k], plain[:, 3 * voice + k])


def test_context_says_the_kind_of_prompt_and_when_the_answer_began(scaling: Scaling) -> None:
    t_ns = np.arange(0, 20_000_000_000, 200_000_000)
    since, kinds = answer_clock(t_ns, [(4_000_000_000, "hesitant"), (10_100_000_000, None)])
    rows = Inputs(scaling, 5.0).context(since, kinds)
    assert rows[:20, : len(KINDS)].sum() == 0
    assert (rows[:20, len(KINDS) : PRIOR] == 0).all()
    assert rows[20, KINDS.index("hesitant")] == 1
    assert rows[20, PRIOR] == pytest.approx(logit(PREVALENCE_OF_PROMPT["hesitant"]))
    assert np.flatnonzero(rows[:, PRIOR - 1]).tolist() == [20, 51]  # an answer begins between two steps, too
    assert rows[30, len(KINDS)] == pytest.approx(exp(-2.0 / 2.0))


def test_a_scaling_comes_back_from_json(scaling: Scaling) -> None:
    again = Scaling.from_json(scaling.to_json())
    assert again.cues == scaling.cues
    np.testing.assert_array_equal(again.scale, scaling.scale)


# -- the network


@pytest.mark.parametrize("head", HEADS)
def test_changing_the_future_changes_no_past_output(scaling: Scaling, features: Features, head: str) -> None:
    net = network(scaling, head)
    changed = replace(
        features,
        features=features.features.copy(),
        mask=features.mask.copy(),
        context=features.context.copy(),
    )
    changed.features[100:] += 5.0
    changed.mask[100:] = 1 - changed.mask[100:]
    changed.context[100:] -= 1.0
    before, after = run(net, features), run(net, changed)
    np.testing.assert_allclose(before[:100], after[:100], atol=1e-5)
    assert np.abs(before[100:] - after[100:]).max() > 0.1


@pytest.mark.parametrize("head", HEADS)
def test_step_by_step_it_says_the_same_as_over_the_whole(scaling: Scaling, features: Features, head: str) -> None:
    net = network(scaling, head)
    step = fusion.FusionStep(net)
    state, said = torch.zeros(1, step.state_width), []
    with torch.no_grad():
        for row in zip(features.features, features.mask, features.context, strict=True):
            x, state = step(*(torch.from_numpy(a[None].copy()) for a in row), state)
            said.append(float(x[0]))
    np.testing.assert_allclose(said, run(net, features), atol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_what_stands_in_an_absent_channel_changes_nothing(scaling: Scaling, features: Features, head: str) -> None:
    net, k = network(scaling, head), list(Channel).index(Channel.FACE)
    gone = replace(features, mask=features.mask.copy(), features=features.features.copy())
    gone.mask[:, k] = 0.0
    before = run(net, gone)
    gone.features[:, scaling.place[Channel.FACE]] = 99.0
    np.testing.assert_array_equal(before, run(net, gone))
    assert np.abs(before - run(net, features)).max() > 1e-3


@pytest.mark.parametrize("head", HEADS)
def test_with_nothing_at_all_it_says_something_finite_and_gradients_too(
    scaling: Scaling, features: Features, head: str
) -> None:
    net = network(scaling, head).train()
    nothing = [torch.zeros(1, 50, n) for n in (scaling.width, len(Channel))]
    x = net(*nothing, torch.from_numpy(features.context[None, :50].copy()))
    fusion.frame_loss(x, torch.from_numpy(features.truth[None, :50].copy()), 1.0, 0.2).backward()
    assert bool(torch.isfinite(x).all())
    assert all(bool(torch.isfinite(p.grad).all()) for p in net.parameters() if p.grad is not None)


def test_cues_that_are_not_there_are_no_numbers_to_the_network(clips: list[Clip], scaling: Scaling) -> None:
    values = np.full_like(clips[0].values, np.nan)
    values[::3, 5] = np.inf
    rows = Inputs(scaling, 5.0).whole(values, clips[0].present)
    assert np.isfinite(rows).all()


def test_an_untrained_network_says_the_prevalence(scaling: Scaling, features: Features) -> None:
    net = fusion.FusionNetwork(SMALL, scaling).eval()
    np.testing.assert_allclose(run(net, features), features.context[:, PRIOR], atol=1e-6)


@pytest.mark.parametrize("head", HEADS)
def test_the_default_network_is_small_and_a_large_one_is_refused(scaling: Scaling, head: str) -> None:
    net = fusion.FusionNetwork(NetworkConfig.model_validate({"head": head}), scaling)
    assert sum(p.numel() for p in net.parameters()) < 100_000
    with pytest.raises(ValueError, match="2000000 are the limit"):
        fusion.FusionNetwork(NetworkConfig.model_validate({"head": head, "hidden": 256, "memory": 512}), scaling)


# -- losses


def test_balanced_classes_leave_the_probabilities_calibrated() -> None:
    """The logit that the balanced loss likes best is that of the share of A/H, not of one half."""
    y = torch.tensor([[1.0] * 20 + [0.0] * 80])
    for balance in (0.0, 0.5, 1.0):
        x = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.LBFGS([x], max_iter=50)

        def closure(x=x, optimizer=optimizer, balance=balance):  # type: ignore[no-untyped-def]
            optimizer.zero_grad()
            loss = fusion.frame_loss(x.expand(1, 100), y, balance, 0.2)
            loss.backward()
            return loss

        optimizer.step(closure)
        assert float(x.detach()) == pytest.approx(log(0.2 / 0.8), abs=0.01)


def test_frames_without_a_label_teach_nothing() -> None:
    x = torch.tensor([[0.3, -2.0, 5.0]], requires_grad=True)
    fusion.frame_loss(x, torch.tensor([[1.0, float("nan"), float("nan")]]), 0.0, 0.2).backward()
    assert x.grad[0, 0] != 0
    assert x.grad[0, 1:].tolist() == [0, 0]
    assert fusion.frame_loss(x, torch.full((1, 3), float("nan")), 0.0, 0.2).item() == 0.0


def test_one_clear_moment_makes_a_clip_and_padding_does_not(scaling: Scaling) -> None:
    net = network(scaling, "ours")
    quiet, valid = torch.full((1, 100), -4.0), torch.ones(1, 100)
    peak = quiet.clone()
    peak[0, 40:50] = 4.0
    padded = torch.cat([quiet, torch.full((1, 50), 9.0)], dim=1)
    mask = torch.cat([valid, torch.zeros(1, 50)], dim=1)
    low = net.video(quiet, valid).item()
    assert net.video(peak, valid).item() > low + 1.0
    assert net.video(padded, mask).item() == pytest.approx(low, abs=1e-5)


def test_roughness_is_of_valid_pairs_only() -> None:
    x = torch.tensor([[0.0, 1.0, 9.0]])
    assert float(fusion.roughness(x, torch.tensor([[1.0, 1.0, 0.0]]))) == pytest.approx(1.0)


# -- configuration


def test_a_file_of_configuration_is_read_and_a_typo_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "fusion.toml"
    path.write_text('[network]\nhead = "lfan"\ndilations = [1, 3]\n[training]\nsteps = 7\n')
    found = load_config(path)
    assert (found.network.head, found.network.dilations, found.training.steps) == ("lfan", (1, 3), 7)
    assert load_config(None) == FusionConfig()
    for text, words in (
        ("[network]\nhed = 1", "network.hed"),
        ("[network]\nhidden = 10", "cannot be divided among"),
        ("[network", "not valid TOML"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=words):
            load_config(path)
