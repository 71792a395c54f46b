"""Pretend model services that speak the wire of Anthropic's Messages API, Amazon Bedrock and Gemini."""
