"""A pretend Slack workspace: the Web API, Socket Mode, and what people press and type, sent to the bot and signed."""
