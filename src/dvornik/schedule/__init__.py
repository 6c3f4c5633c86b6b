"""When dvornik runs by itself: the three schedules, written for whoever keeps the time, or kept by dvornik's own."""
