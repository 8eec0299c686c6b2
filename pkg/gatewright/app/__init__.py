"""The composition root: supervisor, policy process, workers."""
