"""Rules over scripted rows: what fires, once, at which row, and what a rules file may say."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from ahdetect.errors import ConfigError
from ahdetect.events import SegmentWatcher
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, ChannelState, Presence, TopCue
from ahdetect.rules import Moment, RowKind, Rule, Signal, load_rules
from ahdetect.timeline import Row
from ahdetect.triggers import TriggerEvent, Triggers

MS = 1_000_000
STEP_NS = 100 * MS
PRESENT = dict.fromkeys(Channel, ChannelState(Presence.PRESENT))
BUT = TopCue("language_contrast", 1.0, 0.8, "a contrast")


def row(
    i: int,
    p: float,
    *,
    settled: bool = True,
    band: Band = Band.UNCLEAR,
    voice: float = 0.0,
    states: dict[Channel, ChannelState] = PRESENT,
) -> Row:
    return Row(
        id=i, t_ns=i * STEP_NS, settled=settled, p=p, low=max(0.0, p - 0.2), high=min(1.0, p + 0.2), band=band,
        prior_log_odds=-1.5, contributions={Channel.VOICE: voice}, states=states, cues={}, top=(BUT,),
    )  # fmt: skip


def said(rule: Rule, rows: list[Row], prompts: tuple[tuple[float, str | None], ...] = ()) -> list[TriggerEvent]:
    triggers = Triggers([rule])
    for t_s, kind in prompts:
        triggers.mark_prompt(round(t_s * 1e9), kind)
    return [e for r in rows for e in triggers.step(r)] + triggers.close()


def when(events: list[TriggerEvent]) -> list[tuple[str, float]]:
    return [(e.moment.value, e.t_ns / 1e9) for e in events]


def rule(**kwargs: object) -> Rule:
    return Rule.model_validate({"name": "r", "coverage": 0.0, **kwargs})


def steps(*runs: tuple[int, float]) -> list[Row]:
    """Rows 100 ms apart: so many with that p, and so on."""
    return [row(i, p) for i, p in enumerate(itertools.chain.from_iterable([p] * n for n, p in runs))]


# -- once per stretch, at the right time


def test_a_stretch_has_one_onset_and_one_offset_at_their_rows() -> None:
    rows = steps((10, 0.1), (20, 0.8), (10, 0.1), (20, 0.9), (5, 0.2))
    assert when(said(rule(), rows)) == [("onset", 1.0), ("offset", 3.0), ("onset", 4.0), ("offset", 6.0)]


def test_a_wavering_estimate_between_the_thresholds_is_one_stretch() -> None:
    rows = steps((5, 0.1), (3, 0.6), (3, 0.45), (3, 0.7), (3, 0.36), (3, 0.55), (5, 0.3))
    assert when(said(rule(on=0.5, off=0.35), rows)) == [("onset", 0.5), ("offset", 2.0)]


def test_the_thresholds_themselves_begin_and_do_not_end_a_stretch() -> None:
    assert when(said(rule(on=0.5, off=0.35), steps((1, 0.5), (3, 0.35), (1, 0.3499)))) == [
        ("onset", 0.0),
        ("offset", 0.4),
    ]


def test_sustained_fires_once_when_it_has_lasted_and_not_where_it_was_shorter() -> None:
    rows = steps((10, 0.1), (19, 0.8), (10, 0.1), (60, 0.8), (5, 0.1))
    events = said(rule(moments=["sustained"], sustained_s=2.0), rows)
    assert when(events) == [("sustained", 5.9)]
    assert events[0].onset_ns == 3900 * MS
    assert events[0].to_json()["length_s"] == 2.0


def test_an_offset_tells_how_long_it_was_and_an_open_stretch_ends_with_the_session() -> None:
    [offset] = said(rule(moments=["offset"]), steps((10, 0.1), (31, 0.8)))
    assert (offset.t_ns, offset.reason, offset.to_json()["length_s"]) == (4000 * MS, "end", 3.0)


def test_an_event_carries_estimate_band_coverage_and_cues() -> None:
    [event, _] = said(rule(coverage=0.25), [row(i, 0.7) for i in range(20)])
    assert event.to_json() == {
        "rule": "r", "moment": "onset", "length_s": 0.0, "p": 0.7, "low": 0.5, "high": 0.9, "band": "unclear",
        "value": 0.7, "coverage": 0.3, "prompt": None, "row": 3, "settled": True,
        "cues": [{"name": "language_contrast", "log_odds": 0.8, "phrase": "a contrast"}],
    }  # fmt: skip


# -- refractory time


def test_a_stretch_within_the_refractory_time_is_passed_over_whole() -> None:
    rows = steps((10, 0.1), (10, 0.8), (10, 0.1), (40, 0.8), (10, 0.1), (10, 0.8), (5, 0.1))
    assert when(said(rule(moments=["onset"], refractory_s=3.0), rows)) == [("onset", 1.0), ("onset", 8.0)]


def test_what_is_passed_over_has_no_offset() -> None:
    rows = steps((10, 0.1), (5, 0.8), (5, 0.1), (5, 0.8), (20, 0.1), (5, 0.8), (5, 0.1))
    assert [m for m, _ in when(said(rule(refractory_s=2.0), rows))] == ["onset", "offset", "onset", "offset"]


# -- what is watched


def test_the_lower_end_of_the_band_may_be_asked_for() -> None:
    rows = steps((5, 0.1), (5, 0.65), (5, 0.75), (5, 0.1))
    assert when(said(rule(signal="low", on=0.5, off=0.3), rows)) == [("onset", 1.0), ("offset", 1.5)]


def test_the_worded_band_begins_at_elevated_and_ends_at_low() -> None:
    bands = [Band.LOW, Band.UNCLEAR, Band.ELEVATED, Band.UNCLEAR, Band.ELEVATED, Band.UNCLEAR, Band.LOW, Band.UNCLEAR]
    events = said(rule(signal="band"), [row(i, 0.5, band=b) for i, b in enumerate(bands)])
    assert when(events) == [("onset", 0.2), ("offset", 0.6)]


def test_a_channel_is_watched_by_what_it_contributes() -> None:
    rows = [row(i, 0.1, voice=v) for i, v in enumerate([0, 0.9, 1.2, 0.7, 0.3, 0.6])]
    events = said(rule(channel="voice", on=1.0, off=0.4), rows)
    assert when(events) == [("onset", 0.2), ("offset", 0.4)]
    assert events[0].value == 1.2


# -- prompts


def test_a_rule_of_a_prompt_speaks_in_answers_to_it_only() -> None:
    asked = ((1.0, "hesitant"), (3.0, "neutral"))
    events = said(rule(prompts=["hesitant"]), steps((60, 0.8)), asked)
    assert when(events) == [("onset", 1.0), ("offset", 3.0)]
    assert [(e.prompt, e.reason) for e in events] == [("hesitant", ""), ("neutral", "prompt")]


def test_a_prompt_that_is_known_late_still_counts_from_when_it_ended() -> None:
    triggers = Triggers([rule(prompts=["hesitant"])], prompt="neutral")
    triggers.mark_prompt(round(2e9), "hesitant")
    triggers.mark_prompt(round(1e9), None)
    assert when([e for r in steps((30, 0.8)) for e in triggers.step(r)]) == [("onset", 2.0)]


# -- coverage


def channels(*present: Channel, reason: str = "no face") -> dict[Channel, ChannelState]:
    absent = ChannelState(Presence.ABSENT, 0, reason)
    return {c: ChannelState(Presence.PRESENT) if c in present else absent for c in Channel}


def test_nothing_begins_before_enough_of_the_channels_was_there() -> None:
    rows = [row(i, 0.8, states=channels(*([Channel.VOICE] if i < 20 else Channel))) for i in range(40)]
    events = said(rule(coverage=0.5), rows)
    assert when(events) == [("onset", 2.3), ("offset", 3.9)]
    assert events[0].coverage == pytest.approx(0.6 * 0.25 + 0.4)  # with .7 s of one channel it is .475


def test_channels_that_the_session_does_not_have_are_not_missed() -> None:
    rows = [row(i, 0.8, states=channels(Channel.VOICE, Channel.LANGUAGE, reason="no video")) for i in range(40)]
    assert when(said(rule(coverage=1.0), rows))[0] == ("onset", 1.0)


def test_a_rule_of_a_channel_asks_for_that_channel() -> None:
    rows = [row(i, 0.8, voice=2.0, states=channels(Channel.FACE)) for i in range(40)]
    assert said(rule(channel="voice", on=1.0, off=0.5, coverage=0.1), rows) == []


# -- settled and provisional rows


def test_provisional_rules_speak_at_the_first_word_on_a_row_and_only_once() -> None:
    shown = [row(i, 0.8 if i >= 5 else 0.1, settled=False) for i in range(10)]
    settled = [row(i, 0.8 if i >= 7 else 0.1) for i in range(12)]
    both = [*shown, *settled]
    assert when(said(rule(rows="provisional", moments=["onset"]), both)) == [("onset", 0.5)]
    [event] = said(rule(moments=["onset"]), both)
    assert (event.t_ns, event.settled) == (700 * MS, True)


# -- invariants


numbers = st.lists(st.sampled_from([0.0, 0.2, 0.34, 0.35, 0.4, 0.49, 0.5, 0.6, 0.9]), max_size=120)
present = st.lists(st.booleans(), min_size=120, max_size=120)


@how(deadline=None)  # a busy machine is no failure
@given(
    numbers, present, st.sampled_from([0.0, 0.25, 0.6]), st.sampled_from([0.0, 0.5, 2.0]), st.sampled_from([0.1, 0.4])
)
def test_invariants(
    p: list[float], there: list[bool], coverage: float, refractory_s: float, sustained_s: float
) -> None:
    one = Rule(
        name="r", moments=(Moment.ONSET, Moment.SUSTAINED, Moment.OFFSET), sustained_s=sustained_s,
        coverage=coverage, refractory_s=refractory_s,
    )  # fmt: skip
    rows = [row(i, v, states=channels(*(Channel if there[i] else ()))) for i, v in enumerate(p)]
    events = said(one, rows)
    moments = [e.moment for e in events]
    assert moments.count(Moment.ONSET) == moments.count(Moment.OFFSET)
    legal = {
        Moment.ONSET: (Moment.SUSTAINED, Moment.OFFSET),
        Moment.SUSTAINED: (Moment.OFFSET,),
        Moment.OFFSET: (Moment.ONSET,),
    }
    assert all(b in legal[a] for a, b in itertools.pairwise(moments))
    assert [e.t_ns for e in events] == sorted(e.t_ns for e in events)
    for e in events:
        assert e.moment is Moment.OFFSET or e.coverage >= coverage - 1e-9
        assert e.moment is not Moment.ONSET or e.p >= 0.5
        assert e.moment is not Moment.SUSTAINED or e.t_ns - e.onset_ns >= sustained_s * 1e9
    spoke = [e for e in events if e.moment is not Moment.OFFSET]
    assert all(b.t_ns - a.t_ns >= refractory_s * 1e9 for a, b in itertools.pairwise(spoke) if b.moment is Moment.ONSET)


@given(numbers, st.integers(0, 120))
def test_nothing_looks_ahead(p: list[float], cut: int) -> None:
    rows = [row(i, v) for i, v in enumerate(p)]
    whole = [e for e in said(rule(refractory_s=0.5), rows) if e.reason != "end"]
    until = [e for e in said(rule(refractory_s=0.5), rows[:cut]) if e.reason != "end"]
    assert until == [e for e in whole if e.t_ns < cut * STEP_NS]


@given(numbers)
def test_a_rule_without_wishes_speaks_where_the_session_s_own_segments_begin_and_end(p: list[float]) -> None:
    rows = [row(i, v) for i, v in enumerate(p)]
    watcher = SegmentWatcher()
    theirs = [(e.kind.removeprefix("segment_"), e.t_ns / 1e9) for r in rows if (e := watcher.step(r)) is not None]
    assert [(e.moment.value, e.t_ns / 1e9) for e in said(rule(), rows) if e.reason != "end"] == theirs


# -- the file


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rules_file_is_read(tmp_path: Path) -> None:
    text = """
        [[rule]]
        name = "hesitates"
        on = 0.6
        prompts = ["hesitant", "ambivalent"]
        [[rule]]
        name = "voice"
        channel = "voice"
        on = 1.0
        off = 0.5
        rows = "provisional"
        [[outlet]]
        kind = "jsonl"
    """
    found = load_rules(write(tmp_path, text))
    assert [(r.name, r.begins_at, round(r.ends_below, 3)) for r in found.rule] == [
        ("hesitates", 0.6, 0.42),
        ("voice", 1.0, 0.5),
    ]
    assert (found.rule[1].rows, found.rule[0].signal) == (RowKind.PROVISIONAL, Signal.P)
    assert found.outlet == ({"kind": "jsonl"},)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[rule]]\nname = "a"\nonn = 0.5', "rule 1 onn is not a key"),
        ('[[rule]]\nname = "a"\non = 0.3\noff = 0.5', "0 < off <= on < 1"),
        ('[[rule]]\nname = "a"\non = 1.5', "0 < off <= on < 1"),
        ('[[rule]]\nname = "a"\nchannel = "voice"\non = 1', "give both"),
        ('[[rule]]\nname = "a"\nchannel = "voice"\non = nan\noff = nan', "rule 1 on"),
        ('[[rule]]\nname = "a"\nchannel = "smell"', "rule 1 channel"),
        ('[[rule]]\nname = "a"\nsignal = "band"\non = 0.5', "leave `on` and `off` out"),
        ('[[rule]]\nname = "a"\nmoments = ["sustained"]', "belong together"),
        ('[[rule]]\nname = "a"\nprompts = ["rude"]', "rule 1 prompts 1"),
        ('[[rule]]\nname = "a"\n[[rule]]\nname = "a"', "two rules are called a"),
        ('[[rule]]\nname = ""', "rule 1 name"),
        ("[[rule", "not valid TOML"),
        ('[rules]\nname = "a"', "rules is not a key"),
    ],
)
def test_a_mistake_in_a_rules_file_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_rules(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_rules(tmp_path / "none.toml")
