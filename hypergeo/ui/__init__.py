"""Shared parts of the pages: state in the URL, the urn's controls, presets, share links and downloads. Needs Streamlit."""

# Plotly uses pandas even if another thread has imported only half of it, as when a class opens a new server's first pages.
import pandas  # noqa: F401
import torch

# The number of threads changes the order of sums and therefore their rounding, but the same
# link must show the same numbers. At the sizes of the pages one thread is faster, too.
torch.set_num_threads(1)
