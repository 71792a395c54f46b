"""What a press, a command, a form or a REST call asks for: one typed Action each, by family; `every` has all."""
