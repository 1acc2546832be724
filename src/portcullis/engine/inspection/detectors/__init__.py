"""What looks closely at a text in which a pattern matched: the languages of attacks, as far as needed to tell them."""
