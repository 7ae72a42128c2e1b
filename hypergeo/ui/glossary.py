"""The words of the field and of this app, as data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GLOSSARY", "Term"]


@dataclass(frozen=True)
class Term:
    """One entry of the glossary.

    Attributes:
        name: the term.
        meaning: what it means here, as Markdown.
        source: where it comes from, as Markdown.
        page: path of the page that shows it, or nothing.
    """

    name: str
    meaning: str
    source: str
    page: str = ""


_URN = "pages/urn.py"
_CONVERGENCE = "pages/convergence.py"
_ONE_SAMPLE = "pages/one_sample.py"
_GRADIENTS = "pages/gradients.py"
_PARTITIONS = "pages/partitions.py"
_QUALITY = "pages/quality.py"
_SUTTER = "Sutter, Manduchi, Ryser, Vogt, ICLR 2023"
_FOG = "Fog, *Communications in Statistics: Simulation and Computation* 37(2), 2008"

GLOSSARY = {
    "The law": [
        Term(
            "Urn, groups, elements",
            "An urn holds $K$ groups; group $k$ has $m_k$ elements (`group_sizes`). $n$ of all elements are drawn "
            "(`total_count`) without putting any back.",
            "Johnson, Kotz, Balakrishnan, *Discrete Multivariate Distributions*, 1997, chapter 39",
            _URN,
        ),
        Term(
            "Counts",
            "How many elements each group gave: a vector $x$ of whole numbers with $0 \\le x_k \\le m_k$ that adds up to $n$.",
            "",
            _URN,
        ),
        Term(
            "Importance, weight",
            "A positive number $w_k$ for each group, which makes its elements more or less likely to be drawn. Only "
            "ratios matter: doubling all weights changes nothing. Models learn $\\log w$, which may be any number.",
            _SUTTER,
            _URN,
        ),
        Term(
            "Fisher's noncentral hypergeometric law",
            "$p(x) \\propto \\prod_k \\binom{m_k}{x_k} w_k^{x_k}$: what independent draws of every element give, on the "
            "condition that exactly $n$ were drawn. With equal weights it is the central hypergeometric law.",
            "Fisher, *Journal of the Royal Statistical Society* 98(1), 1935; " + _FOG,
            _URN,
        ),
        Term(
            "Wallenius' noncentral hypergeometric law",
            "What drawing one element after the other gives, each with probability proportional to its weight among "
            "those left. The same as Fisher's law where weights are equal, another one where not.",
            "Wallenius, Stanford University technical report, 1963; " + _FOG,
            _URN,
        ),
        Term(
            "Marginal",
            "The law of one group's count alone, whatever the others give.",
            "",
            _CONVERGENCE,
        ),
        Term(
            "Conditional",
            "The law of one group's count (or of half of the groups') once it is known how many elements are left to "
            "draw. Exact ones need the convolution of the other groups' terms, which this app computes.",
            "see the formulas of the convergence page",
            _CONVERGENCE,
        ),
        Term(
            "Merged conditionals",
            "The published shortcut: the groups that remain are treated as one group of their mean weight. Exact where "
            "those share one weight, another law where not.",
            _SUTTER + ", section 4",
            _CONVERGENCE,
        ),
        Term(
            "Covariance as a derivative",
            "Fisher's law is an exponential family in $\\log w$, so $\\partial\\, \\mathrm E[x_i] / \\partial \\log w_j = "
            "\\mathrm{Cov}(x_i, x_j)$, and the exact gradient of $\\mathrm E[f(x)]$ is $\\mathrm{Cov}(f(x), x)$.",
            "Wainwright, Jordan, *Foundations and Trends in Machine Learning* 1, 2008, section 3",
            _URN,
        ),
    ],
    "The relaxation": [
        Term(
            "Gumbel noise",
            "The law of $-\\log(-\\log u)$ for uniform $u$. Adding it to log-probabilities and taking the greatest draws "
            "from exactly those probabilities (the Gumbel-max property).",
            "Gumbel, 1954; Maddison, Tarlow, Minka, NeurIPS 2014",
            _CONVERGENCE,
        ),
        Term(
            "Split",
            "One step of a sample: some groups take their elements from what is left, and the other groups get the rest. "
            "Groups are split off in turn, or in two halves and each half again (a balanced tree, the library's default). A "
            "sample of $K$ groups has $K - 1$ splits.",
            "",
            _ONE_SAMPLE,
        ),
        Term(
            "Softmax",
            "$\\mathrm e^{z_j} / \\sum_i \\mathrm e^{z_i}$: turns any numbers into positive weights that add up to 1. The "
            "larger the differences between the numbers, the closer it is to choosing the largest (argmax).",
            "Bridle, NeurIPS 1989",
            _ONE_SAMPLE,
        ),
        Term(
            "Temperature, $\\tau$",
            "Divides the noisy log-probabilities before the softmax. Low: samples are close to whole counts, gradients "
            "spread widely. High: samples are averages, gradients are steady and biased.",
            "Jang, Gu, Poole, ICLR 2017; Maddison, Mnih, Teh, ICLR 2017",
            _CONVERGENCE,
        ),
        Term(
            "Relaxed (soft) sample",
            "Real-valued counts that a gradient can pass through. Here they add up to $n$ and stay within the group "
            "sizes at every temperature, and become an exact draw as it falls.",
            _SUTTER,
            _CONVERGENCE,
        ),
        Term(
            "Straight-through sample",
            "Whole counts forward, the soft sample's gradient backward. Here they have exactly Fisher's law at every "
            "temperature.",
            "Bengio, Léonard, Courville, 2013; Jang, Gu, Poole, ICLR 2017, section 2.2",
            _CONVERGENCE,
        ),
    ],
    "Partitions": [
        Term(
            "Random partition",
            "An assignment of $N$ elements to $K$ groups, as a matrix $y$ with one-hot rows: group sizes are sampled or "
            "fixed, then the "
            "groups choose their members one after another. Its probability is known exactly.",
            "this package; sizes and then an order of the elements: Sutter, Ryser, Liebeskind, Vogt, NeurIPS 2023",
            _PARTITIONS,
        ),
        Term(
            "Plan",
            "Membership probabilities $P_{ik} = \\mathrm{softmax}_k(\\ell_{ik} + \\lambda_k)$ whose column sums are the "
            "expected group "
            "sizes: the solution of an entropic transport problem. Close to the memberships of random partitions, not equal "
            "to them.",
            "Cuturi, NeurIPS 2013 (entropic transport)",
            _PARTITIONS,
        ),
        Term(
            "Order of choice",
            "The order in which the groups of a random partition choose their members. Row and column sums, sizes and plan do "
            "not depend "
            "on it; probabilities do. Small groups first is closest to the symmetric distribution.",
            "",
            _PARTITIONS,
        ),
        Term(
            "Symmetric distribution of partitions",
            "Independent categorical rows on the condition that each group has its size: $p \\propto \\prod e^{\\ell_{ik} "
            "y_{ik}}$. It has "
            "the maximum entropy for its membership probabilities and no order of choice, but no relaxed sample "
            "(`ConditionalCategorical`).",
            "",
            _PARTITIONS,
        ),
    ],
    "Gradients": [
        Term(
            "Objective",
            "A function $f$ of the counts whose expectation a model makes small, such as the squared distance from "
            "wanted sizes.",
            "Mohamed, Rosca, Figurnov, Mnih, *Journal of Machine Learning Research* 21, 2020",
            _GRADIENTS,
        ),
        Term(
            "Bias and spread of an estimator",
            "Bias: how far the mean of many gradient estimates is from the exact gradient. Spread: the standard "
            "deviation of a single one. Both together are the root mean squared error (RMSE).",
            "",
            _GRADIENTS,
        ),
        Term(
            "Score function (REINFORCE)",
            "$f(x)\\, \\nabla \\log p(x)$, which for this law is $f(x)\\,(x - \\mathrm E[x])$: unbiased for any objective, "
            "with a wide spread.",
            "Williams, *Machine Learning* 8, 1992",
            _GRADIENTS,
        ),
        Term(
            "Leave-one-out baseline (RLOO)",
            "Subtracts from each sample's objective the mean of the others', which leaves the estimate unbiased and "
            "narrows it.",
            "Kool, van Hoof, Welling, ICLR 2019 workshop",
            _GRADIENTS,
        ),
        Term(
            "Control variate",
            "A quantity whose exact expectation is known, subtracted sample by sample and added back exactly. Here: the"
            " objective's expansion at the exact mean.",
            "Gu, Levine, Sutskever, Mnih (MuProp), ICLR 2016",
            _GRADIENTS,
        ),
        Term(
            "Exact marginals (SIMPLE)",
            "Whole counts forward, the exact mean's Jacobian backward: no error at all for linear objectives.",
            "Ahmed, Zeng, Niepert, Van den Broeck, ICLR 2023",
            _GRADIENTS,
        ),
    ],
    "Measures": [
        Term(
            "Total variation",
            "$\\tfrac12 \\sum_x |p(x) - q(x)|$: the greatest difference in the probability of any event. 0 is the same "
            "law, 1 is no overlap.",
            "Levin, Peres, *Markov Chains and Mixing Times*, 2017, chapter 4",
            _CONVERGENCE,
        ),
        Term(
            "Wasserstein-1 distance",
            "By how many elements, on average, one would have to move samples to make one law of another: $\\int |\\hat "
            "F(t) - F(t)|\\, dt$ for each group.",
            "Villani, *Topics in Optimal Transportation*, 2003, chapter 2",
            _CONVERGENCE,
        ),
        Term(
            "Noise floor",
            "The distance that as many *exact* samples would show by chance. A distance within it is no evidence of an error.",
            "Diaconis, Zabell, *Statistical Science* 6(3), 1991 for its expectation",
            _CONVERGENCE,
        ),
        Term(
            "Kolmogorov–Smirnov test",
            "The greatest gap between the samples' distribution function and the law's, and how often exact samples "
            "would show a greater one (the p-value).",
            "Conover, *Journal of the American Statistical Association* 67, 1972, for laws on whole numbers",
            _QUALITY,
        ),
        Term(
            "G-test",
            "Compares how often each count vector occurred with how often it should have, by the logarithm of their ratio.",
            "Sokal, Rohlf, *Biometry*, 1981",
            _QUALITY,
        ),
    ],
}
