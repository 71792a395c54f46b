"""Mail to people: what a mail says, how it looks, and its headers."""
