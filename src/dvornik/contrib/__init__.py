"""What other programs call dvornik by: Django's manage.py, task queues, schedulers inside an application."""
