"""What one person meets first: their own queue, what waits for their word, what is due soon."""
