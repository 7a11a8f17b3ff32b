"""Labelled pictures from GBIF's public API, with licences, by plain HTTP.

`pygbif` was considered: it neither waits nor tries again, can't be pointed at a mirror, and brings matplotlib.
"""
