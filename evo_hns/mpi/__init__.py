"""Matches on many MPI ranks: a coordinator deals them out, workers play them."""
