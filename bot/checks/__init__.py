"""What `aw check` tries: every setting and every service."""
