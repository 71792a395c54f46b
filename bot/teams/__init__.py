"""Microsoft Teams: the same product by the same code, up to the renderer."""
