"""A pretend Azure: sign-in, virtual machines and managed Run Command on loopback; scripts really run."""
