"""A full disk, in our words: whoever writes to it says the same."""

import errno

from llmanager.kernel.errors import OutOfSpace

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})  # a quota that is used up is no other thing to its user


def disk_is_full() -> OutOfSpace:
    return OutOfSpace("The disk is full, so nothing was written. Free some space, then ask again.")
