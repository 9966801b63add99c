"""Several metrics at once: fronts, weighted sums and limits."""
