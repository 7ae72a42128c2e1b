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
        "The weights favour group 3, the targets group 1. Drag the target, then press Play.",
    ),
    Preset(
        "High temperature",
        {
            **_START,
            "view": "descent",
            "loss": "absolute distance",
            "estimator": "Gumbel-softmax",
            "tau": 5.6,
            "conditionals": "exact",
        },
        "High τ: low variance but biased. All arrows are alike, and their mean is not the exact gradient.",
    ),
    Preset(
        "Low temperature",
        {**_START, "view": "descent", "loss": "squared distance", "estimator": "Gumbel-softmax", "tau": 0.024},
        "Low τ: small bias, high variance. A few arrows are very long, most are short.",
    ),
    Preset(
        "The paper's approximation",
        {**_PUBLISHED, "view": "side by side"},
        "With merged conditionals the mean arrow does not match the outline.",
    ),
    Preset(
        "A loss with a step",
        {**_START, "view": "side by side", "loss": "step", "group": 1, "t1": 3},
        "The derivative is zero almost everywhere: pathwise estimators return zero, two other estimators do not.",
    ),
    Preset(
        "A rare event",
        {**_RARE, "view": "descent", "estimator": "score function", "draws": 4},
        "The loss changes in one of hundreds of samples: the score function has no bias, but almost all its estimates are "
        "zero.",
    ),
    Preset(
        "Few groups",
        {**_START, "view": "race", "loss": "few groups", "step": 20},
        "A concave loss, least if all balls come from one group. Noise may decide which one.",
    ),
    Preset(
        "Which is fastest?",
        {**_START, "view": "race", "loss": "absolute distance", "step": 20},
        "All estimators from one start with one seed, against steps and against cost.",
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
        "Counts of more than three groups do not fit into a triangle: the figure shows groups 1 and 2.",
    ),
]

TOUR = [
    Stop(
        "Gradient estimates",
        "The weights favour group 3, the targets group 1. Each thin arrow is one gradient estimate from four samples. Arrows "
        "show the descent direction −∇; one pointing at a corner raises that group's weight.",
        {"number": 50},
        "The arrows differ a lot. The filled arrow is their mean.",
    ),
    Stop(
        "The exact gradient",
        "The distribution is an exponential family, so the gradient of an expected loss is the covariance Cov(f(x), x), which "
        "can be computed exactly (outlined arrow).",
        {"number": 1000},
        "With 1,000 estimates the filled arrow fills the outline: there is no significant bias.",
    ),
    Stop(
        "Gradient descent",
        "Forty steps of Adam, each with one estimate from four samples. Pink line: path of the mean counts. Dashed line: path "
        "with the exact gradient.",
        {"step": 40},
        "Press Play to continue. Near the optimum the gradient is small, but its noise is not.",
    ),
    Stop(
        "Variance at low τ, bias at high τ",
        "Low τ: small bias but high variance. High τ: low variance but biased. The error of one estimate is least in between.",
        {"view": "temperature", "loss": "absolute distance"},
        "The right panel: each curve has a minimum. Horizontal lines: estimators without a temperature.",
    ),
    Stop(
        "Side by side",
        "Seven estimators and the exact sum for the same loss. Dotted ellipse: one standard deviation of one estimate.",
        {"view": "side by side", "loss": "absolute distance"},
        "The widest ellipse is that of the score function.",
    ),
    Stop(
        "Merged conditionals",
        "The paper merges the remaining groups into one with their mean weight. If their weights differ, it samples from a "
        "different distribution, and its gradient is that of a different distribution.",
        {**_PUBLISHED, "view": "side by side"},
        "With merged conditionals the filled arrows do not match the outline; more samples do not change that.",
    ),
    Stop(
        "A loss without slope",
        "This loss is 1 if group 1 gives fewer than three balls, else 0. The derivative is zero almost everywhere, so pathwise "
        "estimators return zero; only estimators that compare the losses of samples learn.",
        {"view": "race", "loss": "step", "t1": 3, "step": 20},
        "Five losses do not change. Those of the score function and the control variate fall.",
    ),
]

FORMULAS = r"""
An urn holds $K$ groups of $m_k$ balls with weight $w_k$, $n$ balls are drawn, and $f$ is the loss of their counts $x$. The
objective is the expected loss $F(\log w) = \mathbb E[f(x)]$ under Fisher's noncentral hypergeometric distribution.

**The exact gradient.** The distribution is an exponential family in $\log w$, so that the score is $x - \mathbb E[x]$ and

$$\frac{\partial F}{\partial \log w_k} = \mathbb E\big[f(x)\,(x_k - \mathbb E[x_k])\big] = \mathrm{Cov}\big(f(x), x_k\big).$$

Its components sum to zero, since scaling all weights by one factor changes nothing: for three groups it lies in the plane of
the triangle, where $-\nabla F$ is drawn. All losses of this page are sums over the groups,
$f(x) = \sum_k f_k(x_k)$, so that their expectations follow from the marginals at any size.

**Score function** (REINFORCE; Williams, *Machine Learning* 8, 1992), with the mean of the other samples' losses as the
baseline of each sample (RLOO; Kool, van Hoof and Welling, ICLR 2019 workshop), which needs two samples or more:

$$\hat g = \frac1S \sum_s \Big(f(x^s) - \frac1{S-1} \sum_{r \ne s} f(x^r)\Big)\,(x^s - \mathbb E[x]).$$

**Gumbel-softmax** (Jang, Gu and Poole; Maddison, Mnih and Teh; both ICLR 2017): $f$ is evaluated at relaxed counts
$x(\log w, \text{noise})$ of temperature $\tau$ and differentiated through them. **Straight-through** (Bengio, Léonard and
Courville, 2013) evaluates $f$ and its derivative at integer counts instead,
$\hat g = (\partial x / \partial \log w)^{\!\top} \nabla f$.
*Merged* conditionals are the published sampler's (Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 4).

**Exact marginal** (SIMPLE; Ahmed, Zeng, Niepert and Van den Broeck, ICLR 2023): the derivative at integer counts, through the
exact mean, whose Jacobian is the covariance: $\hat g = \frac1S \sum_s \mathrm{Cov}(x)\, \nabla f(x^s)$.

**Control variate** (MuProp; Gu, Levine, Sutskever and Mnih, ICLR 2016, here to second order): with a polynomial $q$ that
follows $f$ around the mean, $\hat g = \nabla\, \mathbb E[q] + \widehat{\nabla\, \mathbb E[f - q]}$, the first exactly, the
second by the score function. Without bias for any $q$; for a squared distance nothing is left to estimate.

**Bias** is the norm of the mean estimate's error, corrected for its noise; **standard deviation** the root of the summed
variances of one estimate. Both are relative to the norm of the exact gradient. A bias is significant if noise alone would
reach it with probability 1e-4. **Adam**: Kingma and Ba, ICLR 2015. *Few groups* is the log-sum penalty
$\sum_k \log(1 + x_k)$ (Candès,
Wakin and Boyd, *Journal of Fourier Analysis and Applications* 14, 2008).
"""
