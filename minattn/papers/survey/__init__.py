"""Surveys: each section of the paper becomes a component and a check.

rnn_intro      recurrent networks, from vanishing gradients to pointers
rnn_sections   its sections
"""
