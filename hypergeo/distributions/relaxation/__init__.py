"""Relaxed samples: splits of totals by Gumbel-softmax with handwritten backward passes, and faster variants for small urns."""
