"""The embedded demo: three invented franchises drawn by code, and a loopback platform that carries them."""
