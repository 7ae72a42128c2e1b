"""What can be taken away from the quality page: the link, and files of as many kinds as there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import streamlit as st

from .downloads import share_link

__all__ = ["File", "take_away"]


class File(NamedTuple):
    """A file to download, made once the reader asks for it."""

    label: str
    name: str
    kind: str
    icon: str
    make: Callable[[], str | bytes]


def take_away(query: str, files: Sequence[File], *, counts: bool) -> None:
    """The link to the page as it is, and the files.

    Args:
        query: the page's state as the query of an address.
        files: what can be downloaded.
        counts: whether counts are on show, which a link cannot hold.
    """
    st.subheader("Take it with you", anchor=False)
    st.caption(
        "This link has all the controls; counts of your own are not in it:"
        if counts
        else "This link and *Run* give the same numbers, times apart:"
    )
    share_link(query)
    with st.container(horizontal=True, gap="small"):
        for label, name, kind, icon, make in files:
            st.download_button(label, make, name, kind, icon=icon, on_click="ignore")
