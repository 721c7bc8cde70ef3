"""A child that does not let the interpreter go, as an engine while it loads.

stdin: {"is_ready": true} says an address first; {"prints": N} writes N lines of a hundred bytes to the log;
{"watcher": true} is watched by a process, as where the kernel cannot.
"""

import ctypes
import json
import sys

from llmanager.adapters.local.lifeline import fork_watcher, hang_on_stdin

config = json.loads(sys.stdin.buffer.readline())
(fork_watcher if config.get("watcher") else hang_on_stdin)()
for number in range(config.get("prints", 0)):
    sys.stderr.write(f"{number:099d}\n")
if config.get("is_ready"):
    print(json.dumps({"address": "http://127.0.0.1:9"}), flush=True)
ctypes.PyDLL(None).sleep(600)  # PyDLL, unlike CDLL, keeps the lock
