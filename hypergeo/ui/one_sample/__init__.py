"""Contents of the page "One sample"."""
