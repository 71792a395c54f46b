"""The ways to carry a script to a machine, one provider a file."""
