"""The review desk: pages for people and a JSON API for programs, over the same ledger."""
