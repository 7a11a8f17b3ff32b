"""Figures with intervals, calibration, evaluation of artifacts, reports.

Import from the modules: ``metrics``, ``calibration``, ``evaluate``, ``tables``, ``report``.
"""
