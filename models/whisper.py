"""Whisper: sound at 16 kHz and the words already settled in it flow in, the words after them with times flow out.

Weights are tiny.en in CTranslate2's int8. The decoder is *forced* through the settled words, so that a later pass goes
on from them and can never contradict them; sound, settled words and new words are then aligned together (dynamic time
warping over the cross-attention of the alignment heads, as in faster-whisper's `find_alignment`).
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import ctranslate2
import numpy as np
import tokenizers
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ahdetect.capture.packets import SAMPLE_RATE
from ahdetect.errors import AssetError

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "IProgress not found")  # tqdm's in a notebook, about bars that nobody draws
    from faster_whisper.feature_extractor import FeatureExtractor
    from faster_whisper.tokenizer import Tokenizer

FILLER_PROMPT: Final = "Um, uh, I, I mean, um, well, uh."
"""What Whisper is told was said before. It leaves out most fillers unless it takes the talk to be full of them."""

MAX_SECONDS: Final = 30.0
"""The longest sound that the encoder takes."""

_FRAME: Final = 160  # samples per mel frame
_FFT: Final = 400  # samples that one frame looks at
_TOKEN_S: Final = 0.02  # seconds per encoder position
_LATE_S: Final = 0.11  # the alignment enters a word this late: median, the same on espeak-ng's own marks and on
# LibriVox readings aligned by pocketsphinx (docs/transcription.md)
_TOKENS_PER_S: Final = (
    7.0  # EVIDENCE, Speech on two cores: about 7 tokens a second + 12 stops the loops of prompted passes
)
_TOKENS_MORE: Final = 12
_MAX_COMPRESSION: Final = 2.4  # OpenAI's whisper/transcribe.py, `compression_ratio_threshold`
_MIN_LOGPROB: Final = (
    -0.6
)  # with the next: 0.0 to 0.1 and over -0.6 on speech, 0.4 to 0.7 and under -1.1 on music and noise
_MAX_NO_SPEECH: Final = 0.35
_PUNCTUATION: Final = "\"'.,!?:;-—…)]}([{¿“”‘’"


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word as one pass heard it.

    Attributes:
        text: with punctuation, without surrounding blanks.
        tokens: of the tokeniser, to force a later pass through.
        start_s: onset, seconds from the start of the sound.
        end_s: offset, likewise.
        confidence: mean probability of its tokens, 0-1.
    """

    text: str
    tokens: tuple[int, ...]
    start_s: float
    end_s: float
    confidence: float


class Recogniser(Protocol):
    """What a stream asks of a recogniser."""

    def hear(
        self, sound: NDArray[np.float32], prefix: Sequence[int], new_s: float, *, beam: int, prompted: bool
    ) -> list[HeardWord]:
        """The words after `prefix`; see `Whisper.hear`."""
        ...


