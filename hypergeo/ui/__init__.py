"""What the pages share: state in the address, the urn's controls, presets, share links and downloads. Needs Streamlit."""

# Plotly looks into pandas wherever it finds it, half imported too, as when a class opens the first pages of a server at once.
import pandas  # noqa: F401
import torch

# The number of threads changes the order of sums and therefore their rounding, but the same
# link must show the same numbers. At the sizes of the pages one thread is faster, too.
torch.set_num_threads(1)
