"""Recorded calls of Kubeflow Pipelines' own API server, made again against ours: the answers must agree.

data/ holds the recordings and the program that replays them, as they were made.
"""
