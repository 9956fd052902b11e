"""The ledger: statement, leaf, Merkle tree, tiles, checkpoint, receipt, store, and the rule book's interface.

One statement's way through: :mod:`~poju.ledger.statement` (decode strictly, verify) → :mod:`~poju.ledger.block`
(rules, pure) → :mod:`~poju.ledger.store` (one durable commit) → :mod:`~poju.ledger.receipt` or
:mod:`~poju.ledger.refusal`.
"""
