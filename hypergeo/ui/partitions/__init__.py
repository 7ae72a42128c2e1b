"""Contents of the page "Partitions"."""
