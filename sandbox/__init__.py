"""A pretend outside world on loopback that speaks the real wire protocols: Slack and Amazon Web Services.

It imports nothing of the product, is used by the demo and by tests only, and refuses what the real services refuse.
"""
