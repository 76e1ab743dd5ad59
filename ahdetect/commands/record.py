"""`ahdetect record`: a camera and a microphone in, a session folder out; headless and safe to interrupt."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from ahdetect.capture.stage import Stage
from ahdetect.commands import consenting, keying, outletting
from ahdetect.commands.consenting import consent_from
from ahdetect.commands.interrupts import INTERRUPTED, interrupts
from ahdetect.config import Settings, load_settings
from ahdetect.errors import AhdetectError, ConfigError, StoreError
from ahdetect.person import profile_in_words
from ahdetect.session import Session
from ahdetect.store.storage import Storage

app = typer.Typer()


@app.command()
def main(
    video: Annotated[str, typer.Option(help="Camera number, stream address, file, or none.")] = "0",
    audio: Annotated[str, typer.Option(help="Microphone (default, a name, pyaudio:NAME), file, or none.")] = "default",
    seconds: Annotated[float | None, typer.Option(min=0.1, help="How long; without it, until Ctrl-C.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the session; made, never overwritten.")] = None,
    prompt_kind: Annotated[str | None, typer.Option(help="What was asked: neutral, positive, ...")] = None,
    settings: Annotated[Path | None, typer.Option(help="A settings file (TOML).")] = None,
    profile: Annotated[str | None, typer.Option(help="Who it is: the name of a calibrated profile.")] = None,
    consent: consenting.File = None,
    consent_given: consenting.Given = None,
    text_version: consenting.Version = consenting.DEFAULT_VERSION,
    text_language: consenting.Language = consenting.DEFAULT_LANGUAGE,
    person: consenting.Person = "",
    keep_days: consenting.KeepDays = consenting.DEFAULT_KEEP_DAYS,
    store: Annotated[str, typer.Option(help="What is stored: everything, audio (and features), features, nothing.")] = (
        Storage.EVERYTHING.value
    ),
    passphrase: keying.AskNew = False,
    passphrase_file: keying.PassphraseFile = None,
    recipient: keying.Recipients = None,
    plaintext: Annotated[bool, typer.Option("--plaintext", help="Do not encrypt: whoever has the folder reads it.")] = (
        False
    ),
    rules: outletting.RulesFile = None,
    outlet: outletting.Specs = None,
    plot: Annotated[bool, typer.Option(help="Draw timeline.png when done (not into an encrypted session).")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Record a session and analyse it while it runs. Ctrl-C ends it in good order: what was recorded is kept."""
    chosen = load_settings(settings) if settings else Settings()
    folder = out or Path("sessions") / datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    agreed = consent_from(consent, consent_given, text_version, text_language, person, keep_days)
    if plaintext:
        typer.echo(f"Not encrypted (--plaintext): whoever gets at {folder} sees and hears everything in it.", err=True)
    if "push" in {spec.partition(":")[0] for spec in (video, audio)}:
        raise ConfigError("push is for programs, which give the pictures and the sound; name a device or a file here.")
    wanted = outletting.chosen(rules, outlet, quiet=as_json, stored=store != Storage.NOTHING.value)
    session = Session(
        video,
        audio,
        out=folder,
        settings=chosen,
        prompt_kind=prompt_kind,
        consent=agreed,
        profile=profile,
        store=store,
        keys=None if plaintext else keying.locking_keys(passphrase, passphrase_file, recipient),
        plaintext=plaintext,
    )
    outlets = wanted.of(session)
    with outlets:
        stopped_by, failures = _run(session, seconds, quiet=as_json)
    failures += [*session.engine.sink_errors, *(_told_of(stage, folder) for stage in session.engine.crashed)]
    if session.person is not None and session.person.failure is not None:
        failures.append(session.person.failure)
    report = session.report()
    picture = None
    try:
        picture = _draw(folder) if plot and session.writer is not None and session.vault is None else None
    except StoreError as error:
        failures.append(error)
    if as_json:
        told = {
            "out": str(folder) if session.writer is not None else None,
            "encrypted": session.vault is not None,
            "stopped_by": stopped_by,
            "picture": str(picture) if picture else None,
            "errors": [str(error) for error in failures],
            **({"outlets": outlets.report()} if outlets.stages else {}),
            **({"triggers": outlets.rules.said} if wanted.rules else {}),
            **report,
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2, default=str))
    else:
        _tell(folder, session, report, picture, err=wanted.takes_stdout)
        if wanted.rules:
            typer.echo(f"  triggers: {outlets.rules.said}", err=wanted.takes_stdout)
        for name, counts in outlets.report().items():
            typer.echo(f"  {name}: {outletting.in_words(counts)}", err=wanted.takes_stdout)
    if failures:
        raise failures[0]
    if stopped_by == "interrupt":
        raise typer.Exit(INTERRUPTED)


