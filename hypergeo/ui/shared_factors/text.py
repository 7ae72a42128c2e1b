"""What the page on shared factors says: at every step, and of what has been found in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from hypergeo.shared_factors.pooled_estimate import SETTLED, pooled_law, steps_that_count
from hypergeo.shared_factors.scores import correlation

from .run import Snapshot
from .settings import VARYING, FactorSettings

__all__ = ["BIASES", "Answer", "FactorWords"]

BIASES = (
    "The ends are drawn to the middle: **0 reads about 1**, since Fisher's law of two groups of *d* is wide, and sharing the "
    "one closest dimension costs next to nothing; **of all but one the mean is too low**, since a wrongly shared dimension "
    "costs both images, and a wrongly free one only a few nats."
)
"""Where the estimates are biased, and why."""


class Answer(NamedTuple):
    """What is said of the number of shared factors.

    Attributes:
        number: the most probable one.
        probability: of it.
        mean: of the law.
        adavae: mean number by AdaVAE's threshold.
    """

    number: int
    probability: float
    mean: float
    adavae: float


@dataclass(frozen=True)
class FactorWords:
    """Words on a model at a step.

    Attributes:
        settings: of the run.
        now: the model.
    """

    settings: FactorSettings
    now: Snapshot

    @property
    def warming(self) -> bool:
        """Whether the law is still held at weight one."""
        return self.settings.training.warming(self.now.step)

    @property
    def law(self) -> np.ndarray:
        """The law that fits the last steps' pairs, shape ``(d + 1,)``: Fisher's where the rule has one, else their own mean."""
        steps = steps_that_count(self.now.step, self._free)
        if not self.now.step:
            return self.now.even
        if self.settings.fisher:
            return pooled_law(float(self.now.record[steps, 1].mean()), self.settings.dimensions)
        return self.now.laws[steps].mean(0)

    @property
    def answer(self) -> Answer | None:
        """What the last steps say; nothing as long as the law has not had time to learn."""
        if self.now.step < self._free + SETTLED:
            return None
        record, law = self.now.record[steps_that_count(self.now.step, self._free)].mean(0), self.law
        return Answer(int(law.argmax()), float(law.max()), float(record[1]), float(record[2]))

    @property
    def _free(self) -> int:
        """Number of steps made before the law could learn what pairs share now."""
        return max(self.settings.warm_up, self.now.since)

    def live(self) -> str:
        """What is happening, in a sentence or two; nothing but bold words is marked."""
        now = self.now
        if not now.step:
            return (
                "Nothing is learned yet: all images are seen alike, and distances mean nothing. **Press Play**: pairs are "
                "drawn, the closest dimensions share one posterior, and how many they are is drawn from the law."
            )
        if self.warming:
            return (
                f"**Step {now.step:,}.** Warm-up: numbers are drawn from the law of weight one, "
                f"{self.settings.dimensions / 2:g} on average, while dimensions find their uses."
            )
        if self.answer is None:
            why = "Pairs share something else now" if now.since else "The law is free now"
            return f"**Step {now.step:,}.** {why}: the weight moves to where sharing pays."
        said = f"**Step {now.step:,}.** {self._verdict()}"
        return f"{said} **Collapse: {self._failure()}.**" if self._failure() else said

    def _verdict(self) -> str:
        answer = self.answer
        assert answer is not None
        if self.now.said == VARYING:
            mine, others = self._errors()
            return (
                f"Pairs differ: our numbers are off by **{mine:.2f}** in the mean square, those of AdaVAE's threshold by "
                f"**{others:.2f}**."
            )
        true = int(self.now.true[0])
        right = "which is right" if answer.number == true else f"the truth is {true}"
        return (
            f"Most probable: **{answer.number} shared** ({answer.probability:.0%}), {right}. The law's mean is "
            f"{answer.mean:.2f}, AdaVAE's threshold says {answer.adavae:.2f}."
        )

    def _errors(self) -> tuple[float, float]:
        true = self.now.true.astype(float)
        return float(np.square(self.now.estimate - true).mean()), float(np.square(self.now.adavae - true).mean())

    def _failure(self) -> str:
        """How the model has failed, in words; that all or none is shared is none where pairs do so."""
        collapse, true = self.now.collapse, self.now.true
        parts = []
        if collapse.all_shared and not (true == self.settings.factors).all():
            parts.append("every dimension is taken for shared")
        if collapse.none_shared and (true > 0).any():
            parts.append("no dimension is taken for shared")
        if collapse.unused:
            which = ", ".join(str(dimension + 1) for dimension in collapse.unused)
            parts.append(f"unused: dimension{'s' * (len(collapse.unused) > 1)} {which}, near in every pair")
        return "; ".join(parts)

    def sentences(self) -> list[str]:
        """What to notice, with the numbers on show."""
        return [self._about_number(), self._about_factors(), self._about_collapse()]

    def _about_number(self) -> str:
        if self.answer is None:
            return (
                f"The law starts at **weight one**, and is let go after the warm-up. AdaVAE's threshold, half-way between the "
                f"closest and the farthest dimension, already says {self.now.adavae.mean():.2f}."
            )
        if self.now.said != VARYING:
            return f"{self._verdict()} {self._about_ends()}".strip()
        mine, others = (self._correlation(values) for values in (self.now.estimate, self.now.adavae))
        return f"{self._verdict()} Correlation with the true number: **{mine}**, AdaVAE's {others}."

    def _correlation(self, values: np.ndarray) -> str:
        found = correlation(torch.from_numpy(values), torch.from_numpy(self.now.true))
        return "none" if np.isnan(found) else f"{found:.2f}"

    def _about_ends(self) -> str:
        """The bias, where pairs share a number that shows it."""
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
            f"Which dimension follows which factor ({'; '.join(follows)}) nobody told the model. By that, "
            f"**{self.now.hits:.0%}** of discs and rings agree; always saying the commoner of both would give "
            f"{self._guess():.0%}."
        )

    def _guess(self) -> float:
        share = float(self.now.true.mean()) / self.settings.factors
        return max(share, 1 - share)

    def _about_collapse(self) -> str:
        ours, adavae, everything = (f"{self.now.moved[part]:.1%}" for part in ("ours", "AdaVAE's", "everything"))
        exchange = (
            f"Exchanging what we take for shared moves the images of a pair by {ours}, what AdaVAE's threshold takes by "
            f"{adavae}, everything by {everything}."
        )
        if not self.now.step:
            return f"{exchange} Nothing is learned yet."
        failure = self._failure()
        return f"**Collapse: {failure}.** {exchange}" if failure else f"**No collapse**: all dimensions are in use. {exchange}"
