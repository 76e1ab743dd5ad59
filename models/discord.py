"""Discord: the face, body, voice and language cues of one moment flow in; scores of disagreement between them flow out.

BAH's experts saw a discord between channels in most A/H segments (face-language 42.6 %, language-body 26.6 %,
language-voice 16.5 % of 215). A discord is a product of two scores, so it is absent where either channel is.
"""

from __future__ import annotations

from typing import Final

from ahdetect.models.cues import INDEX, Channel, CueFrame, absent_frame, empty_values

HEAD_BAND_DEG: Final = 4.0
"""Root-mean-square of a head shake or nod that counts as fully shown, degrees: a shake of about 6 deg to each side."""

SILENT_SHARE: Final = 0.5
"""Share of silence in the last 10 s that counts as a fully unsure voice."""


def discord(
    t_ns: int, face: CueFrame | None, voice: CueFrame | None, language: CueFrame | None
) -> CueFrame:  # body enters through the head bands, which the face model measures
    """The discord cues at `t_ns`; absent where there are no words or neither face nor voice."""
    if language is None or language.absent:
        return absent_frame(Channel.DISCORD, t_ns, "no words to compare with")
    has_face = face is not None and not face.absent
    has_voice = voice is not None and not voice.absent
    if not has_face and not has_voice:
        return absent_frame(Channel.DISCORD, t_ns, "neither face nor voice to compare with")
    values = empty_values(Channel.DISCORD)
    valence = language["language_valence"]
    denying = min(1.0, language["language_negation"])
    if has_face:
        assert face is not None
        smile, frown = face["face_smile"], face["face_brow_lower"]
        values[INDEX["discord_face_language"]] = max(smile * max(0.0, -valence), frown * max(0.0, valence))
        shake = min(1.0, face["face_shake_band"] / HEAD_BAND_DEG)
        nod = min(1.0, face["face_nod_band"] / HEAD_BAND_DEG)
        affirming = max(0.0, valence) * (1.0 - denying)
        values[INDEX["discord_language_body"]] = max(shake * affirming, nod * denying)
    if has_voice:
        assert voice is not None
        unsure_voice = min(1.0, voice["voice_pause_share"] / SILENT_SHARE)
        unsure_words = min(1.0, language["language_hedge"] + language["language_filler"])
        firm_words = min(1.0, language["language_emphasis"] + language["language_wanting"]) * (1.0 - unsure_words)
        values[INDEX["discord_language_voice"]] = max(firm_words * unsure_voice, unsure_words * (1.0 - unsure_voice))
    return CueFrame(Channel.DISCORD, t_ns, values)