def _run(session: Session, seconds: float | None, *, quiet: bool) -> tuple[str, list[AhdetectError]]:
    """Run to the end: what ended it ("time", "end of source", "interrupt"), and why the folder was not closed."""
    stopped_by = "interrupt"
    failures: list[AhdetectError] = []
    try:
        with (
            interrupts() as interrupted,
            session,
            Live(Text(""), console=Console(stderr=True), transient=True, auto_refresh=False) as live,
        ):
            end = None if seconds is None else session.clock.now_ns() + round(seconds * 1e9)
            while not interrupted():
                if session.wait(0.25):
                    stopped_by = "end of source"
                    break
                if end is not None and session.clock.now_ns() >= end:
                    stopped_by = "time"
                    break
                if not quiet:
                    live.update(Text(line_of_truth(session)), refresh=True)
    except StoreError as error:
        failures.append(error)
    return stopped_by, failures


def _told_of(stage: Stage, folder: Path) -> AhdetectError:
    if isinstance(stage.error, AhdetectError):
        return stage.error
    error = AhdetectError(
        f"The stage {stage.name} was stopped by an error ({type(stage.error).__name__}: {stage.error}); "
        f"everything else was recorded in {folder}."
    )
    error.__cause__ = stage.error
    return error


def line_of_truth(session: Session) -> str:
    """How the recording goes, in one line."""
    now_s = session.clock.now_ns() / 1e9
    books = session.engine.ledger_totals()
    parts = [f"{now_s:6.1f} s"]
    face = books["edges"].get("camera->face")
    if "video" in books:
        parts.append(f"{books['video']['frames'] / max(now_s, 1e-9):.1f} fps")
    if face:
        parts.append(f"{100 * face['dropped'] / max(1, face['offered']):.1f} % dropped")
    if "audio" in books:
        parts.append(f"audio {books['audio']['gap_samples']} samples lost")
        parts.append(f"words {session.engine.transcript.behind_s:.1f} s behind")
    latency = session.engine.latency_table().get("capture_to_row")
    if latency:
        parts.append(f"row {latency['p50']:.0f} ms")
    if session.engine.sink_errors:
        off = [Path(str(error.value)).name for error in session.engine.sink_errors]
        parts.append(f"NOT STORED ANY MORE: {', '.join(off)}")
    stopped = [stage.name for stage in session.engine.crashed]
    if stopped:
        parts.append(f"STOPPED BY AN ERROR: {', '.join(stopped)}")
    return ", ".join(parts)


def _draw(folder: Path) -> Path | None:
    from ahdetect.export.picture import draw_timeline
    from ahdetect.store.reader import open_session

    stored = open_session(folder)
    timeline = stored.timeline()
    if not timeline.rows:
        return None
    draw_timeline(timeline, folder / "timeline.png", stored.video)
    return folder / "timeline.png"


def _tell(folder: Path, session: Session, report: dict[str, Any], picture: Path | None, *, err: bool) -> None:
    books = report["ledger"]
    where = f"{folder}" if session.writer is not None else "Nothing was stored"
    typer.echo(
        f"{where}: {books['rows']['settled']} rows, {len(session.words)} words, {line_of_truth(session)}", err=err
    )
    if session.person is not None:
        typer.echo(f"  {profile_in_words(session.person.info())}", err=err)
    if not books["balances"]:
        typer.echo("The books do not balance; ledger.jsonl has the details.", err=True)
    if picture is not None:
        typer.echo(f"  {picture}", err=err)
