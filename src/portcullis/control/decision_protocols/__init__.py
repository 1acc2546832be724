"""How decision points are spoken to: one module for each protocol, with a function ``decide``.

It is given how to post JSON, where to, and questions; it gives an answer for each. What is neither yes nor no, or no
answer to each question, is a :class:`~portcullis.control.decision_protocols.speaking.BadAnswerError`: it is never
guessed.
"""
