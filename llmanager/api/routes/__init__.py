"""One file a noun: wire shapes in, a use case, wire shapes out. A route's scope is its dependency."""
