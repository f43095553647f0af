"""Tests in the rooms of ``proxy``, conversations in ``wire`` and ``faults``."""
