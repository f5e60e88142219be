"""Looking inside an embedding: whether emotion is in it, where, and tangled up with what."""

from subtone.perception.probing.data import ProbeData, ProbeError
from subtone.perception.probing.run import Effort, probe

__all__ = ["Effort", "ProbeData", "ProbeError", "probe"]
