"""Notices on their way to people: taken together, carried by one way each, marked as told."""
