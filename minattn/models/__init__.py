"""5. Models: layers and attention put together. One model a file; each can be read alone.

seq2seq, luong, input_feeding, bahdanau   recurrent translators, without and with attention
transformer                               the translator made of attention alone
language_model, encoder                   one half of it: predict the next token, or the hidden ones
classifier                                an encoder that says what a sentence and its words are
pointer                                   attention as the answer: it points into its input
digest, icae                              a long context as a few vectors for a frozen model
tiny                                      the block in which mixers are compared: all the same but one part
stepping                                  how a decoder is asked for one token at a time
next_token, token_kernels                 one token of a plain language model as one kernel a layer
"""

from . import next_token as _next_token  # noqa: F401  its kernel enters the table
from .bahdanau import Bahdanau
from .classifier import Classifier
from .digest import DigestCompressor
from .encoder import MaskedLM, hide_tokens
from .icae import OwnLayersCompressor
from .input_feeding import InputFeedingLuong
from .language_model import LanguageModel, gpt
from .luong import Luong
from .pointer import PointerNetwork
from .seq2seq import Encoder, Plain, Translator
from .tiny import TinyTransformer
from .transformer import PostNorm, PreNorm, TiedTransformer, Transformer

__all__ = [
    "Bahdanau", "Classifier", "DigestCompressor", "Encoder", "InputFeedingLuong", "LanguageModel", "Luong",
    "MaskedLM", "OwnLayersCompressor", "Plain", "PointerNetwork", "PostNorm", "PreNorm", "TiedTransformer",
    "TinyTransformer", "Transformer", "Translator", "gpt", "hide_tokens",
]  # fmt: skip
