"""HTML pages of figures and tables that open offline: they include plotly.js and request nothing from other machines."""

from __future__ import annotations

import html

from .plain_figure import PlainFigure

__all__ = ["drawn_figure", "html_page"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #16202B; background: #FFFFFF }
body { max-width: 1100px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
.scroll { overflow-x: auto; margin-top: 1rem }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #D3DAE1; white-space: nowrap }
th:first-child, td:first-child { text-align: left } .off { font-weight: bold }
dl { display: grid; grid-template-columns: max-content auto; gap: .2rem 1rem } dt { color: #55606C } dd { margin: 0 }
"""


def html_page(title: str, body: str) -> str:
    """Writes an HTML document.

    Args:
        title: title of the browser's tab.
        body: HTML inside ``body``.

    Returns:
        The HTML document.
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def drawn_figure(figure: PlainFigure, alt: str, first: bool) -> str:
    """Writes a figure as part of an HTML page.

    Args:
        figure: figure to write.
        alt: alternative text of the figure.
        first: whether it is the page's first figure, which includes plotly.js.

    Returns:
        HTML of the figure.
    """
    drawn = figure.to_html(
        full_html=False,
        include_plotlyjs=first,
        include_mathjax=False,
        default_width="100%",
        config={"displaylogo": False, "displayModeBar": False, "responsive": True},
    )
    return f'<div role="img" aria-label="{html.escape(alt)}">{drawn}</div>'
