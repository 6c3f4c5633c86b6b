"""How gunicorn serves the site; it reads this file by itself."""

import os

bind = os.environ.get("BIND", "0.0.0.0:8000")
# One process, so that the site's rotating log has one writer; threads serve the visitors.
workers = 1
threads = 8
# Its place would be the home directory, which the container's user cannot write to.
control_socket_disable = True
