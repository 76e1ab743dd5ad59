"""`ahdetect train`: labelled data in, weights and model cards out. Needs the extra `train`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ahdetect.commands import engines
from ahdetect.errors import AssetError, ConfigError, DataError, StoreError

app = typer.Typer(no_args_is_help=True)

BAH = (
    "BAH v1, train and validation split as its authors publish them in their code repository, BSD-3-Clause "
    "(González-González, Belharbi, Zeeshan et al., arXiv 2505.19328)"
)

SIMULATED = "simulated"
"""What `--data` says where no corpus is at hand."""

_PACKAGE = {"sklearn": "scikit-learn"}

Data = Annotated[Path, typer.Option("--data", help="Folder with the data set.")]
Out = Annotated[Path, typer.Option("--out", help="Where weights and cards go; `assets` of a checkout ships them.")]
Seed = Annotated[int, typer.Option(help="Of folds, resampling and initial values.")]


@app.callback()
def group() -> None:
    """Train the language models or the fusion network; the same data and seed give the same weights."""


@app.command()
def language(
    data: Data,
    out: Out = Path("trained"),
    seed: Seed = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Divisions into folds that the families are compared on.")] = 1,
    resamples: Annotated[int, typer.Option(min=50, help="Bootstrap resamples for the intervals.")] = 2000,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of the sentence encoder's files; without it that family is left out.")
    ] = None,
    source: Annotated[str, typer.Option(help="What the data are and their licence, for weights and card.")] = BAH,
    card: Annotated[bool, typer.Option(help="Compare the families and write the card (minutes to an hour).")] = True,
) -> None:
    """Train the language expert on A/H answers: `train.jsonl` and `val.jsonl` in the folder.

    Writes `language.json`, and `cards/language.md` with the comparison of families: grouped cross-validation on the
    training answers, then the validation answers once. The weights are fitted on both.
    """
    console = Console(stderr=True)
    _needs_scikit()
    from ahdetect.models.datasets.ah_text import read_answers
    from ahdetect.models.training.language import train

    training, validation = read_answers(data / "train.jsonl"), read_answers(data / "val.jsonl")
    command = f"ahdetect train language --data DIR --seed {seed} --seeds {seeds} --resamples {resamples}"
    command += " --encoder DIR" if encoder else ""
    about = {
        "data": source,
        "answers": len(training) + len(validation),
        "people": len({*training.subjects.tolist(), *validation.subjects.tolist()}),
        "seed": seed,
        "command": command,
        "licence": "GPL-3.0-or-later",
    }
    try:
        weights = train(training.joined(validation), seed, about=about)
    except ValueError as error:  # scikit-learn's: a fold without people, or with one label only
        raise DataError(
            f"The answers in {data} are too few to train on ({str(error).splitlines()[0].rstrip('.')}); more people "
            "with both labels under every kind of prompt are needed.",
            value=data,
        ) from error
    _write(out / "language.json", weights.to_json())
    console.print(f"weights: {out / 'language.json'}", highlight=False, soft_wrap=True)
    if card:
        from ahdetect.modelcard import write_card
        from ahdetect.models.training.compare import compare

        def told(what: str) -> None:
            console.print(f"comparing: {what}", highlight=False)

        found = compare(training, validation, seeds, _encoder(encoder, training.joined(validation).texts), told)
        written = write_card(found, weights, out / "cards", command, resamples)
        console.print(f"card: {written}", highlight=False, soft_wrap=True)


@app.command()
def talk(
    data: Data,
    out: Out = Path("trained"),
    seed: Seed = 0,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder with a sentence encoder (`model.onnx`, `tokenizer.json`) to learn from.")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            help="Folder with MiniLM's `config.json`, `tokenizer.json` and `model.safetensors`: "
            "measure kernels on its states beside the head."
        ),
    ] = None,
) -> None:
    """Train the head for change talk and sustain talk on AnnoMI: `AnnoMI-simple.csv` in the folder.

    The weights that ship learned their second table from a sentence encoder, which the card names; without one that
    table stays empty. `--compare` only measures; it needs torch, the same folds and some minutes more.
    """
    _needs_scikit()
    from ahdetect.models.training.talk import train_talk

    results = train_talk(data, out, seed, encoder=encoder, compare=compare)
    typer.echo(json.dumps(results, indent=2, default=float))


@app.command()
def fusion(
    data: Annotated[str, typer.Option("--data", help="Folder that `ahdetect extract` wrote, or `simulated`.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file (docs/fusion.md); default: as shipped.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.")] = Path("trained/fusion"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run in the folder stopped.")] = False,
    engine: Annotated[
        engines.Engine,
        typer.Option(help="local: this process, with a GPU where one is; ray: several, by Ray Train."),
    ] = engines.Engine.LOCAL,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes of --engine ray; without it one per GPU of the cluster, else per machine."),
    ] = None,
    ray_address: engines.RayAddress = None,
) -> None:
    """Train the fusion network on a corpus, or on simulated people.

    Writes checkpoints and TensorBoard logs while it runs, and `fusion.onnx` at the end, which `ahdetect analyze` takes
    with the settings `fusion.fuser = "network"` and `fusion.network`.
    """
    console = Console(stderr=True)
    _needs("torch", "sklearn", "onnx", "onnxscript", "tensorboard")
    if engine is engines.Engine.LOCAL and (workers or ray_address) is not None:
        raise ConfigError(f"{'--workers' if workers else '--ray-address'} needs --engine ray.", value=workers)
    from ahdetect.models.fusion_config import load_config
    from ahdetect.models.training.fusion import BEST, LAST, Trainer, load, spread_of
    from ahdetect.models.training.fusion_data import of_corpus, simulated
    from ahdetect.models.training.fusion_export import export
    from ahdetect.models.training.sequences import read_folder

    chosen = load_config(config)
    if not resume and (out / LAST).exists():
        raise ConfigError(f"{out} holds a run already; go on with it by --resume, or name another folder.", value=out)
    if data == SIMULATED:
        prepared = simulated(chosen)
    else:
        folder = Path(data).resolve()
        prepared = of_corpus(read_folder(folder), chosen, folder.name)
        people = len({c.person for c in prepared.train})
        # The folder's name only: weights travel, and a path may name a person.
        prepared = replace(prepared, source=f"{len(prepared.train)} clips of {people} people in {folder.name}")

    def told(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    told(f"{len(prepared.train)} clips to train on, {len(prepared.validation)} to validate on")
    if engine is engines.Engine.RAY:
        progress = _on_ray(workers, ray_address, chosen, prepared, out, told)
    else:
        progress = Trainer(chosen, prepared, out, resume=resume, note=told).run()
    network, _, scaling, source = load(out / BEST)
    exported = out / "fusion.onnx"
    spread = spread_of(network, prepared)
    export(exported, network, chosen.network, scaling, source, spread)
    step, precision, log_loss = progress.best_step, progress.precision, progress.best
    told(f"best log loss {log_loss:.4f}, average precision {precision:.4f}, at step {step}; network: {exported}")
    found = {"log_loss": log_loss, "average_precision": precision, "step": step, "network": str(exported)}
    typer.echo(json.dumps(found))


def _on_ray(
    workers: int | None, address: str | None, config: Any, data: Any, out: Path, told: Callable[[str], None]
) -> Any:
    """Train in processes of a Ray cluster; how far the run got."""
    from ahdetect.ray_engine import connected

    # Ray prints on standard output when a worker dies, from a thread of its own; that is where our JSON goes.
    with redirect_stdout(sys.stderr), connected(max(workers or 1, os.cpu_count() or 1), address):
        try:
            from ahdetect.models.training.ray_fusion import default_workers, fit
        except ImportError as error:
            raise ConfigError(
                "--engine ray needs Ray Train, which is not installed; run `pip install 'ahdetect[ray]'`.", value="ray"
            ) from error
        return fit(config, data, out, workers or default_workers(), told, alone=address is None)


def _encoder(folder: Path | None, texts: tuple[str, ...]) -> dict[str, Any]:
    if folder is None:
        return {}
    from ahdetect.models.training.encoder import as_family, missing

    if lacks := missing(folder):
        raise AssetError(lacks, value=folder)
    return {"encoder": as_family(folder, texts)}


def _needs_scikit() -> None:
    _needs("sklearn")


def _needs(*modules: str) -> None:
    """Refuse in one sentence where a module of the extra is not installed."""
    lacks = [_PACKAGE.get(name, name) for name in modules if find_spec(name) is None]
    if lacks:
        raise ConfigError(
            f"Training needs {', '.join(lacks)}, which is not installed; run `pip install 'ahdetect[train]'`."
        )


def _write(path: Path, content: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}.", value=path) from error
