"""Records stay with their custodian; pointers, consent and access go through the ledger."""
