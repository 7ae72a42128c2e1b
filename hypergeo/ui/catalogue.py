"""The app's pages, in the order of the navigation: the script runs them and the home page has a card for each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

__all__ = ["HOME", "PAGES", "PageEntry", "served_pages"]

_PACKAGE = Path(__file__).parents[1]
# An installed package has the app within, a checkout has it beside the package.
_ROOT = _PACKAGE / "_app" if (_PACKAGE / "_app").is_dir() else _PACKAGE.parent


@dataclass(frozen=True)
class PageEntry:
    """One page of the app.

    Attributes:
        path: of its script, below the folder of ``app.py``.
        title: its name in the navigation.
        icon: its Material symbol.
        help: what it shows, in one sentence, for a tooltip.
        card: what one can do there, for the home page.
    """

    path: str
    title: str
    icon: str
    help: str
    card: str


HOME = PageEntry(
    "pages/home.py",
    "Home",
    ":material/home:",
    "What the law of group counts is, and what the pages show.",
    "What the subject is, and the way to the pages.",
)

PAGES = [
    PageEntry(
        "pages/urn.py",
        "Urn",
        ":material/bubble_chart:",
        "Draw from an urn whose groups differ in importance.",
        "Balls leave an urn, the important ones more often. Draw once or a thousand times, at once or one by one, and see the "
        "exact law fill up, and how every mean answers to every weight.",
    ),
    PageEntry(
        "pages/one_sample.py",
        "One sample",
        ":material/equalizer:",
        "One relaxed sample, split by split: log-probability, noise, temperature, softmax, gradient.",
        "Open one relaxed sample: bars of log-probability, plus noise, divided by the temperature, softmax. Watch the counts "
        "come about, and the gradient flow back through the same bars.",
    ),
    PageEntry(
        "pages/convergence.py",
        "Convergence",
        ":material/device_thermostat:",
        "Relaxed samples become exact draws as the temperature falls.",
        "Your own urn: weights, sizes, temperature. Follow one sample from hot to cold, and measure how far samples are "
        "from the exact law, against what chance alone would give.",
    ),
    PageEntry(
        "pages/gradients.py",
        "Gradients",
        ":material/near_me:",
        "Gradient estimators against the exact gradient, arrow by arrow, and which descends fastest.",
        "Every estimate is an arrow, and the exact gradient is known. See which estimators are biased and which are noisy, "
        "then press Play: they descend from one start, step by step.",
    ),
    PageEntry(
        "pages/partitions.py",
        "Partitions",
        ":material/category:",
        "Random partitions: who belongs to which group, with exact sums and probabilities.",
        "Sizes and members together: cool a relaxed partition down and watch its rows become one-hot while the column sums "
        "stay. "
        "Click an entry to raise its logit, and compare gradients with the exact ones.",
    ),
    PageEntry(
        "pages/quality.py",
        "Quality",
        ":material/verified:",
        "How far a relaxation, or your own counts, can be told from the exact law.",
        "A verdict in words on any urn, temperature and gradient estimator, with the tests behind it. Or bring your own "
        "counts: do they come from this law, and which weights fit them?",
    ),
    PageEntry(
        "pages/cluster_sizes.py",
        "Cluster sizes",
        ":material/scatter_plot:",
        "Sizes of clusters learned by gradient descent, while one watches.",
        "Points fall into clusters of unknown sizes. Sizes are sampled, points fill them, and bars reach the true sizes, "
        "beside mixture weights and equal sizes from the same start.",
    ),
    PageEntry(
        "pages/shared_factors.py",
        "Shared factors",
        ":material/join_inner:",
        "How many factors pairs of images share, learned without labels, while one watches.",
        "Watch a model learn how many factors the two images of a pair share, without labels. Swap the inferred shared part, "
        "and compare with AdaVAE's threshold.",
    ),
    PageEntry(
        "pages/glossary.py",
        "Glossary",
        ":material/menu_book:",
        "The words of the field and of this app, with where they come from.",
        "Every term that the pages use, in a sentence or two, with the reference it comes from and the page that shows it.",
    ),
]


def served_pages() -> dict[PageEntry, StreamlitPage]:
    """The pages as Streamlit's navigation and links take them, by their entry."""
    return {
        entry: st.Page(_ROOT / entry.path, title=entry.title, icon=entry.icon, help=entry.help, default=entry is HOME)
        for entry in [HOME, *PAGES]
    }
