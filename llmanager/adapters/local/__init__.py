"""One machine: SQLite rows, llama.cpp worker processes, files."""
