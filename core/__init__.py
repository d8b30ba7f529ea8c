"""Pure words and rules. Standard library only; never touches a disk, a socket or a clock."""
