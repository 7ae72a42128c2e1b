"""Contents of the page "Convergence"."""
