"""Maximum-likelihood weights as R's BiasedUrn gives them, with the commands that gave them.

``R_SCRIPT`` maximises ``dMFNCHypergeo``'s likelihood by R's ``optim``; what it printed, with R 4.2.2 and BiasedUrn 2.0.9, is in
``FIGURES``. A test runs it again where R and BiasedUrn are installed (Debian: r-cran-biasedurn).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FIGURES", "MEAN", "R_SCRIPT", "VARIANCE", "Figures"]

R_SCRIPT = """
suppressMessages(library(BiasedUrn))
options(digits = 10)
fit <- function(counts, sizes) {
  minus <- function(theta) {
    odds <- exp(c(0, theta))
    -sum(sapply(seq_len(nrow(counts)), function(i)
      log(dMFNCHypergeo(counts[i, ], sizes[i, ], sum(counts[i, ]), odds, 1e-14))))
  }
  best <- optim(rep(0, ncol(counts) - 1), minus, method = "BFGS", hessian = TRUE,
                control = list(reltol = 1e-15, maxit = 1000, ndeps = rep(1e-4, ncol(counts) - 1)))
  cat(best$par, sqrt(diag(solve(best$hessian))), -best$value, "\\n")
}
counts <- matrix(c(7,22,1,10, 5,21,2,12, 6,24,0,10, 8,20,1,11, 4,23,1,12, 7,19,2,12), ncol = 4, byrow = TRUE)
fit(counts, matrix(c(20, 30, 10, 25), nrow(counts), 4, byrow = TRUE))
counts <- matrix(c(1,4,0, 3,5,1, 2,8,2, 6,9,5, 5,3,1), ncol = 3, byrow = TRUE)
fit(counts, matrix(c(6,7,9, 10,10,10, 6,9,7, 9,9,9, 20,4,6), ncol = 3, byrow = TRUE))
counts <- matrix(c(8,4, 9,3, 7,5, 8,4, 6,6, 9,3, 8,4), ncol = 2, byrow = TRUE)
fit(counts, matrix(c(15, 20), nrow(counts), 2, byrow = TRUE))
cat(meanMFNCHypergeo(c(20, 30, 10, 25), 40, c(1, 5, 0.2, 2), 1e-12), "\\n")
cat(varMFNCHypergeo(c(20, 30, 10, 25), 40, c(1, 5, 0.2, 2), 1e-12), "\\n")
"""


@dataclass(frozen=True)
class Figures:
    """Counts, group sizes, and what R found for them.

    Attributes:
        counts: one sample per row.
        sizes: of the groups, for all rows or for each.
        log_ratios: logarithms of each weight but the first over the first.
        errors: their standard errors, from ``optim``'s numerical Hessian.
        log_likelihood: at the maximum.
    """

    counts: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...] | tuple[tuple[int, ...], ...]
    log_ratios: tuple[float, ...]
    errors: tuple[float, ...]
    log_likelihood: float


FIGURES = (
    Figures(
        ((7, 22, 1, 10), (5, 21, 2, 12), (6, 24, 0, 10), (8, 20, 1, 11), (4, 23, 1, 12), (7, 19, 2, 12)),
        (20, 30, 10, 25),
        (1.7126751533, -1.2056787585, 0.5859039482),
        (0.2558638655, 0.4465015245, 0.2552947179),
        -27.92816903,
    ),
    Figures(
        ((1, 4, 0), (3, 5, 1), (2, 8, 2), (6, 9, 5), (5, 3, 1)),
        ((6, 7, 9), (10, 10, 10), (6, 9, 7), (9, 9, 9), (20, 4, 6)),
        (1.9027152116, -0.7635946188),
        (0.5427963030, 0.5486414587),
        -8.90435847,
    ),
    Figures(
        ((8, 4), (9, 3), (7, 5), (8, 4), (6, 6), (9, 3), (8, 4)),
        (15, 20),
        (-1.392489628,),
        (0.2805827463,),
        -10.38697029,
    ),
)

# Of four groups of 20, 30, 10 and 25 with weights 1, 5, 0.2 and 2, when 40 are drawn; the last two lines.
MEAN = (6.2476583390, 20.9690457846, 0.8231365002, 11.9601593762)
VARIANCE = (3.292143966, 4.109205855, 0.726889621, 4.081524107)
