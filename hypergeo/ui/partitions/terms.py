"""Terms of the page on partitions for the glossary: name, meaning as Markdown, source as Markdown."""

from __future__ import annotations

__all__ = ["TERMS"]

TERMS = [
    (
        "Random partition",
        "An assignment of $N$ elements to $K$ groups, as a matrix $y$ with one-hot rows: group sizes are sampled or fixed, "
        "then "
        "the groups choose their members one after another. Its probability is known exactly.",
        "this package; sizes and then an order of the elements: Sutter, Ryser, Liebeskind, Vogt, NeurIPS 2023",
    ),
    (
        "Plan",
        "Membership probabilities $P_{ik} = \\mathrm{softmax}_k(\\ell_{ik} + \\lambda_k)$ whose column sums are the expected "
        "group "
        "sizes: the solution of an entropic transport problem. Close to the memberships of random partitions, not equal to "
        "them.",
        "Cuturi, NeurIPS 2013 (entropic transport)",
    ),
    (
        "Order of choice",
        "The order in which the groups of a random partition choose their members. Row and column sums, sizes and plan do not "
        "depend on it; probabilities do. Small groups first is closest to the symmetric distribution.",
        "",
    ),
    (
        "Symmetric distribution of partitions",
        "Independent categorical rows on the condition that each group has its size: $p \\propto \\prod e^{\\ell_{ik} "
        "y_{ik}}$. It "
        "has the maximum entropy for its membership probabilities and no order of choice, but no relaxed sample "
        "(`ConditionalCategorical`).",
        "",
    ),
]
