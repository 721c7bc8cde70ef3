"""The emulated account as a server: AWS's wire formats, and real workers in the place of containers."""
