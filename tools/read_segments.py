"""Reads a collection's segments without LLManager: `python read_segments.py FOLDER` prints each live item as JSON.

The format: docs/segments.md. Raises ValueError where a checksum does not match.
"""

import base64
import gzip
import hashlib
import json
import struct
import sys
from pathlib import Path


def live(folder):
    """Manifests in the order of their writes, without those that lie within another one's span."""
    spans = [(*map(int, path.stem.split("-")), path) for path in folder.glob("*-*-*.json")]
    done = 0
    for _, last, _, path in sorted(spans, key=lambda span: (span[0], -span[1], -span[2])):
        if last > done:
            done = last
            yield path


def content(manifest_path, part, ending):
    data = base64.b64decode(part["base64"]) if "base64" in part else manifest_path.with_suffix(ending).read_bytes()
    if hashlib.sha256(data).hexdigest() != part["sha256"]:
        raise ValueError(f"{manifest_path.name}: {ending} does not match its checksum")
    return data


def items(folder):
    found = {}
    for path in live(folder):
        manifest = json.loads(path.read_bytes())
        vectors = struct.iter_unpack(f"<{manifest['dim'] or 1}f", content(path, manifest["vectors"], ".vectors.f32"))
        for line in gzip.decompress(content(path, manifest["rows"], ".rows.jsonl.gz")).splitlines():
            row = json.loads(line)
            if "deleted" in row:
                found.pop(row["deleted"], None)
            else:
                found[row["id"]] = {**row, "vector": next(vectors)}
    return found.values()


if __name__ == "__main__":
    for item in items(Path(sys.argv[1])):
        print(json.dumps(item, ensure_ascii=False))
