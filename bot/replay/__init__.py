"""Recorded alerts through the engine in virtual time: a file, or a company's own past under other rules."""
