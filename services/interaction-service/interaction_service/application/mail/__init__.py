"""E-mails as messages: what they say, and what becomes of them."""
