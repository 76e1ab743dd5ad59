"""Microphone: any device in, 16 kHz mono out, and every sample not heard written down; on a scripted device."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from media import tone

from ahdetect.capture.clock import NS_PER_S, ManualClock
from ahdetect.capture.edges import LOSSLESS, Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.microphone import Microphone, find_microphone, open_microphone
from ahdetect.capture.packets import AUDIO_CHUNK, SAMPLE_RATE, AudioPacket
from ahdetect.capture.portaudio import MicrophoneDevice, OnBlock
from ahdetect.errors import ConfigError, DeviceError

MS = 1_000_000


class Scripted:
    """A backend and its only stream, driven by the test."""

    name = "scripted"

    def __init__(self, clock: ManualClock, rate: int = 48_000, channels: int = 1) -> None:
        self.device = MicrophoneDevice("scripted", 0, "Headset Mic", rate, channels, default=True)
        self.rate, self.channels = rate, channels
        self.clock = clock
        self.plugged = True
        self.active = False
        self.opened = self.closed = 0
        self.sample = 0
        self._on_block: OnBlock | None = None

    def devices(self) -> list[MicrophoneDevice]:
        return [self.device] if self.plugged else []

    def open(self, _device: MicrophoneDevice, on_block: OnBlock) -> Scripted:
        if not self.plugged:
            raise DeviceError("gone")
        self._on_block, self.active = on_block, True
        self.opened += 1
        return self

    def close(self) -> None:
        self.closed += 1
        self.active = False

    def rescan(self) -> None:
        pass

    def sound(self, mic: Microphone, seconds: float, *, block: float = 0.02, overflow: bool = False) -> None:
        """The card hears a 440 Hz tone, the clock runs, the stage works."""
        n = round(self.rate * block)
        for i in range(round(seconds / block)):
            mono = np.sin((self.sample + np.arange(n)) * 2 * np.pi * 440 / self.rate) * 16_000
            self.sample += n
            self.clock.advance(block)
            assert self._on_block is not None
            data = np.repeat(mono.astype(np.int16), self.channels)
            self._on_block(data.tobytes(), n, None, overflow and i == 0)
            mic.step()

    def silence(self, mic: Microphone, seconds: float, step: float = 0.05) -> None:
        """Nothing comes; the clock runs, the stage works."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            mic.step()


def made(rate: int = 48_000, channels: int = 1) -> tuple[Microphone, Scripted, Edge, Ledger]:
    clock, ledger = ManualClock(3 * NS_PER_S), Ledger()
    card = Scripted(clock, rate, channels)
    mic = Microphone(card.device, card, clock, ledger)
    edge = Edge("microphone->test", LOSSLESS, clock, ledger)
    mic.subscribe_audio(edge)
    return mic, card, edge, ledger


def drained(edge: Edge) -> list[AudioPacket]:
    packets = []
    while (packet := edge.take()) is not None:
        packets.append(packet)
    return packets


def check_sums(mic: Microphone, packets: list[AudioPacket], seconds: float) -> None:
    """Samples heard + samples filled == duration x rate, within a chunk; numbered without a hole."""
    assert mic.totals.samples + mic.totals.gap_samples == pytest.approx(seconds * SAMPLE_RATE, abs=AUDIO_CHUNK)
    at = 0
    for i, packet in enumerate(packets):
        assert packet.seq == i
        assert packet.data.first_sample == at
        at += len(packet.data.pcm)
    rows = mic.ledger.rows("gap", "audio")
    assert sum(row.detail["samples"] for row in rows) == mic.totals.gap_samples
    assert len(rows) == mic.totals.gaps


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (44_100, 2), (16_000, 1), (8_000, 2), (96_000, 4)])
def test_any_rate_and_channels_come_as_16_khz_mono_in_40_ms_packets(rate: int, channels: int):
    mic, card, edge, ledger = made(rate, channels)
    assert (mic.info.audio_rate, mic.info.audio_channels) == (rate, channels)
    card.sound(mic, 4.0)
    mic.finish()
    packets = drained(edge)
    assert edge.exhausted
    assert {len(p.data.pcm) for p in packets[:-1]} == {AUDIO_CHUNK}
    pcm = np.concatenate([p.data.pcm for p in packets]).astype(float)
    assert len(pcm) == 64_000
    spectrum = np.abs(np.fft.rfft(pcm[:16_000]))
    assert spectrum.argmax() == 440
    assert np.abs(pcm[1000:-1000]).max() == pytest.approx(16_000, rel=0.02)
    assert packets[0].t_ns == pytest.approx(3 * NS_PER_S, abs=1 * MS)
    assert packets[-1].end_ns == pytest.approx(7 * NS_PER_S, abs=1 * MS)
    assert all(p.created_ns >= p.end_ns for p in packets)
    check_sums(mic, packets, 4.0)
    assert ledger.rows("gap") == []


def test_the_resampler_moves_no_onset():
    mic, card, edge, _ = made(44_100)
    n = 882
    click = np.zeros(n * 100, np.int16)
    click[44_100:44_500] = tone(1000, 400 / 44_100, rate=44_100, level=0.9)
    for i in range(100):
        card.clock.advance(0.02)
        card._on_block(click[i * n : (i + 1) * n].tobytes(), n, None, False)
        mic.step()
    mic.finish()
    packets = drained(edge)
    pcm = np.concatenate([p.data.pcm for p in packets])
    onset = np.flatnonzero(np.abs(pcm.astype(int)) > 5000)[0]
    assert packets[0].t_ns + onset * NS_PER_S // SAMPLE_RATE == pytest.approx(4 * NS_PER_S, abs=1 * MS)


