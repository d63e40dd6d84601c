"""Logs: structured, to the journal where systemd started us; bounded in number, and without secrets."""
