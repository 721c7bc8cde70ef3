"""An application on LLManager, with nothing but HTTP: a library user's view of the API."""
