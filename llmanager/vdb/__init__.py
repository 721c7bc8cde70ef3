"""Vector databases: collections of embedded texts, their segments (the truth), their index (derived), search.

Use cases > pure decisions > rows > ports > errors > entities. By subject:

    collections   lifecycle, limits, rows                   create, settle, restore, status, hibernate, delete, sweep
    items         limits                                    add, embed, write, read, delete_items
    search        conditions, filters, fusion, mmr          query
    segments      segments (the bytes), compaction          log, segment_blobs, compact
    ingestion     chunks, embedded, json_stream, ingested   ingest, embed_ahead, destinations, load, forget

Not here: how documents are opened and cut, and what an index is made of (adapters), embedders (models, over a port),
uploads (files), the queue of jobs (jobs). Segments: docs/segments.md.
"""
