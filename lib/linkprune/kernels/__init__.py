"""The kernels: NumPy in, NumPy out; the only package that sees ffi, one module per C family.

distance    linear maps, exact distances
nearest     exact neighbours by brute force
adc         product quantisation: tables, encoding, decoding
coarse      the first level of codes in two
beam        search on a graph
hnsw        construction of an HNSW graph
vamana      construction of a flat graph
episodes    searches on a graph whose links are kept at random
beta        regression from neighbours
structures  the C structures of a space and a graph
checks      what every wrapper asks of its arguments

Wrappers check dtype, shape, contiguity and range; C does the arithmetic and trusts them.
"""
