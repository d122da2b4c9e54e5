from setuptools import setup

# pyproject.toml has no key for cffi extensions.
FAMILIES = ["distance", "nearest", "rotation", "adc", "beam", "hnsw", "vamana", "episodes", "beta"]
setup(cffi_modules=[f"csrc/build_kernels.py:{family}" for family in FAMILIES])
