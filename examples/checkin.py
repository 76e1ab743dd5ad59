"""A check-in by text and voice: questions on the screen, answers spoken, a few sentences about each answer at the end.

    python checkin.py                         # camera 0 and the default microphone
    python checkin.py --clip answers.mp4      # a clip plays the person
    python checkin.py --json                  # one line of JSON for each question

Nothing is stored, and nothing leaves the computer.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from dataclasses import asdict, dataclass

import ahdetect
from ahdetect.models.cues import OF_CHANNEL

QUESTIONS = (
    ("What would you like to change about how you sleep?", "neutral"),
    ("What keeps you from going to bed earlier?", "hesitant"),
)
"""Text, and which of the seven kinds of prompt it is: the kind sets how common hesitancy is in such answers."""

LATENCY = next(i for i, cue in enumerate(OF_CHANNEL[ahdetect.Channel.VOICE]) if cue.name == "voice_response_latency")


@dataclass
class Answer:
    """What was estimated while a question was being answered."""

    question: str
    seconds: float
    seen_s: float  # of that, with a face to look at
    elevated_s: float
    mean_p: float | None  # None where there is no row
    latency_s: float | None  # from the end of the question to the first word; None where nobody spoke
    why: list[str]


def answer(question: str, rows: list[ahdetect.Row]) -> Answer:
    """Sum up the settled rows of one answer."""
    lengths = [(b.t_ns - a.t_ns) / 1e9 for a, b in itertools.pairwise(rows)]
    elevated = [row.band is ahdetect.Band.ELEVATED for row in rows]
    voices = [row.cues[ahdetect.Channel.VOICE] for row in rows]
    latencies = [float(v[LATENCY]) for v in voices if v is not None and not math.isnan(v[LATENCY])]
    phrases = [cue.phrase for row, is_elevated in zip(rows, elevated, strict=True) if is_elevated for cue in row.top]
    return Answer(
        question,
        seconds=round(sum(lengths), 2),
        seen_s=round(sum(s for s, row in zip(lengths, rows, strict=False) if row.face_seen), 2),
        elevated_s=round(sum(s for s, e in zip(lengths, elevated, strict=False) if e), 2),
        mean_p=round(sum(row.p for row in rows) / len(rows), 3) if rows else None,
        latency_s=round(latencies[-1], 2) if latencies else None,
        why=sorted(set(phrases), key=phrases.count, reverse=True)[:3],
    )


def in_words(said: Answer) -> str:
    """The same for people: an estimate, with what was missing."""
    lines = [said.question]
    if said.mean_p is None:
        return f"{said.question}\n  no estimate"
    lines.append(
        f"  signs consistent with ambivalence/hesitancy for {said.elevated_s:.1f} of {said.seconds:.1f} s"
        + (f" ({', '.join(said.why)})" if said.why else "")
    )
    lines.append(f"  first word after {said.latency_s:.1f} s" if said.latency_s is not None else "  no word was heard")
    if said.seen_s < said.seconds / 2:
        lines.append("  the face was not seen for most of the answer")
    return "\n".join(lines)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--clip", help="a clip that plays the person, instead of camera and microphone")
    options.add_argument("--seconds", type=float, default=20.0, help="for each answer")
    options.add_argument("--json", action="store_true", help="print JSON lines")
    wanted = options.parse_args()
    try:
        answers = check_in(wanted.clip, wanted.seconds, quiet=wanted.json)
    except ahdetect.AhdetectError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for said in answers:
        print(json.dumps(asdict(said)) if wanted.json else in_words(said))
    if not wanted.json:
        print("This is a model's estimate, not a diagnosis.")
    return 0


def check_in(clip: str | None, seconds: float, *, quiet: bool = False) -> list[Answer]:
    """Ask every question and wait for its answer."""
    rows: list[ahdetect.Row] = []
    asked: list[int] = []
    with ahdetect.Session(video=clip or "0", audio=clip or "default") as session:
        session.on_row(lambda row: rows.append(row) if row.settled else None)
        for text, kind in QUESTIONS:
            if not quiet:
                print(text)
            asked.append(session.ask(text, kind))
            if session.wait(seconds):  # the clip has ended
                break
        end = session.now_ns()
    # the block has ended: the last words are in, and all rows are settled
    ends = [*asked[1:], end]
    return [
        answer(text, [row for row in rows if start <= row.t_ns < stop])
        for (text, _), start, stop in zip(QUESTIONS, asked, ends, strict=False)
    ]


if __name__ == "__main__":
    sys.exit(main())
