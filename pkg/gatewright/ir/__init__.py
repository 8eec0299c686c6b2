"""The plan language as inert data."""
