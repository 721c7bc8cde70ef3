"""The local platform put together: SQLite rows, llama.cpp workers, one server process."""
