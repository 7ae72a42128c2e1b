"""Sentences of the page on shared factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from hypergeo.figures.core.words import percent
from hypergeo.shared_factors.pooled_estimate import SETTLED, pooled_law, steps_that_count
from hypergeo.shared_factors.scores import correlation

from .run import Snapshot
from .settings import VARYING, FactorSettings

__all__ = ["BIASES", "Answer", "FactorWords"]

BIASES = (
    "Estimates near the ends are biased towards the middle. **If no factor is shared, the estimate is about 1**: Fisher's "
    "distribution is wide here, and sharing the closest dimension costs almost nothing. **If all factors but "
    "one are shared, the estimate is too low**: a wrongly shared dimension worsens both reconstructions, and a missed one "
    "costs only a few nats."
)
"""Cases in which estimates are biased, and the reasons."""


CLOSE = 0.25
"""Error of the estimated number of shared factors below which it is called correct."""


class Answer(NamedTuple):
    """The estimated number of shared factors.

    Attributes:
        number: the most probable number.
        probability: probability of that number.
        mean: mean of the distribution.
        adavae: mean number by AdaVAE's threshold.
    """

    number: int
    probability: float
    mean: float
    adavae: float


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


@dataclass(frozen=True)
class FactorWords:
    """Sentences about a model after a number of steps.

    Attributes:
        settings: settings of the run.
        now: snapshot of the model.
    """

    settings: FactorSettings
    now: Snapshot

    @property
    def warming(self) -> bool:
        """Whether the weight is still fixed at one."""
        return self.settings.training.warming(self.now.step)

    @property
    def law(self) -> np.ndarray:
        """Distribution for the pairs of the last steps, shape ``(d + 1,)``: fitted, or the mean for rules without weights."""
        steps = steps_that_count(self.now.step, self._free)
        if not self.now.step:
            return self.now.even
        if self.settings.fisher:
            return pooled_law(float(self.now.record[steps, 1].mean()), self.settings.dimensions)
        return self.now.laws[steps].mean(0)

    @property
    def answer(self) -> Answer | None:
        """Estimate from the last steps; ``None`` until the weight has been trained for some steps."""
        if self.now.step < self._free + SETTLED:
            return None
        record, law = self.now.record[steps_that_count(self.now.step, self._free)].mean(0), self.law
        return Answer(int(law.argmax()), float(law.max()), float(record[1]), float(record[2]))

    @property
    def _free(self) -> int:
        """Number of steps before the weight was trained with what pairs share now."""
        return max(self.settings.warm_up, self.now.since)

    def live(self) -> str:
        """Describes the state of the training in a sentence or two.

        Returns:
            The sentences; **bold** words are the only Markdown.
        """
        now = self.now
        if not now.step:
            return (
                "Nothing is learned yet: every image is reconstructed alike. **Press Play**: in each sampled pair, the closest "
                "dimensions share one posterior; their number is sampled from the distribution on the right."
            )
        if self.answer is None and not self.settings.fisher:
            return f"**Step {now.step:,}.** The number of shared dimensions comes from the rule “{self.settings.rule}”."
        if self.warming:
            return (
                f"**Step {now.step:,}.** Warm-up: the weight is fixed at one, so {self.settings.dimensions / 2:g} dimensions "
                "are shared on average, while dimensions begin to encode factors."
            )
        if self.answer is None:
            why = "Pairs now share another number" if now.since > self.settings.warm_up else "The weight is now trained"
            return f"**Step {now.step:,}.** {why}. The weight rises if sharing more lowers the loss; otherwise it falls."
        sentence = f"**Step {now.step:,}.** {self._verdict()}"
        return f"{sentence} **Collapse: {self._failure()}.**" if self._failure() else sentence

    def _verdict(self) -> str:
        answer = self.answer
        assert answer is not None
        if self.now.sharing_kind == VARYING:
            mine, others = self._errors()
            return (
                f"Pairs differ: the mean squared error of the inferred numbers is **{mine:.2f}**, that of AdaVAE's threshold "
                f"**{others:.2f}**."
            )
        true = int(self.now.true[0])
        error, others = answer.mean - true, answer.adavae - true
        verdict = "correct to within a quarter" if abs(error) <= CLOSE else f"error {_signed(error)}"
        return (
            f"Estimated number shared: **{answer.mean:.2f}**; the true number is {true} (**{verdict}**). Most probable: "
            f"{answer.number}, with probability {answer.probability:.2f}. AdaVAE's threshold: {answer.adavae:.2f} (error "
            f"{_signed(others)})."
        )

    def _errors(self) -> tuple[float, float]:
        true = self.now.true.astype(float)
        return float(np.square(self.now.estimate - true).mean()), float(np.square(self.now.adavae - true).mean())

    def _failure(self) -> str:
        """Returns the failures of the model as text; sharing all or none is no failure if the pairs do so."""
        collapse, true = self.now.collapse, self.now.true
        parts = []
        if collapse.all_shared and not (true == self.settings.factors).all():
            parts.append("every dimension is inferred as shared")
        if collapse.none_shared and (true > 0).any():
            parts.append("no dimension is inferred as shared")
        if collapse.unused:
            listed = ", ".join(str(dimension + 1) for dimension in collapse.unused)
            several = len(collapse.unused) > 1
            reason = "their posteriors stay at the prior" if several else "its posterior stays at the prior"
            parts.append(f"dimension{'s' * several} {listed} unused ({reason})")
        return "; ".join(parts)

    def sentences(self) -> list[str]:
        """Describes the estimated number, the encoded factors and failures of the model.

        Returns:
            The sentences as Markdown.
        """
        return [self._about_number(), self._about_factors(), self._about_collapse()]

    def _about_number(self) -> str:
        if self.answer is None:
            return (
                f"The weight is **one** during the warm-up and is trained afterwards. AdaVAE's threshold, half-way between the "
                f"smallest and the largest distance, gives {self.now.adavae.mean():.2f} shared dimensions on average."
            )
        if self.now.sharing_kind != VARYING:
            return f"{self._verdict()} {self._about_ends()}".strip()
        mine, others = (self._correlation(values) for values in (self.now.estimate, self.now.adavae))
        return f"{self._verdict()} Correlation with the true number: **{mine}**; by AdaVAE's threshold: {others}."

    def _correlation(self, values: np.ndarray) -> str:
        coefficient = correlation(torch.from_numpy(values), torch.from_numpy(self.now.true))
        return "none" if np.isnan(coefficient) else f"{coefficient:.2f}"

    def _about_ends(self) -> str:
        """Returns the sentence about the bias if the pairs share a number for which it is visible."""
        if not self.settings.fisher:
            return ""
        true = int(self.now.true[0])
        return BIASES if true == 0 or true == self.settings.factors - 1 else ""

    def _about_factors(self) -> str:
        follows = [
            f"{name}: {match + 1}" if match >= 0 else f"{name}: none"
            for name, match in zip(self.settings.names, self.now.match, strict=True)
        ]
        return (
            f"Dimension that encodes each factor, learned without labels: {'; '.join(follows)}. With this matching, "
            f"**{percent(self.now.hits)}** of discs and rings agree. Always guessing the same would give "
            f"{percent(self._guess())}."
        )

    def _guess(self) -> float:
        fraction = float(self.now.true.mean()) / self.settings.factors
        return max(fraction, 1 - fraction)

    def _about_collapse(self) -> str:
        ours, adavae, everything = (percent(self.now.moved[part], 1) for part in ("ours", "AdaVAE's", "everything"))
        exchange = (
            f"Swapping the inferred shared part changes the images by {ours}, AdaVAE's by {adavae}, everything by {everything} "
            "(root mean square)."
        )
        if not self.now.step:
            return f"{exchange} Nothing is learned yet."
        failure = self._failure()
        return f"**Collapse: {failure}.** {exchange}" if failure else f"**No collapse**: all dimensions are in use. {exchange}"
