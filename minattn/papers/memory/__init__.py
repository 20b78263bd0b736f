"""Memories: what a model carries beside the tokens that it sees.

all_attention              learned vectors in front of the text, in place of the feed-forward block
ic_former                  a long context as a few vectors for a frozen model
recurrent_memory_chunked   summaries of earlier segments, first in, first out
titans                     a network that is trained while it reads, alone and beside attention
"""
