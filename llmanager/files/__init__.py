"""Files that users upload, by id and by name; their bytes are blobs."""
