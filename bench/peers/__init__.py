"""The peers, each in a script that runs in an environment of its own."""
