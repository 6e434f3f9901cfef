"""Bulk imports: a file's rows become messages as channels send them."""
