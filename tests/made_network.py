"""A fusion network with random weights, exported, and a simulated session as its features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ahdetect.models.fusion_config import NetworkConfig
from ahdetect.models.fusion_inputs import chosen, fit_scaling
from ahdetect.models.simulate import SimulatedSession
from ahdetect.models.training.fusion_data import Features, clip_of, features_of
from ahdetect.models.training.sequences import of_simulated


def made_network(config: NetworkConfig, session: SimulatedSession, path: Path) -> tuple[Any, Features]:
    """The network, which now lies at `path` too, and the features of `session`."""
    import torch

    from ahdetect.models.fusion import FusionNetwork
    from ahdetect.models.training.fusion_export import export

    clip = clip_of(of_simulated(session, "one"), config)
    scaling = fit_scaling([clip.values], chosen("effects"))
    torch.manual_seed(1)
    network = FusionNetwork(config, scaling).eval()
    torch.nn.init.normal_(network.out.weight)
    export(path, network, config, scaling, "made-up weights", 0.5)
    return network, features_of(clip, scaling, config.rate_hz)
