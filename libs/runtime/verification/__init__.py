"""The oracle: does everything that is stored follow from the input and the log? Comparing is pure and apart from IO."""
