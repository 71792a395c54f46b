"""The knowledge base in chat: searched, written, edited, shared."""
