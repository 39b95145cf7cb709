"""A program with a pool of database connections, which knows nothing of wobble. One line for each query: how long it took,
or why it failed. A connection that failed is thrown away and made anew, as pools do."""

import time

import psycopg2

SIZE = 3
TIMES = {"connect_timeout": 2, "tcp_user_timeout": 1500, "host": "database", "user": "postgres", "dbname": "postgres"}


def query(pool, slot):
    started = time.monotonic()
    try:
        if pool[slot] is None:
            pool[slot] = psycopg2.connect(**TIMES)
            pool[slot].autocommit = True
        with pool[slot].cursor() as cursor:
            cursor.execute("select 1")
        return f"ok {(time.monotonic() - started) * 1000:.0f} ms"
    except psycopg2.Error as error:
        pool[slot] = None
        return f"failed after {(time.monotonic() - started) * 1000:.0f} ms: {str(error).splitlines()[0]}"


def main():
    pool = [None] * SIZE
    while True:
        for slot in range(SIZE):
            print(f"connection {slot}: {query(pool, slot)}", flush=True)
            time.sleep(0.1)


main()
