"""Voice activity: the network is the one of faster-whisper, packets do not matter, the gate is causal."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ahdetect.errors import AssetError
from ahdetect.models.vad import GateConfig, SpeechEdge, SpeechGate, SpeechWindows, VadModel, VadStream

S = 16_000


@pytest.fixture(scope="module")
def model() -> VadModel:
    return VadModel()


@pytest.fixture(scope="module")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.int16]:
    """One second of silence, a sentence by espeak-ng, one second of silence."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    path = tmp_path_factory.mktemp("vad") / "sentence.wav"
    subprocess.run(["espeak-ng", "-w", str(path), "The boat left the harbour early in the morning."], check=True)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=S)
    with av.open(str(path)) as clip:
        frames = [out for frame in clip.decode(audio=0) for out in resampler.resample(frame)]
    frames += resampler.resample(None)
    speech = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    rest = np.zeros(S, dtype=np.int16)
    return np.concatenate((rest, speech, rest))


def windows(p: list[float]) -> SpeechWindows:
    return SpeechWindows(np.array(p, np.float32), 512 * np.arange(1, len(p) + 1))


def test_probabilities_are_those_of_faster_whisper(model: VadModel, sentence: NDArray[np.int16]) -> None:
    vad = pytest.importorskip("faster_whisper.vad")
    whole = sentence[: len(sentence) // 512 * 512]
    ours = VadStream(model).step(whole).p
    theirs = vad.get_vad_model()(whole.astype(np.float32) / 32768.0).ravel()
    # Its last window is left out: faster-whisper zeroes the end of the sound while it makes the contexts.
    np.testing.assert_allclose(ours[:-1], theirs[:-1], atol=1e-4)


def test_speech_is_told_from_silence(model: VadModel, sentence: NDArray[np.int16]) -> None:
    p = VadStream(model).step(sentence).p
    assert p[:28].max() < 0.2
    assert np.median(p[34:-34]) > 0.8
    assert p[-20:].max() < 0.2


@pytest.mark.parametrize("cut", [1, 640, 5000])
def test_the_cut_of_the_stream_does_not_matter(model: VadModel, sentence: NDArray[np.int16], cut: int) -> None:
    sound = sentence[S // 2 : S // 2 + (2000 if cut == 1 else 20_000)]
    whole, pieces = VadStream(model), VadStream(model)
    expected = [whole.step(sound), whole.flush()]
    got = [pieces.step(sound[i : i + cut]) for i in range(0, len(sound), cut)] + [pieces.flush()]
    assert np.concatenate([w.p for w in got]).tobytes() == np.concatenate([w.p for w in expected]).tobytes()
    ends = np.concatenate([w.end_sample for w in got])
    assert ends.tolist() == np.concatenate([w.end_sample for w in expected]).tolist()
    assert ends[-1] == len(sound)


def test_int16_and_float_give_the_same(model: VadModel, sentence: NDArray[np.int16]) -> None:
    as_int = VadStream(model).step(sentence[S : 2 * S]).p
    as_float = VadStream(model).step(sentence[S : 2 * S].astype(np.float32) / 32768).p
    assert as_int.tobytes() == as_float.tobytes()


def test_flush_after_whole_windows_adds_nothing(model: VadModel) -> None:
    stream = VadStream(model)
    stream.step(np.zeros(1024, np.int16))
    assert len(stream.flush()) == 0


@pytest.mark.parametrize("content", [None, b"not a network"])
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "vad.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AssetError, match=str(path)):
        VadModel(path)


def test_gate_dates_onset_and_offset_back_to_where_they_happened() -> None:
    gate = SpeechGate(GateConfig(on=0.5, off=0.3, min_speech_s=0.064, hangover_s=0.096))
    edges = gate.step(windows([0.1, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1]))
    assert edges == [SpeechEdge(True, 512, 3 * 512), SpeechEdge(False, 4 * 512, 7 * 512)]


def test_gate_ignores_a_click_and_bridges_a_short_dip() -> None:
    gate = SpeechGate(GateConfig(on=0.5, off=0.3, min_speech_s=0.064, hangover_s=0.096))
    assert gate.step(windows([0.1, 0.9, 0.1, 0.1])) == []
    assert [e.speaking for e in gate.step(windows([0.9] * 4 + [0.1, 0.1] + [0.9] * 4))] == [True]


def test_gate_holds_between_its_thresholds() -> None:
    gate = SpeechGate(GateConfig(on=0.6, off=0.3, min_speech_s=0.064, hangover_s=0.064))
    assert gate.step(windows([0.5] * 10)) == []
    assert gate.step(windows([0.7, 0.7] + [0.4] * 20))[-1].speaking


def test_gate_dates_a_fading_offset_to_the_last_clear_speech() -> None:
    gate = SpeechGate(GateConfig(on=0.5, off=0.1, min_speech_s=0.064, hangover_s=0.096))
    fading = gate.step(windows([0.9] * 4 + [0.3, 0.2] + [0.05] * 3))
    assert fading[-1] == SpeechEdge(False, 4 * 512, 9 * 512)
    long_faint = SpeechGate(gate.config).step(windows([0.9] * 4 + [0.3] * 20 + [0.05] * 3))
    assert long_faint[-1] == SpeechEdge(False, 21 * 512, 27 * 512)


def test_gate_is_causal() -> None:
    p = np.random.default_rng(7).random(400).tolist()
    whole = SpeechGate().step(windows(p))
    for end in (50, 173, 399):
        known = SpeechGate().step(windows(p[:end]))
        assert known == [e for e in whole if e.known_sample <= end * 512]


def test_gate_closes_an_open_utterance_at_the_end_of_the_stream() -> None:
    gate = SpeechGate()
    gate.step(windows([0.9] * 10))
    assert gate.flush() == [SpeechEdge(False, 5120, 5120)]
    assert gate.flush() == []
