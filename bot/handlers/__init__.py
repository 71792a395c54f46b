"""What an Action does: one module a family of acts, and `dispatch`, through which all of them go."""
