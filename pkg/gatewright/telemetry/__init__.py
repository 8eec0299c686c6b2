"""Log events and metrics: their names in one table. Imports nothing of ours."""
