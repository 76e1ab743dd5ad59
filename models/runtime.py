"""Runtime: an exported fusion network and evidence frames flow in, posteriors flow out; onnxruntime, no torch.

`FusionModel` holds the weights, `NetworkFuser` is one session and obeys `models.posterior.Fuser`. The network steps at
its own rate (5 a second by default): a row in between holds the newest estimate, so an estimate is up to one step old.

The explanation is approximate, unlike the evidence filter's. The same graph runs seven streams side by side: all
channels, each channel left out in turn, and none at all. What none says is the prior. What a channel adds is how much
is lost without it; because channels that say the same cover for each other, these losses do not sum to the whole, and
the rest is shared out among the channels in proportion to their size. Within a channel, cues are named by the evidence
of the effects table, for the network does not say which cue moved it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from math import sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.errors import AssetError
from ahdetect.models.cues import CUES, Channel
from ahdetect.models.effects import ABSENT_SPREAD
from ahdetect.models.evidence import BAND_Z, MAX_GAP_S, PREVALENCE, PREVALENCE_OF_PROMPT, sigmoid, worded
from ahdetect.models.fusion_config import NetworkConfig
from ahdetect.models.fusion_inputs import CONTEXT, Floats, Inputs, Scaling
from ahdetect.models.personal import Personal
from ahdetect.models.posterior import EvidenceFrame, Posterior, Presence, TopCue

FORMAT: Final = 1
"""Of the file's metadata; rises when inputs or state change their meaning."""

META: Final = "ahdetect.fusion"
"""Key of the JSON object in the ONNX file's metadata: format, network, scaling, spread, source."""

SPREAD: Final = 0.7
"""Standard deviation of the log-odds where training measured none; assumed."""

LEAST_NAMED: Final = 0.05
"""A cue that adds less than so many log-odds is not named; as the evidence filter."""

CHANNELS: Final = tuple(Channel)
STREAMS: Final = len(CHANNELS) + 2
"""All channels, each left out, none."""

_PHRASE: Final = {cue.name: cue.phrase for cue in CUES}


