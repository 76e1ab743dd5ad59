"""Adapters on the fusion network: what they learn, what is refused, and the way back. All data is simulated."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ahdetect.calibration.fuser import LAYOUT
from ahdetect.calibration.guards import Guarded, Layout
from ahdetect.calibration.rows import WIDTH, row_of
from ahdetect.config import Settings
from ahdetect.models.cues import Channel
from ahdetect.models.evidence import PREVALENCE, logit
from ahdetect.models.fusion_config import NetworkConfig
from ahdetect.models.fusion_inputs import ESTIMATED, PRIOR, Inputs, chosen, fit_scaling
from ahdetect.models.personal import PREVALENCE_BOUNDS, Personal, Usual
from ahdetect.models.posterior import Fuser
from ahdetect.models.prevalence import FIGURES, WORTH, Estimator, figures_of, prevalence_of
from ahdetect.models.runtime import FusionModel, NetworkFuser
from ahdetect.models.simulate import SimulatedSession, joined, simulate
from ahdetect.models.training.fusion_data import Features, clip_of, features_of
from ahdetect.models.training.sequences import of_simulated

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
fusion = pytest.importorskip("ahdetect.models.fusion")
adapters = pytest.importorskip("ahdetect.calibration.network_adapters")
methods = pytest.importorskip("ahdetect.calibration.network_methods")

CONFIG = NetworkConfig(hidden=8, heads=2, memory=12)
BY_MORE = Estimator(np.zeros(FIGURES), np.ones(FIGURES), np.eye(FIGURES)[0] * 8.0, 0.0)
"""Eight times what the network says more than the prompts."""


@pytest.fixture(scope="module")
def session() -> SimulatedSession:
    return simulate(1, 8, minutes=2.0, fps=5.0)[0]


@pytest.fixture(scope="module")
def made(session: SimulatedSession, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    from ahdetect.models.training.fusion_export import export

    clip = clip_of(of_simulated(session, "one"), CONFIG)
    scaling = fit_scaling([clip.values], chosen("effects"))
    torch.manual_seed(1)
    network = fusion.FusionNetwork(CONFIG, scaling).eval()
    torch.nn.init.normal_(network.out.weight)
    path = tmp_path_factory.mktemp("network") / "fusion.onnx"
    export(path, network, CONFIG, scaling, "made-up weights", 0.5, BY_MORE)
    return network, FusionModel(path), features_of(clip, scaling, CONFIG.rate_hz)


def rows(session: SimulatedSession, log_odds: float) -> np.ndarray:  # type: ignore[type-arg]
    """Rows of a network that always says the same."""
    prior = logit(PREVALENCE)
    return np.stack([np.append(row_of(f, 0.4, None), [log_odds, prior]) for f in list(session.frames())[::2]])


def said(fuser: Fuser, session: SimulatedSession) -> list[float]:
    return [fuser.step(frame).p for frame in session.frames()]


# -- how often somebody is in A/H


def test_a_network_that_says_more_than_the_prompt_finds_a_higher_prevalence(session: SimulatedSession) -> None:
    found = []
    for log_odds in (logit(PREVALENCE) - 1.0, logit(PREVALENCE), logit(PREVALENCE) + 1.0):
        one = adapters.NetworkPrevalence(BY_MORE)
        one.observe(rows(session, log_odds))
        found.append(one.prevalence)
    assert found[1] == pytest.approx(PREVALENCE)
    assert found[0] < found[1] < found[2]


def test_an_estimate_counts_the_more_the_longer_it_was_seen_and_keeps_its_bounds() -> None:
    means = figures_of(np.array([2.0]), np.array([-1.5]))[0]
    grown = [BY_MORE.log_odds(means, s) for s in (0.0, 30.0, 100.0, 1000.0)]
    assert grown[0] == 0.0
    assert grown == sorted(grown)
    assert grown[2] == pytest.approx(WORTH * 0.5 * 8.0 * means[0])
    assert prevalence_of(50.0) == PREVALENCE_BOUNDS[1]
    assert prevalence_of(-50.0) == PREVALENCE_BOUNDS[0]


def test_a_profile_s_prevalence_is_where_it_begins_and_fades(session: SimulatedSession) -> None:
    one, x = adapters.NetworkPrevalence(BY_MORE, before=0.4), rows(session, logit(PREVALENCE))
    assert one.prevalence == pytest.approx(0.4)
    one.observe(x)
    first = one.prevalence
    for _ in range(20):
        one.observe(x)
    assert 0.4 > first > one.prevalence > PREVALENCE


def test_too_little_or_nobody_there_changes_nothing(session: SimulatedSession) -> None:
    one, x = adapters.NetworkPrevalence(BY_MORE), rows(session, 1.0)
    assert one.observe(x[:20]) is None
    x[:, 2:WIDTH] = np.nan
    assert one.observe(x) is None
    assert one.figures() == {"prevalence": pytest.approx(PREVALENCE)}


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
    still.run()
    for v, p in zip(values, present, strict=True):
        last = still.step(v, p)
    assert last[3 * k] < x[-1, 3 * k] - 0.3


# -- the fuser


def test_what_it_learns_moves_later_rows_only_and_is_logged(made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    told = []
    adaptive = adapters.AdaptiveNetworkFuser(made[1], on_change=told.append)
    p, plain = said(adaptive, session), said(NetworkFuser(made[1]), session)
    assert p[:90] == plain[:90]
    assert p[-1] != plain[-1]
    assert adaptive.personal.prevalence == told[-1].after["prevalence"]
    assert {c.method for c in told} == {"network prevalence"}
    assert set(told[-1].effect) == {"mean_p_before", "mean_p_after", "changed"}


def test_the_network_that_is_listened_to_never_gets_the_estimate(made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    watched, plain = NetworkFuser(made[1], watched=True), NetworkFuser(made[1])
    for i, frame in enumerate(session.frames()):
        watched.set_estimate(0.03 + 0.4 * (i % 2))
        watched.step(frame)
        p = plain.step(frame).p
        assert watched.stranger is not None
        assert watched.stranger[0] == pytest.approx(logit(p), abs=1e-4)


def test_a_change_of_the_future_changes_no_past_row(made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    other = joined([session, simulate(1, 9, minutes=1.0, fps=5.0)[0]])
    same = len(session.t_ns)
    assert said(adapters.AdaptiveNetworkFuser(made[1]), other)[:same] == said(
        adapters.AdaptiveNetworkFuser(made[1]), session
    )


def test_rollback_brings_the_old_rows_back_exactly(made, session: SimulatedSession) -> None:  # type: ignore[no-untyped-def]
    frames, known = list(session.frames()), Personal(prevalence=0.3)
    fuser, other = (adapters.AdaptiveNetworkFuser(made[1], personal=known) for _ in range(2))
    for x in frames[:200]:
        fuser.step(x)
    state = fuser.state()
    first = [repr(fuser.step(x)) for x in frames[200:450]]
    fuser.restore(state)
    other.restore(state)
    assert [repr(fuser.step(x)) for x in frames[200:450]] == first
    assert [repr(other.step(x)) for x in frames[200:450]] == first


def test_another_person_is_noticed_and_learning_starts_anew(made) -> None:  # type: ignore[no-untyped-def]
    first, second = simulate(2, 11, minutes=5.0, fps=5.0)
    guarded, x = Guarded(adapters.NetworkPrevalence(BY_MORE), LAYOUT), rows(joined([first, second]), 0.0)
    told = [c for i in range(0, len(x), 13) if (c := guarded.observe(x[i : i + 13])) is not None]
    anew = [c for c in told if "starts anew" in c.reason]
    assert anew
    assert anew[0].after["prevalence"] == pytest.approx(PREVALENCE)


def test_a_network_without_an_estimator_does_not_adapt(made) -> None:  # type: ignore[no-untyped-def]
    model = copy(made[1])
    model.person = None
    with pytest.raises(ValueError, match="without telling how often"):
        adapters.AdaptiveNetworkFuser(model)


# -- learning the estimator


def test_people_who_are_in_ah_more_often_are_told_from_others() -> None:
    from ahdetect.models.training.fusion_prevalence import fit_estimator, own_log_odds

    class Seer:
        """Says the truth, blurred: 2 in A/H, -2 outside."""

        def eval(self) -> None:
            pass

        def __call__(self, features, *_):  # type: ignore[no-untyped-def]
            return features[..., 0]

    clips = []
    for i, s in enumerate(simulate(24, 5, minutes=4.0, fps=5.0)):
        f = features_of(clip_of(of_simulated(s, str(i)), CONFIG), _scaling(s), 5.0)
        seen = np.where(s.truth, 2.0, -2.0).astype(np.float32)
        clips.append(Features(seen[:, None], f.mask, f.context, f.truth, f.video_label, f.person, f.blind))
    found = fit_estimator(Seer(), clips, 5.0)
    assert found is not None
    means = [figures_of(c.features[:, 0].astype(float), c.context[:, PRIOR].astype(float)).mean(axis=0) for c in clips]
    guess = [found.log_odds(m, 240.0) for m in means]
    truth = [own_log_odds(c.truth.astype(float), c.context[:, PRIOR].astype(float), 0.2) for c in clips]
    assert np.corrcoef(guess, truth)[0, 1] > 0.8
    assert fit_estimator(Seer(), clips[:5], 5.0) is None
    assert Estimator.from_json(found.to_json()).log_odds(means[0], 9.0) == pytest.approx(found.log_odds(means[0], 9.0))


def _scaling(session: SimulatedSession):  # type: ignore[no-untyped-def]
    return fit_scaling([clip_of(of_simulated(session, ""), CONFIG).values], chosen("effects"))


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
    assert {e["method"] for e in learned} == {"network prevalence"}
    assert steps(settings, None) == []
    still = settings.model_copy(update={"fusion": settings.fusion.model_copy(update={"adapt": False})})
    assert steps(still, Profile("kim")) == []
