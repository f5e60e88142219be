"""Several modalities about one moment: fused late, fused by gates, or met in one space."""
