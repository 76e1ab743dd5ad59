"""Fusion network: standardised cues, presence mask and context flow in; log-odds of A/H per step flow out (torch).

    per channel   linear ─> causal dilated convolutions ─> token ─┐
    ours          tokens attend to each other under the presence mask, then add up, as evidence does
    lfan, can, concat     the two baselines of the BAH paper and the plain one, in place of that
    behind it     fused token + context ─> recurrent memory ─> log-odds, added to those of the prevalence

Encoders, memory and losses are the same for all heads, so that a comparison of heads compares heads. `FusionNetwork`
takes whole sequences for training; `FusionStep` shares its weights and takes one step with an explicit state, which is
what is exported. Needs torch, which nothing at run time does.

The baselines are read from "BAH Dataset for Ambivalence/Hesitancy Recognition" (arXiv 2505.19328) and the works that it
takes them from, brought to cues instead of pixels and to one step instead of a window: LFAN lets the channels attend to
each other and joins what they found to the leader; CAN weighs each channel by its agreement with the joint state.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ahdetect.models.cues import Channel
from ahdetect.models.fusion_config import NetworkConfig
from ahdetect.models.fusion_inputs import CONTEXT, PRIOR, Scaling

CHANNELS: Final = tuple(Channel)
MAX_PARAMETERS: Final = 2_000_000
"""The issue's bound: small enough for a laptop's core in real time."""


class Encoders(nn.Module):  # type: ignore[misc]
    """All channels' causal temporal encoders: features (B, T, F) flow in, tokens (B, T, channels, hidden) flow out."""

    def __init__(self, config: NetworkConfig, scaling: Scaling) -> None:
        super().__init__()
        n, h = len(CHANNELS), config.hidden
        for k, channel in enumerate(CHANNELS):
            self.register_buffer(f"place_{k}", torch.as_tensor(scaling.place[channel]), persistent=False)
        self.entries = nn.ModuleList(nn.Linear(len(scaling.place[c]), h) for c in CHANNELS)
        # One grouped convolution per block: a group is a channel, so that no channel sees another before the fusion.
        self.blocks = nn.ModuleList(
            nn.Conv1d(n * h, n * h, config.kernel, dilation=d, groups=n) for d in config.dilations
        )
        self.reach = [(config.kernel - 1) * d for d in config.dilations]
        self.width = n * h

    def enter(self, features: Tensor, mask: Tensor) -> Tensor:
        """Features to (B, T, channels * hidden); an absent channel enters as nothing."""
        entered = [
            entry(features[..., getattr(self, f"place_{k}")]) * mask[..., k : k + 1]
            for k, entry in enumerate(self.entries)
        ]
        return torch.cat(entered, dim=-1)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Tokens of whole sequences."""
        x = self.enter(features, mask).transpose(1, 2)
        for block, reach in zip(self.blocks, self.reach, strict=True):
            x = x + functional.gelu(block(functional.pad(x, (reach, 0))))
        return x.transpose(1, 2).unflatten(-1, (len(CHANNELS), -1))

    def step(self, features: Tensor, mask: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (N, channels, hidden) of one step, and the past (N, sum of reach, channels * hidden) to go on with."""
        x, kept, at = self.enter(features, mask), [], 0
        for block, reach in zip(self.blocks, self.reach, strict=True):
            line = torch.cat([past[:, at : at + reach], x[:, None]], dim=1)
            kept.append(line[:, 1:])
            x = x + functional.gelu(block(line.transpose(1, 2))[..., 0])
            at += reach
        return x.unflatten(-1, (len(CHANNELS), -1)), torch.cat(kept, dim=1)


class Attention(nn.Module):  # type: ignore[misc]
    """Multi-head attention among the channels of one step, under the presence mask: what each found in the others."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = sqrt(heads / hidden)
        self.project = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens (..., channels, hidden), mask (..., channels); absent channels neither ask nor answer."""
        q, k, v = (x.unflatten(-1, (self.heads, -1)) for x in self.project(tokens).chunk(3, dim=-1))
        scores = torch.einsum("...ahd,...bhd->...hab", q, k) * self.scale
        scores = scores + (mask[..., None, None, :] - 1.0) * 1e4
        weights = torch.softmax(scores, dim=-1) * mask[..., None, None, :]
        found = torch.einsum("...hab,...bhd->...ahd", weights, v).flatten(-2)
        return self.out(found) * mask[..., None]


