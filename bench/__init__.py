"""Speed and quality, measured on real input, beside peers in the same run."""
