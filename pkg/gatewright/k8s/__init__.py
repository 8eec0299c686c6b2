"""Kubernetes as data: kinds, metadata, selectors, reviews. No I/O."""
