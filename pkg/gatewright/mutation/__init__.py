"""Mutators: an object in, the changed object out."""
