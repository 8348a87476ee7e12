"""The demo: a local page on which to type a text, watch its decoding, and take part in it."""