class Ours(nn.Module):  # type: ignore[misc]
    """Tokens ask each other, then add up: evidence of independent channels is a sum, attention is what is left."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.name = nn.Parameter(torch.randn(len(CHANNELS), config.hidden) * 0.1)
        self.attention = Attention(config.hidden, config.heads)
        self.width = config.hidden

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Fused tokens, (..., hidden)."""
        tokens = tokens * mask[..., None]
        asked = self.attention(tokens + self.name * mask[..., None], mask)
        return (tokens + asked).sum(dim=-2)


class LeaderFollower(nn.Module):  # type: ignore[misc]
    """LFAN: what the channels find in each other is weighed into one follower state, joined to the leader's token."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.leader = CHANNELS.index(Channel(config.leader))
        self.attention = Attention(config.hidden, config.heads)
        self.score = nn.Linear(config.hidden, 1)
        self.width = 2 * config.hidden

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Leader and followers, (..., 2 * hidden)."""
        tokens = tokens * mask[..., None]
        asked = self.attention(tokens, mask)
        scores = self.score(torch.tanh(asked))[..., 0] + (mask - 1.0) * 1e4
        weights = torch.softmax(scores, dim=-1) * mask
        followers = (asked * weights[..., None]).sum(dim=-2)
        return torch.cat([tokens[..., self.leader, :], followers], dim=-1)


class CoAttention(nn.Module):  # type: ignore[misc]
    """CAN: each channel is weighed by how its features agree with the joint state of all, then all are put together."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        n, h = len(CHANNELS), config.hidden
        self.joint = nn.Linear(n * h, n * h)
        self.own = nn.Linear(h, h)
        self.out = nn.Linear(h, h)
        self.scale = 1.0 / sqrt(h)
        self.width = n * h

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """All attended tokens side by side, (..., channels * hidden)."""
        tokens = tokens * mask[..., None]
        joint = self.joint(tokens.flatten(-2)).unflatten(-1, (len(CHANNELS), -1))
        agreement = torch.tanh(joint * tokens * self.scale)
        attended = tokens + self.out(functional.relu(self.own(tokens) + agreement))
        return (attended * mask[..., None]).flatten(-2)


class Concatenation(nn.Module):  # type: ignore[misc]
    """Tokens side by side."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.width = len(CHANNELS) * config.hidden

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """All tokens, (..., channels * hidden)."""
        return (tokens * mask[..., None]).flatten(-2)


HEADS: Final[dict[str, Any]] = {"ours": Ours, "lfan": LeaderFollower, "can": CoAttention, "concat": Concatenation}


class FusionNetwork(nn.Module):  # type: ignore[misc]
    """The network over whole sequences.

    Args:
        config: shape.
        scaling: of its inputs; says which features belong to which channel.

    Raises:
        ValueError: it would have more than `MAX_PARAMETERS`.
    """

    def __init__(self, config: NetworkConfig, scaling: Scaling) -> None:
        super().__init__()
        self.config = config
        self.encoders = Encoders(config, scaling)
        self.fusion = HEADS[config.head](config)
        self.entry = nn.Linear(self.fusion.width + len(CHANNELS) + CONTEXT, config.memory)
        self.dropout = nn.Dropout(config.dropout)
        self.memory = nn.GRU(config.memory, config.memory, batch_first=True)
        self.out = nn.Linear(config.memory, 1)
        nn.init.zeros_(self.out.weight)  # it starts at the prevalence and learns what moves it
        nn.init.zeros_(self.out.bias)
        self.sharpness = nn.Parameter(torch.tensor(0.0))
        self.video_bias = nn.Parameter(torch.tensor(0.0))
        if (n := sum(p.numel() for p in self.parameters())) > MAX_PARAMETERS:
            raise ValueError(f"the network would have {n} parameters; {MAX_PARAMETERS} are the limit")

    def fuse(self, tokens: Tensor, mask: Tensor, context: Tensor) -> Tensor:
        """What enters the memory."""
        return self.dropout(self.entry(torch.cat([self.fusion(self.dropout(tokens), mask), mask, context], dim=-1)))

    def forward(self, features: Tensor, mask: Tensor, context: Tensor) -> Tensor:
        """Log-odds of A/H per step, (B, T).

        Args:
            features: (B, T, F), as `fusion_inputs.Inputs`.
            mask: (B, T, channels), 1 present, 0 absent.
            context: (B, T, CONTEXT).
        """
        entered = self.fuse(self.encoders(features, mask), mask, context)
        # Under bfloat16 autocast cuDNN's GRU would compute in float16, whose range is too small without scaled losses.
        with torch.autocast(entered.device.type, enabled=False):
            remembered, _ = self.memory(entered.float())
        return self.out(remembered)[..., 0] + context[..., PRIOR]

    def video(self, logits: Tensor, valid: Tensor) -> Tensor:
        """Log-odds that a clip has any A/H, (B,): a soft maximum over its steps (multiple-instance pooling).

        Args:
            logits: (B, T).
            valid: (B, T), 1 where there is a step.
        """
        beta = torch.exp(self.sharpness)
        pooled = torch.logsumexp(beta * logits + (valid - 1.0) * 1e4, dim=1) - torch.log(valid.sum(dim=1).clamp(min=1))
        return pooled / beta + self.video_bias


