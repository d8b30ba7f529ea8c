"""Pictures drawn by code: brushes, figures, and the scenes of three invented franchises."""
