"""Long computations behind pages: scheduling, background runs and stored results."""
