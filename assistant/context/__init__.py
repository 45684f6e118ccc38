"""What the model is shown: composed, exactly counted, trimmed by stated rules; the ledger that tells of it."""
