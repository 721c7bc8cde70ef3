"""How the JSON in data/ is made anew: for developers, never while serving. `./run.sh catalog sync`.

Pure modules read what was fetched (images, prices, jumpstart) and write what becomes of it (draft); fetch asks.
"""
