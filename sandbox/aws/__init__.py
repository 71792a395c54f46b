"""A pretend Amazon: STS, Systems Manager and SES v2 on loopback, with machines on which scripts really run."""
