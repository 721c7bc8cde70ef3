"""demo-tiny: the language model that answers on a machine with no network. Made here from nothing, and measured here.

bank/ -> slots, contexts, talk, tool_calls (synthetic data) -> tokenizer -> network, training -> export (GGUF);
evaluation/ asks the exported file, behind the real server.
docs/demo-tiny.md is its card. torch is in a venv of its own (.venv-demo-model).
"""
