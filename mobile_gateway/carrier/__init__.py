"""The rules of the network: messages, subscribers, attempts, receipts, faults. Pure; memory is a `Ledger`."""
