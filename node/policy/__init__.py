"""Who may do what: cards, catalogue, agreement, consent. Each decides; none does I/O beyond its store."""
