"""Settings of a training run on shared factors, and the plan of what its pairs share from step to step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypergeo.datasets import Sprites
from hypergeo.datasets.image_pairs import Sharing
from hypergeo.shared_factors import SharedFactors
from hypergeo.shared_factors.fixed_rules import AdaptiveThreshold, Categorical, Hypergeometric, Oracle, SharingRule
from hypergeo.shared_factors.records import SharedFactorsSettings
from hypergeo.ui.limits import FACTORS

__all__ = ["FORMER_RULES", "RULES", "SHARED", "STEPS", "VARYING", "EditList", "FactorSettings", "Plan"]

STEPS = FACTORS.steps
VARYING = "varying"
SHARED = (*map(str, range(FACTORS.factors[-1] + 1)), VARYING)
"""Values of the control of shared factors: a number of factors, or ``VARYING``."""

RULES: dict[str, tuple[str, Callable[[], SharingRule]]] = {
    "Fisher, one weight per pair": ("Hypergeometric()", Hypergeometric),
    "Fisher, one weight for all": ("Hypergeometric(amortised=False)", lambda: Hypergeometric(amortised=False)),
    "categorical": ("Categorical()", Categorical),
    "AdaVAE's threshold": ("AdaptiveThreshold()", AdaptiveThreshold),
    "the true number": ("Oracle()", Oracle),
}
"""Python code and constructor of each rule that infers shared dimensions, by its name on the page."""

FORMER_RULES = {
    "Fisher's law, for each pair": "Fisher, one weight per pair",
    "Fisher's law, one for all": "Fisher, one weight for all",
    "a free law": "categorical",
}
"""Present names of rules, by their names in old links."""

LAW_PRIOR, SCALE, WARM_UP = 0.4, 0.42, 200
"""Weight of the divergence from the uniform distribution, standard deviation of the decoder, and steps of warm-up.

They are chosen on other seeds than those of the tests, so that a short run finds the right number for one to four of five
factors.
"""

_NAMES = (
    "x",
    "y",
    "hue",
    "size",
    "brightness",
)  # hue is easier to see than size, so it is among the first three


@dataclass(frozen=True)
class FactorSettings:
    """Settings of a run.

    Attributes:
        factors: number of factors of an image.
        spare: number of latent dimensions minus number of factors.
        rule: name of the rule that infers shared dimensions, one of ``RULES``.
        beta: weight of the posteriors' divergence from the prior.
        schedule: number of steps until the temperature is at its lowest.
        seed: seed of the networks, the pairs and all samples.
    """

    factors: int = 5
    spare: int = 0
    rule: str = next(iter(RULES))
    beta: float = 1.0
    schedule: int = 1_000
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors."""
        return _NAMES[: self.factors]

    @property
    def dimensions(self) -> int:
        """Number of latent dimensions."""
        return self.factors + self.spare

    @property
    def fisher(self) -> bool:
        """Whether the number is sampled from Fisher's distribution."""
        return RULES[self.rule][0].startswith("Hypergeometric")

    @property
    def warm_up(self) -> int:
        """Number of warm-up steps."""
        training = self.training
        return sum(training.warming(step) for step in range(WARM_UP + 1))

    @property
    def training(self) -> SharedFactorsSettings:
        """Training settings; two hundred warm-up steps are enough for images this small."""
        warm_up = min(0.25, WARM_UP / self.schedule)
        return SharedFactorsSettings(steps=self.schedule, prior=self.beta, law_prior=LAW_PRIOR, scale=SCALE, warm_up=warm_up)

    def sharing(self, sharing_kind: str) -> Sharing:
        """Converts a value of the control of shared factors for the data set.

        Args:
            sharing_kind: value of the control, one of ``SHARED``.

        Returns:
            Number of shared factors, at most the number of factors, or the range of a number that varies.
        """
        return (0, self.factors) if sharing_kind == VARYING else min(int(sharing_kind), self.factors)

    def model(self, sharing_kind: str) -> SharedFactors:
        """Makes an untrained model.

        Args:
            sharing_kind: what pairs share at first, one of ``SHARED``.

        Returns:
            The model.
        """
        return SharedFactors(
            Sprites(self.names),
            [self.sharing(sharing_kind)],
            dimensions=self.dimensions,
            rule=RULES[self.rule][1](),
            settings=self.training,
            seeds=[self.seed],
        )


