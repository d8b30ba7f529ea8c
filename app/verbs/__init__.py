"""The commands, by what people do: set up, run the stages, review, keep it going."""
