"""Translation: a model reads a sentence and says it in another language.

luong_attention   global and local attention, three scores
"""
