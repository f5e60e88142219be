"""Clients that play a recorded call as a live peer would: for demos, load and tests."""
