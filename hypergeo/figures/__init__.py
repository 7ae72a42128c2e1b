"""Plotly figures: pure functions from arrays to panels, and from panels to figures. They know no page and no browser."""

from .balls import ball_panel
from .convergence import convergence_figure, single_figure
from .distance import distance_panel
from .heatmap import heatmap_panel
from .lattice import nearest_counts
from .marginals import marginals_panel
from .observed import observed_panel
from .pairs import pair_panel
from .palette import DARK, GROUP_COLOURS, LIGHT, STREAMLIT, Palette, group_colour
from .panels import Box, Panel, Sweep, arrange
from .simplex import simplex_panel
from .urn import urn_figure

__all__ = [
    "DARK",
    "GROUP_COLOURS",
    "LIGHT",
    "STREAMLIT",
    "Box",
    "Palette",
    "Panel",
    "Sweep",
    "arrange",
    "ball_panel",
    "convergence_figure",
    "distance_panel",
    "group_colour",
    "heatmap_panel",
    "marginals_panel",
    "nearest_counts",
    "observed_panel",
    "pair_panel",
    "simplex_panel",
    "single_figure",
    "urn_figure",
]
