"""Contents of the page "Shared factors"."""
