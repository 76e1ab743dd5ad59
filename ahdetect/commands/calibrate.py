"""`ahdetect calibrate`: a person, a camera and a microphone in, a new version of that person's profile out; guided."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ahdetect.calibrating import Calibration, keep, without_words
from ahdetect.calibration.baseline import Baseline
from ahdetect.calibration.guide import DEFAULT_S, LONGEST_S, SHORTEST_S, Guidance, Step
from ahdetect.calibration.profile import Version, checked_name
from ahdetect.calibration.profile_store import FileProfiles
from ahdetect.commands import consenting
from ahdetect.commands.consenting import consent_from
from ahdetect.commands.interrupts import INTERRUPTED, interrupts
from ahdetect.config import Settings, load_settings
from ahdetect.engine import Models
from ahdetect.errors import CalibrationError
from ahdetect.models.cues import Channel
from ahdetect.store.gate import may_learn

app = typer.Typer()

NAMES: Final = {Channel.FACE: "Face", Channel.BODY: "Shoulders", Channel.VOICE: "Speech"}
EVERY_S: Final = 10.0
"""Without a terminal to draw on, how often a line says what is missing."""

INTRO: Final = (
    "For about {seconds:.0f} s you read a plain text aloud and answer a plain question. What is measured is how you "
    "usually look, move and sound; nothing is recorded, and what you say is not written down."
)


@app.command()
def main(
    profile: Annotated[str, typer.Option(help="Whose: a pseudonym; made where there is none of that name.")],
    video: Annotated[str, typer.Option(help="Camera number, stream address, file, or none.")] = "0",
    audio: Annotated[str, typer.Option(help="Microphone (default, a name, pyaudio:NAME), file, or none.")] = "default",
    seconds: Annotated[float, typer.Option(min=SHORTEST_S, max=LONGEST_S, help="Seconds of talk.")] = DEFAULT_S,
    quiet: Annotated[bool, typer.Option("--quiet-moment", help="Sit quietly for 10 s after the talk.")] = False,
    settings: Annotated[Path | None, typer.Option(help="A settings file (TOML).")] = None,
    accept_anyway: Annotated[bool, typer.Option("--accept-anyway", help="Keep it although it is not good.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: begin at once, keep what is good.")] = False,
    consent: consenting.File = None,
    consent_given: consenting.Given = None,
    text_version: consenting.Version = consenting.DEFAULT_VERSION,
    text_language: consenting.Language = consenting.DEFAULT_LANGUAGE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine when done.")] = False,
) -> None:
    """Measure what is usual in one person, in a minute of neutral talk, and keep it in their profile.

    Exit code 0: kept. 9: not good enough, nothing kept. 130: stopped by Ctrl-C, nothing kept.
    """
    profiles = FileProfiles()
    if checked_name(profile) in profiles.names():
        profiles.load(profile)  # one that is damaged is told before the talk, not after
    may_learn(consent_from(consent, consent_given, text_version, text_language, profile, consenting.DEFAULT_KEEP_DAYS))
    chosen = without_words(load_settings(settings) if settings else Settings())
    # Asked once: while models start, stderr is redirected (capture/quiet.py) and would not look like a terminal.
    console = Console(stderr=True, force_terminal=sys.stderr.isatty() or None)
    asks = not yes and sys.stdin.isatty()
    console.print(INTRO.format(seconds=seconds), highlight=False)
    with console.status("Loading the models ..."):
        models = Models.load(chosen, video=video != "none", audio=audio != "none")
    while True:
        if asks:
            console.input("Press Enter to begin. ")
        calibration = Calibration(video, audio, seconds=seconds, quiet=quiet, settings=chosen, models=models)
        stopped_by = _talk(calibration, console)
        if stopped_by == "interrupt":
            console.print("Stopped; nothing was saved.")
            raise typer.Exit(INTERRUPTED)
        baseline = calibration.result()
        good = baseline.verdict.good or accept_anyway
        _tell(console, calibration, baseline, stopped_by, seconds)
        choice = _ask(console, profile, good=good) if asks else "keep" if good else "leave"
        if choice != "again":
            break
    version = None
    if choice == "keep":
        version = keep(baseline, profile, profiles, accept_anyway=True)
        console.print(_kept(profile, version), highlight=False, soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(_report(profile, calibration, baseline, version, stopped_by), indent=2))
    if version is None and not good:
        raise CalibrationError(
            "The baseline is not good enough, so nothing was saved; calibrate again, or keep it with --accept-anyway.",
            value=profile,
        )


def _talk(calibration: Calibration, console: Console) -> str:
    """Run to the end: what ended it ("time", "end of source", "interrupt")."""
    said: Step | None = None
    due_s = calibration.now_s + EVERY_S
    with interrupts() as interrupted, calibration, Live(console=console, transient=True, auto_refresh=False) as live:
        while not (ended := calibration.wait(0.2)) and not interrupted():
            guidance = calibration.guidance()
            if guidance.step is None:
                continue
            if console.is_terminal:
                live.update(_picture(guidance), refresh=True)
                continue
            if guidance.step is not said:
                console.print(_in_lines(guidance), highlight=False)
                said = guidance.step
            if calibration.now_s >= due_s:
                console.print(_line(guidance), highlight=False)
                due_s = calibration.now_s + EVERY_S
        if not ended:
            return "interrupt"
        return "time" if calibration.guidance().step is None else "end of source"


def _picture(guidance: Guidance) -> Group:
    """The step in hand and a bar per channel."""
    step = guidance.step
    assert step is not None
    inside: list[Any] = [Text(step.ask, style="bold")]
    if step.text:
        inside += [Text(), Text(step.text)]
    title = f"Step {guidance.number} of {guidance.of}: {step.title}"
    panel = Panel(Group(*inside), title=title, subtitle=f"{guidance.left_s:.0f} s left", padding=(1, 2))
    bars = Table.grid(padding=(0, 1))
    for channel, gathered in guidance.gathered.items():
        bars.add_row(
            Text(NAMES[channel], no_wrap=True),
            ProgressBar(total=1.0, completed=gathered.share, width=30),
            Text(f"{gathered.seconds:.0f} of {gathered.wanted:.0f} s", no_wrap=True),
        )
    return Group(panel, bars, Text(_missing(guidance)))


def _in_lines(guidance: Guidance) -> str:
    step = guidance.step
    assert step is not None
    return escape(f"\nStep {guidance.number} of {guidance.of}: {step.title}. {step.ask}\n\n{step.text}\n")


def _line(guidance: Guidance) -> str:
    return f"  {guidance.left_s:.0f} s left of this step. {_missing(guidance)}"


def _missing(guidance: Guidance) -> str:
    if guidance.missing:
        return f"Still missing: {'; '.join(guidance.missing)}."
    return "Nothing is missing any more." if guidance.enough else ""


def _tell(console: Console, calibration: Calibration, baseline: Baseline, stopped_by: str, seconds: float) -> None:
    verdict = baseline.verdict
    head = "[bold]Good: this can be kept.[/bold]" if verdict.good else "[bold yellow]Not good enough.[/bold yellow]"
    console.print(head)
    if stopped_by == "end of source":
        console.print(f"  The clip ended after {baseline.elapsed_s:.0f} s of {seconds:.0f} s.", highlight=False)
    for sentence in (*verdict.sentences, *calibration.session.errors):
        console.print(f"  {escape(sentence)}", highlight=False, soft_wrap=True)


def _ask(console: Console, profile: str, *, good: bool) -> str:
    """What to do with the baseline: "keep", "again" or "leave"."""
    keeps = f"keep it in profile {profile}" if good else f"keep it in profile {profile} all the same"
    first = "keep" if good else "again"
    answers = {"": first, "k": "keep", "a": "again", "q": "leave"}
    while True:
        said = console.input(escape(f"k: {keeps}, a: again, q: leave without keeping it [{first[0]}] "), markup=True)
        if said.strip().lower() in answers:
            return answers[said.strip().lower()]


def _kept(profile: str, version: Version) -> str:
    return (
        f"Kept as version {version.number} of profile {profile}. Use it with `--profile {profile}`; "
        f"`ahdetect profile history {profile}` shows what changed, `ahdetect profile rollback {profile}` goes back."
    )


def _report(
    profile: str, calibration: Calibration, baseline: Baseline, version: Version | None, stopped_by: str
) -> dict[str, Any]:
    return {
        "profile": profile,
        "version": version.number if version else None,
        "good": baseline.verdict.good,
        "verdict": list(baseline.verdict.sentences),
        "stopped_by": stopped_by,
        "elapsed_s": round(baseline.elapsed_s, 1),
        "seconds": {channel.value: round(s, 1) for channel, s in baseline.seconds.items()},
        "cues": len(baseline.usual),
        "effect": {name: round(value, 4) for name, value in baseline.change().effect.items()},
        "setup": dict(baseline.setup),
        "errors": calibration.session.errors,
    }
