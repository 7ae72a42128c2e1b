"""Plotly figures: pure functions from arrays to panels, and from panels to figures. They depend on no page and no browser."""

from .core.layout import side_by_side
from .core.palette import DARK, GROUP_COLOURS, LIGHT, THEMED, Palette, group_colour
from .core.panels import Box, Panel, Sweep, arrange
from .core.series import Line, lines_panel
from .counts.balls import ball_panel
from .counts.convergence import convergence_figure, single_figure
from .counts.distance import distance_panel
from .counts.heatmap import heatmap_panel
from .counts.marginals import marginals_panel
from .counts.observed import observed_panel
from .counts.pairs import pair_panel
from .counts.simplex import simplex_panel
from .counts.urn import urn_figure

__all__ = [
    "DARK",
    "GROUP_COLOURS",
    "LIGHT",
    "THEMED",
    "Box",
    "Line",
    "Palette",
    "Panel",
    "Sweep",
    "arrange",
    "ball_panel",
    "convergence_figure",
    "distance_panel",
    "group_colour",
    "heatmap_panel",
    "lines_panel",
    "marginals_panel",
    "observed_panel",
    "pair_panel",
    "side_by_side",
    "simplex_panel",
    "single_figure",
    "urn_figure",
]