class FusionModel:
    """An exported network: weights, input scaling, rate; shared by sessions.

    Args:
        path: of the ONNX file that `ahdetect train fusion` wrote.
        threads: of one step; 1 is fastest at this size.

    Raises:
        AssetError: the file is missing, damaged, or no fusion network of this version.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        try:
            raw = path.read_bytes()
            self.sha256 = sha256(raw).hexdigest()
            self._session = onnxruntime.InferenceSession(raw, sess_options=options, providers=["CPUExecutionProvider"])
            meta = json.loads(self._session.get_modelmeta().custom_metadata_map[META])
            if meta["format"] != FORMAT:
                raise ValueError(f"its format is {meta['format']}, this version reads {FORMAT}")
            self.config = NetworkConfig.model_validate(meta["network"])
            self.scaling = Scaling.from_json(meta["scaling"])
            self.spread = float(meta["spread"])
            self.source = str(meta["source"])
            self.state_width = int(meta["state_width"])
        except Exception as error:  # onnxruntime raises its own kinds without a base
            raise AssetError(
                f"{path} cannot be used as a fusion network ({str(error).splitlines()[0]}); name the fusion.onnx that "
                "`ahdetect train fusion` wrote.",
                value=path,
            ) from error
        place = self.scaling.place
        self._keep = np.ones((STREAMS, self.scaling.width), dtype=np.float32)
        self._ear = np.ones((STREAMS, len(CHANNELS)), dtype=np.float32)
        for k, channel in enumerate(CHANNELS):
            for stream in (1 + k, STREAMS - 1):
                self._keep[stream, place[channel]] = 0.0
                self._ear[stream, k] = 0.0

    def fresh(self, streams: int = STREAMS) -> Floats:
        """State at the start of a session, (streams, state_width)."""
        return np.zeros((streams, self.state_width), dtype=np.float32)

    def step(self, features: Floats, mask: Floats, context: Floats, state: Floats) -> tuple[Floats, Floats]:
        """One step of N streams: log-odds (N,) and the next state.

        Args:
            features: (N, F).
            mask: (N, channels).
            context: (N, CONTEXT).
            state: (N, state_width), left as it is.
        """
        logit, after = self._session.run(
            None, {"features": features, "mask": mask, "context": context, "state": state}
        )  # fmt: skip
        return logit, after

    def explained(self, features: Floats, mask: Floats, context: Floats, state: Floats) -> tuple[Floats, Floats]:
        """One step of the seven streams of one person, from one row of features, mask and context."""
        shared = np.broadcast_to(context, (STREAMS, CONTEXT))
        return self.step(features * self._keep, mask * self._ear, np.ascontiguousarray(shared), state)


def shared_out(logits: Floats, present: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
    """Prior log-odds and what each channel adds, (channels,): they sum to the log-odds of all channels.

    Args:
        logits: of the seven streams.
        present: which channels are there; an absent one adds nothing.
    """
    x = logits.astype(np.float64)
    lost = np.where(present, x[0] - x[1:-1], 0.0)
    rest = x[0] - x[-1] - lost.sum()
    if not present.any():
        return float(x[0]), lost
    size = np.abs(lost) + np.where(present, 1e-9, 0.0)
    return float(x[-1]), lost + rest * size / size.sum()


@dataclass(frozen=True)
class _State:
    inputs: Any
    network: Floats
    kind: str | None
    since_s: float
    begins: bool
    waited_s: float
    said: Posterior | None
    estimate: float | None


class NetworkFuser:
    """One session of the fusion network; obeys `models.posterior.Fuser`.

    Args:
        model: weights.
        prompt_kind: kind of prompt answered from the start, one of `PREVALENCE_OF_PROMPT`; None for not known.
        prevalence: share of time in A/H where neither prompt nor person is known.
        personal: what is known of the person beforehand; the default changes nothing.
        running: whether the running mean of the person goes on from there.
    """

    def __init__(
        self,
        model: FusionModel,
        prompt_kind: str | None = None,
        prevalence: float = PREVALENCE,
        personal: Personal | None = None,
        *,
        running: bool = True,
    ) -> None:
        self._model = model
        self._tick = 1.0 / model.config.rate_hz
        self._inputs = Inputs(model.scaling, model.config.rate_hz, personal, prevalence, running=running)
        self._channel = {c: model.scaling.column[model.scaling.channel == k] for k, c in enumerate(CHANNELS)}
        self._s = _State(self._inputs.state(), model.fresh(), None, np.inf, False, 0.0, None, None)
        if prompt_kind is not None:
            self.set_prompt(prompt_kind)

    def set_prompt(self, kind: str | None) -> None:
        """A prompt of this kind ended and its answer begins; None for a kind that is not known."""
        if kind is not None and kind not in PREVALENCE_OF_PROMPT:
            raise ValueError(f"kind of prompt {kind!r} is none of {', '.join(PREVALENCE_OF_PROMPT)}")
        self._s = replace(self._s, kind=kind, begins=True)

    def set_personal(self, personal: Personal) -> None:
        """Put what was learned of the person on the way in force; its prevalence counts as an estimate."""
        self._inputs.set_personal(replace(personal, prevalence=None))
        self._s = replace(self._s, inputs=self._inputs.state(), estimate=personal.prevalence)

    def step(self, frame: EvidenceFrame) -> Posterior:
        """Take in the next moment; the network steps where one is due, else the newest estimate holds."""
        dt = min(frame.dur_ns / 1e9, MAX_GAP_S)
        since = 0.0 if self._s.begins else self._s.since_s + dt
        waited = self._s.waited_s + dt
        due = int((waited + 1e-6) / self._tick)
        if self._s.said is None:
            due, waited = 1, self._tick
        self._s = replace(self._s, since_s=since, begins=False, waited_s=max(0.0, waited - due * self._tick))
        said = self._s.said
        for behind in range(due - 1, -1, -1):
            said = self._advance(frame, max(0.0, since - behind * self._tick))
        assert said is not None
        self._s = replace(self._s, said=said)
        return said

    def state(self) -> object:
        """Everything that `step`, `set_prompt` and `set_personal` change."""
        return self._s

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`, also that of another fuser made alike."""
        assert isinstance(state, _State)
        self._s = state
        self._inputs.restore(state.inputs)

    def _advance(self, frame: EvidenceFrame, since_s: float) -> Posterior:
        s, model = self._s, self._model
        values, present = self._gathered(frame)
        evidence = self._inputs.evidence(np.where(present[model.scaling.channel], values, np.nan))
        row = self._inputs.step(values, present)
        mask, since = present[None].astype(np.float32), np.array([since_s])
        context = self._inputs.context(since, [s.kind], s.estimate)
        logits, after = model.explained(row[None], mask, context, s.network)
        self._s = replace(s, inputs=self._inputs.state(), network=after)
        return self._posterior(frame, logits, present, values, evidence)

    def _gathered(self, frame: EvidenceFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        found, present = [], []
        for channel in CHANNELS:
            cues, columns = frame.cues.get(channel), self._channel[channel]
            there = cues is not None and not cues.absent
            present.append(there)
            found.append(cues.values[columns] if cues is not None and there else np.full(len(columns), np.nan))
        return np.concatenate(found).astype(np.float64), np.array(present)

    def _posterior(
        self,
        frame: EvidenceFrame,
        logits: Floats,
        present: NDArray[np.bool_],
        values: NDArray[np.float64],
        evidence: Mapping[str, float],
    ) -> Posterior:
        prior, added = shared_out(logits, present)
        states = [frame.states.get(c) for c in CHANNELS]
        absent = [c for c, s in zip(CHANNELS, states, strict=True) if s is None or s.presence is Presence.ABSENT]
        half = BAND_Z * sqrt(self._model.spread**2 + sum(ABSENT_SPREAD[c] ** 2 for c in absent))
        log_odds = float(logits[0])
        p, low, high = sigmoid(log_odds), sigmoid(log_odds - half), sigmoid(log_odds + half)
        contributions = dict(zip(CHANNELS, added.tolist(), strict=True))
        prevalence = sigmoid(self._inputs.prior_log_odds(self._s.kind, self._s.estimate))
        top = self._named(contributions, values, evidence)
        return Posterior(p, low, high, worded(p, low, high, prevalence), prior, contributions, top)

    def _named(
        self, contributions: Mapping[Channel, float], values: NDArray[np.float64], evidence: Mapping[str, float]
    ) -> tuple[TopCue, ...]:
        """Cues whose evidence is for A/H, in channels that push up; each has its part of what the channel adds."""
        scaling, found = self._model.scaling, []
        for k, channel in enumerate(CHANNELS):
            if (total := contributions[channel]) < LEAST_NAMED:
                continue
            own = [i for i in np.flatnonzero(scaling.channel == k) if evidence.get(scaling.cues[i], 0.0) > 0]
            whole = sum(evidence[scaling.cues[i]] for i in own)
            for i in own:
                name = scaling.cues[i]
                if _PHRASE[name] and (share := total * evidence[name] / whole) > LEAST_NAMED:
                    found.append(TopCue(name, float(values[i]), share, _PHRASE[name]))
        return tuple(sorted(found, key=lambda cue: -cue.log_odds)[:3])
