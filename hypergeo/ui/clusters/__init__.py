"""Contents of the page "Cluster sizes"."""
