"""Models: what a user asked for, what runs, and the decisions that bring the one to the other.

Here: the registry rows, the catalog, the plan with price and fit, the lifecycle (`reconcile.py` decides).
Not here: processes, clouds, downloads (adapters), HTTP shapes (wire), the request path (gateway).

One word for one thing, in every part: a model runs as *replicas* at a *host*; a ready one answers at an *endpoint*,
which the gateway calls an *upstream* of the model's *route*; the *engine* is the program that computes (llama.cpp, or
a command that an admin configured), and a *worker* our own child process around llama.cpp.
"""
