"""What a catalog tells of the entries that come and go."""


cdef class Watcher:
    """Base of what a catalog keeps up to date; whoever is one sets both functions."""
