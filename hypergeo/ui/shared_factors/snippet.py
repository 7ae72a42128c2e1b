"""Python code that computes the numbers of the page on shared factors."""

from __future__ import annotations

from hypergeo.shared_factors.pooled_estimate import steps_that_count

from .run import PAIRS
from .settings import RULES, VARYING, FactorSettings, Plan

__all__ = ["factor_snippet"]

_CODE = """\
import torch

from hypergeo.datasets import Sprites
from hypergeo.shared_factors.scores import collapse
from hypergeo.shared_factors import SharedFactorsSettings, SharedFactors
from hypergeo.shared_factors.fixed_rules import {rule}
{imports}
sprites = Sprites({names})
settings = SharedFactorsSettings(steps={schedule}, prior={beta}, law_prior={law_prior}, scale={scale}, warm_up={warm_up})
model = SharedFactors(
    sprites, [{start}], dimensions={dimensions}, rule={call}, settings=settings, seeds=[{seed}]
)
{steps}
# Fresh pairs, on which the model was not trained.
pairs = sprites.pairs({pairs}, {shared}, torch.Generator().manual_seed(2**40 + {seed}))
seen = model.view(pairs.images, pairs.num_shared)
true = pairs.num_shared.double()
for name, estimate in (("ours", seen.estimate[0].double()), ("AdaVAE", seen.adavae[0].double())):
    error = (estimate - true).square().mean()
    print(f"{{name}}: {{estimate.mean():.4f}} shared on average, squared error {{error:.4f}}")
{law}
print("distribution:", law.round(4).tolist(), "most probable:", law.argmax())
print("collapse:", collapse(seen)[0])
"""


_POOLED = """\
# Fisher's distribution with the mean number of the pairs of the last steps.
law = pooled_law(model.record.estimate[{last}].mean().item(), {dimensions})"""
_MEAN = """\
# The mean distribution of the pairs of the last steps.
law = model.record.law[{last}, 0].mean(0).numpy()"""
_START = "law = pooled_law({half}, {dimensions})"


def factor_snippet(settings: FactorSettings, plan: Plan, step: int) -> str:
    """Writes Python code that prints the estimates on show, their distribution, and failures of the model.

    Args:
        settings: settings of the run.
        plan: what pairs share from step to step.
        step: number of training steps.

    Returns:
        The code.
    """
    call = RULES[settings.rule][0]
    lines, done = [], 0
    for since, sharing_kind in plan.edits:
        if since > step:
            break
        if since > done:
            lines.append(f"model.step({since - done})")
            done = since
        lines.append(f"model.shared = [{settings.sharing(sharing_kind)}]  # {_words(sharing_kind)} from here on")
    lines.append(f"model.step({step - done})")
    last = steps_that_count(step, max(settings.warm_up, plan.since(step)))
    law = _START if not step else _POOLED if settings.fisher else _MEAN
    return _CODE.format(
        rule=call.split("(")[0],
        names=settings.names,
        schedule=settings.schedule,
        beta=settings.beta,
        law_prior=settings.training.law_prior,
        scale=settings.training.scale,
        warm_up=settings.training.warm_up,
        start=settings.sharing(plan.start),
        dimensions=settings.dimensions,
        call=call,
        seed=settings.seed,
        steps="\n".join(lines),
        pairs=PAIRS,
        imports="" if law is _MEAN else "from hypergeo.shared_factors.pooled_estimate import pooled_law\n",
        law=law.format(last=f"{last.start}:{last.stop}", half=settings.dimensions / 2, dimensions=settings.dimensions),
        shared=settings.sharing(plan.at(step)),
    )


def _words(sharing_kind: str) -> str:
    return "between none and all" if sharing_kind == VARYING else f"{sharing_kind} shared"
