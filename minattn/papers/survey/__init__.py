"""Surveys: each section of the paper becomes a component and a check.

rnn_intro       recurrent networks, from vanishing gradients to pointers
rnn_sections    its sections, with their components and exact checks
rnn_gradients   how gradients fade
rnn_tasks       its tasks, and how models are asked
"""
