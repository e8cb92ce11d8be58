"""What every room stands on: settings, the database, problems, requests, pages and the queue.

Nothing in here knows a feature. Transactions are opened and committed only in `db.py`.
"""
