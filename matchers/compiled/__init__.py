"""What numba compiles, for the index and for local features.

A package, so that the walk over matchers/ does not load the compiler.
"""
