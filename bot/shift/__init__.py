"""A shift: what is due, who has it next, who is on call, and asking others to take over."""
