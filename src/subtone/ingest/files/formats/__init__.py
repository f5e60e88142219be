"""Transcript formats as pure parsers: text in, located turns out."""
