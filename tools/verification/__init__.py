"""`./run.sh verify`: what no emulator can tell is asked of AWS itself, by whoever owns an account.

It walks a deployed installation through the life of the smallest models and of a vector database, watches the account
while it does, holds what it saw against every assumption that is not proven (assumptions.py), and removes what it made.
"""
