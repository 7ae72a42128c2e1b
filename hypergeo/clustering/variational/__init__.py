"""Variational clustering: an autoencoder with a mixture prior and a prior of cluster sizes."""
