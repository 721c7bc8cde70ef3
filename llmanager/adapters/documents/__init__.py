"""Documents of many formats: opened in a child process with limits, cut into chunks."""
