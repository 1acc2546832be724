"""Users: what may be ordered of them, who keeps them, and who checks their passwords."""
