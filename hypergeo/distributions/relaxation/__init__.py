"""Relaxed samples: splits of totals by Gumbel-softmax, forward and backward by hand, each size of urn in its cheapest way."""
