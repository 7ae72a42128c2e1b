"""Terms of learning: gradients and training, tests, clusters, shared factors."""

from __future__ import annotations

from .term import Term

__all__ = ["LEARNING"]

_CONVERGENCE = "pages/convergence.py"
_GRADIENTS = "pages/gradients.py"
_QUALITY = "pages/quality.py"
_CLUSTERS = "pages/cluster_sizes.py"
_FACTORS = "pages/shared_factors.py"

LEARNING = {
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
            "A quantity is subtracted from each sample, and its known expectation is added back. Here: the "
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
            "Mean number of balls by which samples must be moved to have the other distribution: $\\int |\\hat F(t) "
            "- F(t)|\\, dt$ for each group.",
            "Villani, *Topics in Optimal Transportation*, 2003, chapter 2",
            _CONVERGENCE,
        ),
        Term(
            "Sampling error",
            "Difference between a finite set of samples and their distribution. A distance that equally many exact "
            "samples also have is no evidence of an error.",
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
            "Holm's correction, Bonferroni's correction",
            "Raise the p-values of several tests, so that the probability of any false alarm stays below the level. Holm's "
            "detects more.",
            "Holm, *Scandinavian Journal of Statistics* 6, 1979",
            _QUALITY,
        ),
        Term(
            "Kolmogorov–Smirnov (KS) test",
            "KS distance: largest difference between the distribution function of the samples and the exact one. The test "
            "compares it with that of exact samples.",
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
            "An encoder gives each image a posterior of latent variables; a decoder reconstructs the image from a "
            "sample of this posterior. Both are trained on reconstruction error plus a KL term.",
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
            "below the middle between the smallest and the largest distance.",
            "Locatello and others, ICML 2020",
            _FACTORS,
        ),
        Term(
            "Collapse",
            "Some posteriors equal the prior and carry no information; or all or no dimensions are inferred as shared.",
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
