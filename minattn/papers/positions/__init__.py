"""Positions: what tells tokens apart by their place.

cope   count what matters instead of every token
"""
