"""Operations of trade strategies (source 000), with the outcomes of their executions."""
