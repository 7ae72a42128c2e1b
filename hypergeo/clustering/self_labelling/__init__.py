"""Self-labelling: a network learns features and cluster labels of learned sizes together."""
