"""Guided calibration from the first step to the profile, and sessions and analyses that use a profile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agreed import AGREED, LEARNS
from media import beginning, grey, tone, write_clip
from test_baseline import talk

import ahdetect.cli as cli
from ahdetect.analysis import analyze
from ahdetect.calibrating import evidence_of, keep, without_words
from ahdetect.calibration.adapt import Change
from ahdetect.calibration.baseline import Baseline, Verdict
from ahdetect.calibration.guide import MORE_S, QUIET_S, SETTLE_S, TEXTS, Guide, steps_of
from ahdetect.calibration.profile import Profile
from ahdetect.calibration.profile_store import FileProfiles
from ahdetect.commands import calibrate as command
from ahdetect.config import Settings, validated
from ahdetect.engine import Models
from ahdetect.errors import CalibrationError, ConfigError, StoreError
from ahdetect.export.tables import write_tables
from ahdetect.models.cues import Channel
from ahdetect.models.lexicon import LONGEST, spoken, token
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.posterior import ChannelState, EvidenceFrame, Presence
from ahdetect.models.reference import reference
from ahdetect.person import Person, in_short, load_profile, setup_in
from ahdetect.session import Session
from ahdetect.timeline import Timeline

DEMO = Path(__file__).parent.parent / "assets" / "demo.mp4"
NS = 1_000_000_000
USUAL = {"voice_pause_share": Usual(0.4, 0.2, 60.0), "face_smile_sd": Usual(0.1, 0.05, 60.0)}


def fed(guide: Guide, seconds: float, start_s: float = 0.0, **talk_args: Any) -> list[EvidenceFrame]:
    """Talk into a guide as a session does, asking for guidance every second."""
    frames = [replace(f, t_ns=f.t_ns + round(start_s * NS)) for f in talk(seconds, **talk_args)]
    due_s = start_s
    for frame in frames:
        if frame.t_ns / NS >= due_s:
            guide.at(due_s)
            due_s += 1.0
        guide.take(frame)
    return frames


def baseline(good: bool = True, **setup: str) -> Baseline:
    sentence = "Enough speech: 42 s." if good else "Too little speech: 3 s of 30 s."
    return Baseline(
        USUAL, Verdict(good, (sentence,)), {Channel.VOICE: 42.0}, setup, 75.0, {cue: reference(cue) for cue in USUAL}
    )


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileProfiles:
    monkeypatch.setenv("AHDETECT_DATA", str(tmp_path / "data"))
    return FileProfiles()


# -- what is said


def test_no_text_of_a_step_holds_a_marker_of_the_lexicon() -> None:
    for text in TEXTS:
        tokens = [token(word) for word in text.split()]
        found = [spoken(tokens[max(0, i - LONGEST) : i]) for i in range(1, len(tokens) + 1)]
        if text in (step.text for step in steps_of()):
            assert not any(found), found


def test_the_text_to_read_is_long_enough_for_its_step() -> None:
    read = steps_of(75.0)[0]
    assert len(read.text.split()) / (read.seconds / 60.0) >= 150  # words a minute, a usual pace of reading aloud


def test_everything_a_step_says_is_in_the_list_to_translate() -> None:
    for step in steps_of(quiet=True):
        assert {step.title, step.ask} <= set(TEXTS)
        assert step.text in ("", *TEXTS)


@pytest.mark.parametrize("seconds", [0.0, 19.0, 601.0, float("nan")])
def test_a_length_that_makes_no_sense_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="20 to 600 s"):
        steps_of(seconds)


# -- steps


def test_the_steps_follow_the_clock_and_end_when_enough_was_said() -> None:
    guide = Guide(30.0)
    guide.at(0.0)
    assert [(s.name, s.seconds) for s in guide.planned] == [("read", 18.0), ("answer", 12.0)]
    fed(guide, 30.0)
    assert guide.at(17.9).step.name == "answer"  # the clock never goes back
    last = guide.at(30.1)
    assert (last.step, last.enough, last.missing) == (None, True, ())
    assert guide.result().verdict.good


def test_a_guide_counts_from_when_it_was_first_asked_not_from_zero() -> None:
    guide = Guide(30.0)
    assert guide.at(100.0).left_s == 18.0
    assert guide.at(110.0).left_s == 8.0


def test_the_talk_goes_on_where_something_is_missing_and_ends_as_soon_as_nothing_is() -> None:
    guide = Guide(30.0)
    fed(guide, 30.0, voice_speech=0.1)
    asked = guide.at(30.5)
    assert asked.step.name == "more"
    assert asked.left_s == pytest.approx(MORE_S - 0.5)
    assert asked.missing == ("12 s more of speech",)
    assert not asked.enough
    fed(guide, 13.0, start_s=30.5)
    assert guide.at(44.0).step is None


def test_it_does_not_go_on_for_ever() -> None:
    guide = Guide(30.0)
    fed(guide, 30.0 + MORE_S, voice_speech=0.1)
    assert guide.at(30.0 + MORE_S + 0.1).step is None
    assert not guide.result().verdict.good


def test_nothing_is_called_missing_before_anybody_could_have_said_a_word() -> None:
    guide = Guide(30.0)
    guide.at(10.0)
    assert guide.at(10.0 + SETTLE_S / 2).missing == ()
    assert guide.at(10.0 + SETTLE_S).missing


def test_a_quiet_moment_comes_last_and_tells_nothing_of_the_voice() -> None:
    guide = Guide(30.0, quiet=True)
    fed(guide, 30.0 + QUIET_S - 0.5, voice_pause_rate=20.0)
    assert guide.at(30.0 + QUIET_S - 0.5).step.name == "quiet"
    heard = guide.result().seconds
    assert heard[Channel.VOICE] == pytest.approx(30.0 - SETTLE_S, abs=0.5)
    assert heard[Channel.FACE] == pytest.approx(39.5 - SETTLE_S, abs=0.5)


def test_a_quiet_moment_without_a_microphone_is_no_fault_of_the_voice() -> None:
    guide = Guide(30.0, quiet=True)
    fed(guide, 39.5, missing={Channel.VOICE: "no sound"})
    assert Channel.VOICE not in guide.at(39.5).gathered


def test_the_first_seconds_in_which_a_camera_adjusts_are_not_taken_in() -> None:
    guide = Guide(30.0)
    fed(guide, 10.0)
    assert guide.result().elapsed_s == pytest.approx(10.0 - SETTLE_S, abs=0.2)


def test_a_cue_that_comes_late_from_a_busy_machine_counts_as_seen() -> None:
    guide, late = Guide(30.0), ChannelState(Presence.STALE, 90_000_000, "90 ms old")
    guide.at(0.0)
    for frame in talk(30.0):
        guide.take(replace(frame, states={**frame.states, Channel.FACE: late}))
    assert guide.result().seconds[Channel.FACE] == pytest.approx(30.0 - SETTLE_S, abs=0.5)


def test_redo_forgets_and_begins_again() -> None:
    guide = Guide(30.0)
    fed(guide, 30.0)
    assert guide.at(31.0).step is None
    guide.redo()
    again = guide.at(40.0)
    assert (again.step.name, again.left_s) == ("read", 18.0)
    assert guide.result().elapsed_s == 0.0


def test_go_on_ends_a_step_early() -> None:
    guide = Guide(30.0)
    guide.at(0.0)
    guide.go_on(5.0)
    asked = guide.at(6.0)
    assert (asked.step.name, asked.left_s) == ("answer", 11.0)


def test_after_the_last_step_nothing_is_taken_in() -> None:
    guide = Guide(30.0)
    fed(guide, 30.0)
    guide.at(31.0)
    before = guide.result().elapsed_s
    fed(guide, 5.0, start_s=32.0)
    assert guide.result().elapsed_s == before


# -- from rows, and into a profile


@pytest.fixture(scope="module")
def weights() -> Models:
    return Models.load(without_words(Settings()))


def demo(
    models: Models, seconds: float, *, folder: Path, face: bool = False, adapt: bool = True, **options: Any
) -> Timeline:
    """The beginning of the demo clip; the voice alone, which is quick, unless the face is wanted."""
    clip = folder / "clip.mkv"
    if not clip.exists():
        beginning(DEMO, clip, seconds)
    models = models if face else replace(models, face=None, body=None)
    settings = validated({"channels": {"words": False}, "fusion": {"adapt": adapt}}, "test")
    return analyze(clip, settings=settings, models=models, **options)


@pytest.mark.models
def test_rows_give_back_the_evidence_that_they_were_made_from(weights: Models, tmp_path: Path) -> None:
    row = next(r for r in demo(weights, 1.0, folder=tmp_path, face=True).rows if r.face_seen)
    frame = evidence_of(row, 33_000_000)
    assert (frame.t_ns, frame.dur_ns, frame.settled) == (row.t_ns, 33_000_000, True)
    assert frame.states[Channel.FACE].presence is Presence.PRESENT
    assert frame.cues[Channel.LANGUAGE] is None
    assert frame.cues[Channel.FACE]["face_smile"] >= 0


def test_a_good_baseline_makes_a_profile_and_the_next_one_a_version(profiles: FileProfiles) -> None:
    assert keep(baseline(camera="A"), "P07").number == 1
    assert keep(baseline(camera="A"), "P07", profiles).number == 2
    found = profiles.load("P07").current
    assert dict(found.personal.usual) == USUAL
    assert (found.why, dict(found.setup), found.changes[0].method) == ("calibration", {"camera": "A"}, "baseline")


def test_a_bad_baseline_is_not_kept_unless_somebody_says_so(profiles: FileProfiles) -> None:
    with pytest.raises(CalibrationError, match=r"Nothing was saved. Too little speech"):
        keep(baseline(good=False), "P07")
    assert profiles.names() == ()
    version = keep(baseline(good=False), "P07", accept_anyway=True)
    assert version.changes[0].accepted
    assert version.changes[0].reason == "Accepted by hand. Too little speech: 3 s of 30 s."


def test_what_a_baseline_does_not_know_stays(profiles: FileProfiles) -> None:
    profile = Profile("P07")
    profile.add(Personal(gain={Channel.VOICE: 1.5}, prevalence=0.3), [], "session", {})
    profiles.save(profile)
    after = keep(baseline(), "P07").personal
    assert (dict(after.gain), after.prevalence, dict(after.usual)) == ({Channel.VOICE: 1.5}, 0.3, USUAL)


# -- a person in a session


STEP = Change("em", 60.0, "s", {"prevalence": 0.18}, {"prevalence": 0.2})
REFUSED = replace(STEP, accepted=False, reason="It would have moved too far.")


@pytest.fixture
def stored(profiles: FileProfiles) -> Profile:
    keep(baseline(), "P07")
    return profiles.load("P07")


def test_what_was_learned_becomes_a_version_with_the_refused_steps_in_its_log(
    stored: Profile, profiles: FileProfiles
) -> None:
    person = Person(stored)
    person.took(STEP, Personal(USUAL, prevalence=0.2))
    person.took(REFUSED, Personal(USUAL, prevalence=0.2))
    assert person.keep("session monday").number == person.kept == 2
    found = profiles.load("P07").current
    assert (found.why, found.personal.prevalence) == ("session monday", 0.2)
    assert [change.accepted for change in found.changes] == [True, False]


def test_where_every_step_was_refused_there_is_no_version_and_the_session_says_so(
    stored: Profile, profiles: FileProfiles
) -> None:
    person = Person(stored)
    person.took(REFUSED, stored.current.personal)
    assert person.keep("session") is None
    assert len(profiles.load("P07").versions) == 1
    assert person.info()["changes"][0]["reason"] == "It would have moved too far."


def test_what_was_learned_before_a_rollback_does_not_undo_it(stored: Profile, profiles: FileProfiles) -> None:
    person = Person(stored)
    person.took(STEP, Personal(prevalence=0.2))
    other = profiles.load("P07")
    other.rollback(0)
    profiles.save(other)
    assert person.keep("session") is None
    assert isinstance(person.failure, StoreError)
    assert "was changed during the session" in str(person.failure)
    assert profiles.load("P07").current.personal == Personal()


def test_a_profile_that_was_deleted_meanwhile_is_not_brought_back(stored: Profile, profiles: FileProfiles) -> None:
    person = Person(stored)
    person.took(STEP, Personal(prevalence=0.2))
    profiles.delete("P07")
    assert person.keep("session") is None
    assert person.failure is not None
    assert profiles.names() == ()


def test_a_profile_that_was_never_stored_learns_in_memory_only(profiles: FileProfiles) -> None:
    profile = Profile("P08")
    person = Person(profile)
    person.took(STEP, Personal(prevalence=0.2))
    assert person.keep("session").number == 1
    assert profile.current.personal.prevalence == 0.2
    assert profiles.names() == ()


def test_other_devices_are_said() -> None:
    profile = Profile("P08")
    profile.add(Personal(USUAL), [], "calibration", {"camera": "A", "microphone": "M"})
    assert Person(profile, {"camera": "A"}).note == ""
    assert "'A' then, 'B' now" in Person(profile, {"camera": "B"}).info()["note"]


def test_a_clip_is_no_device() -> None:
    devices = {"video": {"name": "clip.mp4", "driver": "pyav"}, "audio": {"name": "Mic", "driver": "sounddevice"}}
    assert setup_in(devices) == {"microphone": "Mic"}


def test_an_unknown_profile_is_one_sentence_that_names_those_there_are(profiles: FileProfiles) -> None:
    with pytest.raises(ConfigError, match="There is no profile P09; there are none in"):
        load_profile("P09", None)
    keep(baseline(), "P07")
    with pytest.raises(ConfigError, match=r"There is no profile P09; there are P07\."):
        load_profile("P09", None)


# -- analyses


def rows_of(timeline: Timeline, folder: Path) -> bytes:
    write_tables(timeline, folder)
    return (folder / "frames.parquet").read_bytes()


@pytest.mark.models
def test_a_rollback_gives_the_old_rows_bit_by_bit(stored: Profile, weights: Models, tmp_path: Path) -> None:
    def rows(name: str) -> bytes:
        return rows_of(demo(weights, 5.0, folder=tmp_path, profile=stored), tmp_path / name)

    first = rows("1")
    assert rows("again") == first
    stored.add(Personal({"voice_pause_share": Usual(0.05, 0.1, 60.0)}, {Channel.VOICE: 2.0}), [], "session", {})
    assert rows("2") != first
    stored.rollback()
    assert rows("3") == first


@pytest.mark.models
def test_an_analysis_says_whose_profile_it_used_and_leaves_it_as_it_was(
    stored: Profile, profiles: FileProfiles, weights: Models, tmp_path: Path
) -> None:
    told = demo(weights, 3.0, folder=tmp_path, profile="P07").info["profile"]
    assert (told["name"], told["version"], told["why"], told["kept_as_version"]) == ("P07", 1, "calibration", None)
    assert told["adaptation"] is True
    assert "usual" not in json.dumps(told)
    assert len(profiles.load("P07").versions) == 1
    off = demo(weights, 3.0, folder=tmp_path, profile="P07", adapt=False)
    assert off.info["profile"]["adaptation"] is False
    assert demo(weights, 3.0, folder=tmp_path).info["profile"] is None


# -- the command


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main([*args, *(("--consent-given", "adaptation") if args[0] == "calibrate" else ())])
    return left.value.code if isinstance(left.value.code, int) else 0


@pytest.fixture
def loaded(weights: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands get weights that are loaded once for all tests."""
    monkeypatch.setattr(Models, "load", staticmethod(lambda *_, **__: weights))


