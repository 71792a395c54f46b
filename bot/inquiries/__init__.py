"""People's own questions about an incident, answered from what is known of its company."""
