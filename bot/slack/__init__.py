"""Slack: the only room that knows slack_bolt, slack_sdk and Block Kit."""
