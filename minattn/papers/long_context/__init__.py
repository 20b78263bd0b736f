"""Long contexts: what to keep, and how to find it again.

focused_transformer   keys that can be told apart among many documents
landmark_attention    a token behind each block says what is in it, and a search asks it first
"""
