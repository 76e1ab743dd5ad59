"""Export: a trained fusion network flows in, an ONNX file of one step with explicit state flows out.

The file describes itself: network, input scaling, rate, spread and source stand in its metadata, so that it is all
that `models.runtime` needs.
"""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Final

import onnx
import torch

from ahdetect.errors import StoreError
from ahdetect.models.fusion import CHANNELS, FusionNetwork, FusionStep
from ahdetect.models.fusion_config import NetworkConfig
from ahdetect.models.fusion_inputs import CONTEXT, Scaling
from ahdetect.models.runtime import FORMAT, META, STREAMS

OPSET: Final = 18
"""What the exporter writes without a conversion; onnxruntime 1.22 and later read it."""

INPUTS: Final = ("features", "mask", "context", "state")
OUTPUTS: Final = ("log_odds", "next_state")


def export(
    path: Path,
    network: FusionNetwork,
    config: NetworkConfig,
    scaling: Scaling,
    source: str,
    spread: float,
) -> None:
    """Write a network as an ONNX file of one step.

    Args:
        path: of the file.
        network: trained.
        config: its shape.
        scaling: its inputs' scaling.
        source: what it was trained on.
        spread: standard deviation of its log-odds.

    Raises:
        StoreError: the file cannot be written.
    """
    step = FusionStep(network.cpu().eval()).eval()
    widths = (scaling.width, len(CHANNELS), CONTEXT, step.state_width)
    streams = torch.export.Dim("streams", min=1, max=4096)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            step,
            tuple(torch.zeros(STREAMS, width) for width in widths),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_shapes=tuple({0: streams} for _ in widths),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    about = {
        "format": FORMAT,
        "network": config.model_dump(),
        "scaling": scaling.to_json(),
        "state_width": step.state_width,
        "spread": spread,
        "source": source,
    }
    model = program.model_proto
    onnx.helper.set_model_props(model, {META: json.dumps(about)})
    try:
        path.write_bytes(model.SerializeToString())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}.", value=path) from error
