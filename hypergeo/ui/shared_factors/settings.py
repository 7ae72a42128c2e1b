"""Settings of a live run on shared factors, and what its pairs share from step to step, as the page's address holds it."""

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
"""What pairs share, as the control and the address say it."""

RULES: dict[str, tuple[str, Callable[[], SharingRule]]] = {
    "Fisher, one weight per pair": ("Hypergeometric()", Hypergeometric),
    "Fisher, one weight for all": ("Hypergeometric(amortised=False)", lambda: Hypergeometric(amortised=False)),
    "categorical": ("Categorical()", Categorical),
    "AdaVAE's threshold": ("AdaptiveThreshold()", AdaptiveThreshold),
    "the true number": ("Oracle()", Oracle),
}
FORMER_RULES = {
    "Fisher's law, for each pair": "Fisher, one weight per pair",
    "Fisher's law, one for all": "Fisher, one weight for all",
    "a free law": "categorical",
}
"""Names of rules in links from before they were renamed."""
"""Rules by which dimensions are inferred as shared: as Python, and what makes the rule, by the name on the page."""

LAW_PRIOR, SCALE, WARM_UP = 0.4, 0.42, 200
"""Weight of the divergence from the uniform distribution, standard deviation of the decoder, and steps of warm-up: chosen on
other seeds than the tests', so that a short run finds the right number for one to four of five factors."""

_NAMES = ("x", "y", "hue", "size", "brightness")  # colour tells more than size: pictures of three factors differ clearly


@dataclass(frozen=True)
class FactorSettings:
    """What a run is made with.

    Attributes:
        factors: number of factors that images are made from.
        spare: latent dimensions beyond them.
        rule: one of ``RULES``.
        beta: weight of the posteriors' divergence from the prior.
        schedule: steps until the temperature is at its lowest.
        seed: of the networks, the pairs and all samples.
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
        """Steps of the warm-up."""
        return sum(self.training.warming(step) for step in range(WARM_UP + 1))

    @property
    def training(self) -> SharedFactorsSettings:
        """How the model is trained; two hundred steps of warm-up are enough for images this small."""
        warm_up = min(0.25, WARM_UP / self.schedule)
        return SharedFactorsSettings(steps=self.schedule, prior=self.beta, law_prior=LAW_PRIOR, scale=SCALE, warm_up=warm_up)

    def sharing(self, sharing_kind: str) -> Sharing:
        """What the core calls what pairs share; never more than there are factors."""
        return (0, self.factors) if sharing_kind == VARYING else min(int(sharing_kind), self.factors)

    def model(self, sharing_kind: str) -> SharedFactors:
        """A model that has not been trained."""
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
        start: at first, one of ``SHARED``.
        edits: numbers of steps made, increasing, and what pairs share from there on.

    Example:
        >>> plan = Plan("2", ((300, "4"),))
        >>> plan.at(299), plan.at(300), plan.until(300), plan.until(301)
        ('2', '4', ((0, '2'),), ((0, '2'), (300, '4')))
    """

    start: str
    edits: tuple[tuple[int, str], ...] = ()

    def at(self, step: int) -> str:
        """What the pairs of the next step share, after so many."""
        return next((sharing_kind for since, sharing_kind in reversed(self.edits) if since <= step), self.start)

    def until(self, step: int) -> tuple[tuple[int, str], ...]:
        """What the pairs of the steps made so far shared: since when, and what."""
        return tuple((since, sharing_kind) for since, sharing_kind in ((0, self.start), *self.edits) if since < step)

    def since(self, step: int) -> int:
        """The step from which on pairs share what they do after so many steps."""
        return max((since for since, _ in self.edits if since <= step), default=0)

    def changed(self, step: int, sharing_kind: str) -> Plan:
        """The plan in which pairs share something else from a step on, and nothing is changed later."""
        if step == 0:
            return Plan(sharing_kind)
        earlier = Plan(self.start, tuple(edit for edit in self.edits if edit[0] < step))
        if earlier.at(step) == sharing_kind:
            return earlier
        return Plan(self.start, (*earlier.edits, (step, sharing_kind))[: FACTORS.edits])

    def write(self) -> str:
        """The edits as text of the address; the first entry is what was at the start.

        Example:
            >>> Plan("2", ((300, "4"),)).write()
            '0~2_300~4'
        """
        return "_".join(f"{step}~{sharing_kind}" for step, sharing_kind in ((0, self.start), *self.edits)) if self.edits else ""

    @classmethod
    def read(cls, text: str, otherwise: str) -> Plan:
        """Reads what :meth:`write` wrote, and leaves out what is not valid.

        Args:
            text: of the address.
            otherwise: what pairs share where the text does not say.
        """
        edits_by_step: dict[int, str] = {}
        for part in text.split("_")[: FACTORS.edits + 1]:
            match part.split("~"):
                case [step, sharing_kind] if step.isascii() and step.isdecimal() and len(step) < 5 and sharing_kind in SHARED:
                    edits_by_step[min(int(step), STEPS)] = sharing_kind
        start = edits_by_step.pop(0, otherwise)
        return cls(start, tuple(sorted(edits_by_step.items())))

    def in_words(self) -> str:
        """The changes in a sentence; empty where there are none."""
        changes = [f"{_words(sharing_kind)} from step {step:,} on" for step, sharing_kind in self.edits]
        return f"Changed on the way: pairs share {', '.join(changes)}, {_words(self.start)} at first." if changes else ""


@dataclass(frozen=True)
class EditList:
    """Edits as a control of a page.

    Attributes:
        default: no edits.
    """

    default: str = ""

    def read(self, text: str) -> str:
        """The edits that make sense, in the order of their steps."""
        return Plan.read(text, SHARED[0]).write()

    def write(self, value: Any) -> str:
        """How the address says edits."""
        return str(value)

    def allowed(self) -> str:
        """What is allowed, as text."""
        return "what pairs share, with the steps at which it changes"


def _words(sharing_kind: str) -> str:
    return "numbers that vary" if sharing_kind == VARYING else sharing_kind
