"""Spoken answers with known words flow in; how far hearing moves the language score flows out (Markdown, JSON).

    python tools/measure_language_hearing.py [--quick] [--json FILE] [--heard FILE] [--unprompted] [--drop MARKER ...]

Every answer is scored four ways, prompt-blind: as scripted, as the streaming recogniser hears it, and as scripted but
with only its fillers or only its punctuation as heard. The model is additive, so what is left is shared out exactly
between the markers, the length and the mixture of valence.

Sources: 64 scripted answers (ours; `SCRIPTS`) by espeak-ng in eight voices with pauses, some with noise; the same by
flite where it is installed (Debian `flite`); LibriVox readings of Debian's `pocketsphinx-testdata` where they are
installed; the demo clip with its script; and every NAME.wav, .flac or .mp3 with a NAME.txt in `--clips FOLDER`.

`--answers FILE.jsonl` (lines with `text`) also puts written answers through the errors that were heard, each answer
with the error rate of one spoken case, and prints how far their scores move. No word of them is printed or written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import soxr
from make_speech_clips import RATE, Voice
from measure_speech import READ, align, replay, spell
from numpy.typing import NDArray

from ahdetect.assets.make_demo import HESITANT, PLAIN
from ahdetect.models.expert import FILE, AnswerScore, LanguageExpert, Weights, load_weights
from ahdetect.models.lexicon import LONGEST, MARKERS, PHRASES, completed, token
from ahdetect.models.speech import SpeechModel
from ahdetect.models.whisper import HeardWord, Recogniser

Pcm = NDArray[np.int16]

SEED: Final = 3
GOAL: Final = 0.1
"""Mean change of the probability that hearing may make (issue: language channel)."""

FILLERS: Final = frozenset(PHRASES["filler"])
_ENDS: Final = ".,?!;:…"

SCRIPTS: Final[dict[str, tuple[str, ...]]] = {
    "hesitant": (
        "Um, I guess I could, uh, cut down on the coffee, / but, um, I don't know. / It's sort of the only thing "
        "that gets me through the morning, and, uh, maybe I'm not ready to give that up yet.",
        "Well, / I've, I've been meaning to call the clinic, but, um, something always comes up. / Maybe next week. "
        "/ I'm not sure, uh, what I would even say to them.",
        "Uh, I suppose running would help. / I mean, I did try it once, um, in spring, and then my knee hurt, / so, "
        "I don't know, perhaps I'll, I'll start again when it gets warmer.",
        "I was, I was thinking about quitting, / kind of, / but it's, um, it's a bit hard to picture. / I might try "
        "the patches. / Or, uh, something like that.",
        "It's hard to say. / I probably should sleep more, um, but the evening is the only time that I have, / and, "
        "uh, I kind of put it off, and then it's two in the morning again.",
        "Um, / yeah, / I don't really know. / I want to eat better, I guess, but cooking for one is, uh, it's sort "
        "of sad, and I end up with toast, or, or whatever is there.",
        "So, uh, my doctor told me to walk every day, / and I know she's right, / but, um, I'm not sure that I can "
        "keep it up. / Maybe three days. / Maybe two.",
        "I guess, um, I could leave the phone in the kitchen at night. / I tried that, but, uh, then I got up to "
        "check it anyway, / so, well, I don't know what else I could do.",
        "Possibly. / I mean, / I could ask my sister to come with me, um, though she's busy, / and, uh, I'd feel a "
        "little silly at the gym, to be honest, so I'm sort of waiting.",
        "Um, I think I would like to drink less, / but, uh, on Fridays everybody goes out, and I, I don't want to "
        "be the one who, um, who sits there with water. / Maybe I'm making excuses.",
        "Uh, / I don't know, / it might be good for me. / I just, um, I never seem to start. / I get the mat out "
        "and then, uh, I kind of sit next to it.",
        "Well, maybe. / I was going to sign up for the course, / and then, um, I didn't. / I guess I was, uh, a bit "
        "afraid that I would not finish it, like the last one.",
    ),
    "ambivalent": (
        "Part of me wants to stop, / and part of me really likes it. / I know that it is bad for my lungs, but "
        "after a long day it is the one thing that makes me calm, so I go back and forth.",
        "I love my job, but I hate what it does to my sleep. / I could ask for fewer shifts, although then the "
        "money would be tight, and I honestly don't know which one is worse.",
        "On the one hand I want to lose weight. / On the other hand, food is how my family shows love, / and if I "
        "say no to my mother's cooking, um, it hurts her, so I eat it, and then I feel guilty.",
        "I want to see my friends more, but when they call I am tired and I say no. / I miss them, and at the same "
        "time I'm relieved when nobody asks. / It's strange.",
        "I know I should take the tablets every day. / They help, but they make me slow, and, uh, I don't like who "
        "I am on them, even though my wife says that I am easier to live with.",
        "I quit for ten days and I was so proud. / Then I had one at a party and it was great, and that's the "
        "problem. / I want to be done with it, but I don't want to miss it either.",
        "Moving would be good for us, / and I still don't want to go. / My mother is here. / The kids would get a "
        "garden, though, and I would get an hour of my life back every day.",
        "Yes, I want to save money, but, um, I work hard, and buying something nice is how I tell myself that it's "
        "worth it. / I wish I could do both. / I can't, I know that.",
        "I like being on my phone, it's fun, and it's also the thing that I regret every night. / I put it away, I "
        "pick it up. / I should get rid of it, but I would feel cut off.",
        "My therapist thinks I am ready, and sometimes I think so too. / Then I wake up and I'm scared again. / I "
        "want to drive, I do, but my hands say something different.",
        "Going to the gym makes me feel strong, / but the people there make me feel old. / So I want to go and I "
        "don't want to go, and usually the sofa wins, and then I'm angry with myself.",
        "I would never hurt him, and I do get too loud. / I know the course would help. / But it's like saying that "
        "I am a bad father, uh, and I'm not, I really am not.",
    ),
    "neutral": (
        "Every morning I take the bus to the office. / It takes about twenty minutes. / I read the news on the way, "
        "and when I get there I make a pot of tea for everybody.",
        "On Saturday we went to the market and bought fish, potatoes and a big bag of apples. / My brother cooked, "
        "and after dinner we played cards until ten.",
        "The library is next to the school. / It opens at nine and it has three floors. / The children's books are "
        "on the ground floor, and the quiet room is at the top.",
        "I have two cats and a small garden. / In spring I plant beans and tomatoes, and in the summer my "
        "neighbours come over and take some of them home.",
        "My sister lives by the sea with her husband. / They have a boat that they painted blue, and every August "
        "the whole family goes there for a week.",
        "First I boil the water, then I put in the pasta and a little salt. / While it cooks I chop the garlic and "
        "warm the oil, and after ten minutes dinner is ready.",
        "We moved here when I was six. / The house is made of brick and it has a red door. / There is a park across "
        "the street where they hold a concert every summer.",
        "The train leaves at half past seven from the second platform. / People usually stand near the front, "
        "because the first carriage stops beside the stairs.",
        "On a normal day I get up at seven, feed the dog and walk around the lake. / Then I work at the kitchen "
        "table until lunch, and in the afternoon I pick up the kids.",
        "My grandfather was a baker. / He got up at three every night, and by six the shop was full of people. / He "
        "always said that bread needs time and a warm room.",
        "Our team meets on Monday. / Everyone says what they are working on, somebody writes it down, and the "
        "meeting is over in fifteen minutes. / On Friday we eat lunch together.",
        "The museum has a new room about the moon. / You can touch a real stone and watch a short film. / The "
        "tickets are cheap and it is open every day except Tuesday.",
    ),
    "willing": (
        "Yes, I'm going to do it. / I bought the shoes yesterday and I told my whole family. / I start on Monday at "
        "six, before work, and I am really looking forward to it.",
        "I stopped drinking in January and I feel wonderful. / My skin is better, I sleep all night, and my "
        "daughter says that she is proud of me. / I will never go back.",
        "I love walking, so this is easy for me. / I get off the bus two stops early, I take the stairs, and every "
        "Sunday we hike with the dog for three hours.",
        "I am ready. / I have thrown away the ashtrays and I have the patches in my bag. / My husband is doing it "
        "with me, and we have planned what we will do with the money.",
        "I believe that everybody can learn to cook. / I do it because it helps me to relax, and because my "
        "children deserve good food. / I would tell anyone to try it.",
        "I made the appointment this morning. / It is time to take care of my teeth, and I feel good about it. / "
        "I'll go twice a year from now on, definitely.",
        "I want to be there for my grandchildren, so I changed my breakfast, I gave up sugar, and I swim on "
        "Tuesdays and Thursdays. / It works, and I enjoy it.",
        "I always wear my helmet and I tell other people to wear one too. / It saved my life once. / It takes two "
        "seconds and I feel safe with it.",
        "Absolutely. / I volunteer at the shelter every weekend. / People there say that they feel seen, and that "
        "is the best reward that I can think of.",
        "I will call them tonight. / I have the number, I know what I want to say, and I am not afraid of the "
        "answer. / I feel strong, and I am glad that I decided this.",
        "We recycle everything at home. / The kids love it, they made signs for the bins. / I think that it "
        "matters, and I'm happy that the whole street does it now.",
        "I take my medicine every morning with my coffee. / I have an alarm for it, and I have not missed a day in "
        "a year. / It keeps me well, so there is nothing to discuss.",
    ),
    "resistant": (
        "No. / I don't want to, and nobody is going to make me. / I smoke in my own garden and I pay my own bills. "
        "/ They can put whatever picture they like on the box.",
        "I don't see the problem. / I drink like everybody else does. / My boss drinks more, and nobody tells him "
        "to go to a meeting, so I am not going either.",
        "I hate the gym. / It smells, it is loud, and people look at you. / I have tried it, I paid for a year, and "
        "I will never do that again.",
        "People say that you have to eat breakfast. / I never have and I never will. / I'm not hungry before noon, "
        "and I don't need anybody to tell me when to eat.",
        "I won't take those tablets. / They said the same about the last ones, and those made me sick. / I know my "
        "own body better than someone who saw me for five minutes.",
        "It's my phone and my time. / I don't care what the study says. / They always find something new to be "
        "afraid of, and next year they will say the opposite.",
        "I am not going to talk to a stranger about my marriage. / We can work it out ourselves, as we always did. "
        "/ It's nobody's business and I am done with this question.",
        "No, I can't do that, I have no time. / I work, I have three children, and my mother is ill. / Those people "
        "with their programmes have no idea what a day looks like.",
        "Why should I stop? / It never did me any harm. / My father did it until he was ninety, and he was never "
        "sick a day in his life.",
        "I don't believe in diets. / They don't work, they make you miserable, and they cost a lot. / I'm fine the "
        "way that I am, thank you.",
        "I'm not doing the course. / I told them, I told the judge, and I am telling you. / You can send me there, "
        "but you can't make me listen.",
        "They want us to cycle to work, but they don't build the roads. / I am not going to die for it. / I'll keep "
        "my car until somebody gives me something better.",
    ),
    "rambling": (
        "Well, um, I used to go every week, you know, when I lived near the pool, / and then I moved, and, uh, it "
        "was further away, / and I had the baby, so I stopped. / I do miss it. / I could go on Sundays, I suppose, "
        "if my husband was at home, but he, he often works. / I don't know. / Maybe when she's older.",
        "So, uh, people tell me that I should see someone. / And I understand why they say it, I do. / But when I "
        "get to the door I, um, I turn around. / I did that twice. / It isn't that I don't want help. / I want it. "
        "/ It's just, uh, what if it doesn't work, and then there is nothing left to try?",
        "I started smoking when I was fifteen, / because my friends did. / I stopped when I was pregnant, and I "
        "started again, um, the week that I went back to work. / I know what it costs, I know what it does. / And "
        "still, uh, there is this moment in the evening, and I don't want to lose that moment.",
        "Okay, so, I would say that I eat quite well. / I cook, I buy vegetables, / but there's the chocolate, um, "
        "in the drawer at work. / It's not every day. / Well, it is every day. / I could stop buying it, I guess, / "
        "but then I'd be the person who, uh, who walks to the shop at four.",
    ),
}  # fmt: skip
"""Manner of the answer to its texts; " / " is a pause. Written for this measurement, about nobody."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """How espeak-ng says an answer.

    Attributes:
        voice: of espeak-ng.
        words_per_minute: its speed.
        pause_s: the longest pause at a " / "; the shortest is .15 s.
        snr_db: of pink noise; None for none.
    """

    voice: str
    words_per_minute: int
    pause_s: float
    snr_db: float | None


SPEAKERS: Final = (
    Speaker("en-us", 150, 1.0, None),
    Speaker("en-gb", 140, 0.6, 25.0),
    Speaker("en-us+f3", 150, 1.4, None),
    Speaker("en-gb+m3", 165, 0.4, None),
    Speaker("en-us+m7", 130, 1.8, 20.0),
    Speaker("en-gb-x-rp+f2", 145, 0.8, None),
    Speaker("en-gb-scotland", 150, 1.0, 15.0),
    Speaker("en-us+f4", 175, 0.3, 20.0),
)
FLITE: Final = ("rms", "slt", "awb")


@dataclass(frozen=True, slots=True)
class Case:
    """An answer to be heard.

    Attributes:
        name: unique.
        source: row of the first table.
        manner: kind of script.
        words: what is said, with punctuation where it is known.
        sound: makes it, 16 kHz mono int16, shape (n,).
    """

    name: str
    source: str
    manner: str
    words: list[str]
    sound: Callable[[], Pcm]


@dataclass(frozen=True, slots=True)
class Heard:
    """A case and the words that the recogniser settled."""

    case: Case
    words: list[str]
    seconds: float
    cpu_s: float


class Unprompted(Recogniser):
    """A recogniser that is never told of fillers, so that it loses most of them."""

    def __init__(self, inner: Recogniser) -> None:
        self._inner = inner

    def hear(
        self, sound: NDArray[np.float32], prefix: Sequence[int], new_s: float, *, beam: int, prompted: bool
    ) -> list[HeardWord]:
        """As the inner one, without its prompt."""
        del prompted
        return self._inner.hear(sound, prefix, new_s, beam=beam, prompted=False)


def pink(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Pink noise of unit power, shape (n,)."""
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 1))
    noise = np.fft.irfft(spectrum, n)
    return np.asarray(noise / noise.std())


