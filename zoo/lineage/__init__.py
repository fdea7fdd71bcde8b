"""Who descends from whom, and how."""
