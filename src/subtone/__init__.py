"""subtone hears what the words leave out: voice and text of a call on one clock."""

__version__ = "0.1.0"
