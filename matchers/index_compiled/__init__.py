"""What the index compiles: a package, so that the walk over matchers/ does not load the compiler."""
