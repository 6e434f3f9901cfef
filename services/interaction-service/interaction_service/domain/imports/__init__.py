"""Rules of bulk imports: what a file is, what its columns hold, and what they become."""
