"""What passes the checker is published once, and recorded in the ledger."""
