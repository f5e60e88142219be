"""Alerts: which moments a person must hear of, how often, and that it surely arrives."""
