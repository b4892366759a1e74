"""The paper's tables and figures: rows, receipts, comparison, published values, cost."""
