"""Audio memory put together: encode once, run the tasks asked for, remember, find again."""

from subtone.runtime.audio_memory.cross_modal import CrossModal
from subtone.runtime.audio_memory.keeping import Keep
from subtone.runtime.audio_memory.recordings import MAX_WHOLE_MS, Recording
from subtone.runtime.audio_memory.system import AudioMemorySystem

__all__ = ["MAX_WHOLE_MS", "AudioMemorySystem", "CrossModal", "Keep", "Recording"]
