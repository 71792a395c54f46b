"""`aw demo`: the whole product on one machine, with a pretend outside world."""
