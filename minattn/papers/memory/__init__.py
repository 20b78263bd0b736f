"""Memories: what a model carries beside the tokens that it sees.

ic_former   a long context as a few vectors for a frozen model
"""
