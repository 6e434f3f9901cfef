"""Mailboxes: their declarations, and reading them by IMAP."""
