"""What the page "Gradients" teaches: its presets, its tour and its formulas."""

from __future__ import annotations

from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

__all__ = ["FORMULAS", "PRESETS", "TOUR"]


def _three(w: tuple[float, float, float], n: int, t: tuple[int, int, int], **more: object) -> dict[str, object]:
    """A preset of three groups of twelve."""
    groups = {f"w{k}": weight for k, weight in enumerate(w, 1)} | {f"m{k}": 12 for k in range(1, 4)}
    return {"groups": 3, "n": n, **groups, **{f"t{k}": target for k, target in enumerate(t, 1)}, **more}


_START = _three((1.0, 2.0, 4.0), 12, (7, 4, 1))
_PUBLISHED = _three(
    (1.0, 10.0, 1.0), 18, (9, 6, 3), conditionals="merged", loss="squared distance", estimator="straight-through"
)
_RARE = {**_START, "loss": "step", "group": 1, "t1": 8}
PRESETS = [
    Preset(
        "Reach the targets",
        {**_START, "view": "descent", "loss": "squared distance", "estimator": "straight-through", "tau": 0.56, "step": 0},
        "The start of the page: from weights that favour group 3 to counts that favour group 1.",
    ),
    Preset(
        "Hot: biased",
        {
            **_START,
            "view": "descent",
            "loss": "absolute distance",
            "estimator": "Gumbel-softmax",
            "tau": 5.6,
            "conditionals": "exact",
        },
        "Every arrow is nearly the same, and all are wrong: hot samples answer weakly, and elsewhere.",
    ),
    Preset(
        "Cold: noisy",
        {**_START, "view": "descent", "loss": "squared distance", "estimator": "Gumbel-softmax", "tau": 0.024},
        "Right on average, but a few arrows are huge and most say little.",
    ),
    Preset(
        "The published rule", {**_PUBLISHED, "view": "side by side"}, "Merged conditionals: the mean arrow leaves the outline."
    ),
    Preset(
        "A loss with a step",
        {**_START, "view": "side by side", "loss": "step", "group": 1, "t1": 3},
        "Flat wherever it has a slope: four of the estimators say nothing at all, two see it.",
    ),
    Preset(
        "A rare success",
        {**_RARE, "view": "descent", "estimator": "score function", "draws": 4},
        "The loss changes once in hundreds of draws: the score function is right on average, and useless for a long time.",
    ),
    Preset(
        "Few groups",
        {**_START, "view": "race", "loss": "few groups", "step": 20},
        "A concave loss: everything should come from one group. Which one, noise may decide.",
    ),
    Preset(
        "Who is fastest?",
        {**_START, "view": "race", "loss": "absolute distance", "step": 20},
        "All estimators from one start with one seed, against steps and against what they cost.",
    ),
    Preset(
        "Four groups",
        {
            **_START,
            "groups": 4,
            "m4": 12,
            "w4": 4.0,
            "t2": 3,
            "t4": 1,
            "view": "descent",
            "loss": "squared distance",
            "estimator": "straight-through",
        },
        "More than three groups do not fit a triangle: groups 1 and 2 are shown.",
    ),
]

