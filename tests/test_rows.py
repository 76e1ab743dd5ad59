"""When a row comes, with what mask, and what late words change. On a ManualClock, without threads."""

from __future__ import annotations

import numpy as np
import pytest

from ahdetect.capture.clock import ManualClock
from ahdetect.capture.edges import Edge, Overflow, Policy
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import Packet
from ahdetect.capture.stage import Progress
from ahdetect.models.alignment import Aligner, Tracks
from ahdetect.models.cues import INDEX, Channel, CueFrame, absent_frame, empty_values
from ahdetect.models.evidence import EvidenceFilter
from ahdetect.models.language import LanguageModel, LanguageStream
from ahdetect.models.posterior import Presence
from ahdetect.models.track import Track
from ahdetect.models.words import Transcript, Word, WordUpdate
from ahdetect.rows import PATIENCE_NS, Prompt, RowMaker
from ahdetect.timeline import Row

MS = 1_000_000
LANGUAGE = LanguageModel()
PICTURE = np.zeros((2, 2, 3), np.uint8)


class Bench:
    """A row maker with its tracks, moved by hand."""

    def __init__(self, *, live: bool, video: bool = True, words: bool = True) -> None:
        self.clock, ledger = ManualClock(), Ledger()
        self.face: Track[CueFrame] = Track("face")
        self.voice: Track[CueFrame] = Track("voice")
        self.transcript = Transcript() if words else None
        cues = {Channel.FACE: self.face, Channel.VOICE: self.voice} if video else {Channel.VOICE: self.voice}
        missing = {Channel.BODY: "switched off", Channel.FACE: "no video", Channel.LANGUAGE: "switched off"}
        tracks = Tracks(cues, self.transcript, missing)
        self.ticks = Edge("t", Policy("t", Overflow.ALARM), self.clock, ledger) if video else None
        self.rows: list[Row] = []
        self.sound_ns = 0
        self.maker = RowMaker(
            self.clock, Aligner(tracks, LanguageStream(LANGUAGE)), EvidenceFilter, self.rows.append, self.ticks,
            live=live, audio_until_ns=lambda: self.sound_ns,
        )  # fmt: skip
        self.frames = 0

    def frame(self, t_ms: int, *, face: bool = True) -> None:
        assert self.ticks is not None
        self.ticks.offer(Packet("video", self.frames, t_ms * MS, 33 * MS, t_ms * MS, PICTURE))
        self.frames += 1
        if face:
            self.face.append(CueFrame(Channel.FACE, t_ms * MS, empty_values(Channel.FACE)))

    def sound(self, until_ms: int) -> None:
        self.sound_ns = until_ms * MS
        self.voice.append(CueFrame(Channel.VOICE, until_ms * MS, empty_values(Channel.VOICE)))

    def words(self, text: str, start_ms: int, *, settled: bool, until_ms: int) -> None:
        assert self.transcript is not None
        said = tuple(
            Word(w, (start_ms + 100 * i) * MS, (start_ms + 100 * (i + 1)) * MS, 0.9, settled, 0)
            for i, w in enumerate(text.split())
        )
        update = WordUpdate(said, (), until_ms * MS, 0) if settled else WordUpdate((), said, until_ms * MS, 0)
        self.transcript.apply(update)

    def run(self, steps: int = 3) -> list[Row]:
        before = len(self.rows)
        for _ in range(steps):
            if self.maker.step() is Progress.DONE:
                break
        return self.rows[before:]


def test_a_live_row_is_provisional_first_and_settled_under_the_same_id_when_its_words_are() -> None:
    bench = Bench(live=True)
    bench.frame(0)
    bench.sound(40)
    assert [(r.id, r.settled) for r in bench.run()] == [(0, False)]
    bench.words("yes", 0, settled=True, until_ms=100)
    assert [(r.id, r.settled) for r in bench.run()] == [(0, True)]


def test_a_provisional_row_waits_for_its_face_and_then_only_as_long_as_its_patience() -> None:
    bench = Bench(live=True)
    bench.frame(0, face=False)
    bench.sound(40)
    assert bench.run() == []
    bench.clock.advance_to(PATIENCE_NS)
    (row,) = bench.run()
    assert row.states[Channel.FACE].presence is Presence.ABSENT
    assert row.states[Channel.FACE].reason == "nothing yet"


def test_patience_ends_with_a_stale_channel_not_with_a_zero() -> None:
    bench = Bench(live=True)
    bench.frame(0)
    bench.sound(400)
    bench.run()
    bench.frame(200, face=False)
    bench.clock.advance_to(200 * MS + PATIENCE_NS)
    (row,) = bench.run()
    state = row.states[Channel.FACE]
    assert (state.presence, state.age_ns) == (Presence.STALE, 200 * MS)


def test_latency_is_from_the_frame_to_the_row() -> None:
    bench = Bench(live=True)
    bench.frame(0)
    bench.sound(40)
    bench.clock.advance_to(70 * MS)
    (row,) = bench.run()
    assert row.latency_ns == 70 * MS


def test_replay_makes_settled_rows_only_and_waits_without_patience() -> None:
    bench = Bench(live=False)
    bench.frame(0)
    bench.sound(40)
    bench.clock.advance(60)
    assert bench.run() == []
    bench.words("yes", 0, settled=True, until_ms=1000)
    (row,) = bench.run()
    assert row.settled
    assert row.latency_ns == -1


