"""Contents of the page "Gradients"."""
