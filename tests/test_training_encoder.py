"""The encoder family: it reads what the files say, erases what it is told to, and says what it lacks."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from ahdetect.errors import AssetError
from ahdetect.models.training import encoder as family
from ahdetect.models.training.encoder import Encoder, as_family, erase_concept, fit_encoder, missing, read_safetensors
from ahdetect.models.training.language import Design

WIDTH, HEADS, INNER, PLACES, EPS = 8, 2, 12, 32, 1e-12
VOCABULARY = ("[UNK]", "yes", "no", "maybe", "but", "red", "green", "blue", "and", "then")


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, tensor in tensors.items():
        raw = tensor.astype(np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def small_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0.0, 0.5, shape).astype(np.float32)

    out = {
        "embeddings.word_embeddings.weight": draw(len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": draw(PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": draw(2, WIDTH),
        "embeddings.LayerNorm.weight": 1 + draw(WIDTH),
        "embeddings.LayerNorm.bias": draw(WIDTH),
    }
    for i in range(6):
        p = f"encoder.layer.{i}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            out |= {f"{p}{name}.weight": draw(WIDTH, WIDTH), f"{p}{name}.bias": draw(WIDTH)}
        out |= {f"{p}intermediate.dense.weight": draw(INNER, WIDTH), f"{p}intermediate.dense.bias": draw(INNER)}
        out |= {f"{p}output.dense.weight": draw(WIDTH, INNER), f"{p}output.dense.bias": draw(WIDTH)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            out |= {f"{p}{name}.weight": 1 + draw(WIDTH), f"{p}{name}.bias": draw(WIDTH)}
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT encoder of six tiny layers, as MiniLM's files would hold it."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    tokenizers = pytest.importorskip("tokenizers")
    path = tmp_path_factory.mktemp("encoder")
    config = {
        "hidden_size": WIDTH, "num_attention_heads": HEADS, "intermediate_size": INNER, "layer_norm_eps": EPS,
    }  # fmt: skip
    (path / "config.json").write_text(json.dumps(config))
    words = tokenizers.models.WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(words)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(path / "tokenizer.json"))
    write_safetensors(path / "model.safetensors", small_weights())
    return path


def normed(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPS)
    return x * w[f"{name}.weight"] + w[f"{name}.bias"]


def by_hand(w: dict[str, np.ndarray], ids: list[int]) -> np.ndarray:
    """BERT as its paper writes it, in numpy: means of the states of layers 3 and 5."""
    from scipy.special import erf, softmax

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = normed(x + w["embeddings.token_type_embeddings.weight"][0], w, "embeddings.LayerNorm")
    means = []
    for i in range(5):
        p = f"encoder.layer.{i}."
        q, k, v = (
            dense(x, f"{p}attention.self.{n}").reshape(len(ids), HEADS, -1).transpose(1, 0, 2)
            for n in ("query", "key", "value")
        )
        mixed = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1]), axis=-1) @ v
        mixed = dense(mixed.transpose(1, 0, 2).reshape(len(ids), WIDTH), f"{p}attention.output.dense")
        x = normed(x + mixed, w, f"{p}attention.output.LayerNorm")
        inner = dense(x, f"{p}intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
        x = normed(x + dense(inner, f"{p}output.dense"), w, f"{p}output.LayerNorm")
        if i + 1 in (3, 5):
            means.append(x.mean(0))
    return np.concatenate(means)


def test_the_vector_is_what_bert_gives_by_hand(folder: Path) -> None:
    words = "maybe red but then no"
    expected = by_hand(small_weights(), [VOCABULARY.index(w) for w in words.split()])
    np.testing.assert_allclose(Encoder(folder).embed([words])[0], expected, atol=1e-4)


def test_the_vector_of_a_text_does_not_depend_on_its_neighbours(folder: Path) -> None:
    together = Encoder(folder).embed(["yes", "maybe but no and then maybe", "red"])
    np.testing.assert_array_equal(together[0], Encoder(folder).embed(["yes"])[0])


def concept_data(n: int = 400, d: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose class moves the mean along two correlated directions."""
    rng = np.random.default_rng(1)
    concept = rng.choice(["red", "green", "blue"], n)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    x[:, 0] += 4.0 * (concept == "red")
    x[:, 3] -= 3.0 * (concept == "blue")
    return x, concept


def class_spread(x: np.ndarray, concept: np.ndarray) -> float:
    """Largest distance of a class mean from the mean of all."""
    return float(max(np.abs(x[concept == c].mean(0) - x.mean(0)).max() for c in set(concept)))


def test_after_erasure_every_class_has_the_same_mean() -> None:
    x, concept = concept_data()
    assert class_spread(x, concept) > 1.0
    assert class_spread(erase_concept(x, list(concept))(x), concept) < 1e-8


