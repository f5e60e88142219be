"""Readers of emotion corpora as they are published, and of plain manifests."""

from subtone.perception.learning.corpora.reading import CORPORA, audio_files, read_corpus

__all__ = ["CORPORA", "audio_files", "read_corpus"]
