"""Models that are asked for an opinion: what goes to them, and the providers that carry it. Nothing here can act."""
