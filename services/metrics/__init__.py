"""Figures for Grafana: what the partitions counted, summed once a second into the ``m:*`` keys."""
