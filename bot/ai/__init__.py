"""Asking models about incidents: what is asked, by whom it is answered, and what becomes of the answer. Text only."""
