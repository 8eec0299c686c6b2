"""Scripts that run the real ones on the same work, in the same run."""
