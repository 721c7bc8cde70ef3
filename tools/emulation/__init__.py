"""`./run.sh emulate`: AWS on this machine, and LLManager deployed into it by the real CDK CLI.

Several processes in the background stand for AWS. What they are and where they listen is kept in a state folder, so
that the command can be repeated, interrupted and undone.
"""
