"""5. Models: layers and attention put together. One model a file; each can be read alone.

seq2seq, luong, input_feeding, bahdanau   recurrent translators, without and with attention
transformer                               the translator made of attention alone
language_model, encoder                   one half of it: predict the next token, or the hidden ones
pointer                                   attention as the answer: it points into its input
stepping                                  how a decoder is asked for one token at a time
"""

from .bahdanau import Bahdanau
from .input_feeding import InputFeedingLuong
from .luong import Luong
from .seq2seq import Encoder, Plain, Translator

__all__ = ["Bahdanau", "Encoder", "InputFeedingLuong", "Luong", "Plain", "Translator"]
