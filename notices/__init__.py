"""Findings a person confirmed -> the text of a notice. Never sends one, and never reads a ledger."""