class FusionStep(nn.Module):  # type: ignore[misc]
    """One step of a network with an explicit state: the form that is exported.

    Args:
        network: whose weights it shares.
    """

    def __init__(self, network: FusionNetwork) -> None:
        super().__init__()
        self.network = network
        self.past = sum(network.encoders.reach)

    @property
    def state_width(self) -> int:
        """Numbers in the state of one stream: the convolutions' pasts and the memory."""
        return self.past * int(self.network.encoders.width) + self.network.config.memory

    def forward(self, features: Tensor, mask: Tensor, context: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step of N independent streams.

        Args:
            features: (N, F).
            mask: (N, channels).
            context: (N, CONTEXT).
            state: (N, state_width); zeros at the start of a session.

        Returns:
            Log-odds (N,) and the next state.
        """
        net, m = self.network, self.network.config.memory
        past = state[:, m:].unflatten(1, (self.past, int(net.encoders.width)))
        tokens, past = net.encoders.step(features, mask, past)
        memory = self._remember(net.fuse(tokens, mask, context), state[:, :m])
        logit = net.out(memory)[:, 0] + context[:, PRIOR]
        return logit, torch.cat([memory, past.flatten(1)], dim=1)

    def _remember(self, x: Tensor, h: Tensor) -> Tensor:
        """One step of `nn.GRU`, written out so that the exported graph has plain operators."""
        gru = self.network.memory
        new = functional.linear(x, gru.weight_ih_l0, gru.bias_ih_l0)
        old = functional.linear(h, gru.weight_hh_l0, gru.bias_hh_l0)
        r_new, z_new, n_new = new.chunk(3, dim=1)
        r_old, z_old, n_old = old.chunk(3, dim=1)
        z = torch.sigmoid(z_new + z_old)
        n = torch.tanh(n_new + torch.sigmoid(r_new + r_old) * n_old)
        return (1.0 - z) * n + z * h


def frame_loss(logits: Tensor, truth: Tensor, balance: float, prevalence: float) -> Tensor:
    """Mean cross-entropy over labelled steps; 0 where none is.

    With a balance b the classes weigh (1 - prevalence)^b and prevalence^b, and the logit is corrected by the log of the
    ratio before the loss, so that `logits` stay calibrated probabilities of the data as they are.

    Args:
        logits: (B, T).
        truth: (B, T), 1, 0 or NaN.
        balance: 0 to 1.
        prevalence: share of A/H among the labels of the training data.
    """
    known = torch.isfinite(truth)
    if not bool(known.any()):
        return logits.sum() * 0.0
    x, y = logits[known], truth[known]
    ratio = balance * log((1.0 - prevalence) / prevalence)
    weights = torch.where(y > 0.5, torch.exp(torch.tensor(ratio, device=y.device)), 1.0)
    losses = functional.binary_cross_entropy_with_logits(x + ratio, y, weight=weights, reduction="sum")
    return losses / weights.sum()


def video_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over clips with a video label; 0 where none has one."""
    known = torch.isfinite(labels)
    if not bool(known.any()):
        return logits.sum() * 0.0
    return functional.binary_cross_entropy_with_logits(logits[known], labels[known])


def roughness(logits: Tensor, valid: Tensor) -> Tensor:
    """Mean squared change of the log-odds from step to step, over valid pairs."""
    both = valid[:, 1:] * valid[:, :-1]
    return ((logits[:, 1:] - logits[:, :-1]) ** 2 * both).sum() / both.sum().clamp(min=1.0)
