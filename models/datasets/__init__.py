"""Datasets: files of published corpora in, typed rows out."""
