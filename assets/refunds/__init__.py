"""Refunds: which money went back to customers, planned, under way or done."""