class Whisper:
    """The weights; one pass at a time.

    Args:
        path: folder with `model.bin`, `config.json`, `tokenizer.json` and `vocabulary.txt`.
        threads: of the matrix products.
        context_s: length to which shorter sound is padded for the encoder, s. 10 s instead of Whisper's 30 gives the
            same word error with tiny.en at a tenth of the cost.

    Raises:
        AssetError: the folder does not hold the model.
    """

    def __init__(self, path: Path, threads: int = 1, context_s: float = 10.0) -> None:
        self.path = path
        self.context_s = context_s
        try:
            self._model = ctranslate2.models.Whisper(
                str(path), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1
            )
            self._tokens = Tokenizer(tokenizers.Tokenizer.from_file(str(path / "tokenizer.json")), False)
        except Exception as error:
            raise AssetError(
                f"The speech model in {path} cannot be read ({error}); run `ahdetect assets pull`.", value=path
            ) from error
        self._features = FeatureExtractor()
        # 1 of 40 weights is not nought. A dense product would also wake numpy's BLAS threads, whose spinning afterwards
        # doubled the CPU time of a pass.
        self._features.mel_filters = csr_array(self._features.mel_filters)
        self._prompt = [self._tokens.sot_prev, *self._tokens.encode(" " + FILLER_PROMPT)]
        self._start = [*self._tokens.sot_sequence, self._tokens.no_timestamps]

    def hear(
        self, sound: NDArray[np.float32], prefix: Sequence[int], new_s: float, *, beam: int, prompted: bool
    ) -> list[HeardWord]:
        """One pass.

        Args:
            sound: 16 kHz mono, -1 to 1, shape (n,), at most 30 s.
            prefix: tokens of the words that are settled in this sound.
            new_s: how much of the sound comes after them, s; bounds the number of new words.
            beam: width of the beam search; 1 is greedy.
            prompted: whether to ask for fillers and repairs.
        """
        encoded = self._encode(sound)
        heard = self._decode(encoded, prefix, new_s, beam, prompted)
        if heard is None and prompted:  # the prompt made it loop
            heard = self._decode(encoded, prefix, new_s, beam, False)
        return self._align(encoded, prefix, heard, len(sound)) if heard else []

    def _encode(self, sound: NDArray[np.float32]) -> ctranslate2.StorageView:
        mel = self._features(sound, padding=_FFT)[:, : -(-len(sound) // _FRAME)]
        # What silence would give: the extractor's floor is 8 below its loudest value, both in log10 and divided by 4.
        floor = max((-10.0 + 4.0) / 4.0, float(mel.max()) - 8.0 / 4.0)
        missing = max(round(self.context_s * SAMPLE_RATE / _FRAME) - mel.shape[1], 0)
        mel = np.pad(mel, ((0, 0), (0, missing + (mel.shape[1] + missing) % 2)), constant_values=floor)
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(mel[np.newaxis], dtype=np.float32))
        return self._model.encode(view)

    def _decode(
        self, encoded: ctranslate2.StorageView, prefix: Sequence[int], new_s: float, beam: int, prompted: bool
    ) -> list[int] | None:
        prompt = [*(self._prompt if prompted else ()), *self._start, *prefix]
        result = self._model.generate(
            encoded,
            [prompt],
            beam_size=beam,
            max_length=min(len(prompt) + round(_TOKENS_PER_S * new_s) + _TOKENS_MORE, 448),
            suppress_blank=not prefix,  # after settled words "nothing more" has to be a possible answer
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < self._tokens.eot]
        if tokens[: len(prefix)] == list(prefix):  # CTranslate2 gives the forced tokens back
            tokens = tokens[len(prefix) :]
        text = self._tokens.decode(tokens).strip()
        score = result.scores[0] if tokens else 0.0
        if not prefix and result.no_speech_prob > _MAX_NO_SPEECH and score < _MIN_LOGPROB:
            return []
        if text and _compression(text) > _MAX_COMPRESSION:
            return None
        return tokens

    def _align(
        self, encoded: ctranslate2.StorageView, prefix: Sequence[int], new: list[int], samples: int
    ) -> list[HeardWord]:
        tokens = [*prefix, *new]
        result = self._model.align(encoded, self._tokens.sot_sequence, [tokens], samples // _FRAME)[0]
        token_at, time_at = np.asarray(result.alignments, dtype=np.int64).T
        entered = time_at[np.flatnonzero(np.diff(token_at, prepend=-1))] * _TOKEN_S - _LATE_S  # when each token begins
        words: list[tuple[str, int, int]] = []  # text, first token, token after the last
        at = len(prefix)
        for text, part in zip(*self._tokens.split_to_word_tokens([*new, self._tokens.eot]), strict=True):
            if part[0] >= self._tokens.eot:
                break
            after = at + len(part)
            bare = not text.strip(_PUNCTUATION + " ")
            if words and (bare or text.lstrip().startswith("-")):  # commas, and the "-known" of "well-known"
                words[-1] = (words[-1][0] + text.lstrip(), words[-1][1], after)
            else:
                words.append((text, at, after))
            at = after
        return [
            HeardWord(
                text.strip(" -"),
                tuple(tokens[a:b]),
                max(float(entered[a]), 0.0),
                max(float(entered[b]), 0.0),
                float(np.mean(result.text_token_probs[a:b])),
            )
            for text, a, b in words
            if text.strip(_PUNCTUATION + " ")
        ]


def _compression(text: str) -> float:
    raw = text.encode("utf-8")
    return len(raw) / len(zlib.compress(raw))
