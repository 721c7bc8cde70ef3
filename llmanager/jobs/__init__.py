"""Work that outlives a request: a queue on rows. Who does a kind of job is told by wiring."""
