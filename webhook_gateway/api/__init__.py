"""What the gateway lets others read: product feeds, logistics numbers, GraphQL.

Reading must never slow down what senders wait for: it works on a thread with an event loop and
connections of its own, and nothing of it is imported before somebody reads.
"""
