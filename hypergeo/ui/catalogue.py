"""The app's pages, in the order of the navigation. The script runs them, and the home page has a card for each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

__all__ = ["HOME", "PAGES", "PageEntry", "served_pages"]

_PACKAGE = Path(__file__).parents[1]
# An installed package contains the app; in a checkout the app is beside the package.
_ROOT = _PACKAGE / "_app" if (_PACKAGE / "_app").is_dir() else _PACKAGE.parent


@dataclass(frozen=True)
class PageEntry:
    """Describes one page of the app.

    Attributes:
        path: path of the page's script, below the folder of ``app.py``.
        title: name of the page in the navigation.
        icon: Material symbol of the page.
        help: sentence on what the page shows, for a tooltip.
        card: text on the home page.
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
    "Introduction and overview.",
    "Introduction and overview.",
)

PAGES = [
    PageEntry(
        "pages/urn.py",
        "Urn",
        ":material/bubble_chart:",
        "Sample from an urn whose groups have different weights.",
        "Sample balls from an urn, once or a thousand times. Compare the counts with the exact probabilities, and see how "
        "changing one weight changes every expected count.",
    ),
    PageEntry(
        "pages/one_sample.py",
        "One sample",
        ":material/equalizer:",
        "One relaxed sample, split by split: log-probability, noise, temperature, softmax, gradient.",
        "Follow one relaxed sample step by step: log-probability, plus noise, divided by the temperature, softmax. See how the "
        "counts arise, and how the gradient is passed back through the same steps.",
    ),
    PageEntry(
        "pages/convergence.py",
        "Convergence",
        ":material/device_thermostat:",
        "Relaxed samples become exact samples as the temperature falls.",
        "Choose weights, group sizes and temperature. Follow one sample as the temperature falls. Compare the distance of the "
        "samples from the exact distribution with that of equally many exact samples.",
    ),
    PageEntry(
        "pages/gradients.py",
        "Gradients",
        ":material/near_me:",
        "Gradient estimators against the exact gradient: bias, variance and gradient descent.",
        "Every gradient estimate is an arrow beside the exact gradient. See which estimators are biased and which are noisy, "
        "then compare their gradient descent from one start.",
    ),
    PageEntry(
        "pages/partitions.py",
        "Partitions",
        ":material/category:",
        "Random partitions of elements into groups, with exact sizes and probabilities.",
        "Sample group sizes and members together. A relaxed partition is a matrix. Cool it down: rows become one-hot, and "
        "column sums stay the same. Click an entry to raise its logit, and compare gradients with the exact ones.",
    ),
    PageEntry(
        "pages/quality.py",
        "Quality",
        ":material/verified:",
        "Tests of relaxed samples, gradients or your own counts against the exact distribution.",
        "A report on any urn, temperature and gradient estimator, with statistical tests. Or upload your own counts: do they "
        "follow this distribution, and which weights fit them?",
    ),
    PageEntry(
        "pages/cluster_sizes.py",
        "Cluster sizes",
        ":material/scatter_plot:",
        "Cluster sizes, learned by gradient descent.",
        "Learn cluster sizes: sample them, assign points, backpropagate. Compare with mixture weights and with equal sizes.",
    ),
    PageEntry(
        "pages/shared_factors.py",
        "Shared factors",
        ":material/join_inner:",
        "The number of factors that pairs of images share, learned without labels.",
        "Watch the model learn how many factors the images share, without labels. Swap the inferred shared part, and compare "
        "with AdaVAE's threshold.",
    ),
    PageEntry(
        "pages/glossary.py",
        "Glossary",
        ":material/menu_book:",
        "Terms of the field, with references.",
        "Every term of the pages in a sentence or two, with its reference and the page that shows it.",
    ),
]


def served_pages() -> dict[PageEntry, StreamlitPage]:
    """Creates the pages for Streamlit's navigation and links.

    Returns:
        Streamlit's pages by their entries.
    """
    return {
        entry: st.Page(_ROOT / entry.path, title=entry.title, icon=entry.icon, help=entry.help, default=entry is HOME)
        for entry in [HOME, *PAGES]
    }
