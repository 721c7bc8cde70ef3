"""Every order and every fault: real use cases run in greenlets, one explorer decides what happens next.

gate.py is what the code under test meets, execution.py runs one schedule, explorer.py searches all of them,
walks.py goes on at random, campaign.py and workers.py spend a budget of schedules on two cores.
`./run.sh simulate` is the command.
"""
