"""Self-labelling: a network learns features together with cluster labels of learned sizes."""
