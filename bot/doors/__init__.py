"""What comes in over HTTP from outside: who sends it, whether it may, what it says, and how it is refused."""
