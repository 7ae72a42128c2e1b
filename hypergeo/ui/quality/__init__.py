"""Contents of the page "Quality"."""
