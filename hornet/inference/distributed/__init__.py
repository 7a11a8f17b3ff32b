"""Prediction on a Ray cluster: partitions of the input, workers with a model each, a folder of Parquet files."""
