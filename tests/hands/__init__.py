"""One face with two hands: what a scenario says and reads is the same in Slack and in Teams."""
