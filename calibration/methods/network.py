"""A small torch network: training people flow in; the network that TENT, SHOT and NRC adapt flows out."""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.methods.classifier import Prepared
from ahdetect.errors import ConfigError

try:
    import torch
    from torch import nn
except ModuleNotFoundError as missing:
    raise ConfigError(
        "TENT, SHOT and NRC need torch; run `pip install 'ahdetect[train]'`, or name other methods.", value="torch"
    ) from missing

HIDDEN: Final = 64
EPOCHS: Final = 40
BATCH: Final = 128
SMOOTHING: Final = 0.1
"""Label smoothing of the source network, as in SHOT."""

MEMORY: Final = 256
"""Rows of the person that a step sees; the oldest go first."""

STEPS: Final = 20
"""Steps at a call with many rows; one at a call with one row."""

ENOUGH: Final = 4
"""Rows below which statistics of a batch mean nothing; nothing is learned."""


def trained(prepared: Prepared) -> Any:
    """The network of the training people; trained once for all methods."""
    if prepared.network is not None:
        return prepared.network
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Linear(prepared.z.shape[1], HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU())
        network = nn.Sequential(body, nn.Linear(HIDDEN, prepared.source.classes))
    x, y = torch.tensor(prepared.z, dtype=torch.float32), torch.tensor(prepared.source.y)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.05)
    loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x), generator=generator)
        for rows in order.split(BATCH):
            if len(rows) > 1:
                optimiser.zero_grad()
                loss(network(x[rows]), y[rows]).backward()
                optimiser.step()
    network.eval()
    prepared.network = network
    return network


class Networked:
    """What the three methods share: a copy of the network, the rows kept, state.

    A method names the parameters it may change and the loss of a batch.
    """

    name = "network"
    rate = 1e-3

    def __init__(self, prepared: Prepared) -> None:
        """Copy the network of the training people."""
        import copy

        self.columns = prepared.columns
        self.network = copy.deepcopy(trained(prepared))
        self.free = self.parameters()
        self.seen = torch.zeros((0, prepared.z.shape[1]))

    def parameters(self) -> list[Any]:
        """Parameters that may change."""
        return []

    def loss(self, x: Any) -> Any:  # noqa: ARG002
        """What to minimise on the rows kept, (rows, columns): a scalar; nothing where no parameter may change."""
        return torch.zeros(())

    def begin(self) -> None:
        """Called before the steps of a call."""

    def observe(self, x: Array) -> Change | None:
        """Keep rows, and take steps on those kept: one for a single row, `STEPS` for many."""
        before = self.figures()
        rows = torch.tensor(self.columns(x), dtype=torch.float32)
        self.seen = torch.cat([self.seen, rows])[-MEMORY:]
        if not self.free or len(self.seen) < ENOUGH:
            return None
        optimiser = torch.optim.Adam(self.free, lr=self.rate)
        self.begin()
        for _ in range(1 if len(x) == 1 else STEPS):
            optimiser.zero_grad()
            self.loss(self.seen).backward()
            optimiser.step()
        self.network.eval()
        return Change(self.name, float(len(x)), "samples", before, self.figures())

    def predict(self, x: Array) -> Array:
        """Probabilities of the network as it stands."""
        with torch.no_grad():
            rows = torch.tensor(self.columns(x), dtype=torch.float32)
            return np.asarray(torch.softmax(self.network(rows), dim=1).double().numpy())

    def figures(self) -> dict[str, float]:
        """Rows kept and the size of the parameters that may change."""
        size = sum(float((p.detach() ** 2).sum()) for p in self.free) ** 0.5
        return {"rows": float(len(self.seen)), "norm": size}

    def state(self) -> object:
        """Parameters, statistics and rows."""
        return {k: v.clone() for k, v in self.network.state_dict().items()}, self.seen.clone()

    def restore(self, state: object) -> None:
        """Put them back."""
        weights, seen = cast(tuple[dict[str, Any], Any], state)
        self.network.load_state_dict(weights)
        self.seen = seen.clone()


def entropy(logits: Any) -> Any:
    """Mean entropy of the predictions."""
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()


def diversity(logits: Any) -> Any:
    """Entropy of the mean prediction; high where all classes are predicted."""
    mean = logits.softmax(1).mean(0)
    return -(mean * (mean + 1e-9).log()).sum()
