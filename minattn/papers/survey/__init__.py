"""Surveys: each section of the paper becomes a component and a check.

efficient_attention_survey   linear, sparse and hybrid mixers: what they recall, carry and cost
rnn_intro       recurrent networks, from vanishing gradients to pointers
rnn_sections    its sections, with their components and exact checks
rnn_gradients   how gradients fade
rnn_tasks       its tasks, and how models are asked
"""
