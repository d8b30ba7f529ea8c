"""What numba compiles: lookups, features, and loops over pixels and lines.

A package, so that the walk over matchers/ does not load the compiler.
"""
