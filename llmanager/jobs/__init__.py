"""Work that outlives a request: a queue on rows.

Here: what a job is, which one is next, what becomes of it when its worker fails, dies or is told to stop.
Not here: threads and processes (wiring), who does a kind of job (its capability, joined by wiring).
"""
