"""`./run.sh demo-model eval`: demo-tiny measured end to end, through a real `llmanager local` and its HTTP API.

judging and card are pure; texts, synthetic, calls, talking and waking each ask one kind of question.
"""