def test_lost_samples_become_marked_silence_of_the_same_length():
    mic, card, edge, ledger = made()
    card.sound(mic, 3.0)
    card.clock.advance(0.7)  # the driver's buffer ran over
    card.sound(mic, 3.0, overflow=True)
    mic.finish()
    packets = drained(edge)
    check_sums(mic, packets, 6.7)
    filled = [p for p in packets if p.data.synthetic]
    assert sum(len(p.data.pcm) for p in filled) == pytest.approx(0.7 * SAMPLE_RATE, abs=AUDIO_CHUNK)
    assert filled[0].data.first_sample == 3 * SAMPLE_RATE
    assert not any(p.data.pcm.any() for p in filled)
    assert ledger.rows("gap")[0].detail["reason"] == "samples lost by the driver"
    assert packets[-1].end_ns == pytest.approx(card.clock.now_ns(), abs=40 * MS)


def test_a_microphone_that_is_pulled_out_is_silence_until_it_is_back():
    mic, card, edge, ledger = made()
    card.sound(mic, 2.0)
    card.plugged = card.active = False
    card.silence(mic, 3.0)
    assert [row.detail["device"] for row in ledger.rows("device_lost")] == ["Headset Mic"]
    live = drained(edge)
    assert live[-1].data.synthetic  # the watermark goes on: nobody waits for a dead microphone
    assert live[-1].end_ns >= card.clock.now_ns() - 600 * MS
    card.plugged = True
    while not card.active:
        card.silence(mic, 0.05)
    lost_s = (card.clock.now_ns() - 5 * NS_PER_S) / NS_PER_S
    card.sound(mic, 2.0)
    mic.finish()
    packets = live + drained(edge)
    check_sums(mic, packets, 4.0 + lost_s)
    assert len(ledger.rows("device_back")) == 1
    assert [row.detail["reason"] for row in ledger.rows("gap")] == ["device lost"]
    assert mic.totals.gap_samples == pytest.approx(lost_s * SAMPLE_RATE, abs=AUDIO_CHUNK)
    assert packets[-1].end_ns == pytest.approx(card.clock.now_ns(), abs=40 * MS)
    assert all(b.t_ns > a.t_ns for a, b in pairwise(packets))


def test_a_microphone_that_comes_back_with_another_rate_goes_on():
    mic, card, edge, _ = made(48_000)
    card.sound(mic, 2.0)
    card.active = False
    card.rate = 16_000
    card.device = MicrophoneDevice("scripted", 0, "Headset Mic", 16_000, 1)
    while card.opened == 1:
        card.silence(mic, 0.05)
    card.sound(mic, 2.0)
    mic.finish()
    packets = drained(edge)
    check_sums(mic, packets, (card.clock.now_ns() - 3 * NS_PER_S) / NS_PER_S)


def test_a_stream_that_sends_nothing_is_lost_and_opened_anew():
    mic, card, edge, ledger = made()
    card.sound(mic, 2.0)
    card.silence(mic, 9.0)
    assert ledger.rows("device_lost")[0].detail["reason"] == "it sends nothing"
    assert card.opened >= 2
    assert card.closed >= 1
    mic.finish()
    check_sums(mic, drained(edge), 11.0)


def test_a_stall_whose_sound_comes_after_all_puts_nothing_there_twice():
    mic, card, edge, _ = made()
    card.sound(mic, 2.0)
    card.silence(mic, 1.5)  # given up for lost, and partly filled
    backlog_from = 2.0
    n = 960
    for _ in range(round((1.5 + 2.0) / 0.02)):  # then everything arrives, the backlog at once
        backlog_from += 0.02
        card.clock.advance_to(round((3 + backlog_from) * NS_PER_S))
        card._on_block(np.full(n, 99, np.int16).tobytes(), n, None, False)
        mic.step()
    mic.finish()
    packets = drained(edge)
    check_sums(mic, packets, 5.5)
    assert packets[-1].end_ns == pytest.approx(card.clock.now_ns(), abs=40 * MS)


def test_a_microphone_that_never_comes_back_leaves_a_gap_to_the_end():
    mic, card, edge, ledger = made()
    card.sound(mic, 2.0)
    card.plugged = card.active = False
    card.silence(mic, 20.0)
    mic.finish()
    check_sums(mic, drained(edge), 22.0)
    assert len(ledger.rows("device_lost")) == 1


def test_a_microphone_that_is_not_there_is_said_with_the_names_of_those_that_are():
    card = Scripted(ManualClock())
    assert find_microphone("default", card).name == "Headset Mic"
    assert find_microphone("0", card).name == "Headset Mic"
    assert find_microphone("headset", card).name == "Headset Mic"
    with pytest.raises(DeviceError, match=r"no microphone 'Studio'; there are 'Headset Mic'\.$"):
        find_microphone("Studio", card)
    card.plugged = False
    with pytest.raises(DeviceError, match="No microphone was found"):
        find_microphone("default", card)
    with pytest.raises(ConfigError, match="no audio backend 'jack'"):
        open_microphone("default", ManualClock(), Ledger(), backend="jack")
