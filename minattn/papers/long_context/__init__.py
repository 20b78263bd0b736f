"""Long contexts: what to keep, and how to find it again.

focused_transformer   keys that can be told apart among many documents
"""