TOUR = [
    Stop(
        "Guesses",
        "The urn favours group 3, and the targets group 1: which way should the weights move? Each thin arrow is one estimate "
        "from four draws. An arrow towards a corner says: raise that group's weight.",
        {"number": 50},
        "The arrows differ a lot. The filled one is their mean.",
    ),
    Stop(
        "The truth",
        "The law is an exponential family, so that the gradient of any expected loss is a covariance, Cov(f(x), x), and can be "
        "computed. It is the outlined arrow: no estimate is needed to draw it, and every estimate can be held against it.",
        {"number": 1000},
        "With 1000 estimates the filled arrow fills the outline: what is left of it is bias.",
    ),
    Stop(
        "Descent",
        "Forty steps of Adam, each by one estimate from four draws. The pink line is where the mean counts went, the dashed "
        "one where the exact gradient would have taken them.",
        {"step": 40},
        "Press Play to go on. Near the goal the gradient fades and its noise does not.",
    ),
    Stop(
        "Cold is noisy, hot is biased",
        "A relaxation has a temperature. Cold, its estimates are right on average and spread widely; hot, they agree with "
        "each other, on something else. The error of a single estimate is least in between.",
        {"view": "temperature", "loss": "absolute distance"},
        "The right panel: each relaxing estimator has a valley. The level lines need no temperature.",
    ),
    Stop(
        "Side by side",
        "Seven estimators and the exact sum on the same question. The dotted ellipse is where one estimate falls to within one "
        "standard deviation.",
        {"view": "side by side", "loss": "absolute distance"},
        "Control variate and exact marginal have the narrowest ellipses; the score function the widest.",
    ),
    Stop(
        "A rule that is not exact",
        "The published sampler treats the groups that remain as one of their mean weight. With unequal weights it draws from "
        "another law, and its gradient is another law's.",
        {**_PUBLISHED, "view": "side by side"},
        "The merged rule's filled arrows do not fit the outline, and no number of draws changes that.",
    ),
    Stop(
        "Nothing to follow",
        "A step loss asks whether group 1 reaches three. Between whole numbers it is flat, so whatever differentiates it finds "
        "nothing; only estimators that compare whole draws see the step.",
        {"view": "race", "loss": "step", "t1": 3, "step": 20},
        "Five lines do not move at all. Score function and control variate descend.",
    ),
]

FORMULAS = r"""
An urn holds $K$ groups of $m_k$ elements with weight $w_k$, $n$ leave it, and $f$ is the loss of their counts $x$. What is
minimised is the expected loss $F(\log w) = \mathbb E[f(x)]$ under Fisher's noncentral hypergeometric law.

**The exact gradient.** The law is an exponential family in $\log w$, so that the score is $x - \mathbb E[x]$ and

$$\frac{\partial F}{\partial \log w_k} = \mathbb E\big[f(x)\,(x_k - \mathbb E[x_k])\big] = \mathrm{Cov}\big(f(x), x_k\big).$$

Its components add up to zero, since scaling all weights by one factor changes nothing: for three groups it lies in the plane
of the triangle, and is drawn there as it is, turned downhill. All losses of this page are sums over the groups,
$f(x) = \sum_k f_k(x_k)$, so that their expectations follow from the marginals at any size.

**Score function** (REINFORCE; Williams, *Machine Learning* 8, 1992), with the mean of the other draws' losses as each draw's
baseline (RLOO; Kool, van Hoof and Welling, ICLR 2019 workshop), which needs two draws or more:

$$\hat g = \frac1S \sum_s \Big(f(x^s) - \frac1{S-1} \sum_{r \ne s} f(x^r)\Big)\,(x^s - \mathbb E[x]).$$

**Gumbel-softmax** (Jang, Gu and Poole; Maddison, Mnih and Teh; both ICLR 2017): $f$ is evaluated at relaxed counts
$x(\log w, \text{noise})$ of temperature $\tau$ and differentiated through them. **Straight-through** (Bengio, Léonard and
Courville, 2013) evaluates $f$ and its slope at whole counts instead,
$\hat g = (\partial x / \partial \log w)^{\!\top} \nabla f$.
*Merged* conditionals are the published sampler's (Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 4).

**Exact marginal** (SIMPLE; Ahmed, Zeng, Niepert and Van den Broeck, ICLR 2023): the slope at whole counts, through the exact
mean, whose Jacobian is the covariance: $\hat g = \frac1S \sum_s \mathrm{Cov}(x)\, \nabla f(x^s)$.

**Control variate** (MuProp; Gu, Levine, Sutskever and Mnih, ICLR 2016, here to second order): with a polynomial $q$ that
follows $f$ around the mean, $\hat g = \nabla\, \mathbb E[q] + \widehat{\nabla\, \mathbb E[f - q]}$, the first exactly, the
second by the score function. Without bias for any $q$; for a squared distance nothing is left to estimate.

**Bias** is the length of the mean estimate's error, less what its noise adds; **spread** the root of the summed variances of
one estimate. Both are in lengths of the exact gradient. A bias is called one where noise would reach so far once in ten
thousand times. **Adam**: Kingma and Ba, ICLR 2015. *Few groups* is the log-sum penalty $\sum_k \log(1 + x_k)$ (Candès, Wakin
and Boyd, *Journal of Fourier Analysis and Applications* 14, 2008).
"""
