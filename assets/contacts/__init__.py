"""Contacts: the people and companies a tenant sells to or buys from."""
