"""Builtins that Python carries out, one family a file.

registry    which builtin is which function; imported on first use
context     what a nondeterministic builtin knows of its query
errors      how a call fails: BuiltinError, OperandError
operands    reading operands, with OPA's texts
gotext, jsontext, keys, paths     values as text, as keys, by path
re2, regex, globs, glob           patterns
civil, layouts, durations, times  time
net, urls, encoding, digests      addresses, URLs, encodings, hashes
bits, units, semver, uuids, strings, graphs, patches
"""
