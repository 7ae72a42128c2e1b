"""Terms of group counts: the distribution, its relaxation, random partitions."""

from __future__ import annotations

from .term import Term

__all__ = ["COUNTS"]

_URN = "pages/urn.py"
_CONVERGENCE = "pages/convergence.py"
_ONE_SAMPLE = "pages/one_sample.py"
_PARTITIONS = "pages/partitions.py"
_SUTTER = "Sutter, Manduchi, Ryser, Vogt, ICLR 2023"
_FOG = "Fog, *Communications in Statistics: Simulation and Computation* 37(2), 2008"

COUNTS = {
    "The distribution": [
        Term(
            "Urn, groups, balls",
            "An urn holds $K$ groups; group $k$ has $m_k$ balls (`group_sizes`). A sample takes $n$ balls "
            "(`total_count`) without replacement. Elsewhere the balls are called elements.",
            "Johnson, Kotz, Balakrishnan, *Discrete Multivariate Distributions*, 1997, chapter 39",
            _URN,
        ),
        Term(
            "Counts, mode",
            "Counts: the number of balls from each group in a sample, a vector $x$ of integers with $0 \\le x_k \\le "
            "m_k$ that sums to $n$. Mode: a most probable vector.",
            "",
            _URN,
        ),
        Term(
            "Weight",
            "A number $w_k \\ge 0$ for each group: balls of a heavier group are more likely to be drawn. Only ratios "
            "matter. Models learn $\\log w$; *centred* log weights have mean zero.",
            _SUTTER,
            _URN,
        ),
        Term(
            "Fisher's noncentral hypergeometric distribution",
            "$p(x) \\propto \\prod_k \\binom{m_k}{x_k} w_k^{x_k}$: each ball is drawn independently, on the condition "
            "that exactly $n$ are drawn. With equal weights it is the central hypergeometric distribution.",
            "Fisher, *Journal of the Royal Statistical Society* 98(1), 1935; " + _FOG,
            _URN,
        ),
        Term(
            "Wallenius' noncentral hypergeometric distribution",
            "Distribution of the counts if balls are drawn one after another, each with probability proportional to its "
            "weight among those left. Equal to Fisher's distribution if all weights are equal.",
            "Wallenius, Stanford University technical report, 1963; " + _FOG,
            _URN,
        ),
        Term(
            "Marginal distribution",
            "The distribution of one group's count alone.",
            "",
            _CONVERGENCE,
        ),
        Term(
            "Conditional distribution",
            "The distribution of the count of one group, or of half of the groups, if the number of remaining balls is "
            "known. The exact one needs a convolution over the other groups.",
            "see the formulas of the convergence page",
            _CONVERGENCE,
        ),
        Term(
            "Merged conditionals",
            "The published approximation: the remaining groups are merged into one with their mean weight. Exact if "
            "they share one weight; otherwise samples have a different distribution.",
            _SUTTER + ", section 4",
            _CONVERGENCE,
        ),
        Term(
            "Variance, standard deviation, standard error",
            "Variance: mean squared difference from the mean. Standard deviation (SD): its square root. Standard "
            "error: standard deviation of the mean of $S$ samples, which is that of one sample divided by $\\sqrt S$.",
            "",
            _URN,
        ),
        Term(
            "Covariance",
            "$\\mathrm{Cov}(x_i, x_j)$, the mean product of two quantities' differences from their means. Fisher's "
            "distribution is an exponential family in $\\log w$, so $\\partial\\, \\mathrm E[x_i] / \\partial \\log "
            "w_j = \\mathrm{Cov}(x_i, x_j)$.",
            "Wainwright, Jordan, *Foundations and Trends in Machine Learning* 1, 2008, section 3",
            _URN,
        ),
        Term(
            "Coupling",
            "A joint distribution of two random variables with given marginals. Under the best coupling, samples of "
            "two distributions differ with a probability equal to their total variation distance.",
            "Levin, Peres, *Markov Chains and Mixing Times*, 2017, chapter 4",
            _URN,
        ),
    ],
    "The relaxation": [
        Term(
            "Gumbel noise",
            "Random numbers with the distribution of $-\\log(-\\log u)$ for uniform $u$. Adding them to log probabilities and "
            "taking the largest gives a sample from exactly those probabilities (Gumbel-max).",
            "Gumbel, 1954; Maddison, Tarlow, Minka, NeurIPS 2014",
            _CONVERGENCE,
        ),
        Term(
            "Gumbel-softmax",
            "Gumbel noise, with a softmax in place of the maximum: differentiable, at a temperature $\\tau$.",
            "Jang, Gu, Poole, ICLR 2017; Maddison, Mnih, Teh, ICLR 2017",
            _CONVERGENCE,
        ),
        Term(
            "Softmax",
            "$\\mathrm e^{z_j} / \\sum_i \\mathrm e^{z_i}$: turns numbers into positive weights that sum to 1; the "
            "larger their differences, the closer it is to choosing the largest (argmax).",
            "Bridle, NeurIPS 1989",
            _ONE_SAMPLE,
        ),
        Term(
            "Split",
            "One step of a sample: some groups take their balls from what is left, the other groups get the rest. "
            "Groups are split off in turn, or in halves (a balanced tree, the default of the library). A sample of $K$ "
            "groups has $K - 1$ splits.",
            "",
            _ONE_SAMPLE,
        ),
        Term(
            "Temperature $\\tau$",
            "Divides the noisy log probabilities before the softmax. Low: samples are close to integers, gradients "
            "have a high variance. High: samples are averages, gradients have a low variance but a bias.",
            "Jang, Gu, Poole, ICLR 2017",
            _CONVERGENCE,
        ),
        Term(
            "Relaxed (soft) sample",
            "Real-valued counts through which one can backpropagate. Here they sum to $n$ and stay within the group "
            "sizes at every temperature. As the temperature falls, they become an exact sample.",
            _SUTTER,
            _CONVERGENCE,
        ),
        Term(
            "Straight-through sample",
            "Integer counts in the forward pass, the gradient of the soft sample in the backward pass. Here the "
            "integers have exactly Fisher's distribution at every temperature.",
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
            "not depend on it; probabilities do. An order from small to large groups is closest to the symmetric distribution.",
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
}
