"""Vector databases: collections of embedded texts, their segments (the truth), their index (derived), search.

entities > errors > ports > rows > pure decisions > use cases. Segments: docs/segments.md.
"""
