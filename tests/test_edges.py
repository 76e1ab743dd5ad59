"""Edges: what each delivery policy keeps, drops, counts and says."""

from __future__ import annotations

import tempfile
import threading

import numpy as np
import pytest

from ahdetect.capture.clock import ManualClock
from ahdetect.capture.edges import LATEST_ONLY, LOSSLESS, RECORDER, REPLAY, Edge, Overflow, Policy
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, Packet
from ahdetect.capture.spill import Spill

MS = 1_000_000


def packet(seq: int, *, ms: int = 40) -> Packet[AudioBlock]:
    pcm = np.full(640, seq, np.int16)
    return Packet("audio", seq, seq * ms * MS, ms * MS, seq * ms * MS, AudioBlock(pcm, seq * 640))


def edge(policy: Policy) -> tuple[Edge[AudioBlock], Ledger]:
    ledger = Ledger()
    return Edge("mic->x", policy, ManualClock(), ledger), ledger


def drain(of: Edge[AudioBlock]) -> list[int]:
    seqs = []
    while (taken := of.take()) is not None:
        assert int(taken.data.pcm[0]) == taken.seq
        seqs.append(taken.seq)
    return seqs


def test_latest_only_keeps_the_newest_and_writes_down_every_frame_it_drops():
    face, ledger = edge(LATEST_ONLY)
    for seq in range(5):
        face.offer(packet(seq))
    assert drain(face) == [4]
    assert [row.detail["seq"] for row in ledger.rows("drop", "mic->x")] == [0, 1, 2, 3]
    assert face.counts().dropped == 4
    assert face.counts().balances


def test_recorder_drops_the_newest_beyond_three_seconds():
    recorder, ledger = edge(RECORDER)
    for seq in range(100):
        recorder.offer(packet(seq))
    assert drain(recorder) == list(range(75))  # 75 x 40 ms
    assert len(ledger.rows("drop")) == 25
    assert recorder.counts().balances


def test_lossless_says_when_it_is_two_seconds_behind_and_when_it_has_caught_up():
    voice, ledger = edge(LOSSLESS)
    for seq in range(50):
        voice.offer(packet(seq))
    assert ledger.rows("alarm") == []
    voice.offer(packet(50))
    assert [row.detail["raised"] for row in ledger.rows("alarm")] == [True]
    assert voice.behind_ns == 51 * 40 * MS
    voice.take()
    assert [row.detail["raised"] for row in ledger.rows("alarm")] == [True, False]


def test_lossless_spills_to_disk_and_back_in_order_with_nothing_lost():
    voice, ledger = edge(Policy("lossless", Overflow.ALARM, span_s=2.0, memory_s=4.0))
    for seq in range(1000):
        voice.offer(packet(seq))
    assert voice.counts().in_flight == 1000
    assert voice.behind_ns == 1000 * 40 * MS
    assert [row.detail["to_disk"] for row in ledger.rows("spill")] == [True]
    first = [voice.take() for _ in range(500)]
    for seq in range(1000, 1010):
        voice.offer(packet(seq))  # behind the ones on disk, not before them
    seqs = [p.seq for p in first if p is not None] + drain(voice)
    assert seqs == list(range(1010))
    assert [row.detail["to_disk"] for row in ledger.rows("spill")] == [True, False]
    assert voice.counts().balances
    assert voice.counts().dropped == 0
    voice.offer(packet(1010))
    assert drain(voice) == [1010]


def test_lossless_keeps_everything_in_memory_when_the_disk_is_full(monkeypatch: pytest.MonkeyPatch):
    class Full(Spill[AudioBlock]):
        def push(self, packet: Packet[AudioBlock]) -> None:
            if len(self) == 20:
                raise OSError(28, "No space left on device")
            super().push(packet)

    monkeypatch.setattr("ahdetect.capture.edges.Spill", Full)
    voice, ledger = edge(Policy("lossless", Overflow.ALARM, span_s=2.0, memory_s=4.0))
    for seq in range(300):
        voice.offer(packet(seq))
    assert drain(voice) == list(range(300))
    told = [row.detail["what"] for row in ledger.rows("alarm") if "what" in row.detail]
    assert told == ["cannot spill to disk: No space left on device"]


def test_a_spilled_voice_lies_on_disk_encrypted_and_without_a_name(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spill: Spill[AudioBlock] = Spill()
    spill.push(packet(0x4142))
    raw = spill._file
    raw.seek(0)
    content = raw.read()
    assert len(content) > 1280
    assert np.full(8, 0x4142, np.int16).tobytes() not in content
    assert list(tmp_path.iterdir()) == []
    assert spill.pop().seq == 0x4142
    raw.seek(0, 2)
    assert raw.tell() == 0


def test_replay_edge_makes_the_producer_wait():
    clip, _ = edge(REPLAY)
    done = threading.Event()

    def produce() -> None:
        for seq in range(100):
            clip.offer(packet(seq))
        done.set()

    thread = threading.Thread(target=produce)
    thread.start()
    seqs = []
    while len(seqs) < 100:
        taken = clip.take(timeout=5.0)
        assert taken is not None
        assert clip.counts().in_flight <= 32
        seqs.append(taken.seq)
    thread.join(5.0)
    assert seqs == list(range(100))
    assert done.is_set()


def test_a_producer_that_waits_lets_go_when_it_is_asked_to_stop():
    clip, _ = edge(REPLAY)
    for seq in range(32):
        clip.offer(packet(seq))
    stop = threading.Event()
    thread = threading.Thread(target=lambda: clip.offer(packet(32), cancel=stop))
    thread.start()
    stop.set()
    thread.join(5.0)
    assert not thread.is_alive()
    assert clip.counts().dropped == 1
    assert clip.counts().balances


def test_a_closed_edge_gives_what_it_holds_and_counts_what_comes_late():
    voice, ledger = edge(LOSSLESS)
    voice.offer(packet(0))
    voice.close()
    voice.offer(packet(1))
    assert not voice.exhausted
    assert drain(voice) == [0]
    assert voice.exhausted
    assert voice.take(timeout=None) is None
    assert [row.detail["seq"] for row in ledger.rows("drop")] == [1]
    assert voice.counts().balances
