"""The boundary to the OCR engine."""
