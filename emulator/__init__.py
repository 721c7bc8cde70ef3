"""Strict stand-ins for the AWS services around SageMaker hosting: one state machine, an injected clock, a bill.

README.md lists every rule with its source. Nothing here imports the product, and the product imports nothing of this.
"""
