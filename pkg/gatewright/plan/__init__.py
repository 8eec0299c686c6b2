"""Syntax tree in, plan out: the only place that sees both."""
