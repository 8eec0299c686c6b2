"""A slow, obvious second opinion on what a plan means."""
