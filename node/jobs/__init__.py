"""Jobs: the journal, its state machine, and what runs protocol machines under deadlines."""