def test_a_wrong_name_is_told_before_anything_is_opened(
    profiles: FileProfiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("analyze", "x.mp4", "--profile", "P09") == 2
    assert capsys.readouterr().err.startswith("ahdetect: There is no profile P09")
    with pytest.raises(ConfigError, match="There is no profile P09"):
        Session("no-such-camera.mp4", "none", profile="P09", profiles=profiles)


def test_learning_needs_a_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("analyze", "x.mp4", "--learn") == 2
    assert "--learn needs --profile" in capsys.readouterr().err


def test_a_damaged_profile_is_told_before_the_talk(
    stored: Profile, profiles: FileProfiles, capsys: pytest.CaptureFixture[str]
) -> None:
    profiles.path("P07").write_bytes(b"ahdetect profile")
    assert run("calibrate", "--profile", "P07", "--video", str(DEMO)) == 6
    assert "ahdetect profile delete P07" in capsys.readouterr().err


def test_a_name_that_none_may_have_is_told_before_the_talk(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("calibrate", "--profile", "Anna Smith/1") == 2
    assert "pseudonym" in capsys.readouterr().err


@pytest.mark.models
@pytest.mark.parametrize("kind", ["no speech, no face", "too short"])
def test_a_clip_that_is_not_enough_saves_nothing_and_says_why(
    kind: str, loaded: None, profiles: FileProfiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = kind == "no speech, no face"
    clip = tmp_path / "clip.mkv"
    if empty:
        write_clip(clip, grey(50), tone(200, 2.0))
    else:
        beginning(DEMO, clip, 3.0)
    code = run("calibrate", "--profile", "P07", "--video", str(clip), "--audio", str(clip), "--json", "--yes")
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (code, told["good"], told["version"], told["stopped_by"]) == (9, False, None, "end of source")
    assert "s of 75 s" in " ".join(said.err.split())
    if empty:
        assert told["verdict"] == ["Nothing was seen or heard for long enough to know what is usual."]
    assert profiles.names() == ()


class Pretended:
    """A calibration that was talked into beforehand."""

    def __init__(self, *_: Any, seconds: float, **__: Any) -> None:
        self.guide, self.now_s = Guide(seconds), 0.0
        self.session = type("Session", (), {"errors": []})()
        fed(self.guide, seconds)

    def __enter__(self) -> Pretended:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, _: float) -> bool:
        self.now_s += 10.0
        return self.guidance().step is None

    def guidance(self) -> Any:
        return self.guide.at(self.now_s)

    def result(self) -> Baseline:
        return replace(self.guide.result(), setup={"camera": "A"})


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "Calibration", Pretended)
    monkeypatch.setattr(Models, "load", staticmethod(lambda *_, **__: None))


def test_a_good_one_is_kept_and_told_in_one_json_object(
    pretended: None, profiles: FileProfiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("calibrate", "--profile", "P07", "--seconds", "40", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["good"], told["version"], told["setup"]) == (True, 1, {"camera": "A"})
    assert profiles.load("P07").current.number == 1


def test_without_a_terminal_the_steps_are_printed_to_read(pretended: None, profiles: FileProfiles, capsys: Any) -> None:
    assert run("calibrate", "--profile", "P07", "--seconds", "40") == 0
    err = " ".join(capsys.readouterr().err.split())
    assert "Step 2 of 2: Answer a question" in err
    assert "Kept as version 1 of profile P07" in err


@pytest.mark.parametrize(("answers", "version"), [(["", ""], 1), (["", "q"], 0), (["", "x", "a", "", "k"], 1)])
def test_who_is_asked_may_keep_it_leave_it_or_begin_again(
    answers: list[str], version: int, pretended: None, profiles: FileProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(answers)
    monkeypatch.setattr(command.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(command.Console, "input", lambda *_, **__: next(said))
    assert run("calibrate", "--profile", "P07", "--seconds", "40") == 0
    assert len(profiles.names()) == version
    assert next(said, None) is None


def test_ctrl_c_saves_nothing(
    pretended: None, profiles: FileProfiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def pressed() -> Iterator[Any]:
        yield lambda: True

    monkeypatch.setattr(command, "interrupts", pressed)
    assert run("calibrate", "--profile", "P07", "--seconds", "40") == 130
    assert "nothing was saved" in capsys.readouterr().err
    assert profiles.names() == ()


# -- adaptation


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fuser that learns every half second, so that a few seconds are enough for a test."""
    monkeypatch.setattr("ahdetect.calibration.fuser.EVERY_S", 0.5)
    monkeypatch.setattr("ahdetect.calibration.bayes.LEAST_S", 0.5)
    monkeypatch.setattr("ahdetect.calibration.guards.LEAST_S", 0.2)


@pytest.mark.models
def test_an_analysis_adapts_the_same_each_time_and_tells_every_step(
    hasty: None, stored: Profile, profiles: FileProfiles, weights: Models, tmp_path: Path
) -> None:
    first, again = (demo(weights, 5.0, folder=tmp_path, profile="P07") for _ in range(2))
    assert rows_of(first, tmp_path / "1") == rows_of(again, tmp_path / "2")
    assert first.events == again.events
    assert {e["kind"] for e in first.events} == {"adaptation"}
    assert all(0 < e["t_ns"] <= first.rows[-1].t_ns for e in first.events)
    told = first.info["profile"]
    assert (told["steps"], told["kept_as_version"]) == (len(first.events), None)
    assert first.info["ledger"]["entries"]["adaptation"] == len(first.events)
    assert len(profiles.load("P07").versions) == 1
    without = demo(weights, 5.0, folder=tmp_path, profile="P07", adapt=False)
    assert without.events == []
    assert rows_of(without, tmp_path / "3") != rows_of(first, tmp_path / "1")


@pytest.mark.models
def test_an_analysis_that_may_learn_adds_a_version(
    hasty: None, stored: Profile, profiles: FileProfiles, weights: Models, tmp_path: Path
) -> None:
    told = demo(weights, 5.0, folder=tmp_path, profile="P07", learn=True).info["profile"]
    found = profiles.load("P07").current
    assert (told["kept_as_version"], found.number, found.why) == (2, 2, "analysis of clip")
    assert found.personal != stored.current.personal
    taken = [change for change in found.changes if change.accepted]
    assert len(taken) == 1
    assert taken[0].effect["steps"] == told["steps"] - told["refused"]


@pytest.mark.models
@pytest.mark.parametrize("deleted", [False, True])
def test_a_live_session_adds_a_version_unless_it_is_deleted(
    deleted: bool, hasty: None, stored: Profile, profiles: FileProfiles, weights: Models, tmp_path: Path
) -> None:
    clip = beginning(DEMO, tmp_path / "clip.mkv", 3.0)
    events = []
    models = replace(weights, face=None, body=None)
    session = Session(
        "none", str(clip), settings=without_words(Settings()), models=models, profile="P07", consent=LEARNS
    )
    session.on_event(events.append)
    with session:
        session.wait(20.0)
        if deleted:
            session.stop_and_delete()
    assert session.report()["profile"]["steps"] == sum(e.kind == "adaptation" for e in events) > 0
    assert len(profiles.load("P07").versions) == (1 if deleted else 2)
    assert session.person.kept == (None if deleted else 2)


def test_a_history_tells_steps_in_short_and_refusals_in_full() -> None:
    first = Change("em", 20.0, "s", {"a": 1.0}, {"a": 2.0}, {"mean_p_before": 0.1, "mean_p_after": 0.2})
    last = Change(
        "em", 30.0, "s", {"a": 2.0, "b": 5.0}, {"a": 3.0, "b": 6.0}, {"mean_p_before": 0.2, "mean_p_after": 0.4}
    )
    short, refused = in_short([first, REFUSED, last])
    assert (dict(short.before), dict(short.after)) == ({"a": 1.0, "b": 5.0}, {"a": 3.0, "b": 6.0})
    assert dict(short.effect) == {"mean_p_before": 0.1, "mean_p_after": 0.4, "steps": 2.0}
    assert (short.amount, refused) == (30.0, REFUSED)


def test_nobody_is_learned_from_who_did_not_agree_to_it(
    stored: Profile, profiles: FileProfiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["calibrate", "--profile", "P07"])
    assert left.value.code == 8
    assert "learns from nobody who did not agree" in capsys.readouterr().err
    clip = beginning(DEMO, tmp_path / "clip.mkv", 1.0)
    off = validated({"channels": {"face": False, "body": False, "voice": False, "words": False}}, "test")
    for consent, learns in ((None, False), (AGREED, False), (LEARNS, True)):
        session = Session(str(clip), "none", settings=off, profile="P07", consent=consent)
        session.stop()
        assert session.person is not None
        assert session.person.adapt is learns
