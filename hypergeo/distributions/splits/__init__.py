"""The splits of relaxed samples: exact conditionals one group after another, and the trace of a single sample."""
