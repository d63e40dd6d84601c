"""One archive for support: what is wrong, on what, since when; without secrets and without pictures."""
