"""Does this object fall under this match block? Pure."""