@dataclass(frozen=True)
class Plan:
    """What pairs share from step to step.

    Attributes:
        start: what pairs share at first, one of ``SHARED``.
        edits: changes, each as the number of steps before it and what pairs share afterwards; in the order of the steps.

    Example:
        >>> plan = Plan("2", ((300, "4"),))
        >>> plan.at(299), plan.at(300), plan.until(300), plan.until(301)
        ('2', '4', ((0, '2'),), ((0, '2'), (300, '4')))
    """

    start: str
    edits: tuple[tuple[int, str], ...] = ()

    def at(self, step: int) -> str:
        """Returns what the pairs of the next step share.

        Args:
            step: number of steps so far.

        Returns:
            One of ``SHARED``.
        """
        return next((sharing_kind for since, sharing_kind in reversed(self.edits) if since <= step), self.start)

    def until(self, step: int) -> tuple[tuple[int, str], ...]:
        """Returns what the pairs of the steps so far shared.

        Args:
            step: number of steps so far.

        Returns:
            The number of steps before each change, 0 for the first entry, and what pairs shared afterwards.
        """
        return tuple((since, sharing_kind) for since, sharing_kind in ((0, self.start), *self.edits) if since < step)

    def since(self, step: int) -> int:
        """Returns the number of steps before the last change.

        Args:
            step: number of steps so far.

        Returns:
            The number of steps; 0 without a change.
        """
        return max((since for since, _ in self.edits if since <= step), default=0)

    def changed(self, step: int, sharing_kind: str) -> Plan:
        """Returns the plan with a change at one step and without later changes.

        Args:
            step: number of steps before the change.
            sharing_kind: what pairs share afterwards, one of ``SHARED``.

        Returns:
            The new plan.
        """
        if step == 0:
            return Plan(sharing_kind)
        earlier = Plan(self.start, tuple(edit for edit in self.edits if edit[0] < step))
        if earlier.at(step) == sharing_kind:
            return earlier
        return Plan(self.start, (*earlier.edits, (step, sharing_kind))[: FACTORS.edits])

    def write(self) -> str:
        """Writes the edits as a URL parameter; the first entry is what pairs share at first.

        Returns:
            Text of the URL parameter; empty without edits.

        Example:
            >>> Plan("2", ((300, "4"),)).write()
            '0~2_300~4'
        """
        return "_".join(f"{step}~{sharing_kind}" for step, sharing_kind in ((0, self.start), *self.edits)) if self.edits else ""

    @classmethod
    def read(cls, text: str, otherwise: str) -> Plan:
        """Parses the text of a URL parameter and leaves out invalid entries.

        Args:
            text: text of the URL parameter, as :meth:`write` returns it.
            otherwise: what pairs share at first if the text has no entry for step 0.

        Returns:
            The plan.
        """
        edits_by_step: dict[int, str] = {}
        for part in text.split("_")[: FACTORS.edits + 1]:
            match part.split("~"):
                case [step, sharing_kind] if step.isascii() and step.isdecimal() and len(step) < 5 and sharing_kind in SHARED:
                    edits_by_step[min(int(step), STEPS)] = sharing_kind
        start = edits_by_step.pop(0, otherwise)
        return cls(start, tuple(sorted(edits_by_step.items())))

    def in_words(self) -> str:
        """Describes the changes in a sentence.

        Returns:
            The sentence; empty without changes.
        """
        if not self.edits:
            return ""
        changes = ", ".join(f"{sharing_kind} from step {step:,} on" for step, sharing_kind in self.edits)
        return f"The number of shared factors was changed during training: {self.start} at first, {changes}."


@dataclass(frozen=True)
class EditList:
    """The control of a page that holds the edits of its plan.

    Attributes:
        default: value without edits, the empty text.
    """

    default: str = ""

    def read(self, text: str) -> str:
        """Parses the text of a URL parameter and leaves out invalid edits.

        Args:
            text: text of the URL parameter.

        Returns:
            The edits as text, in the order of their steps.
        """
        return Plan.read(text, SHARED[0]).write()

    def write(self, value: Any) -> str:
        """Writes edits as a URL parameter.

        Args:
            value: edits as text.

        Returns:
            Text of the URL parameter.
        """
        return str(value)

    def allowed(self) -> str:
        """Describes the allowed edits as text.

        Returns:
            The description.
        """
        return "numbers of shared factors, each with the step from which on pairs share so many"
