"""What every fold shares: reading, verdicts, deduplication, sequences, envelopes. Pure: no clock, no IO."""
