"""The CometBFT engine: an ABCI 2.0 application over the same blocks, rules and store as the embedded engine."""
