"""The demo: real purchases, replayed into a running platform as a channel system would send them."""
