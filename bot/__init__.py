"""The program itself: it may import every other room, and nothing imports it."""
