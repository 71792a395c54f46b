"""`python -m alert_whisperer` is the same program as `aw`."""

from alert_whisperer import main

main()
