"""When: the plan, and what of it was missed. Never starts a process, never reads a clock."""
