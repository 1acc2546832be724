"""What the kinds of the phase ``authenticate`` have in common: proofs, and what becomes of them."""
