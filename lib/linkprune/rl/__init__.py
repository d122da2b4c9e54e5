"""Pruning by reinforcement learning: a policy keeps or drops every link of a graph.

queries      the queries that pruning learns from
environment  episodes: searches for them while links are kept at random
credited     gain and cost of single links, by leaving the link out
edge         the agent for CPUs: a logit for every link, moved by gain and cost
prior        what is expected of a link before much is known of it
capped       the agent under a degree cap: the links of most gain over cost hold its places
network      the agent of the paper: a network over the vectors of a link, and its variants
policy       keep probabilities of links: that network, or one logit per link
trpo         the trust region update of a policy
rewards      what an episode is worth
settings     the settings of agents and their defaults
agents       agents by name, and how long they train
training     steps, validation, checkpoints
events       what TensorBoard draws
learn        all of it in one call
"""
