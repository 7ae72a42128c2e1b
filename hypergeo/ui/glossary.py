"""Terms that the pages use, as data."""

from __future__ import annotations

from dataclasses import dataclass

from hypergeo.ui.partitions.terms import TERMS as PARTITION_TERMS

__all__ = ["GLOSSARY", "Term"]


@dataclass(frozen=True)
class Term:
    """One entry of the glossary.

    Attributes:
        name: the term.
        meaning: its definition, as Markdown.
        source: reference, as Markdown.
        page: path of the page that shows it, or empty.
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
_CLUSTERS = "pages/cluster_sizes.py"
_FACTORS = "pages/shared_factors.py"
_SUTTER = "Sutter, Manduchi, Ryser, Vogt, ICLR 2023"
_FOG = "Fog, *Communications in Statistics: Simulation and Computation* 37(2), 2008"

GLOSSARY = {
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
            "m_k$ that sums to $n$. Mode: a most probable one.",
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
            "The counts if balls are drawn one after the other, each with probability proportional to its weight among "
            "those left. Equal to Fisher's distribution if all weights are equal.",
            "Wallenius, Stanford University technical report, 1963; " + _FOG,
            _URN,
        ),
        Term("Marginal distribution", "The distribution of one group's count alone.", "", _CONVERGENCE),
        Term(
            "Conditional distribution",
            "The distribution of one group's count (or that of half of the groups) if the number of remaining balls is "
            "known. The exact one needs the convolution of the other groups' terms.",
            "see the formulas of the convergence page",
            _CONVERGENCE,
        ),
        Term(
            "Merged conditionals",
            "The published approximation: the remaining groups are merged into one with their mean weight. Exact if "
            "they share one weight, a different distribution if not.",
            _SUTTER + ", section 4",
            _CONVERGENCE,
        ),
        Term(
            "Variance, standard deviation, standard error",
            "Variance: mean squared difference from the mean. Standard deviation (SD): its square root. Standard "
            "error: standard deviation of a mean, that of one sample divided by the square root of their number.",
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
            "Has the distribution of $-\\log(-\\log u)$ for uniform $u$. Adding it to log probabilities and taking the "
            "largest gives a sample from exactly those probabilities (Gumbel-max).",
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
            "sizes at every temperature, and become an exact sample as it falls.",
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
    "Partitions": [Term(*words, _PARTITIONS) for words in PARTITION_TERMS],
    "Gradients and training": [
        Term(
            "Loss, objective",
            "A function $f$ of the counts whose expectation is minimised, such as the squared distance from a target.",
            "Mohamed, Rosca, Figurnov, Mnih, *Journal of Machine Learning Research* 21, 2020",
            _GRADIENTS,
        ),
        Term(
            "Gradient descent, backpropagation",
            "Moves parameters by a multiple, the learning rate, of the negative gradient. Backpropagation computes the "
            "gradient of a loss by the chain rule. The *gradient norm* is the length of the gradient.",
            "",
            _GRADIENTS,
        ),
        Term(
            "Adam",
            "Gradient descent with a step size for each parameter, from running means of the gradient and of its square.",
            "Kingma, Ba, ICLR 2015",
            _GRADIENTS,
        ),
        Term(
            "Gradient estimator",
            "Computes a random vector whose mean is, or is close to, the gradient of an expected loss.",
            "Mohamed, Rosca, Figurnov, Mnih, *Journal of Machine Learning Research* 21, 2020",
            _GRADIENTS,
        ),
        Term(
            "Pathwise estimator",
            "Differentiates the loss through a sample as a function of parameters and noise. It returns zero if that "
            "derivative is zero almost everywhere.",
            "Kingma, Welling, ICLR 2014",
            _GRADIENTS,
        ),
        Term(
            "Bias, root mean squared error",
            "Bias: difference between the mean of many estimates and the exact gradient. The root mean squared error "
            "(RMSE) of one estimate combines bias and standard deviation.",
            "",
            _GRADIENTS,
        ),
        Term(
            "Score function (REINFORCE)",
            "$f(x)\\, \\nabla \\log p(x)$, which here is $f(x)\\,(x - \\mathrm E[x])$: unbiased for any loss, with a "
            "high variance.",
            "Williams, *Machine Learning* 8, 1992",
            _GRADIENTS,
        ),
        Term(
            "Leave-one-out baseline (RLOO)",
            "Subtracts from the loss of each sample the mean loss of the others: no bias, lower variance.",
            "Kool, van Hoof, Welling, ICLR 2019 workshop",
            _GRADIENTS,
        ),
        Term(
            "Control variate",
            "A quantity with a known expectation, subtracted sample by sample and added back exactly. Here: the "
            "expansion of the loss at the exact mean.",
            "Gu, Levine, Sutskever, Mnih (MuProp), ICLR 2016",
            _GRADIENTS,
        ),
        Term(
            "Exact marginal (SIMPLE)",
            "Integer counts in the forward pass, the Jacobian of the exact mean in the backward pass: exact for linear losses.",
            "Ahmed, Zeng, Niepert, Van den Broeck, ICLR 2023",
            _GRADIENTS,
        ),
    ],
    "Distances and tests": [
        Term(
            "Total variation distance",
            "$\\tfrac12 \\sum_x |p(x) - q(x)|$: the greatest difference in the probability of any event.",
            "Levin, Peres, *Markov Chains and Mixing Times*, 2017, chapter 4",
            _CONVERGENCE,
        ),
        Term(
            "Wasserstein distance",
            "By how many balls samples have to be moved on average to have the other distribution: $\\int |\\hat F(t) "
            "- F(t)|\\, dt$ for each group.",
            "Villani, *Topics in Optimal Transportation*, 2003, chapter 2",
            _CONVERGENCE,
        ),
        Term(
            "Sampling error",
            "Difference between a finite set of samples and their distribution. A distance within that of equally many "
            "exact samples is no evidence of an error.",
            "Diaconis, Zabell, *Statistical Science* 6(3), 1991",
            _CONVERGENCE,
        ),
        Term(
            "p-value, significant",
            "p-value: probability, if there is no difference, of a result at least as extreme as the one observed. "
            "Significant: the p-value is below a level fixed before, such as 0.05.",
            "",
            _QUALITY,
        ),
        Term(
            "Holm's correction",
            "Raises the p-values of several tests, so that the probability of any false alarm stays below the level.",
            "Holm, *Scandinavian Journal of Statistics* 6, 1979",
            _QUALITY,
        ),
        Term(
            "Kolmogorov–Smirnov (KS) test",
            "Compares the largest difference between the distribution functions of samples and distribution with that "
            "of exact samples.",
            "Conover, *Journal of the American Statistical Association* 67, 1972, for discrete distributions",
            _QUALITY,
        ),
        Term(
            "G-test",
            "Likelihood-ratio test: compares how often each count vector occurred with its expected number.",
            "Sokal, Rohlf, *Biometry*, 1981",
            _QUALITY,
        ),
        Term(
            "Confidence interval",
            "Computed from data so that it contains the true value with a stated probability, such as 95 %.",
            "Neyman, *Philosophical Transactions of the Royal Society A* 236, 1937",
            _QUALITY,
        ),
        Term(
            "Maximum likelihood",
            "Chooses the parameters, such as weights, under which the observed data are most probable.",
            "Fisher, *Philosophical Transactions of the Royal Society A* 222, 1922",
            _QUALITY,
        ),
        Term(
            "Nat",
            "Unit of information with natural logarithms: $1 / \\log 2 \\approx 1.44$ bits.",
            "",
            _CLUSTERS,
        ),
        Term(
            "KL divergence",
            "$\\sum_x p(x) \\log (p(x) / q(x))$ (Kullback–Leibler): mean log ratio of the probabilities of two "
            "distributions, in nats.",
            "Kullback, Leibler, *Annals of Mathematical Statistics* 22, 1951",
            _FACTORS,
        ),
    ],
    "Clusters": [
        Term(
            "k-means",
            "Alternates between assigning points to the nearest centre and moving each centre to the mean of its points.",
            "Lloyd, *IEEE Transactions on Information Theory* 28, 1982",
            _CLUSTERS,
        ),
        Term(
            "Gaussian mixture, mixture weights",
            "Each point comes from one of $K$ normal distributions; the mixture weights are their probabilities.",
            "Bishop, *Pattern Recognition and Machine Learning*, 2006, chapter 9",
            _CLUSTERS,
        ),
        Term(
            "Capacity, size error",
            "Capacity: maximum size of a cluster. Size error: fraction of points that would need to change cluster to "
            "match the true sizes.",
            "",
            _CLUSTERS,
        ),
        Term(
            "Optimal transport",
            "Assigns points to clusters of fixed sizes at least total cost; the *entropic* problem makes the assignment soft.",
            "Cuturi, NeurIPS 2013",
            _CLUSTERS,
        ),
        Term(
            "Adjusted Rand index (ARI)",
            "Agreement of two partitions: 1 if they are equal, 0 on average for a random one.",
            "Hubert, Arabie, *Journal of Classification* 2, 1985",
            _CLUSTERS,
        ),
        Term(
            "Principal components",
            "Directions of largest variance of a data set, onto which it is projected.",
            "Jolliffe, *Principal Component Analysis*, 2002",
            _CLUSTERS,
        ),
    ],
    "Shared factors": [
        Term(
            "Factor, latent dimension",
            "Factor: a quantity that an image is generated from, such as hue. Latent dimension: one coordinate of the "
            "vector that an encoder computes from an image.",
            "",
            _FACTORS,
        ),
        Term(
            "Prior, posterior",
            "Prior: distribution of a latent variable before the data are seen. Posterior: its distribution for given data.",
            "Bishop, *Pattern Recognition and Machine Learning*, 2006, chapter 1",
            _FACTORS,
        ),
        Term(
            "Variational autoencoder",
            "An encoder gives each image a posterior of latent variables, a decoder reconstructs the image from a "
            "sample of it; trained on reconstruction error plus a KL term.",
            "Kingma, Welling, ICLR 2014",
            _FACTORS,
        ),
        Term(
            "β",
            "Factor of the KL term in the loss of a variational autoencoder.",
            "Higgins and others, ICLR 2017",
            _FACTORS,
        ),
        Term(
            "AdaVAE",
            "Variational autoencoder for pairs of images; shares a dimension if the distance of its two posteriors is "
            "below half of the sum of the least and the greatest one.",
            "Locatello and others, ICML 2020",
            _FACTORS,
        ),
        Term(
            "Collapse",
            "Some posteriors equal the prior and carry no information, or all (no) dimensions are inferred as shared.",
            "Bowman and others, CoNLL 2016, for the first kind",
            _FACTORS,
        ),
        Term(
            "Traversal",
            "A row of reconstructions in which one latent dimension changes and the others stay.",
            "Higgins and others, ICLR 2017",
            _FACTORS,
        ),
        Term(
            "Warm-up",
            "First part of a training in which some parameters, here the weight, are not yet trained.",
            "",
            _FACTORS,
        ),
    ],
}
