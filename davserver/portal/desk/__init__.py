"""The clerk's desk: pages for those who work at one; every right is asked for by davserver/tree/office.py."""
