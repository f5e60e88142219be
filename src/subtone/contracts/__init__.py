"""The frozen vocabulary: what the floors of the house say to each other."""