def joined(phrases: list[Pcm], pause_s: float, snr_db: float | None, seed: int) -> Pcm:
    """Phrases with pauses between them, half a second of room before and a second after, in noise."""
    rng = np.random.default_rng([SEED, seed])
    parts = [np.zeros(RATE // 2, np.int16)]
    for phrase in phrases:
        parts += [phrase, np.zeros(round(rng.uniform(0.15, pause_s) * RATE), np.int16)]
    sound = np.concatenate([*parts, np.zeros(RATE, np.int16)]).astype(float)
    level = float(np.sqrt(np.mean(np.concatenate(phrases).astype(float) ** 2)))
    sound += pink(len(sound), rng) * (level * 10 ** (-snr_db / 20) if snr_db is not None else 10.0)
    return np.asarray(np.clip(sound, -32768, 32767).astype(np.int16))


def espeak(voice: Voice, text: str, speaker: Speaker, seed: int) -> Pcm:
    """An answer by espeak-ng."""
    said = [voice.speak(part, speaker.voice, speaker.words_per_minute)[0] for part in text.split(" / ")]
    return joined(said, speaker.pause_s, speaker.snr_db, seed)


def flite(text: str, voice: str, seed: int) -> Pcm:
    """An answer by flite; 16 kHz voices."""
    said = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        for part in text.split(" / "):
            subprocess.run(["flite", "-voice", voice, "-t", part, "-o", str(path)], check=True, capture_output=True)
            with wave.open(str(path)) as clip:
                pcm = np.frombuffer(clip.readframes(clip.getnframes()), np.int16)
                said.append(np.asarray(soxr.resample(pcm, clip.getframerate(), RATE, "HQ")))
    return joined(said, 1.0, None, seed)


def read(path: Path) -> Pcm:
    """The sound of a file, with half a second before and a second after it."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(path)) as clip:
        frames = [out for frame in clip.decode(audio=0) for out in resampler.resample(frame)]
    pcm = [f.to_ndarray()[0] for f in (*frames, *resampler.resample(None))]
    return np.concatenate([np.zeros(RATE // 2, np.int16), *pcm, np.zeros(RATE, np.int16)]).astype(np.int16)


def scripted() -> list[tuple[str, str, str]]:
    """Name, manner and text of every script; neighbours are of different manners, so that a part of them has all."""
    rows = [(f"{manner} {k + 1}", manner, text) for manner, texts in SCRIPTS.items() for k, text in enumerate(texts)]
    return sorted(rows, key=lambda row: (int(row[0].split()[1]), list(SCRIPTS).index(row[1])))


def spoken_words(text: str) -> list[str]:
    """The words of a script, with punctuation."""
    return [word for word in text.split() if word != "/"]


def cases(quick: bool, clips: Path | None) -> Iterator[Case]:
    """The material."""
    voice = Voice()
    for number, (name, manner, text) in enumerate(scripted()):
        if quick and number % 4:
            continue
        speaker = SPEAKERS[(number // 4 if quick else number) % len(SPEAKERS)]
        kind = "espeak-ng" if speaker.snr_db is None else "espeak-ng, noise"
        yield Case(
            f"{name}, {speaker.voice}", kind, manner, spoken_words(text),
            lambda text=text, speaker=speaker, number=number: espeak(voice, text, speaker, number),  # type: ignore[misc]
        )  # fmt: skip
    if shutil.which("flite"):
        for number, (name, manner, text) in enumerate(scripted()):
            if quick and number % 8:
                continue
            who = FLITE[number % len(FLITE)]
            yield Case(
                f"{name}, {who}", "flite", manner, spoken_words(text),
                lambda text=text, who=who, number=number: flite(text, who, number),  # type: ignore[misc]
            )  # fmt: skip
    yield from readings()
    demo = {"hesitant": HESITANT, "plain": PLAIN}
    said = [word for part in demo.values() for phrase, _, _ in part for word in phrase.split()]
    yield Case("demo clip", "demo clip", "demo", said, lambda: read(Path(str(files("ahdetect.assets") / "demo.mp4"))))
    for path in sorted(clips.iterdir()) if clips else ():
        script = path.with_suffix(".txt")
        if path.suffix.lower() in {".wav", ".flac", ".mp3"} and script.exists():
            words = script.read_text(encoding="utf-8").split()
            yield Case(path.stem, "clips", "read", words, lambda path=path: read(path))  # type: ignore[misc]


def readings() -> Iterator[Case]:
    """The LibriVox sentences of pocketsphinx-testdata one by one, and all of them in one go."""
    if not READ.exists():
        return
    pairs = [
        line.removeprefix("<s> ").rstrip(")").rsplit(" </s> (", 1)
        for line in (READ / "transcription").read_text(encoding="utf-8").splitlines()
    ]
    paths = [READ / f"{name}.wav" for _, name in pairs]
    for (text, name), path in zip(pairs, paths, strict=True):
        yield Case(f"LibriVox {name[-4:]}", "LibriVox", "read", text.split(), lambda path=path: read(path))  # type: ignore[misc]
    whole = [word for text, _ in pairs for word in text.split()]
    yield Case("LibriVox, all", "LibriVox", "read", whole, lambda: np.concatenate([read(path) for path in paths]))


def hear(model: SpeechModel, case: Case) -> Heard:
    """The words that settle when the sound of `case` is replayed."""
    pcm = case.sound()
    run = replay(model, pcm)
    return Heard(case, [word.text for word, _ in run.settled], len(pcm) / RATE, run.cpu_s)


def is_filler(word: str) -> bool:
    return token(word) in FILLERS


def bare(words: Sequence[str]) -> list[str]:
    """Words without the punctuation at their ends."""
    return [word.rstrip(_ENDS) for word in words if word.rstrip(_ENDS)]


def filler_as_heard(truth: list[str], heard: list[str]) -> list[str]:
    """The script with the fillers that were heard instead of its own."""
    lost, invented = _unmatched(truth, heard)
    kept = [word for i, word in enumerate(truth) if not (is_filler(word) and i in lost)]
    return kept + [heard[j] for j in sorted(invented) if is_filler(heard[j])]


def punctuation_as_heard(truth: list[str], heard: list[str]) -> list[str]:
    """The script with the punctuation that the recogniser wrote after the words that it heard rightly."""
    _, pairs = align([token(w) for w in truth], [token(w) for w in heard])
    matched = dict(pairs)
    return [
        word.rstrip(_ENDS) + re.sub(r"^.*?([.,?!;:…]*)$", r"\1", heard[matched[i]]) if i in matched else word
        for i, word in enumerate(truth)
    ]


def _unmatched(truth: list[str], heard: list[str]) -> tuple[set[int], set[int]]:
    _, pairs = align([token(w) for w in truth], [token(w) for w in heard])
    return set(range(len(truth))) - {i for i, _ in pairs}, set(range(len(heard))) - {j for _, j in pairs}


def completions(words: list[str]) -> Counter[tuple[str, str]]:
    """How often each marker was completed by each word."""
    tokens = [token(w) for w in words]
    return Counter(
        (marker, tokens[i]) for i in range(len(tokens)) for marker in completed(tokens[max(i + 1 - LONGEST, 0) : i + 1])
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What hearing did to one answer.

    Attributes:
        heard: the case and its words.
        truth: score of the script.
        score: score of the words as heard.
        ways: probability of each altered text, by its name.
        nats: change of the log-likelihood ratio by part (markers, "length", "mixed").
        lost: marker and word, how often too few.
        invented: likewise too many.
        edits: least edits between the words.
        count: words of the script, as compared.
        fillers: of the script, those of them that were heard, and those heard that were not said.
    """

    heard: Heard
    truth: AnswerScore
    score: AnswerScore
    ways: dict[str, float]
    nats: dict[str, float]
    lost: Counter[tuple[str, str]]
    invented: Counter[tuple[str, str]]
    edits: int
    count: int
    fillers: tuple[int, int, int]

    @property
    def p(self) -> float:
        """Change of the probability."""
        return self.score.p_ah - self.truth.p_ah

    @property
    def llr(self) -> float:
        """Change of the log-likelihood ratio, nats."""
        return self.score.log_likelihood_ratio - self.truth.log_likelihood_ratio


def change(expert: LanguageExpert, heard: Heard) -> Change:
    """Score both and share the difference out."""
    truth, words = heard.case.words, heard.words
    before, after = expert.score(truth), expert.score(words)

    def part(score: AnswerScore, marker: str) -> float:
        return score.markers.get(marker, (0, 0.0))[1]

    nats = {marker: part(after, marker) - part(before, marker) for marker in MARKERS}
    nats |= {"length": after.length - before.length, "mixed": after.mixed - before.mixed}
    ways = {
        "all": words,
        "fillers as heard": filler_as_heard(truth, words),
        "punctuation as heard": punctuation_as_heard(truth, words),
        "no filler": [w for w in truth if not is_filler(w)],
        "no punctuation": bare(truth),
        "heard, then no filler": [w for w in words if not is_filler(w)],
    }
    said, got = spell(truth), spell(words)
    edits, pairs = align(said, got)
    kept = sum(said[i] in FILLERS for i, _ in pairs)
    made = sum(word in FILLERS for word in got) - kept
    a, b = completions(truth), completions(words)
    scores = {name: expert.score(way).p_ah for name, way in ways.items()}
    asked = sum(word in FILLERS for word in said)
    return Change(heard, before, after, scores, nats, a - b, b - a, edits, len(said), (asked, kept, made))


def without(weights: Weights, markers: Sequence[str]) -> Weights:
    """The weights with some markers left out, not trained anew: for the change of a score, not for its level."""
    mask = np.array([marker not in markers for marker in MARKERS])
    return replace(weights, markers=weights.markers * mask)


def summary(changes: Sequence[Change]) -> dict[str, float]:
    """Figures of a group of answers."""
    p, nats = (np.array([getattr(c, key) for c in changes]) for key in ("p", "llr"))
    asked, kept, made = (sum(c.fillers[k] for c in changes) for k in range(3))
    far = np.abs(p)
    return {
        "answers": len(changes),
        "word_error": sum(c.edits for c in changes) / sum(c.count for c in changes),
        "fillers": asked, "fillers_kept": kept, "fillers_invented": made,
        "mean": float(far.mean()), "median": float(np.median(far)),
        "p90": float(np.quantile(far, 0.9)), "max": float(far.max()),
        "over": float((far > GOAL).mean()), "bias": float(p.mean()),
        "crossed": sum((c.truth.p_ah > 0.5) != (c.score.p_ah > 0.5) for c in changes),
        "llr_mean": float(np.abs(nats).mean()), "llr_median": float(np.median(np.abs(nats))),
        "llr_p90": float(np.quantile(np.abs(nats), 0.9)), "llr_max": float(np.abs(nats).max()),
    }  # fmt: skip


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Markdown."""
    cells = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row] for row in rows]
    lines = [list(head), ["---"] * len(head), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def groups(changes: list[Change], key: Callable[[Change], str]) -> dict[str, list[Change]]:
    """By source or manner, in the order of appearance, and "all"."""
    found: dict[str, list[Change]] = {}
    for c in changes:
        found.setdefault(key(c), []).append(c)
    return {**found, "all": changes}


def by_group(changes: list[Change], key: Callable[[Change], str]) -> str:
    """The first two tables."""
    rows = []
    for name, group in groups(changes, key).items():
        s = summary(group)
        rows.append([
            name, s["answers"], s["word_error"], f"{s['fillers_kept']} of {s['fillers']} (+{s['fillers_invented']})",
            s["mean"], s["median"], s["p90"], s["max"], s["over"], s["bias"], s["crossed"],
            s["llr_mean"], s["llr_median"], s["llr_p90"], s["llr_max"],
        ])  # fmt: skip
    head = ["", "answers", "word error", "fillers kept (invented)", "mean", "median", "p90", "max",
            f"over {GOAL}", "signed mean", "cross .5", "nats: mean", "median", "p90", "max"]  # fmt: skip
    return table(head, rows)


def by_way(changes: list[Change]) -> str:
    """How far each alteration alone moves the score."""
    rows = []
    for way in changes[0].ways:
        far = np.abs([c.ways[way] - c.truth.p_ah for c in changes])
        rows.append([way, float(far.mean()), float(np.quantile(far, 0.9)), float(far.max())])
    return table(["the script with", "mean", "p90", "max"], rows)


def by_part(changes: list[Change]) -> list[list[Any]]:
    """Per part of the sum: what it moved, how often it was lost and invented, and by which words."""
    rows: list[list[Any]] = []
    for name in (*MARKERS, "length", "mixed"):
        nats = np.array([c.nats[name] for c in changes])
        said = sum(c.truth.markers.get(name, (0, 0.0))[0] for c in changes)
        lost, invented = Counter[str](), Counter[str]()
        for c in changes:
            lost.update({word: n for (marker, word), n in c.lost.items() if marker == name})
            invented.update({word: n for (marker, word), n in c.invented.items() if marker == name})
        words = [", ".join(f"{w} {n}" for w, n in found.most_common(4)) for found in (lost, invented)]
        rows.append(
            [name, float(np.abs(nats).mean()), float(nats.mean()), said, lost.total(), invented.total(), *words]
        )
    return sorted(rows, key=lambda row: -row[1])


def print_all(changes: list[Change], worst: int) -> None:
    """The report."""
    print("\n### |p heard - p scripted|, prompt-blind, by source\n")
    print(by_group(changes, lambda c: c.heard.case.source))
    print("### By voice (speed, noise: `SPEAKERS`)\n")
    spoken = [c for c in changes if c.heard.case.manner in SCRIPTS]
    print(by_group(spoken, lambda c: c.heard.case.name.split(", ")[1]))
    print("### By manner\n")
    print(by_group(changes, lambda c: c.heard.case.manner))
    print("### What of it does it: |p altered - p scripted|\n")
    print(by_way(changes))
    print("### What of the sum moves, nats an answer, and the words that do it\n")
    head = ["part", "mean |nats|", "mean nats", "in scripts", "lost", "invented", "words lost", "words invented"]
    print(table(head, by_part(changes)))
    for c in sorted(changes, key=lambda c: -abs(c.p))[:worst]:
        moved = sorted(((n, v) for n, v in c.nats.items() if abs(v) > 0.02), key=lambda item: -abs(item[1]))
        print(f"{c.heard.case.name} ({c.heard.case.source}): {c.truth.p_ah:.3f} -> {c.score.p_ah:.3f}")
        print("  said:  " + " ".join(c.heard.case.words))
        print("  heard: " + " ".join(c.heard.words))
        print("  nats:  " + ", ".join(f"{name} {v:+.2f}" for name, v in moved))
    seconds = sum(c.heard.seconds for c in changes)
    print(f"\n{seconds:.0f} s of sound, {sum(c.heard.cpu_s for c in changes):.0f} CPU s of hearing")


def demo_parts(expert: LanguageExpert, heard: Heard) -> str:
    """The parts of the demo clip, scripted and heard; the words are parted where they match best."""
    cut = len(spell([word for phrase, _, _ in HESITANT for word in phrase.split()]))
    words = heard.words
    first = [" ".join(phrase for phrase, _, _ in part).split() for part in (HESITANT, PLAIN)]
    _, pairs = align(spell(heard.case.words), [spell([w])[0] if spell([w]) else "" for w in words])
    at = min((j for i, j in pairs if i >= cut), default=len(words))
    rows = [
        [name, expert.score(truth).p_ah, expert.score(part).p_ah]
        for name, truth, part in zip(("hesitant", "plain"), first, (words[:at], words[at:]), strict=True)
    ]
    return table(["demo clip", "scripted", "heard"], rows)


@dataclass(frozen=True, slots=True)
class Mishearing:
    """The errors of the cases, to be made in other texts.

    Attributes:
        rates: share of words misheard, one for each case.
        by_word: what a word that is misheard becomes, by its token; no words where it is lost.
        pooled: the same of all words.
    """

    rates: list[float]
    by_word: dict[str, list[tuple[str, ...]]]
    pooled: list[tuple[str, ...]]

    @staticmethod
    def of(cases: Sequence[Heard]) -> Mishearing:
        """Collect: what was heard between two right words is dealt out to the words that were said there."""
        rates: list[float] = []
        by_word: dict[str, list[tuple[str, ...]]] = {}
        for one in cases:
            said, got = [token(w) for w in one.case.words], [token(w) for w in one.words]
            _, pairs = align(said, got)
            wrong, i, j = 0, 0, 0
            for i_next, j_next in [*pairs, (len(said), len(got))]:
                missed, made = said[i:i_next], got[j:j_next]
                for k, word in enumerate(missed):
                    a, b = (round(n * len(made) / len(missed)) for n in (k, k + 1))
                    by_word.setdefault(word, []).append(tuple(made[a:b]))
                wrong += len(missed)
                i, j = i_next + 1, j_next + 1
            rates.append(wrong / len(said))
        return Mishearing(rates, by_word, [heard for errors in by_word.values() for heard in errors])

    def __call__(self, words: Sequence[str], rng: np.random.Generator) -> list[str]:
        """Mishear: the punctuation stays after a word that is replaced."""
        rate, out = float(rng.choice(self.rates)), list[str]()
        for word in words:
            if rng.random() >= rate:
                out.append(word)
                continue
            errors = self.by_word.get(token(word), self.pooled)
            heard = errors[int(rng.integers(len(errors)))]
            end = word[len(word.rstrip(_ENDS)) :]
            out += [*heard[:-1], heard[-1] + end] if heard else []
        return out


def written(expert: LanguageExpert, cases: Sequence[Heard], path: Path) -> str:
    """How far the scores of written answers move when they are misheard as each source was, and as all were."""
    answers = [json.loads(line)["text"].split() for line in path.read_text(encoding="utf-8").splitlines() if line]
    rows: list[list[Any]] = []
    for name in ("espeak-ng", "espeak-ng, noise", "flite", ""):
        chosen = [one for one in cases if one.case.source == name or (not name and one.case.manner in SCRIPTS)]
        if not chosen:
            continue
        misheard, rng = Mishearing.of(chosen), np.random.default_rng(SEED)
        pairs = [(expert.score(words), expert.score(misheard(words, rng))) for words in answers]
        p = np.abs([b.p_ah - a.p_ah for a, b in pairs])
        nats = np.abs([b.log_likelihood_ratio - a.log_likelihood_ratio for a, b in pairs])
        crossed = sum((a.p_ah > 0.5) != (b.p_ah > 0.5) for a, b in pairs)
        rows.append([
            name or "all scripts", len(pairs), float(np.mean(misheard.rates)), float(p.mean()), float(np.median(p)),
            float(np.quantile(p, 0.9)), float(p.max()), float((p > GOAL).mean()), crossed / len(pairs),
            float(nats.mean()),
        ])  # fmt: skip
    head = ["written answers, misheard as", "answers", "words wrong", "mean", "median", "p90", "max", f"over {GOAL}",
            "cross .5", "nats: mean"]  # fmt: skip
    return table(head, rows)


def to_json(changes: list[Change]) -> dict[str, Any]:
    """Figures, and the words as heard, from which `--heard` scores again without hearing anew."""
    return {
        "sources": {k: summary(g) for k, g in groups(changes, lambda c: c.heard.case.source).items()},
        "manners": {k: summary(g) for k, g in groups(changes, lambda c: c.heard.case.manner).items()},
        "ways": {
            way: float(np.mean([abs(c.ways[way] - c.truth.p_ah) for c in changes])) for way in changes[0].ways
        },
        "parts": {
            row[0]: dict(zip(("nats", "signed", "said", "lost", "invented"), row[1:6], strict=True))
            for row in by_part(changes)
        },
        "cases": {
            c.heard.case.name: {
                "p_true": c.truth.p_ah, "p_heard": c.score.p_ah,
                "llr_true": c.truth.log_likelihood_ratio, "llr_heard": c.score.log_likelihood_ratio,
                "heard": c.heard.words, "seconds": c.heard.seconds, "cpu_s": c.heard.cpu_s,
            }
            for c in changes
        },
    }  # fmt: skip


def parse() -> argparse.Namespace:
    """Arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every fourth script, every eighth by flite")
    parser.add_argument("--clips", type=Path, help="folder with NAME.wav, .flac or .mp3 and NAME.txt")
    parser.add_argument("--answers", type=Path, help="lines with text, to be misheard as the spoken ones were")
    parser.add_argument("--json", type=Path, help="write figures and the words as heard here")
    parser.add_argument("--heard", type=Path, help="a file that --json wrote: hear only what it does not have")
    parser.add_argument(
        "--unprompted", action="store_true", help="do not tell the recogniser of fillers: most are lost"
    )
    parser.add_argument("--weights", type=Path, help="instead of those that ship")
    parser.add_argument("--drop", nargs="*", default=[], choices=MARKERS, metavar="MARKER", help="weigh these nothing")
    parser.add_argument("--worst", type=int, default=8, help="how many answers to print")
    return parser.parse_args()


def listen(args: argparse.Namespace) -> list[Heard]:
    """Hear every case that `--heard` does not have."""
    known = json.loads(args.heard.read_text(encoding="utf-8"))["cases"] if args.heard else {}
    model: SpeechModel | None = None
    found = []
    for case in cases(args.quick, args.clips):
        if case.name in known:
            before = known[case.name]
            found.append(Heard(case, before["heard"], before["seconds"], before["cpu_s"]))
            continue
        if model is None:
            model = SpeechModel(threads=1)
            model.recogniser = Unprompted(model.recogniser) if args.unprompted else model.recogniser
        found.append(hear(model, case))
    return found


def main() -> None:
    """Measure and print."""
    args, began = parse(), time.perf_counter()
    weights = load_weights(args.weights)
    expert = LanguageExpert(without(weights, args.drop))
    heard = listen(args)
    changes = [change(expert, one) for one in heard]
    print_all(changes, args.worst)
    for one in heard:
        if one.case.source == "demo clip":
            print("\n" + demo_parts(expert, one))
    if args.answers:
        print(written(expert, heard, args.answers))
    if args.json:
        args.json.write_text(json.dumps(to_json(changes), indent=1) + "\n", encoding="utf-8")
    mean = summary(changes)["mean"]
    verdict = "met" if mean <= GOAL else "missed"
    path = args.weights or Path(str(files("ahdetect.assets") / FILE))
    print(f"weights {path.name}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}")
    print(f"mean change {mean:.3f}, goal {GOAL}: {verdict} ({time.perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
