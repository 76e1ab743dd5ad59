"""`ahdetect analyze CLIP...`: clips in, a folder of tables and a picture per clip out."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ahdetect.analysis import Progress as Done
from ahdetect.analysis import analyze, summary
from ahdetect.batch import Outcome, Stopped, Task, Work
from ahdetect.capture.media import Media
from ahdetect.commands import engines, keying
from ahdetect.commands.interrupts import INTERRUPTED, interrupts
from ahdetect.config import Settings, load_settings
from ahdetect.engine import Models
from ahdetect.errors import AhdetectError, ConfigError, StoreError, known
from ahdetect.export.picture import draw_timeline
from ahdetect.export.tables import private_folder, write_tables
from ahdetect.person import load_profile, profile_in_words
from ahdetect.store.keys import Keys
from ahdetect.store.reader import open_session
from ahdetect.store.schema import AUDIO, FRAMES_STREAM, VIDEO
from ahdetect.store.vault import LOCKS, SUFFIX
from ahdetect.timeline import Timeline

app = typer.Typer()


@app.command()
def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips, sound files or session folders.", metavar="CLIP...")],
    out: Annotated[Path, typer.Option(help="Folder for the results; each clip gets a folder of its own in it.")] = Path(
        "out"
    ),
    prompt_kind: Annotated[
        str | None, typer.Option(help="What was asked: neutral, positive, negative, ambivalent, willing, ...")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="A settings file (TOML).")] = None,
    profile: Annotated[str | None, typer.Option(help="Whose clips: the name of a calibrated profile.")] = None,
    learn: Annotated[bool, typer.Option("--learn", help="Add what is learned to the profile.")] = False,
    passphrase: keying.Ask = False,
    passphrase_file: keying.PassphraseFile = None,
    identity: keying.Identity = None,
    picture: Annotated[bool, typer.Option(help="Draw timeline.png.")] = True,
    engine: engines.Where = engines.Engine.LOCAL,
    ray_address: engines.RayAddress = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine, one object per clip.")] = False,
) -> None:
    """Analyse clips: frames.parquet, words.jsonl, events.jsonl, session.json and timeline.png for each.

    A clip that cannot be read is reported and the others go on; the exit code is then that of the first failure.
    """
    chosen = (load_settings(settings) if settings else Settings()).with_prompt(prompt_kind)
    if learn and profile is None:
        raise ConfigError("--learn needs --profile: it says whose profile is to learn.")
    load_profile(profile, None)  # a wrong name is told before the models are loaded
    if engine is engines.Engine.RAY and (learn or profile is not None or any(map(Path.is_dir, clips))):
        raise ConfigError("--engine ray takes clips, no session folders and no --profile: keys and profiles stay here.")
    run = engines.chosen(engine, None, ray_address)
    folders = _folders(clips, out)
    if engine is engines.Engine.RAY:
        _on_ray(clips, folders, chosen, run, picture=picture, as_json=as_json)
        return
    keys = keying.opening_keys(passphrase, passphrase_file, identity) if any(map(Path.is_dir, clips)) else Keys()
    began = perf_counter()
    models = Models.load(chosen, yields=True)
    load_s = round(perf_counter() - began, 3)
    console = Console(stderr=True)
    failure: AhdetectError | None = None
    results: list[dict[str, Any]] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=as_json or not console.is_terminal, transient=True) as bars:
        for clip, folder in zip(clips, folders, strict=True):
            task = bars.add_task(escape(clip.name), total=None)

            def tell(done: Done, task: Any = task) -> None:
                bars.update(task, completed=done.done_s, total=done.total_s)

            try:
                timeline = analyze(
                    clip, keys=keys, settings=chosen, models=models, progress=tell, profile=profile, learn=learn
                )
                _write(timeline, clip, folder, keys, picture=picture)
                results.append({**summary(timeline), "load_s": load_s, "out": str(folder)})
                if not as_json:
                    console.print(_told(clip, timeline, folder, picture=picture), highlight=False, soft_wrap=True)
            except Exception as caught:  # also one that nobody knows: the other clips are worth as much
                error = known(caught)
                failure = failure or error
                results.append({"source": clip.name, "error": str(error), "exit_code": error.exit_code})
                if len(clips) > 1:
                    console.print(Text(f"ahdetect: {error}", style="red"), soft_wrap=True)
            finally:
                bars.remove_task(task)
                with suppress(OSError):  # a folder that nothing was written to
                    folder.rmdir()
    _print(results, as_json=as_json)
    if failure is not None:
        if len(clips) > 1:
            raise typer.Exit(failure.exit_code)
        raise failure


def _write(timeline: Timeline, clip: Path, folder: Path, keys: Keys, *, picture: bool) -> None:
    write_tables(timeline, folder, timeline.events)
    if picture:
        draw_timeline(timeline, folder / "timeline.png", _pictures_of(clip, keys))


def _print(results: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(results if len(results) > 1 else results[0], ensure_ascii=False, indent=2))


def _on_ray(
    clips: list[Path], folders: list[Path], settings: Settings, run: engines.Run, *, picture: bool, as_json: bool
) -> None:
    """The same on a Ray cluster, several clips at a time; told as each is done, printed in the order of the clips."""
    console = Console(stderr=True)
    done: dict[str, Outcome] = {}

    def tell(outcome: Outcome) -> None:
        done[outcome.name] = outcome
        if outcome.result is None:
            console.print(Text(f"ahdetect: {outcome.error}", style="red"), soft_wrap=True)
        elif not as_json:
            console.print(outcome.result["told"], highlight=False, soft_wrap=True)

    pairs = [(clip.resolve(), folder.resolve()) for clip, folder in zip(clips, folders, strict=True)]
    tasks = [Task(str(folder), (clip, folder)) for clip, folder in pairs]
    with interrupts() as stopped:
        try:
            run(tasks, partial(_analyser, settings, picture), tell, stopped)
        except Stopped:
            raise typer.Exit(INTERRUPTED) from None
    outcomes = [done[task.name] for task in tasks]
    for folder in folders:
        with suppress(OSError):  # a folder that nothing was written to
            folder.rmdir()
    found = [
        {"source": clip.name, "error": o.error, "exit_code": o.exit_code} if o.result is None else o.result["summary"]
        for clip, o in zip(clips, outcomes, strict=True)
    ]
    _print(found, as_json=as_json)
    if codes := [o.exit_code for o in outcomes if o.result is None]:
        raise typer.Exit(codes[0])


def _analyser(settings: Settings, picture: bool) -> Work:
    """What a worker does: models once, then clip after clip."""
    models = Models.load(settings, yields=True)

    def work(payload: tuple[Path, Path]) -> dict[str, Any]:
        clip, folder = payload
        timeline = analyze(clip, settings=settings, models=models)
        _write(timeline, clip, folder, Keys(), picture=picture)
        told = _told(clip, timeline, folder, picture=picture)
        return {"summary": {**summary(timeline), "out": str(folder)}, "told": told}

    return work


def _folders(clips: list[Path], out: Path) -> list[Path]:
    """A folder per clip, named after it; two clips of one name are told apart by a number.

    Raises:
        StoreError: a folder cannot be made, or holds a recording, which an analysis would overwrite.
    """
    folders: list[Path] = []
    for clip in clips:
        name = clip.resolve().stem or clip.name
        numbered = (out / (name if n == 1 else f"{name}-{n}") for n in count(1))
        folders.append(next(folder for folder in numbered if folder not in folders))
    for folder in folders:
        names = (VIDEO, AUDIO, FRAMES_STREAM, LOCKS)
        if any((folder / name).exists() or (folder / (name + SUFFIX)).exists() for name in names):
            raise StoreError(
                f"{folder} holds a recording, which the analysis would overwrite; choose another folder with --out.",
                value=folder,
            )
        try:
            private_folder(folder)
        except OSError as error:
            raise StoreError(
                f"Cannot make the folder {folder}: {error.strerror or error}; choose another with --out.", value=folder
            ) from error
    return folders


def _pictures_of(clip: Path, keys: Keys) -> Media | None:
    return open_session(clip, keys).video if clip.is_dir() else clip


def _told(clip: Path, timeline: Timeline, folder: Path, *, picture: bool) -> str:
    info = timeline.info
    segments = len(timeline.segments)
    fast = 1 / info["realtime_factor"] if info["realtime_factor"] else 0.0
    face = f"face in {info['frames_with_face']} of {info['frames']} frames, " if info["frames"] else ""
    lines = [
        f"[bold]{escape(clip.name)}[/bold]: {info['duration_s']:.1f} s, {face}"
        f"{len(timeline.words)} words, {segments} segment{'' if segments == 1 else 's'} with signs consistent "
        f"with ambivalence/hesitancy (model estimate); {fast:.1f}x real time",
        *(
            f"  {s.start_ns / 1e9:6.1f}-{s.end_ns / 1e9:.1f} s  p {s.mean_p:.2f}  {', '.join(s.phrases)}"
            for s in timeline.segments
        ),
        f"  {escape(str(folder / 'timeline.png' if picture else folder))}",
    ]
    if info["profile"] is not None:
        lines.append(f"  {escape(profile_in_words(info['profile']))}")
    lines += [f"  [yellow]{escape(note)}[/yellow]" for note in info["notes"]]
    lines += [f"  [yellow]a stage failed: {escape(e)}[/yellow]" for e in info["stage_errors"]]
    return "\n".join(lines)
