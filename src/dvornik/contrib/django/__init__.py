"""A Django app: ``manage.py dvornik``, and checks that the project is set up to be cleaned.

Add ``"dvornik.contrib.django"`` to ``INSTALLED_APPS``.
"""
