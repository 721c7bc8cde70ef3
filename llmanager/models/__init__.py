"""Models: what a user asked for, what runs, and the decisions that bring the one to the other.

Here: the registry rows, the catalog, the plan with price and fit, the lifecycle
(`reconcile.py` decides, use cases act).
Not here: processes, clouds, downloads (adapters), HTTP shapes (wire), the request path (gateway).
"""
