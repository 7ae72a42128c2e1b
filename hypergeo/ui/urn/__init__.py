"""Contents of the page "Urn"."""
