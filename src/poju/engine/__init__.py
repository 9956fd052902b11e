"""Who orders statements, and when they are durable. Embedded now; CometBFT behind the same interface next."""
