"""The pretend Microsoft Teams: the Bot Connector, its own issuer of tokens, and people who press and write."""
