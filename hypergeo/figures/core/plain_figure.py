"""Figures as plain data, in the form in which they are sent: plotly's own object takes longer to make than all the rest."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from plotly.io.json import to_json_plotly

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["PlainFigure"]


class PlainFigure:
    """Figure that is sent as it is. Its other attributes and methods are those of plotly's figure, which is made on demand.

    Args:
        data: the traces.
        layout: the layout.
        frames: what changes from frame to frame, if the figure plays by itself.

    Example:
        >>> figure = PlainFigure([{"type": "bar", "y": [1, 2]}], {"height": 300})
        >>> figure.to_json()
        '{"data":[{"type":"bar","y":[1,2]}],"layout":{"height":300}}'
        >>> figure.layout.height, figure.data[0].y
        (300, (1, 2))
    """

    def __init__(self, data: list[dict[str, Any]], layout: dict[str, Any], frames: list[dict[str, Any]] | None = None):
        self._parts: dict[str, Any] = {"data": data, "layout": layout, **({"frames": frames} if frames else {})}

    @cached_property
    def plotly(self) -> go.Figure:
        """Plotly's figure with its default template; plotly has checked all options."""
        import plotly.graph_objects as go

        return go.Figure(self._parts)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.plotly, name)

    def add_meta(self, **values: Any) -> None:
        """Adds values to the layout's ``meta``, which the page's own code reads.

        Args:
            **values: values by name.
        """
        layout = self._parts["layout"]
        layout["meta"] = {**layout.get("meta", {}), **values}

    def to_json(self, *, validate: bool = False) -> str:
        """Writes the figure as JSON.

        Args:
            validate: whether plotly checks the options first.

        Returns:
            Traces and layout, and frames if there are any; once checked, with plotly's default template.
        """
        return str(to_json_plotly(self.plotly.to_dict() if validate else self._parts))
