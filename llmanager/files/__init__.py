"""Files that users upload, by id and by name; their bytes are blobs.

Here: announcing, receiving, finding, deleting, sweeping. Not here: what is in a file (vdb reads documents).
"""
