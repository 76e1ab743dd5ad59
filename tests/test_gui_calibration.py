"""Calibration in the app: gathering, verdict, versions and roll back by keys; before and after in review."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from agreed import LEARNS
from media import grey, tone, write_clip
from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtWidgets import QPushButton
from timelines import FRAME_NS, make_row, make_timeline

from ahdetect.calibrating import Calibration
from ahdetect.calibration import baseline as engine
from ahdetect.calibration import guide as guided
from ahdetect.calibration.adapt import Change
from ahdetect.calibration.guide import Guide
from ahdetect.calibration.profile import Profile
from ahdetect.calibration.profile_store import FileProfiles
from ahdetect.engine import Models
from ahdetect.errors import DeviceError, StoreError
from ahdetect.export.tables import write_tables
from ahdetect.gui import weights
from ahdetect.gui.before_after import BeforeAfter, Comparing, for_anyone, stored, used_profile
from ahdetect.gui.calibration_model import CalibrationModel, ChannelGathered, State
from ahdetect.gui.calibration_widgets import GatheredBar
from ahdetect.gui.calibration_words import GUIDE, SENTENCES, changed_text, gathered_text, said, why_text
from ahdetect.gui.context import Context, DeviceChoice, SessionPlan
from ahdetect.gui.live_model import LiveModel
from ahdetect.gui.plan import profile_is_good
from ahdetect.gui.review_model import ReviewModel
from ahdetect.gui.screens.calibration import CalibrationScreen
from ahdetect.gui.screens.review import ReviewScreen
from ahdetect.gui.screens.setup import SetupScreen
from ahdetect.gui.theme import LIGHT
from ahdetect.models.cues import INDEX, Channel, CueFrame, empty_values
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.evidence import EvidenceFilter
from ahdetect.models.language import LanguageModel
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.posterior import ChannelState, EvidenceFrame, Presence
from ahdetect.models.reference import reference
from ahdetect.models.voice import VoiceModel
from ahdetect.store.reader import open_session
from ahdetect.timeline import Row, Timeline

SECONDS = 20.0
CHOICE = DeviceChoice("0", "none")
CUE = "face_brow_lower_sd"
USUAL = Usual(0.12, reference(CUE).scale, 60.0)


def moment(i: int, rng: np.random.Generator, **of_face: float) -> EvidenceFrame:
    """Moment `i` at 30 a second: somebody who talks in good light."""
    cues: dict[Channel, CueFrame | None] = dict.fromkeys(Channel)
    for channel in (Channel.FACE, Channel.BODY, Channel.VOICE):
        values = empty_values(channel)
        usual = {e.cue: reference(e.cue) for e in EFFECTS if e.kind is Kind.LEVEL}
        known = {cue: r.location + 0.3 * r.scale * rng.normal() for cue, r in usual.items()}
        known |= {"face_light": 120.0, "face_quality": 0.9, "voice_speech": 0.9, "face_yaw": 0.0, **of_face}
        for name, value in known.items():
            if name.startswith(channel.value):
                values[INDEX[name]] = value
        cues[channel] = CueFrame(channel, i * FRAME_NS, values)
    there = {c: ChannelState(Presence.PRESENT if cues[c] else Presence.ABSENT, 0, "") for c in Channel}
    return EvidenceFrame(i * FRAME_NS, FRAME_NS if i else 0, cues, there, settled=True)


class Fake:
    """A calibration whose time and evidence a test gives: `talk` is what the person does."""

    made: ClassVar[list[Fake]] = []

    def __init__(self, video: str, _audio: str, *, seconds: float, settings: Any, models: Any) -> None:
        if video == "/nowhere":
            raise DeviceError("There is no camera /nowhere; choose another in Devices.")
        assert not settings.channels.words
        assert models == "weights"
        self.guide, self.now_s, self.entered, self.setup = Guide(seconds), 0.0, False, {"camera": "Cam"}
        self.at = round(guided.SETTLE_S * 1e9 / FRAME_NS) + 1  # what comes before is not taken in
        self.watchers: list[Callable[[Row], None]] = []
        self.over = False
        self.session = SimpleNamespace(
            sight=lambda: None, on_row=self.watchers.append, wait=lambda _: self.over, errors=[]
        )
        self._rng = np.random.default_rng(1)
        Fake.made.append(self)

    def __enter__(self) -> Fake:
        self.entered = True
        self.guide.at(0.0)
        return self

    def __exit__(self, *_: object) -> None:
        self.entered = False

    def guidance(self) -> Any:
        return self.guide.at(self.now_s)

    def result(self) -> Any:
        return replace(self.guide.result(), setup=self.setup)

    def talk(self, seconds: float, row: Row | None = None) -> None:
        for _ in range(round(seconds * 30)):
            self.guide.take(moment(self.at, self._rng))
            self.at += 1
        self.now_s = self.at * FRAME_NS / 1e9
        for watch in self.watchers:
            watch(row or make_row(0))


@pytest.fixture
def profiles(tmp_path: Path) -> FileProfiles:
    return FileProfiles(tmp_path / "profiles")


@pytest.fixture
def model(profiles: FileProfiles) -> Iterator[CalibrationModel]:
    Fake.made.clear()
    model = CalibrationModel(Fake, lambda *_, **__: "weights", profiles, SECONDS)  # type: ignore[arg-type, return-value]
    model.choose("P07")
    yield model
    assert model.close(10)


def wait(until: Callable[[], bool], seconds: float = 15.0) -> None:
    """Until it holds; a test that waits in vain fails."""
    step = threading.Event()
    for _ in range(round(seconds / 0.02)):
        if until():
            return
        step.wait(0.02)
    pytest.fail("it did not happen")


def gathering(model: CalibrationModel) -> Fake:
    model.start(CHOICE)
    wait(lambda: model.state is State.GATHERING and model.snapshot().step is not None)
    return Fake.made[-1]


def judged(model: CalibrationModel) -> None:
    """All steps done, everything there."""
    gathering(model).talk(SECONDS + 1)
    wait(lambda: model.state is State.JUDGED)


# -- the model


def test_the_models_load_no_qt() -> None:
    code = (
        "import sys, ahdetect.gui.calibration_model, ahdetect.gui.before_after\n"
        "print(any(m.startswith(('PyQt', 'pyqtgraph')) for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_it_gathers_judges_and_keeps_a_version(model: CalibrationModel, profiles: FileProfiles) -> None:
    fake = gathering(model)
    fake.talk(6)
    wait(lambda: any(g.seconds > 5 for g in model.snapshot().gathered))
    now = model.snapshot()
    assert {g.channel for g in now.gathered} == {Channel.FACE, Channel.BODY, Channel.VOICE}
    assert (now.step_number, now.steps) == (1, 2)
    assert now.missing
    fake.talk(SECONDS)
    wait(lambda: model.state is State.JUDGED)
    assert not fake.entered, "the devices are free"
    verdict = model.snapshot().verdict
    assert verdict is not None
    assert verdict.good
    assert profiles.names() == (), "nothing is kept before it is accepted"
    model.accept()
    wait(lambda: model.state is State.ACCEPTED)
    version = profiles.load("P07").current
    assert (version.number, version.why, dict(version.setup)) == (1, "calibration", {"camera": "Cam"})
    assert version.personal.usual
    assert [v.number for v in model.snapshot().versions] == [0, 1]
    assert model.snapshot().in_use == 1


def test_too_little_is_said_and_cannot_be_accepted(model: CalibrationModel, profiles: FileProfiles) -> None:
    gathering(model).talk(3)
    model.stop()
    wait(lambda: model.state is State.JUDGED)
    verdict = model.snapshot().verdict
    assert verdict is not None
    assert not verdict.good
    assert any("Too little speech" in s for s in verdict.sentences)
    model.accept()
    assert model.state is State.JUDGED
    assert profiles.names() == ()


def test_a_step_can_be_ended_and_all_be_done_again(model: CalibrationModel) -> None:
    fake = gathering(model)
    fake.talk(3)
    model.next_step()
    wait(lambda: model.snapshot().step_number == 2)
    model.start(CHOICE)  # redo: nothing is opened anew
    wait(lambda: model.snapshot().step_number == 1 and not any(g.seconds for g in model.snapshot().gathered))
    assert len(Fake.made) == 1


def test_a_source_that_ends_is_judged(model: CalibrationModel) -> None:
    gathering(model).over = True
    wait(lambda: model.state is State.JUDGED)


def test_a_missing_camera_is_one_sentence_and_can_be_tried_again(model: CalibrationModel) -> None:
    model.start(DeviceChoice("/nowhere", "none"))
    wait(lambda: model.state is State.FAILED)
    assert "/nowhere" in model.snapshot().error
    gathering(model)
    assert model.snapshot().error == ""


def test_stop_while_it_starts_lets_the_devices_go(profiles: FileProfiles) -> None:
    may_go_on = threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        may_go_on.wait(10)
        return "weights"

    Fake.made.clear()
    model = CalibrationModel(Fake, slow, profiles, SECONDS)  # type: ignore[arg-type]
    model.choose("P07")
    model.start(CHOICE)
    assert model.snapshot().progress == "models"
    model.stop()
    may_go_on.set()
    wait(lambda: model.state is State.IDLE)
    assert Fake.made == []
    assert model.close(5)


def test_rolling_back_brings_the_old_values_as_a_new_version(model: CalibrationModel, profiles: FileProfiles) -> None:
    for _ in range(2):
        judged(model)
        model.accept()
        wait(lambda: model.state is State.ACCEPTED)
    model.roll_back(0)
    wait(lambda: model.snapshot().in_use == 3)
    found = profiles.load("P07")
    assert found.current.personal == Personal()
    assert [v.number for v in found.versions] == [1, 2, 3]
    model.roll_back(1)
    wait(lambda: model.snapshot().in_use == 4)
    assert profiles.load("P07").current.personal == found.version(1).personal


def test_what_cannot_be_stored_is_told_and_can_be_tried_again(
    model: CalibrationModel, profiles: FileProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Profile) -> None:
        raise StoreError("The disk is full; make room.")

    judged(model)
    with monkeypatch.context() as patched:
        patched.setattr(profiles, "save", full)
        model.accept()
        wait(lambda: bool(model.messages))
    assert model.messages.popleft() == ("error", "The disk is full; make room.")
    assert model.state is State.JUDGED
    model.accept()
    wait(lambda: model.state is State.ACCEPTED)


def test_another_person_gets_nothing_of_what_was_gathered(model: CalibrationModel) -> None:
    judged(model)
    model.choose("P08")
    now = model.snapshot()
    assert (now.state, now.profile, now.verdict, now.gathered) == (State.IDLE, "P08", None, ())


def test_another_person_who_is_chosen_meanwhile_gets_nothing_either(
    model: CalibrationModel, profiles: FileProfiles
) -> None:
    fake = gathering(model)
    fake.talk(15)
    model.choose("P08")
    wait(lambda: not model.busy)
    assert not fake.entered
    assert model.state is State.IDLE
    model.accept()
    assert profiles.names() == ()


def test_without_a_person_nothing_starts(profiles: FileProfiles) -> None:
    model = CalibrationModel(Fake, lambda *_, **__: "weights", profiles, SECONDS)  # type: ignore[arg-type, return-value]
    model.choose("")
    model.start(CHOICE)
    assert model.state is State.IDLE
    assert model.close()


def test_on_a_real_clip_nothing_is_recorded_and_a_hum_is_no_speech(tmp_path: Path, profiles: FileProfiles) -> None:
    clip = str(write_clip(tmp_path / "clip.mkv", grey(75), tone(200, 3.0)))
    loaded = Models(None, None, VoiceModel(), None, LanguageModel())
    model = CalibrationModel(Calibration, lambda *_, **__: loaded, profiles, SECONDS)
    model.choose("P07")
    model.start(DeviceChoice(clip, clip))
    wait(lambda: model.snapshot().frame is not None)
    wait(lambda: model.state is State.JUDGED)
    verdict = model.snapshot().verdict
    assert verdict is not None
    assert not verdict.good
    assert model.close(10)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mkv"]


def test_what_one_screen_loaded_serves_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from ahdetect.config import Settings, validated

    asked: list[dict[str, bool]] = []

    def load(settings: Settings, **_: Any) -> Models:
        on = settings.channels
        asked.append({"face": on.face, "voice": on.voice, "words": on.words})
        return Models(*("model" if x else None for x in (on.face, on.body, on.voice, on.words)), "words")  # type: ignore[arg-type]

    monkeypatch.setattr(Models, "load", staticmethod(load))
    monkeypatch.setattr(weights, "_held", {})
    first = weights.shared(validated({"channels": {"words": False}}, "test"))
    second = weights.shared(Settings())
    assert first.speech is None
    assert second.speech == "model"
    assert second.face is first.face
    assert asked == [{"face": True, "voice": True, "words": False}, {"face": False, "voice": False, "words": True}]


# -- the words


def test_the_screen_knows_every_text_of_the_guide() -> None:
    assert set(GUIDE) == set(guided.TEXTS)


def test_the_screen_knows_every_sentence_of_a_baseline() -> None:
    names = engine._NAMES.values()
    halves = [*engine._ADVICE.values(), *engine._KEEPS.values(), *engine._FEW.values()]
    halves += [f"No {name} in this session" for name in names]
    assert [h for h in halves if h not in SENTENCES] == []
    told: set[str] = set()
    for light, quality, speech in ((20, 0.1, 0.1), (240, 0.9, 0.9), (120, 0.9, 0.9), (120, 0.1, 0.9)):
        for seconds in (1, 5, 12):
            builder, rng = engine.BaselineBuilder(aim_s=10.0), np.random.default_rng(0)
            for i in range(30 * seconds):
                builder.take(moment(i, rng, face_light=light, face_quality=quality, voice_speech=speech))
            told |= {*builder.progress().missing, *builder.result().verdict.sentences}
    assert len(told) > 10
    unknown = [t for t in told if said(t) == t and not _known(t)]
    assert unknown == []


def _known(sentence: str) -> bool:
    import re

    def kind(text: str) -> str:
        return re.sub(r"\d+(?:\.\d+)?", "#", text)

    head, _, tail = sentence.partition(": ")
    return kind(sentence) in SENTENCES or (kind(head) in SENTENCES and kind(tail) in SENTENCES)


def test_an_absent_channel_is_told_with_its_reason_never_as_zero_alone() -> None:
    gone = ChannelGathered(Channel.FACE, 12.0, 60.0, 0.2, False, Presence.ABSENT, "no face")
    assert gathered_text(gone) == "12 of 60 s; absent (no face)"
    assert gathered_text(replace(gone, seconds=50.0, share=0.8, enough=True, presence=None)) == "50 of 60 s, enough"


def test_a_version_says_what_changed_from_how_much_and_what_was_refused() -> None:
    profile = Profile("P07")
    step = Change("baseline", 75.0, "s", {"a": 1.0, "b": 2.0}, {"a": 1.5, "b": 2.0}, {"mean_shift_sd": 0.42})
    learned = {"mean_p_before": 0.21, "mean_p_after": 0.18}
    refused = replace(step, method="em", effect=learned, accepted=False, reason="it collapsed")
    profile.add(Personal(), [step, refused], "calibration", {})
    text = changed_text(profile.current)
    assert "1 values from 75 s (calibration), on average 0.4 standard deviations" in text
    assert "(learned in the session), mean probability 0.18 instead of 0.21; refused: it collapsed" in text
    assert changed_text(profile.rollback(0)) == "the values of version 0 again"
    assert changed_text(profile.version(0)) == "nothing is personal"
    assert why_text("rollback to 0") == "rollback to 0"


@pytest.mark.parametrize(
    ("name", "good"), [("", True), ("P07", True), ("P 07", False), ("../x", False), ("Zoë", False)]
)
def test_a_person_is_named_by_a_pseudonym_that_a_profile_can_have(name: str, good: bool) -> None:
    assert profile_is_good(name) is good


# -- the screen


@pytest.fixture
def context(tmp_path: Path, qtbot: Any) -> Context:
    context = Context(QSettings(str(tmp_path / "gui.ini"), QSettings.Format.IniFormat))
    context.choice, context.plan.profile = DeviceChoice("0", "none"), "P07"
    context.consent = LEARNS
    return context


@pytest.fixture
def screen(context: Context, model: CalibrationModel, qtbot: Any) -> Iterator[CalibrationScreen]:
    screen = CalibrationScreen(context, model)
    qtbot.addWidget(screen)
    screen.resize(1280, 760)
    with qtbot.waitExposed(screen):
        screen.show()
    screen.activateWindow()
    screen.enter()
    yield screen
    screen.shutdown()
    assert not screen.timer.isActive()
    assert not [t.name for t in threading.enumerate() if t.name == "ahdetect-calibration"]


def press(qtbot: Any, button: QPushButton) -> None:
    assert button.isEnabled()
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)


def test_by_keys_alone_from_start_to_roll_back(screen: CalibrationScreen, profiles: FileProfiles, qtbot: Any) -> None:
    assert "What is usual" not in screen.text.text()
    assert "population's values are used" in screen.no_versions.text()
    press(qtbot, screen.buttons["start"])
    qtbot.waitUntil(lambda: screen.text.text() == guided.READING)
    assert screen.step_title.text() == "Step 1 of 2: Read aloud"
    fake = Fake.made[-1]
    fake.talk(6)
    qtbot.waitUntil(lambda: screen.gathered.words.get(Channel.FACE) is not None)
    qtbot.waitUntil(lambda: screen.gathered.words[Channel.FACE].text().startswith("6 of 16 s"))
    assert "more of speech" in screen.missing.text()
    assert screen.gathered.bars[Channel.FACE].accessibleName().startswith("Face: 6 of 16 s")
    press(qtbot, screen.buttons["next"])
    qtbot.waitUntil(lambda: screen.step_title.text() == "Step 2 of 2: Answer a question")
    fake.talk(SECONDS)
    qtbot.waitUntil(lambda: screen.judgement.text() == "Good enough to be used.")
    assert "Enough speech" in screen.verdict.text()
    assert screen.buttons["accept"].property("role") == "primary"
    press(qtbot, screen.buttons["accept"])
    qtbot.waitUntil(lambda: screen.versions.rowCount() == 2 and screen.versions.isVisible())
    assert screen.versions.item(0, 0).text() == "1, in use"  # type: ignore[union-attr]
    assert not screen.buttons["rollback"].isEnabled()
    screen.versions.setFocus()
    for _ in range(2):
        qtbot.keyClick(screen.versions, Qt.Key.Key_Down)
    assert screen.versions.chosen is not None
    assert screen.versions.chosen.number == 0
    press(qtbot, screen.buttons["rollback"])
    qtbot.waitUntil(lambda: screen.versions.rowCount() == 3)
    assert [screen.versions.item(0, c).text() for c in (0, 2, 3)] == [  # type: ignore[union-attr]
        "2, in use", "rollback to 0", "the values of version 0 again",
    ]  # fmt: skip
    assert profiles.load("P07").current.personal == Personal()


def test_after_a_bad_verdict_there_is_redo_and_skip_and_no_accept(
    screen: CalibrationScreen, context: Context, qtbot: Any
) -> None:
    press(qtbot, screen.buttons["start"])
    qtbot.waitUntil(lambda: screen.buttons["stop"].isEnabled() and screen.model.state is State.GATHERING)
    Fake.made[-1].talk(3)
    press(qtbot, screen.buttons["stop"])
    qtbot.waitUntil(lambda: screen.judgement.text().startswith("Not good enough"))
    assert not screen.buttons["accept"].isEnabled()
    went: list[str] = []
    context.go.connect(went.append)
    press(qtbot, screen.buttons["live"])
    assert screen.buttons["live"].text() == "S&kip"
    assert went == ["live"]
    press(qtbot, screen.buttons["redo"])
    qtbot.waitUntil(lambda: screen.model.state is State.GATHERING)
    assert len(Fake.made) == 2


def test_without_a_person_it_says_where_to_name_one(screen: CalibrationScreen, context: Context) -> None:
    context.plan.profile = ""
    screen.enter()
    assert not screen.buttons["start"].isEnabled()
    assert "Person in Set-up" in screen.no_versions.text()


def test_an_error_is_a_banner(screen: CalibrationScreen, context: Context, qtbot: Any) -> None:
    said: list[tuple[str, str]] = []
    context.banner.connect(lambda level, text, _: said.append((level, text)))
    context.choice = DeviceChoice("/nowhere", "none")
    press(qtbot, screen.buttons["start"])
    qtbot.waitUntil(lambda: any(level == "error" and "/nowhere" in text for level, text in said))
    assert screen.state_label.text() == "Could not start"
    assert screen.buttons["start"].isEnabled()


def test_who_did_not_agree_to_adaptation_is_not_kept(screen: CalibrationScreen, context: Context, qtbot: Any) -> None:
    press(qtbot, screen.buttons["start"])
    qtbot.waitUntil(lambda: screen.model.state is State.GATHERING and screen.model.snapshot().step is not None)
    context.consent = SimpleNamespace(allows=lambda _: False)  # type: ignore[assignment]  # taken back meanwhile
    Fake.made[-1].talk(SECONDS + 1)
    qtbot.waitUntil(lambda: "did not agree" in screen.judgement.text())
    assert not screen.buttons["accept"].isEnabled()


@pytest.mark.parametrize("consent", [None, SimpleNamespace(allows=lambda _: False)])
def test_nobody_talks_for_a_minute_for_nothing(screen: CalibrationScreen, context: Context, consent: Any) -> None:
    context.consent = consent
    screen.enter()
    assert not screen.buttons["start"].isEnabled()
    assert "ask them in Set-up" in screen.not_agreed.text()


def test_leaving_lets_the_devices_go_and_what_was_gathered_waits(screen: CalibrationScreen, qtbot: Any) -> None:
    press(qtbot, screen.buttons["start"])
    qtbot.waitUntil(lambda: screen.model.state is State.GATHERING and screen.model.snapshot().step is not None)
    fake = Fake.made[-1]
    fake.talk(15)
    assert screen.may_leave()
    screen.leave()
    assert not screen.timer.isActive()
    wait(lambda: not fake.entered and screen.model.state is State.JUDGED)
    screen.enter()
    qtbot.waitUntil(lambda: bool(screen.judgement.text()))


def test_a_channel_that_is_gone_is_hatched(qtbot: Any) -> None:
    bar = GatheredBar(Channel.FACE, LIGHT)
    qtbot.addWidget(bar)
    bar.resize(200, 20)
    half = ChannelGathered(Channel.FACE, 30.0, 60.0, 0.5, False, Presence.PRESENT)
    bar.show_gathered(half)
    there = bar.grab().toImage()
    bar.show_gathered(replace(half, presence=Presence.ABSENT, reason="no face"))
    gone = bar.grab().toImage()
    colours = {gone.pixelColor(x, y).name() for x in range(120, 190) for y in range(4, 16)}
    assert len(colours) > 1
    assert {there.pixelColor(x, y).name() for x in range(120, 190) for y in range(4, 16)} == {LIGHT.surface}


def test_set_up_offers_the_people_it_knows_and_refuses_what_cannot_be_a_pseudonym(
    context: Context, profiles: FileProfiles, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.save(Profile("P07"))
    monkeypatch.setenv("AHDETECT_DATA", str(profiles.folder.parent))
    setup = SetupScreen(context)
    qtbot.addWidget(setup)
    setup.enter()
    try:
        qtbot.waitUntil(lambda: setup.known.stringList() == ["P07"])
        setup.profile.setText("P 8")
        assert context.plan.profile == "P07"
        assert "Not usable" in setup.profile_note.text()
        setup.profile.setText("P08")
        assert context.plan.profile == "P08"
        went: list[str] = []
        context.go.connect(went.append)
        setup.buttons["calibrate"].click()
        assert went == ["calibration"]
    finally:
        setup.shutdown()


@pytest.mark.parametrize(("name", "given"), [("P07", {"profile": "P07"}), ("P08", {}), ("", {})])
def test_the_live_session_takes_the_profile_of_a_person_who_has_one(
    name: str, given: dict[str, str], tmp_path: Path, profiles: FileProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.save(Profile("P07"))
    monkeypatch.setenv("AHDETECT_DATA", str(profiles.folder.parent))
    asked: list[dict[str, Any]] = []

    def make(*_: Any, **options: Any) -> Any:
        asked.append(options)
        raise DeviceError("There is no camera.")

    model = LiveModel(make, lambda *_, **__: "weights")  # type: ignore[arg-type, return-value]
    model.start(DeviceChoice("0", "none"), SessionPlan(tmp_path / "sessions", profile=name))
    wait(lambda: bool(asked))
    assert {k: v for k, v in asked[0].items() if k == "profile"} == given
    assert model.close(5)


# -- before and after


def rows_of(personal: Personal | None, prompt: int = 90, n: int = 240) -> Iterator[Row]:
    """What the evidence filter says, row by row, of a person with restless brows; a prompt comes in between."""
    fuser, rng = EvidenceFilter(personal=personal), np.random.default_rng(3)
    for i in range(n):
        if i == prompt:
            fuser.set_prompt("hesitant")
        frame = moment(i, rng, **{CUE: USUAL.location + 0.005 * float(np.sin(i / 9))})
        now = fuser.step(frame)
        yield Row(
            i, frame.t_ns, True, now.p, now.low, now.high, now.band, now.prior_log_odds, dict(now.contributions),
            dict(frame.states), {c: f.values if f else None for c, f in frame.cues.items()}, now.top,
        )  # fmt: skip


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    """A session of a person whose restless brows are known."""
    rows = list(rows_of(Personal({CUE: USUAL})))
    info = {**make_timeline(2.0).info, "profile": {"name": "P07", "version": 2}, "duration_s": rows[-1].t_s}
    folder = tmp_path / "analysis"
    write_tables(Timeline(rows, [], [], rows[-1].t_s, info), folder)
    with (folder / "events.jsonl").open("a") as file:
        file.write(f'{{"t_ns": {90 * FRAME_NS}, "kind": "prompt", "kind_of_prompt": "hesitant"}}\n')
    return folder


def test_the_filter_walks_again_exactly_as_it_would_have_without_calibration(analysis: Path) -> None:
    session = open_session(analysis)
    table = session.table()
    again = for_anyone(session, table)
    assert again is not None
    plain = [row.p for row in rows_of(None)]
    np.testing.assert_array_equal(again.p, plain)
    assert np.abs(again.p - stored(table).p).max() > 0.01
    assert again.band_at(0) is next(rows_of(None)).band


def test_it_can_be_given_up(analysis: Path) -> None:
    session = open_session(analysis)
    assert for_anyone(session, session.table(), lambda: False) is None


def test_a_session_without_calibration_says_so() -> None:
    assert used_profile({}) is None
    assert used_profile({"profile": None}) is None
    assert used_profile({"profile": {"name": "P07", "version": 3}}) == ("P07", 3)


def test_what_does_not_hold_the_cues_is_one_sentence(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session(analysis)
    table = session.table().select(["t_ns"])
    monkeypatch.setattr(type(session), "table", lambda _: table)
    comparing = Comparing(session, "P07", 1)
    wait(lambda: comparing.done)
    assert comparing.found is None
    assert "analyse it again" in str(comparing.error)


@pytest.fixture
def review(context: Context, qtbot: Any) -> Iterator[ReviewScreen]:
    screen = ReviewScreen(context)
    screen.resize(1280, 900)
    qtbot.addWidget(screen)
    with qtbot.waitExposed(screen):
        screen.show()
    screen.enter()
    yield screen
    screen.shutdown()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("ahdetect-review")]


def test_review_shows_before_beside_after(review: ReviewScreen, context: Context, analysis: Path, qtbot: Any) -> None:
    context.open_folder(analysis)
    qtbot.waitUntil(lambda: review.player is not None, timeout=10_000)
    assert review._compare.isEnabled()
    assert "Without calibration" not in review._moment.said
    review._compare.setFocus()
    qtbot.keyClick(review._compare, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: review.model.compared is not None, timeout=10_000)
    assert review.loaded is not None
    assert review.loaded.columns.is_compared
    assert "with the calibration of P07" in review._compared_text.text()
    review.go_to(4.0)
    assert "Without calibration" in review._moment.said
    found = review.loaded.columns.compared(0.0, 6.0, 300)
    assert found is not None
    assert np.nanmax(found[1]) == pytest.approx(float(review.model.compared.before.p[:182].max()), abs=1e-3)  # type: ignore[union-attr]
    shown = review.tracks.grab().toImage()
    qtbot.keyClick(review._compare, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: review.model.compared is None)
    assert not review.loaded.columns.is_compared
    assert "Without calibration" not in review._moment.said
    review.tracks.refresh()
    assert review.tracks.grab().toImage() != shown


def test_without_calibration_there_is_nothing_to_compare(
    review: ReviewScreen, context: Context, tmp_path: Path, qtbot: Any
) -> None:
    write_tables(make_timeline(3.0), tmp_path / "plain")
    context.open_folder(tmp_path / "plain")
    qtbot.waitUntil(lambda: review.player is not None, timeout=10_000)
    assert not review._compare.isEnabled()
    assert "No calibration was used" in review._compare.toolTip()


def test_the_model_without_a_comparison_has_no_uncalibrated_estimate() -> None:
    assert ReviewModel().uncalibrated is None


def test_the_summary_counts_what_changed(analysis: Path) -> None:
    session = open_session(analysis)
    table = session.table()
    before = for_anyone(session, table)
    assert before is not None
    both = BeforeAfter("P07", 2, before, stored(table))
    assert both.other_band == pytest.approx(float(np.mean(before.band != both.after.band)))
    assert 0.0 <= both.after.elevated() <= 1.0
