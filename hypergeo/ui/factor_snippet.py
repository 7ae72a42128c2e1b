"""The Python that gives the numbers of the page on shared factors."""

from __future__ import annotations

from .factor_run import PAIRS
from .factor_settings import RULES, VARYING, FactorSettings, Plan

__all__ = ["factor_snippet"]

_CODE = """\
import torch

from hypergeo.datasets import Sprites
from hypergeo.factor_measures import collapse
from hypergeo.shared_factors import Settings, SharedFactors
from hypergeo.sharing_rules import {rule}

sprites = Sprites({names})
settings = Settings(steps={schedule}, prior={beta}, law_prior={law_prior}, scale={scale}, warm_up={warm_up})
model = SharedFactors(
    sprites, [{start}], dimensions={dimensions}, rule={call}, settings=settings, seeds=[{seed}]
)
{steps}
# Fresh pairs, which the model has not learned from.
pairs = sprites.pairs({pairs}, {shared}, torch.Generator().manual_seed(2**40 + {seed}))
seen = model.view(pairs.images, pairs.num_shared)
true = pairs.num_shared.double()
for name, estimate in (("ours", seen.estimate[0].double()), ("AdaVAE", seen.adavae[0].double())):
    error = (estimate - true).square().mean()
    print(f"{{name}}: {{estimate.mean():.4f}} shared on average, squared error {{error:.4f}}")
print("law:", [round(share, 4) for share in seen.law[0].mean(0).tolist()])
print("collapse:", collapse(seen)[0])
"""


def factor_snippet(settings: FactorSettings, plan: Plan, step: int) -> str:
    """Python that prints the estimates on show, the law, and whether the model has failed.

    Args:
        settings: of the run.
        plan: what pairs share on the way.
        step: number of steps made.
    """
    call = RULES[settings.rule][0]
    lines, done = [], 0
    for since, said in plan.edits:
        if since > step:
            break
        if since > done:
            lines.append(f"model.step({since - done})")
            done = since
        lines.append(f"model.shared = [{settings.sharing(said)}]  # {_words(said)} from here on")
    lines.append(f"model.step({step - done})")
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
        shared=settings.sharing(plan.at(step)),
    )


def _words(said: str) -> str:
    return "between none and all" if said == VARYING else f"{said} shared"
