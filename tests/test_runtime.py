"""The exported network: the same numbers as torch, frame by frame, and a fuser like any other."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_network import made_network

from ahdetect.config import validated
from ahdetect.errors import AssetError, ConfigError
from ahdetect.models.cues import Channel, absent_frame
from ahdetect.models.evidence import logit
from ahdetect.models.fusion_config import NetworkConfig
from ahdetect.models.fusion_inputs import PRIOR
from ahdetect.models.posterior import ChannelState, EvidenceFrame, Fuser, Posterior, Presence
from ahdetect.models.runtime import STREAMS, FusionModel, NetworkFuser, shared_out
from ahdetect.models.simulate import SimulatedSession, simulate
from ahdetect.models.training.fusion_data import Features

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
fusion = pytest.importorskip("ahdetect.models.fusion")

CONFIG = NetworkConfig(hidden=8, heads=2, memory=12)


@pytest.fixture(scope="module")
def session() -> SimulatedSession:
    return simulate(1, 8, minutes=1.5, fps=5.0)[0]


@pytest.fixture(scope="module")
def made(session: SimulatedSession, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """A network with random weights, its exported file, and the session as its features."""
    path = tmp_path_factory.mktemp("network") / "fusion.onnx"
    network, features = made_network(CONFIG, session, path)
    return network, path, features


@pytest.fixture(scope="module")
def model(made) -> FusionModel:  # type: ignore[no-untyped-def]
    return FusionModel(made[1])


@pytest.fixture(scope="module")
def expected(made) -> np.ndarray:  # type: ignore[no-untyped-def, type-arg]
    """Log-odds of torch over the whole sequence."""
    network, _, f = made
    with torch.no_grad():
        x = network(*(torch.from_numpy(a[None].copy()) for a in (f.features, f.mask, f.context)))
    return np.asarray(x[0].numpy())


def said_of(fuser: Fuser, session: SimulatedSession, every: int = 1) -> list[Posterior]:
    """What a fuser says; `every` row several times, as a faster camera would."""
    kinds, said = {p.t_ns: p.kind for p in session.prompts}, []
    for frame in session.frames():
        if frame.t_ns in kinds:
            fuser.set_prompt(kinds[frame.t_ns])
        said += [fuser.step(replace(frame, dur_ns=frame.dur_ns // every)) for _ in range(every)]
    return said


def nothing(t_ns: int, dur_ns: int) -> EvidenceFrame:
    return EvidenceFrame(
        t_ns,
        dur_ns,
        {c: absent_frame(c, t_ns, "nobody") for c in Channel},
        dict.fromkeys(Channel, ChannelState(Presence.ABSENT, reason="nobody")),
        True,
    )


def test_onnx_says_what_torch_says_on_a_whole_sequence(model: FusionModel, made, expected) -> None:  # type: ignore[no-untyped-def]
    f: Features = made[2]
    state, found = model.fresh(1), []
    for i in range(len(f.truth)):
        x, state = model.step(f.features[i : i + 1], f.mask[i : i + 1], f.context[i : i + 1], state)
        found.append(float(x[0]))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_fuser_says_what_torch_says_on_a_whole_sequence(
    model: FusionModel, session: SimulatedSession, expected
) -> None:  # type: ignore[no-untyped-def]
    found = [logit(s.p) for s in said_of(NetworkFuser(model), session)]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_prior_and_contributions_sum_to_the_log_odds_at_every_row(
    model: FusionModel, session: SimulatedSession
) -> None:
    for i, s in enumerate(said_of(NetworkFuser(model), session)):
        assert s.prior_log_odds + sum(s.contributions.values()) == pytest.approx(logit(s.p), abs=1e-6)
        assert s.low <= s.p <= s.high
        for k, channel in enumerate(Channel):
            assert session.present[i, k] or s.contributions[channel] == 0.0


def test_rows_between_two_steps_hold_the_newest_estimate(model: FusionModel, session: SimulatedSession) -> None:
    """Six rows a step: the network takes every sixth."""
    found = said_of(NetworkFuser(model), session, every=6)
    changes = [i for i in range(1, len(found)) if found[i] is not found[i - 1]]
    assert len(changes) == pytest.approx(len(found) / 6, abs=2)
    assert all(b - a == 6 for a, b in itertools.pairwise(changes))


def test_a_pause_in_the_stream_is_stepped_through_but_not_for_ever(model: FusionModel) -> None:
    second, long, none = NetworkFuser(model), NetworkFuser(model), NetworkFuser(model)
    for fuser in (second, long, none):
        fuser.step(nothing(0, 0))
    after = second.step(nothing(10**9, 10**9)).p
    assert after == long.step(nothing(600 * 10**9, 600 * 10**9)).p
    assert after != none.step(nothing(200_000_000, 200_000_000)).p


def test_a_restored_state_goes_on_exactly_as_the_first_time(model: FusionModel, session: SimulatedSession) -> None:
    frames, fuser, other = list(session.frames()), NetworkFuser(model), NetworkFuser(model)
    fuser.set_prompt("willing")
    for frame in frames[:101]:
        fuser.step(frame)
    state = fuser.state()
    first = [fuser.step(frame) for frame in frames[101:160]]
    fuser.restore(state)
    other.restore(state)
    assert [fuser.step(frame) for frame in frames[101:160]] == first
    assert [other.step(frame) for frame in frames[101:160]] == first


def test_with_nobody_there_it_says_its_prior_with_a_wide_band(model: FusionModel) -> None:
    fuser = NetworkFuser(model, "hesitant")
    for i in range(20):
        s = fuser.step(nothing(i * 200_000_000, 200_000_000 if i else 0))
    assert set(s.contributions.values()) == {0.0}
    assert logit(s.p) == pytest.approx(s.prior_log_odds)
    assert logit(s.high) - logit(s.low) > 2.0
    assert s.top == ()


def test_cues_that_are_named_push_up_and_are_three_at_most(model: FusionModel, session: SimulatedSession) -> None:
    named = 0
    for s in said_of(NetworkFuser(model), session):
        named += len(s.top)
        assert len(s.top) <= 3
        assert [c.log_odds for c in s.top] == sorted((c.log_odds for c in s.top), reverse=True)
        for cue in s.top:
            channel = next(c for c in Channel if cue.name.startswith(c.value))
            assert 0 < cue.log_odds <= s.contributions[channel] + 1e-9
    assert named


def test_what_a_channel_adds_is_what_is_lost_without_it_and_its_part_of_the_rest() -> None:
    present = np.array([True, True, False, True, True])
    logits = np.array([2.0, 1.0, 2.0, 1.7, 1.5, 2.5, -1.0], dtype=np.float32)  # all; each left out; none
    prior, added = shared_out(logits, present)
    assert prior == -1.0
    assert added.sum() == pytest.approx(3.0)
    assert added[2] == 0.0
    # Lost: 1, 0, -, .5, -.5; the rest, 2, goes by size: 1 : 0 : .5 : .5.
    assert added.tolist() == pytest.approx([2.0, 0.0, 0.0, 1.0, 0.0], abs=1e-6)


def test_the_kind_of_prompt_is_asked_of_the_network(model: FusionModel, made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    frame = next(session.frames())
    plain, hesitant = NetworkFuser(model, "neutral"), NetworkFuser(model, "hesitant")
    assert plain.step(frame).p != hesitant.step(frame).p
    assert made[2].context[0, PRIOR] != 0
    with pytest.raises(ValueError, match="none of neutral"):
        plain.set_prompt("angry")


def test_the_file_describes_itself(model: FusionModel) -> None:
    assert model.config == CONFIG
    assert model.source == "made-up weights"
    assert model.spread == 0.5
    assert model.fresh().shape == (STREAMS, model.state_width)
    assert len(model.sha256) == 64


def test_a_file_that_is_no_network_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "fusion.onnx"
    with pytest.raises(AssetError, match="cannot be used as a fusion network"):
        FusionModel(path)
    path.write_bytes(b"not a network")
    with pytest.raises(AssetError, match="cannot be used as a fusion network"):
        FusionModel(path)


def test_the_settings_ask_for_a_file_where_the_fuser_is_the_network() -> None:
    assert validated({"fusion": {"fuser": "network", "network": "fusion.onnx"}}, "t").fusion.network == "fusion.onnx"
    with pytest.raises(ConfigError, match="needs network"):
        validated({"fusion": {"fuser": "network"}}, "t")
