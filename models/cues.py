"""The one table of cues: nothing flows in; names, channels, units, meanings and sources flow out.

It is the schema of the Parquet file, the source of every explanation, and a page of the documentation
(`tools/cue_page.py`). A cue that stands here is computed; a cue that is computed stands here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLENDSHAPES: Final[tuple[str, ...]] = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""The 52 scores of MediaPipe's FaceLandmarker, in its order."""


class Channel(Enum):
    """The channels of the BAH cue annotation (EVIDENCE: face, body, voice, language, and discord between them)."""

    FACE = "face"
    BODY = "body"
    VOICE = "voice"
    LANGUAGE = "language"
    DISCORD = "discord"


@dataclass(frozen=True, slots=True)
class Cue:
    """One row of the table.

    Attributes:
        name: column name, starting with its channel.
        channel: where it is seen or heard.
        unit: "score 0-1", "deg", "Hz", "dB", "s", "per s", "per 100 words", "log words", "count", "flag", ...
        meaning: what it measures, in one line.
        source: the model, formula or paper that it comes from.
        phrase: how an explanation says that it is raised, in plain words; "" where it is never named.
    """

    name: str
    channel: Channel
    unit: str
    meaning: str
    source: str
    phrase: str = ""


def snake(camel: str) -> str:
    """`browDownLeft` as `brow_down_left`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", camel.lstrip("_")).lower()


_FL = "MediaPipe FaceLandmarker"
_MATRIX = f"{_FL}, 4x4 facial transformation matrix"
_EFFECT = "BAH paper, effects of facial action units over whole clips (rank-biserial |r|)"
_WINDOW = "standard deviation over the last 2 s"
_POSE = "MediaPipe PoseLandmarker (full)"
_BAH = "BAH paper, table of experts' cues"
_LEXICON = "word list of models/lexicon.py"
_FADING = "word list of models/lexicon.py; the j-th of an answer counts log2(1 + 1/j), fading with 4.25 s"


def _face() -> list[Cue]:
    rows = [Cue(f"face_{snake(b)}", Channel.FACE, "score 0-1", f"blendshape {b}", _FL) for b in BLENDSHAPES]
    c = Channel.FACE
    rows += [
        Cue("face_yaw", c, "deg", "head turned to its left (+) or right (-)", _MATRIX),
        Cue("face_pitch", c, "deg", "head raised (+) or lowered (-)", _MATRIX),
        Cue("face_roll", c, "deg", "head tilted to its left shoulder (+) or right (-)", _MATRIX),
        Cue("face_distance", c, "cm", "distance of the face from the camera", _MATRIX),
        Cue("face_gaze_x", c, "score -1 to 1", "eyes to the person's left (+) or right (-), relative to the head", _FL),
        Cue("face_gaze_y", c, "score -1 to 1", "eyes up (+) or down (-), relative to the head", _FL),
        Cue("face_gaze_aversion", c, "score 0-1", "share of the last 2 s in which head and eyes together point over 15 deg from where the person mostly looks",
            "Doherty-Sneddon & Phelps 2005; " + _BAH, "looking away"),
        Cue("face_blink", c, "score 0-1", "eye closure, mean of both eyes", _FL),
        Cue("face_blink_rate", c, "per min", "blinks per minute, over the last 10 s", _BAH, "blinking more often"),
        Cue("face_eyes_closed", c, "s", "how long both eyes have been closed, 0 while open", _BAH, "eyes held closed"),
        Cue("face_lip_press", c, "score 0-1", "lips pressed or rolled in", _BAH, "pressed lips"),
        Cue("face_smile", c, "score 0-1", "lip corners raised, mean of both sides", _EFFECT, "smiling"),
        Cue("face_brow_lower", c, "score 0-1", "brows drawn down, mean of both sides", _EFFECT, "lowered brows"),
        Cue("face_brow_raise", c, "score 0-1", "brows raised, inner and outer", _BAH, "raised brows"),
        Cue("face_cheek_raise", c, "score 0-1", "cheeks raised, seen as eyes squinted (cheekSquint is always 0)", _EFFECT, "raised cheeks"),
        Cue("face_brow_lower_sd", c, "score", f"brow lowering, {_WINDOW}", _EFFECT, "restless brows"),
        Cue("face_cheek_raise_sd", c, "score", f"cheek raise, {_WINDOW}", _EFFECT, "changing cheeks and eyes"),
        Cue("face_nose_wrinkle_sd", c, "score", f"wings of the nose raised toward the eyes, in eye spans, {_WINDOW}", _EFFECT, "nose wrinkling on and off"),
        Cue("face_smile_sd", c, "score", f"smile, {_WINDOW}", _EFFECT, "a smile that comes and goes"),
        Cue("face_gaze_x_sd", c, "score", f"sideways gaze, {_WINDOW}", _EFFECT, "eyes moving from side to side"),
        Cue("face_gaze_y_sd", c, "score", f"up and down gaze, {_WINDOW}", _EFFECT, "eyes moving up and down"),
        Cue("face_jaw_crossings", c, "per s", "jaw drop crossing its own mean, last 2 s", _EFFECT, "a mouth that starts and stops"),
        Cue("face_shake_band", c, "deg", "yaw amplitude in 1-4 Hz (root mean square), last 2 s", _BAH, "shaking the head"),
        Cue("face_nod_band", c, "deg", "pitch amplitude in 1-4 Hz (root mean square), last 2 s", _BAH, "nodding"),
        Cue("face_size", c, "share", "quality: height of the face box over the picture's height", _FL),
        Cue("face_light", c, "0-255", "quality: mean grey level of the face crop", "measured on the aligned crop"),
        Cue("face_blur", c, "score", "quality: variance of the Laplacian of the aligned grey crop", "Pech-Pacheco et al. 2000"),
        Cue("face_quality", c, "score 0-1", "quality: product of size, yaw, light and blur terms", "models/face.py"),
    ]  # fmt: skip
    return rows


def _body() -> list[Cue]:
    c = Channel.BODY
    return [
        Cue("body_lean", c, "ratio", "shoulder width against its running median: > 1 leaning in, < 1 leaning back", _POSE),
        Cue("body_tilt", c, "deg", "slope of the shoulder line: left shoulder lower (+) or right (-)", _POSE, "a tilted posture"),
        Cue("body_shrug", c, "ratio", "shoulders nearer to the ears than their running median, as a share of it: 0 usual, > 0 raised", _BAH, "a shrug"),
        Cue("body_hand_to_face", c, "score 0-1", "nearness of a visible hand to the mouth: 1 at the chin, 0 from the breast down", _BAH, "a hand at the face"),
        Cue("body_look_away", c, "score 0-1", "nose moved from the middle of the ears: 0 front, 1 over an ear", _BAH, "turning away"),
        Cue("body_motion", c, "shoulder widths per s", "mean speed of upper-body landmarks, last 1 s", _BAH, "restless movement"),
        Cue("body_posture_sd", c, "shoulder widths", "movement of the shoulders' middle over the last 4 s", _BAH, "shifting posture"),
        Cue("body_visibility", c, "score 0-1", "quality: mean visibility of shoulders, elbows and wrists", _POSE),
    ]  # fmt: skip


def _voice() -> list[Cue]:
    c = Channel.VOICE
    return [
        Cue("voice_speech", c, "score 0-1", "probability of speech", "Silero VAD v6"),
        Cue("voice_f0", c, "Hz", "fundamental frequency, median of 40 ms; absent where unvoiced or not speech", "Boersma 1993, models/pitch.py"),
        Cue("voice_voicing", c, "score 0-1", "height of the autocorrelation peak: how periodic the sound is", "Boersma 1993, models/pitch.py"),
        Cue("voice_intensity", c, "dB", "level relative to full scale; absent in digital silence", "root mean square of 40 ms"),
        Cue("voice_f0_shift", c, "semitones", "median f0 of the last 3 s against the person's median so far", "Jiang & Pell 2017", "a higher voice"),
        Cue("voice_f0_sd", c, "semitones", "spread of f0 (half the 16-84 % range), last 3 s", "Jiang & Pell 2017", "an unsteady pitch"),
        Cue("voice_intensity_sd", c, "dB", "spread of intensity in speech (half the 16-84 % range), last 3 s", _BAH, "an unsteady volume"),
        Cue("voice_pause", c, "s", "length of the pause so far, 0 while speaking; before any speech only after a prompt", "BAH paper: pause 37 % of voice cues", "a pause"),
        Cue("voice_pause_share", c, "share", "share of silence in the last 10 s of the answer", "BAH paper: pause timing, AP .718", "long silences"),
        Cue("voice_pause_rate", c, "per min", "pauses of at least .25 s in the last 20 s", "Jiang & Pell 2017", "many pauses"),
        Cue("voice_articulation_rate", c, "per s", "syllable nuclei per second of speech, last 5 s with at least 1 s of speech", "de Jong & Wempe 2009", ""),
        Cue("voice_slow", c, "score", "articulation rate below the person's median so far, in standard deviations", "BAH paper: slow 23 % of voice cues", "slow speech"),
        Cue("voice_filled_pause", c, "score 0-1", "steady pitch and spectrum held for .2 s or more", "Goto et al. 1999", "a drawn-out sound"),
        Cue("voice_response_latency", c, "s", "from the end of the prompt to the first speech, kept until the next prompt; absent without one", "Roberts 2006; Kendrick & Torreira 2015", "a late answer"),
        Cue("voice_noise", c, "dB", "quality: level of the sound without speech (10th percentile, last 20 s)", "models/voice.py"),
    ]  # fmt: skip


def _language() -> list[Cue]:
    c = Channel.LANGUAGE
    return [
        Cue("language_log_words", c, "log words", "log(1 + words of the answer so far)", "models/language.py", "a long answer"),
        Cue("language_filler_rate", c, "per 100 words", "um, uh and the like, answer so far", _LEXICON + "; OR 1.53", "fillers"),
        Cue("language_hedge_rate", c, "per 100 words", "maybe, kind of, I guess ..., answer so far", _LEXICON + "; OR 2.10", "hedges"),
        Cue("language_contrast_rate", c, "per 100 words", "but, although, however ..., answer so far", _LEXICON + "; OR 2.02", "contrast words"),
        Cue("language_modal_rate", c, "per 100 words", "should, could, would ..., answer so far", _LEXICON, "modal verbs"),
        Cue("language_negation_rate", c, "per 100 words", "not, never, n't ..., answer so far", _LEXICON + "; OR 1.30", "negations"),
        Cue("language_filler", c, "count", "fillers", _FADING, "a filler sound"),
        Cue("language_hedge", c, "count", "hedges: maybe, kind of, I guess ...", _FADING, "a hedge"),
        Cue("language_contrast", c, "count", "contrast words: but, although, however ...", _FADING, "a contrast"),
        Cue("language_modal", c, "count", "modal verbs: should, could, have to ...", _FADING, "a modal verb"),
        Cue("language_negation", c, "count", "negations: not, never, n't ...", _FADING, "a negation"),
        Cue("language_reflection", c, "count", "words of weighing: know, guess, realise, actually ...", _FADING, "weighing words"),
        Cue("language_wanting", c, "count", "want, wish", _FADING, "a wish"),
        Cue("language_doing", c, "count", "talk of doing: do, get, go, start, try ...", _FADING, "talk of doing it"),
        Cue("language_emphasis", c, "count", "love, hate, always, definitely ...", _FADING, "emphatic words"),
        Cue("language_feel", c, "count", "'feel'", _FADING, "'feel'"),
        Cue("language_others", c, "count", "talk of others: they, people, he, she, say ...", _FADING, "talk of others"),
        Cue("language_belief", c, "count", "I think, I believe, I find", _FADING, "'I think'"),
        Cue("language_reason", c, "count", "because, so that, reason, helps ...", _FADING, "reasons"),
        Cue("language_agreement", c, "count", "yeah, well, okay, you know ...", _FADING, "an aside"),
        Cue("language_vagueness", c, "count", "stuff, things, something, whatever ...", _FADING, "vague words"),
        Cue("language_regret", c, "count", "bad, guilty, lazy, put off, later ...", _FADING, "words of regret or delay"),
        Cue("language_past", c, "count", "was, had, used to ...", _FADING, "talk of the past"),
        Cue("language_condition", c, "count", "if, would, unless, depends ...", _FADING, "conditions"),
        Cue("language_repair", c, "count", "repetitions and cut-off words", _FADING + "; " + _BAH, "a repeated or corrected word"),
        Cue("language_mixed", c, "share 0-.5", "share of the rarer of positive and negative words, answer so far", "VADER (Hutto & Gilbert 2014), models/clauses.py", "liking and disliking in one answer"),
        Cue("language_answer", c, "nats", "what the answer so far, its length with it, says about this moment, beyond the last seconds", "models/expert.py", "the answer so far"),
        Cue("language_llr", c, "nats", "log-likelihood ratio of the words for A/H at this moment: all of the above, weighed", "models/effects.py"),
        Cue("language_change_talk", c, "score 0-1", "change talk in the last clauses, fading with 4.25 s", "trained on AnnoMI, models/talk.py"),
        Cue("language_sustain_talk", c, "score 0-1", "sustain talk in the last clauses, fading with 4.25 s", "trained on AnnoMI, models/talk.py"),
        Cue("language_both_talks", c, "score 0-1", "the weaker of change talk and sustain talk: high where both were heard within seconds", "Miller & Rollnick 2013; weighs nothing: no effect on A/H answers was measured"),
        Cue("language_valence", c, "score -1 to 1", "VADER compound of the last 20 words", "Hutto & Gilbert 2014", ""),
        Cue("language_word_rate", c, "per s", "words in the last 5 s", "EVIDENCE: about 2.2 words/s"),
        Cue("language_confidence", c, "score 0-1", "quality: mean word probability of the last 10 words", "Whisper"),
    ]  # fmt: skip


def _discord() -> list[Cue]:
    c = Channel.DISCORD
    return [
        Cue("discord_face_language", c, "score 0-1", "smile against negative words, or frown against positive ones",
            "BAH paper: 42.6 % of discord segments", "face and words that disagree"),
        Cue("discord_language_voice", c, "score 0-1", "firm words in an unsure voice, or unsure words in a firm one",
            "BAH paper: 16.5 % of discord segments", "words and voice that disagree"),
        Cue("discord_language_body", c, "score 0-1", "head shake with affirming words, or nod with denying ones",
            "BAH paper: 26.6 % of discord segments", "words and head that disagree"),
    ]  # fmt: skip


CUES: Final[tuple[Cue, ...]] = (*_face(), *_body(), *_voice(), *_language(), *_discord())
"""All cues, in the order of the Parquet columns."""

OF_CHANNEL: Final[dict[Channel, tuple[Cue, ...]]] = {
    ch: tuple(cue for cue in CUES if cue.channel is ch) for ch in Channel
}
INDEX: Final[dict[str, int]] = {cue.name: i for rows in OF_CHANNEL.values() for i, cue in enumerate(rows)}
"""Cue name to its place in the vector of its own channel."""


@dataclass(frozen=True, slots=True)
class CueFrame:
    """The cues of one channel at one moment.

    Attributes:
        channel: which channel.
        t_ns: the moment that they describe, session clock, ns.
        values: float32, shape (number of cues of the channel,), NaN where a cue is absent.
        absent: why the whole channel has nothing ("no face", "silence", "frame dropped"); "" where it has.
        overlay: what a picture may draw on top (face and body landmarks, boxes); never stored.
    """

    channel: Channel
    t_ns: int
    values: NDArray[np.float32]
    absent: str = ""
    overlay: dict[str, NDArray[np.float32]] = field(default_factory=dict, compare=False)

    def __getitem__(self, name: str) -> float:
        """The value of the cue `name`, which must belong to this channel."""
        return float(self.values[INDEX[name]])


def empty_values(channel: Channel) -> NDArray[np.float32]:
    """A vector of NaN, float32, shape (number of cues of the channel,), to be filled by name."""
    return np.full(len(OF_CHANNEL[channel]), np.nan, dtype=np.float32)


def absent_frame(channel: Channel, t_ns: int, reason: str) -> CueFrame:
    """A moment at which the channel has nothing, with the reason in words."""
    return CueFrame(channel, t_ns, empty_values(channel), absent=reason)
