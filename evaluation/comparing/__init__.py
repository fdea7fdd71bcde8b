"""From two measured runs to the one document of a comparison. The command line and the service share it.

Pure but for reading Arrow tables that it is given; the statistics are ``scoring``'s, the suites ``suites``'.
"""

from evaluation.comparing.document import comparison_document, scores_document
from evaluation.comparing.inputs import Measured, is_repetition, mismatches, task_inputs

__all__ = ["Measured", "comparison_document", "is_repetition", "mismatches", "scores_document", "task_inputs"]
