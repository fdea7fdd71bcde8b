"""One attempt at a run on this machine: fetch, start the runner apart, keep the lease, deliver what came out.

Knows the zoo only through its client and the runner only through isolation. No Celery, no Django, no torch.
"""
