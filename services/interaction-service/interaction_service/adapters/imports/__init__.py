"""Where uploaded files lie under seal, how each format is read, and the job that takes their rows in."""
