"""Configuration of the fusion network and its training: a TOML file flows in, validated models flow out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ahdetect.errors import ConfigError

Head = Literal["ours", "lfan", "can", "concat"]


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkConfig(_Config):
    """Shape of the network; everything a checkpoint needs to be built again.

    Attributes:
        head: how the channels are joined: ours (self-attention under the mask, tokens add up), lfan (leader and
            followers), can (co-attention with the joint state) or concat.
        cues: effects (the cues that the table of effects names) or all of the cue table.
        rate_hz: steps per second; rows in between hold the newest estimate.
        hidden: width of a channel's encoder and token.
        kernel: of the causal convolutions, steps.
        dilations: of the causal convolutions, steps; one block each.
        heads: of attention; must divide `hidden`.
        memory: width of the recurrent memory behind the fusion.
        dropout: share of a token's and of the memory's inputs that are dropped in training.
        leader: channel that leads in lfan. Words carry most in BAH (EVIDENCE).
    """

    head: Head = "ours"
    cues: Literal["effects", "all"] = "effects"
    rate_hz: float = Field(5.0, ge=1.0, le=30.0)
    hidden: int = Field(24, ge=4, le=256)
    kernel: int = Field(3, ge=2, le=7)
    dilations: tuple[int, ...] = Field((1, 2, 4), min_length=1, max_length=8)
    heads: int = Field(4, ge=1, le=16)
    memory: int = Field(48, ge=4, le=512)
    dropout: float = Field(0.05, ge=0.0, lt=1.0)
    leader: Literal["face", "body", "voice", "language", "discord"] = "language"

    @model_validator(mode="after")
    def _fits(self) -> NetworkConfig:
        if self.hidden % self.heads:
            raise ValueError(f"hidden = {self.hidden} cannot be divided among heads = {self.heads}")
        if min(self.dilations) < 1:
            raise ValueError("a dilation is at least 1 step")
        return self


class SimulatedData(_Config):
    """Simulated people to train on; test people have another seed.

    Attributes:
        people: to train on.
        validation: to stop early by.
        minutes: of each session.
        known: share of people whose own parameters the network is told.
        calibrated: share of people of whom a calibration of 75 s told the usual values.
        estimated: share of the others with an estimate of how often they are in A/H.
    """

    people: int = Field(1600, ge=2)
    validation: int = Field(100, ge=2)
    minutes: float = Field(5.0, gt=0.2)
    known: float = Field(0.45, ge=0.0, le=1.0)
    calibrated: float = Field(0.3, ge=0.0, le=1.0)
    estimated: float = Field(0.5, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _shares(self) -> SimulatedData:
        if self.known + self.calibrated > 1.0:
            raise ValueError(f"known = {self.known} and calibrated = {self.calibrated} are more than everybody")
        return self


class TrainingConfig(_Config):
    """How the network is trained.

    Attributes:
        seed: of initial weights, order, dropout and simulated people.
        steps: of the optimiser at most.
        batch: windows per step.
        window_s: length of a window, s.
        lead_s: start of a window that begins inside a session, without loss: the memory fills, s.
        rate: highest learning rate (one cycle, AdamW).
        decay: weight decay.
        clip: largest norm of a gradient.
        balance: 0 leaves the classes as they are, 1 gives both the same weight; probabilities are corrected for it.
        video: weight of the video-level loss, where a clip has a video label.
        smooth: weight of the mean squared change of the logit per step.
        channel_dropout: chance that a channel is taken away for a whole window.
        prompt_dropout: chance that a window does not say which kind of prompt is answered; in half of those it does not
            say when an answer began either.
        average: how much of the running mean of the weights stays at a step; 0 keeps the weights as they are.
        every: steps between two looks at the validation people; a checkpoint is written at each.
        patience: looks without a lower log loss on validation people before training stops.
        validation_share: share of people held out where the data names no split.
        precision: auto (bfloat16 autocast where a GPU computes in it, else float32) or float32.
    """

    seed: int = Field(0, ge=0)
    steps: int = Field(800, ge=1)
    batch: int = Field(24, ge=1)
    window_s: float = Field(75.0, gt=1.0)
    lead_s: float = Field(10.0, ge=0.0)
    rate: float = Field(3e-3, gt=0.0, le=1.0)
    decay: float = Field(5e-2, ge=0.0)
    clip: float = Field(1.0, gt=0.0)
    balance: float = Field(0.0, ge=0.0, le=1.0)
    video: float = Field(0.1, ge=0.0)
    smooth: float = Field(1e-3, ge=0.0)
    channel_dropout: float = Field(0.05, ge=0.0, lt=1.0)
    prompt_dropout: float = Field(0.25, ge=0.0, lt=1.0)
    average: float = Field(0.99, ge=0.0, lt=1.0)
    every: int = Field(50, ge=1)
    patience: int = Field(8, ge=1)
    validation_share: float = Field(0.15, gt=0.0, lt=1.0)
    precision: Literal["auto", "float32"] = "auto"


class FusionConfig(_Config):
    """The whole file: tables `network`, `training` and `simulated`."""

    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    simulated: SimulatedData = SimulatedData()


def load_config(path: Path | None) -> FusionConfig:
    """The configuration in a TOML file; the defaults where there is none.

    Raises:
        ConfigError: the file is missing, is no TOML, or holds a key or value that is not allowed.
    """
    if path is None:
        return FusionConfig()
    try:
        return FusionConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}; check its name.", value=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", value=path) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"{path}: {key}: {first['msg']} (docs/fusion.md).", value=path) from error
