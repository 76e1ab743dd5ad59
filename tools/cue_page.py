"""The tables in `models/cues.py` and `models/effects.py` in, `docs/cues.md` and `docs/effects.md` out.

    python tools/cue_page.py            # write both pages
    python tools/cue_page.py --check    # exit code 1, naming the page, where one is stale

The pages are written from the code, so that a number of the documentation is the number that is used.
"""

from __future__ import annotations

import argparse
import sys
from math import exp
from pathlib import Path

from ahdetect.models.cues import CUES, OF_CHANNEL, Channel, Cue
from ahdetect.models.effects import ABSENT_SPREAD, CORRELATION, EFFECTS, Effect, Kind, shrinkage
from ahdetect.models.evidence import PREVALENCE, PREVALENCE_OF_PROMPT, SEGMENT_S

DOCS = Path(__file__).resolve().parent.parent / "docs"
WRITTEN = "<!-- Written by `python tools/cue_page.py`; change the tables in `models/`, not this page. -->"

TITLES = {
    Channel.FACE: "Face",
    Channel.BODY: "Body",
    Channel.VOICE: "Voice",
    Channel.LANGUAGE: "Language",
    Channel.DISCORD: "Discord between channels",
}


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table; bars inside a cell are escaped."""
    cells = [head, ["---"] * len(head), *([c.replace("|", "\\|") for c in row] for row in rows)]
    return [f"| {' | '.join(row)} |" for row in cells]


def cue_page() -> str:
    """All cues by channel."""
    lines = [
        "# The cues",
        "",
        WRITTEN,
        "",
        f"All {len(CUES)} cues, in the order of the columns of `frames.parquet`. A cue that was not there is null, "
        "never 0. *In words* is how an explanation says that a cue is raised; a cue without such words is never named. "
        "Only the cues of [the table of effects](effects.md) weigh in the estimate; the others are recorded.",
        "",
        "[Face and body](cues-face-body.md), [voice](cues-voice.md), [transcription](transcription.md) and "
        "[language](language.md) say how they are measured and what misleads them.",
    ]
    for channel, cues in OF_CHANNEL.items():
        lines += [
            "",
            f"## {TITLES[channel]}",
            "",
            *table(["cue", "unit", "meaning", "in words", "source"], rows_of(cues)),
        ]
    return "\n".join(lines) + "\n"


def rows_of(cues: tuple[Cue, ...]) -> list[list[str]]:
    """A row of cells per cue."""
    return [[f"`{c.name}`", c.unit, c.meaning, c.phrase, c.source] for c in cues]


def effect_page() -> str:
    """All effects by channel, and what stands around them."""
    assumed = sum(e.assumed for e in EFFECTS)
    lines = [
        "# The effects",
        "",
        WRITTEN,
        "",
        f"The {len(EFFECTS)} effects that the evidence filter weighs; {assumed} of them are assumed: the sign comes "
        "from the experts' cue table, nobody has measured the size. The formulae stand in "
        "[the model card](model-cards/evidence-filter.md).",
        "",
        "* *kind*: a count fades with the mean length of a segment; a level is measured against the person's own mean; "
        "evidence is log-odds already.",
        "* *weight*: log-odds per unit (count: per marker; level: per standard deviation; evidence: per nat), before "
        "the shrinkage for correlation.",
        "* *used*: the weight after that shrinkage.",
        "* *error*: standard error of the weight.",
        "* *offset*: for a count, the log-odds that its absence takes away over one mean segment.",
    ]
    for channel in Channel:
        effects = [e for e in EFFECTS if e.channel is channel]
        lines += [
            "",
            f"## {TITLES[channel]}",
            "",
            f"{shrunk(channel)} While the channel is absent, it widens the band by a standard deviation of "
            f"{ABSENT_SPREAD[channel]:.2f} in log-odds.",
            "",
            *table(["cue", "kind", "weight", "used", "error", "offset", "source"], [effect_row(e) for e in effects]),
        ]
    lines += [
        "",
        "## Prior",
        "",
        f"Dwell time {SEGMENT_S} s. Share of time in the A/H state: {PREVALENCE} where the kind of prompt is "
        "not known, else",
        "",
        *table(["kind of prompt", "share"], [[k, f"{p:.2f}"] for k, p in PREVALENCE_OF_PROMPT.items()]),
    ]
    return "\n".join(lines) + "\n"


def shrunk(channel: Channel) -> str:
    """What becomes of the weights of a channel for what its cues have in common."""
    if not CORRELATION[channel]:
        return "The trained weights were fitted together, so all are used as they are."
    return (
        f"Mean correlation between cues {CORRELATION[channel]:.2f}, so every weight is multiplied by "
        f"{shrinkage(channel):.3f}."
    )


def effect_row(effect: Effect) -> list[str]:
    """Cells of one effect; an odds ratio beside the weight of a count."""
    used = effect.weight * shrinkage(effect.channel)
    weight = f"{effect.weight:+.2f}" + (f" (×{exp(effect.weight):.2f})" if effect.kind is Kind.COUNT else "")
    offset = f"{effect.offset:.3f}" if effect.kind is Kind.COUNT else ""
    source = f"**assumed**: {effect.source}" if effect.assumed else effect.source
    return [f"`{effect.cue}`", effect.kind.value, weight, f"{used:+.2f}", f"{effect.error:.2f}", offset, source]


PAGES = {"cues.md": cue_page, "effects.md": effect_page}


def stale(docs: Path = DOCS) -> list[str]:
    """Names of the pages that are not what the code says."""
    found = []
    for name, page in PAGES.items():
        path = docs / name
        if not path.is_file() or path.read_text(encoding="utf-8") != page():
            found.append(name)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/cues.md and docs/effects.md from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is stale")
    if parser.parse_args().check:
        for name in stale():
            print(f"docs/{name} is stale; run `python tools/cue_page.py`.", file=sys.stderr)
        return 1 if stale() else 0
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