def test_a_share_takes_that_share_of_the_class_means() -> None:
    x, concept = concept_data()
    half = erase_concept(x, list(concept), share=0.5)(x)
    assert class_spread(half, concept) == pytest.approx(0.5 * class_spread(x, concept), rel=1e-6)
    np.testing.assert_array_equal(erase_concept(x, list(concept), share=0.0)(x), x)


def test_erasure_leaves_what_has_nothing_to_do_with_the_concept() -> None:
    x, concept = concept_data()
    changed = erase_concept(x, list(concept))(x) - x
    assert np.linalg.matrix_rank(changed - changed.mean(0), tol=1e-6) == 2  # three classes span two directions


def test_more_dimensions_than_rows_still_erase() -> None:
    rng = np.random.default_rng(2)
    concept = np.array(["red", "blue"] * 10)
    x = rng.normal(size=(20, 50)) + 2.0 * (concept == "red")[:, None]
    erased = erase_concept(x, list(concept))(x)
    assert np.isfinite(erased).all()
    assert class_spread(erased, concept) < 1e-8


def test_one_kind_of_prompt_alone_erases_nothing() -> None:
    x, _ = concept_data(n=30)
    np.testing.assert_allclose(erase_concept(x, ["red"] * 30)(x), x)


def answers(n: int = 160) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Answers where "but" makes the label and the colour, which names the prompt, goes along with it on most rows."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, n)
    prompts = np.where(rng.random(n) < 0.8, np.where(y == 1, "red", "blue"), np.where(y == 1, "blue", "red"))
    state = np.where(y == 1, "but", "and")
    texts = [f"{p} {p} {p} {s} {rng.choice(['yes', 'no', 'then'])}" for p, s in zip(prompts, state, strict=True)]
    return texts, y, prompts


def prompt_effect(folder: Path, erase: float) -> float:
    """How far the prompt alone moves the log-odds."""
    texts, y, prompts = answers()
    predict = fit_encoder(texts, y, prompts, seed=0, folder=folder, erase=erase)
    p = predict([f"{c} {c} {c} {s} yes" for s in ("but", "and") for c in ("red", "blue")])
    log_odds = np.log(p / (1 - p))
    return float(np.abs(log_odds[[0, 2]] - log_odds[[1, 3]]).mean())


def test_erasing_the_prompt_makes_it_matter_less(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "C", 0.1)
    assert prompt_effect(folder, 1.0) < 0.5 * prompt_effect(folder, 0.0)


def test_it_learns_the_state_and_is_the_same_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "C", 100.0)
    texts, y, prompts = answers()
    first, again = (fit_encoder(texts[:120], y[:120], prompts[:120], seed=4, folder=folder)(texts[120:]) for _ in "ab")
    np.testing.assert_array_equal(first, again)
    assert np.mean((first > 0.5) == y[120:]) > 0.9
    assert fit_encoder(texts, y, prompts, seed=4, folder=folder)([]).shape == (0,)


def test_as_a_family_it_is_fitted_on_the_rows_it_is_given(folder: Path) -> None:
    texts, y, prompts = answers()
    none = np.empty((len(y), 0))
    design = Design(none, none, np.full(len(y), 5.0), y, np.arange(len(y)), prompts)
    rows, test = np.arange(40, 160), np.array([3, 0, 39])
    expected = fit_encoder([texts[i] for i in rows], y[rows], prompts[rows], seed=0, folder=folder)
    found = as_family(folder, texts)(design, 0)(rows)(test)
    np.testing.assert_array_equal(found, expected([texts[i] for i in test]))


def test_a_folder_without_the_files_is_named_with_the_family(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    said = missing(tmp_path)
    assert family.FAMILY in said
    assert str(tmp_path) in said
    assert "model.safetensors" in said
    with pytest.raises(AssetError, match=r"model\.safetensors"):
        fit_encoder(["yes"], [1], ["red"], seed=0, folder=tmp_path)


def test_without_torch_the_family_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing(folder) == ""
    monkeypatch.setattr(family, "find_spec", lambda name: None if name == "torch" else object())
    assert "torch not installed" in missing(folder)


def test_a_cut_file_of_weights_is_an_asset_error(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    for n in (0, 5, 40, len(whole) - 4):
        cut = tmp_path / "model.safetensors"
        cut.write_bytes(whole[:n])
        with pytest.raises(AssetError, match="damaged"):
            read_safetensors(cut)


def test_weights_of_another_network_are_an_asset_error(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    write_safetensors(tmp_path / "model.safetensors", {"some.weight": np.ones((2, 2))})
    with pytest.raises(AssetError, match="MiniLM"):
        Encoder(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_broken_text_file_is_an_asset_error(folder: Path, tmp_path: Path, name: str) -> None:
    for file in family.FILES:
        (tmp_path / file).write_bytes((folder / file).read_bytes())
    (tmp_path / name).write_text("{")
    with pytest.raises(AssetError, match="MiniLM"):
        Encoder(tmp_path)
