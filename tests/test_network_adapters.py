"""Adapters on the fusion network: what they learn, what is refused, and the way back. All data is simulated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_network import made_network

from ahdetect.calibration.adapt import Change
from ahdetect.calibration.fuser import adaptive_network
from ahdetect.calibration.guards import Guarded, Layout
from ahdetect.config import Settings
from ahdetect.models.cues import Channel
from ahdetect.models.fusion_config import NetworkConfig
from ahdetect.models.fusion_inputs import ESTIMATED, PRIOR, Inputs
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.posterior import Fuser
from ahdetect.models.runtime import FusionModel, NetworkFuser
from ahdetect.models.simulate import SimulatedSession, joined, simulate
from ahdetect.models.training.fusion_data import Features

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
fusion = pytest.importorskip("ahdetect.models.fusion")
methods = pytest.importorskip("ahdetect.calibration.network_methods")

CONFIG = NetworkConfig(hidden=8, heads=2, memory=12)


@pytest.fixture(scope="module")
def session() -> SimulatedSession:
    return simulate(1, 8, minutes=2.0, fps=5.0)[0]


@pytest.fixture(scope="module")
def made(session: SimulatedSession, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("network") / "fusion.onnx"
    network, features = made_network(CONFIG, session, path)
    return network, FusionModel(path), features


def said(fuser: Fuser, session: SimulatedSession) -> list[float]:
    return [fuser.step(frame).p for frame in session.frames()]


# -- what enters the network


def test_the_estimate_enters_the_network_and_is_marked_as_one(made) -> None:  # type: ignore[no-untyped-def]
    inputs = Inputs(made[1].scaling, 5.0)
    plain, more = (inputs.context(np.array([1.0]), ["neutral"], e)[0] for e in (None, 0.4))
    assert plain[PRIOR + 1] == 0.0
    assert more[PRIOR + 1] == ESTIMATED
    assert more[PRIOR] > plain[PRIOR]


def test_a_person_with_known_usual_values_is_measured_against_them_all_the_time(made) -> None:  # type: ignore[no-untyped-def]
    scaling = made[1].scaling
    k = scaling.cues.index("face_brow_lower_sd")
    values = np.full((600, len(scaling.cues)), np.nan)
    values[:, k] = scaling.location[k] + 2.0 * scaling.scale[k]
    present = np.ones((600, len(Channel)), dtype=np.bool_)
    known = Personal({"face_brow_lower_sd": Usual(scaling.location[k], scaling.scale[k], 75.0)})
    still, runs = Inputs(scaling, 5.0, known, running=False), Inputs(scaling, 5.0, known)
    x = still.whole(values, present)
    assert x[0, 3 * k] == pytest.approx(x[-1, 3 * k])
    assert runs.whole(values, present)[-1, 3 * k] < x[-1, 3 * k] - 0.3
    steps = np.stack([still.step(v, p) for v, p in zip(values, present, strict=True)])
    np.testing.assert_allclose(steps, x, atol=2e-5)


def test_what_is_learned_is_in_force_from_the_next_step_on_and_goes_back_with_the_state(made) -> None:  # type: ignore[no-untyped-def]
    scaling = made[1].scaling
    k = scaling.cues.index("face_brow_lower_sd")
    values = np.where(np.arange(len(scaling.cues)) == k, scaling.location + 2.0 * scaling.scale, np.nan)
    present, inputs = np.ones(len(Channel), dtype=np.bool_), Inputs(scaling, 5.0, running=False)
    first = inputs.step(values, present)[3 * k]
    state = inputs.state()
    found = Usual(scaling.location[k] + 2.0 * scaling.scale[k], scaling.scale[k], 75.0)
    inputs.set_personal(Personal({"face_brow_lower_sd": found}, {Channel.FACE: 1.5}))
    row = inputs.step(values, present)
    assert first == pytest.approx(2.0, abs=1e-3)
    assert row[3 * k : 3 * k + 2] == pytest.approx([0.0, 0.0], abs=1e-5)  # usual now, and no change since the last
    inputs.restore(state)
    assert inputs.step(values, present)[3 * k] == first


def test_usual_values_that_rest_on_nothing_are_those_of_the_network_s_own_population(made) -> None:  # type: ignore[no-untyped-def]
    scaling = made[1].scaling
    nobody = Personal({"face_brow_lower_sd": Usual(99.0, 99.0, 0.0)})
    values, present = np.full((5, len(scaling.cues)), 0.1), np.ones((5, len(Channel)), dtype=np.bool_)
    plain, same = (Inputs(scaling, 5.0, p, running=False).whole(values, present) for p in (None, nobody))
    assert np.array_equal(plain, same)


# -- the fuser


def test_what_it_learns_moves_later_rows_only_and_is_logged(made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    told: list[Change] = []
    adaptive = adaptive_network(made[1], on_change=told.append)
    p, plain = said(adaptive, session), said(NetworkFuser(made[1], running=False), session)
    assert p[:25] == plain[:25]
    assert p[-1] != plain[-1]
    assert adaptive.personal.prevalence == told[-1].after.get("prevalence", adaptive.personal.prevalence)
    assert {c.method for c in told} == {"bayes"}
    assert set(told[-1].effect) == {"mean_p_before", "mean_p_after", "changed"}


def test_a_profile_is_in_force_from_the_first_row(made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    often, seldom = (adaptive_network(made[1], personal=Personal(prevalence=p)) for p in (0.45, 0.05))
    frame = next(iter(session.frames()))
    assert often.step(frame).prior_log_odds > seldom.step(frame).prior_log_odds


def test_a_change_of_the_future_changes_no_past_row(made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    other = joined([session, simulate(1, 9, minutes=1.0, fps=5.0)[0]])
    assert said(adaptive_network(made[1]), other)[: len(session.t_ns)] == said(adaptive_network(made[1]), session)


def test_rollback_brings_the_old_rows_back_exactly(made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    frames, known = list(session.frames()), Personal(prevalence=0.3)
    fuser, other = (adaptive_network(made[1], personal=known) for _ in range(2))
    for x in frames[:200]:
        fuser.step(x)
    state = fuser.state()
    first = [repr(fuser.step(x)) for x in frames[200:450]]
    fuser.restore(state)
    other.restore(state)
    assert [repr(fuser.step(x)) for x in frames[200:450]] == first
    assert [repr(other.step(x)) for x in frames[200:450]] == first


# -- TENT and SHOT


@pytest.mark.parametrize("name", ["NetworkTent", "NetworkShot"])
def test_weights_adapt_by_the_common_protocol_and_go_back_bit_by_bit(made, name: str) -> None:  # type: ignore[no-untyped-def]
    network, _, f = made
    x = methods.rows_of(f.features, f.mask, f.context)
    one = getattr(methods, name)(network)
    plain = one.predict(x)
    with torch.no_grad():
        logits = network(*(torch.from_numpy(a[None].copy()) for a in (f.features, f.mask, f.context)))[0]
    np.testing.assert_allclose(plain[:, 1], torch.sigmoid(logits).numpy(), atol=1e-6)
    assert one.observe(x[:20]) is None
    change = one.observe(x[20:200])
    assert change is not None
    assert change.after["moved"] > change.before["moved"] == 0.0
    state, p = one.state(), one.predict(x)
    assert np.abs(p - plain).max() > 1e-6
    one.observe(x[200:400])
    assert not np.array_equal(one.predict(x), p)
    one.restore(state)
    assert np.array_equal(one.predict(x), p)
    assert np.array_equal(type(one)(network).predict(x), plain)  # the network itself was left alone


def test_entropy_falls_under_tent(made) -> None:  # type: ignore[no-untyped-def]
    f = made[2]
    x, one = methods.rows_of(f.features, f.mask, f.context), methods.NetworkTent(made[0], rate=0.05)

    def entropy() -> float:
        p = np.clip(one.predict(x), 1e-6, 1)
        return float(-(p * np.log(p)).sum(axis=1).mean())

    before = entropy()
    for _ in range(5):
        one.observe(x)
    assert entropy() < before


def test_guards_wrap_them(made) -> None:  # type: ignore[no-untyped-def]
    f, scaling = made[2], made[1].scaling
    x = methods.rows_of(f.features, f.mask, f.context)
    groups = {c.value: tuple(scaling.place[c].tolist()) for c in Channel}
    own = frozenset(int(i) for c in Channel for i in scaling.place[c][:1])
    guarded = Guarded(
        methods.NetworkTent(made[0], rate=0.5), Layout(None, groups, own, row_s=0.2), limits={"moved": 0.0}
    )
    told = [c for i in range(0, len(x), 25) if (c := guarded.observe(x[i : i + 25])) is not None]
    assert told
    assert not any(c.accepted for c in told)
    assert guarded.figures() == {"moved": 0.0}


def test_an_analysis_with_a_profile_learns_by_the_network_and_without_one_does_not(
    made: tuple[object, FusionModel, Features],
) -> None:
    """The engine's own wiring: voice only, so that no model file is needed."""
    from ahdetect.analysis import analyze
    from ahdetect.calibration.profile import Profile
    from ahdetect.config import validated
    from ahdetect.engine import Models
    from ahdetect.person import ADAPTATION

    off = {"face": False, "body": False, "words": False}
    settings = validated({"channels": off, "fusion": {"fuser": "network", "network": "made.onnx"}}, "test")
    models = replace(Models.load(validated({"channels": off}, "test"), video=False), fusion=made[1])
    clip = Path(__file__).parent.parent / "assets" / "demo.mp4"

    def steps(settings: Settings, profile: Profile | None) -> list[dict[str, object]]:
        timeline = analyze(clip, settings=settings, models=models, profile=profile)
        assert len(timeline.rows) > 900
        return [e for e in timeline.events if e["kind"] == ADAPTATION]

    learned = steps(settings, Profile("kim"))
    assert {e["method"] for e in learned} == {"bayes"}
    assert steps(settings, None) == []
    still = settings.model_copy(update={"fusion": settings.fusion.model_copy(update={"adapt": False})})
    assert steps(still, Profile("kim")) == []
