"""What one document may cost, and how a child that reads it says no. Both sides know this file; it imports nothing."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
BLOCK_CHARACTERS = 64 * KIB  # of text that is no record
MAX_LINE_CHARACTERS = MIB  # of a CSV or JSONL file; a record is one block
MAX_MESSAGE_BYTES = 16 * MIB  # of one line that a child tells: a record of that size, every character escaped


@dataclass(frozen=True)
class Limits:
    memory_bytes: int = 1024 * MIB  # of the child's address space
    cpu_s: int = 300
    silence_s: float = 60.0  # between two blocks, while they are waited for
    text_characters: int = 2048 * MIB
    blocks: int = 5_000_000
    unpacked_bytes: int = 256 * MIB  # of a document that is an archive
    whole_bytes: int = 256 * MIB  # of one that cannot be read piece by piece: PDF, Word


class Refused(Exception):
    """The text is for people: what is wrong, and what to do."""
