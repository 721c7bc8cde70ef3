"""Commands behind ./run.sh that are not HTTP."""