def test_no_face_is_absent_with_its_reason_and_does_not_hold_up_the_row() -> None:
    bench = Bench(live=True)
    bench.frame(0, face=False)
    bench.face.append(absent_frame(Channel.FACE, 0, "no face"))
    bench.sound(40)
    (row,) = bench.run()
    assert row.states[Channel.FACE].reason == "no face"
    assert row.cues[Channel.FACE] is None
    assert not row.face_seen


def test_live_words_are_stale_by_how_far_they_are_behind_and_present_once_settled() -> None:
    bench = Bench(live=True)
    bench.words("maybe", 0, settled=True, until_ms=300)
    bench.frame(1000)
    bench.sound(1040)
    row = bench.run()[-1]
    assert row.states[Channel.LANGUAGE].presence is Presence.STALE
    assert row.states[Channel.LANGUAGE].reason == "words 0.7 s behind"
    bench.words("but", 300, settled=True, until_ms=1200)
    row = bench.run()[-1]
    assert row.settled
    assert row.states[Channel.LANGUAGE].presence is Presence.PRESENT


def test_late_words_change_the_settled_row_and_the_next_provisional_one() -> None:
    bench = Bench(live=True)
    for i in range(60):
        bench.frame(33 * i)
        bench.sound(33 * i + 20)
    first = bench.run()[-1]
    bench.words("um maybe but I know", 100, settled=True, until_ms=1500)
    bench.run()
    settled = [r for r in bench.rows if r.settled]
    assert settled[-1].p > first.p + 0.02
    bench.frame(33 * 60)
    bench.sound(33 * 60 + 20)
    assert bench.run()[-1].p > first.p + 0.02


def test_revisions_do_not_leak_into_the_settled_rows() -> None:
    """Provisional words that turn out wrong leave no trace: settled rows equal those of a replay."""
    rows = []
    for live in (True, False):
        bench = Bench(live=live)
        for i in range(40):
            bench.frame(33 * i)
            bench.sound(33 * i + 20)
            if live and i == 20:
                bench.words("um but maybe I don't know", 100, settled=False, until_ms=0)
            if live:
                bench.run()
        bench.words("yes I will", 100, settled=True, until_ms=5000)
        bench.run()
        rows.append([(r.id, r.t_ns, r.p, r.low, r.high) for r in bench.rows if r.settled])
    assert rows[0] == rows[1]
    assert len(rows[0]) == 40


def test_without_video_there_are_ten_rows_a_second_as_far_as_the_sound_goes() -> None:
    bench = Bench(live=True, video=False)
    bench.sound(1000)
    rows = bench.run()
    assert [r.t_ns // MS for r in rows] == list(range(0, 1000, 100))
    assert rows[0].states[Channel.FACE].reason == "no video"


def test_rows_go_on_by_themselves_while_the_camera_is_gone() -> None:
    bench = Bench(live=True)
    bench.frame(0)
    bench.sound(40)
    bench.run()
    bench.sound(3000)
    bench.clock.advance(3.0)
    times = [r.t_ns // MS for r in bench.run()]
    assert times == list(range(100, 2500, 100))
    bench.frame(3000)
    assert bench.run()[-1].t_ns == 3000 * MS
    assert [r.id for r in bench.rows] == list(range(len(bench.rows)))


def test_a_prompt_sets_the_prior_from_its_own_time_on() -> None:
    bench = Bench(live=True, words=False)
    bench.maker.mark_prompt(Prompt(1000 * MS, "hesitant"))
    for t in (900, 1000):
        bench.frame(t)
        bench.sound(t + 40)
    before, after = [r for r in bench.run() if r.settled][-2:]
    assert after.prior_log_odds > before.prior_log_odds


def test_it_ends_when_everything_has_ended_and_every_frame_has_its_row() -> None:
    bench = Bench(live=False)
    for i in range(10):
        bench.frame(33 * i)
    assert bench.ticks is not None
    assert bench.transcript is not None
    bench.ticks.close()
    bench.sound(330)
    for ending in (bench.face, bench.voice, bench.transcript):
        ending.close()
    while bench.maker.step() is not Progress.DONE:
        pass
    assert [r.t_ns // MS for r in bench.rows] == [33 * i for i in range(10)]


def test_a_row_carries_the_cues_that_it_was_made_from() -> None:
    bench = Bench(live=True, words=False)
    values = empty_values(Channel.FACE)
    values[INDEX["face_smile"]] = 0.75
    bench.frame(0, face=False)
    bench.face.append(CueFrame(Channel.FACE, 0, values))
    bench.sound(40)
    row = bench.run()[-1]
    cues = row.cues[Channel.FACE]
    assert cues is not None
    assert cues[INDEX["face_smile"]] == pytest.approx(0.75)


def test_the_last_frame_makes_the_same_rows_whether_or_not_its_edge_is_closed_already() -> None:
    times = []
    for closed_early in (True, False):
        bench = Bench(live=False, words=False)
        for t_ms in (0, 33, 166):  # a hole that is too short for rows of its own
            bench.frame(t_ms)
        if closed_early:
            bench.ticks.close()
        bench.sound(200)
        bench.run()
        bench.ticks.close()
        bench.face.close()
        bench.voice.close()
        bench.run()
        times.append([row.t_ns // MS for row in bench.rows])
    assert times[0] == times[1] == [0, 33, 166]
