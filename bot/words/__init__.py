"""What people type, read into values: times, leave, quiet, settings."""
